import type { Gateway } from "../domain/gateway.js";
import type { Clock } from "../domain/time.js";
import type { StripeConfig } from "./stripe/client.js";
import { stripeGateway } from "./stripe/index.js";

/** What `runtime/config` hands in; a source that is absent cannot be asked. */
export interface GatewaysConfig {
  stripe?: StripeConfig | undefined;
}

/** The gateway of a source; undefined where it has none, or no key is set. */
export type GatewayOf = (sourceId: string) => Gateway | undefined;

export function buildGateways(config: GatewaysConfig, clock: Clock): GatewayOf {
  const all = config.stripe === undefined ? [] : [stripeGateway(config.stripe, clock)];
  const byId: ReadonlyMap<string, Gateway> = new Map(all.map((one) => [one.sourceId, one]));
  return (sourceId) => byId.get(sourceId);
}
