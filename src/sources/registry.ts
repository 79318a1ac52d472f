import { betterStack } from "./better-stack/index.js";
import { monitor } from "./monitor/index.js";
import { resend } from "./resend/index.js";
import { sentry } from "./sentry/index.js";
import type { Source, WebhookSource } from "./source.js";
import { stripe } from "./stripe/index.js";
import { vercel } from "./vercel/index.js";

/** The only list of providers: everything that goes over "all sources that post to us" goes over this. */
export const sources = [stripe, sentry, vercel, betterStack, resend] as const;

/** Every source of events by its id, our own among them: what is listed, held and filtered by. */
export const sourceIds: readonly string[] = [...sources, monitor].map(({ id }) => id);

const byId = <S extends Source>(all: readonly S[]): ReadonlyMap<string, S> =>
  new Map(all.map((source): [string, S] => [source.id, source]));

const PROVIDERS = byId<WebhookSource>(sources);
const ALL = byId<Source>([...sources, monitor]);

/** The provider of this name, as it stands in the webhook's address: our own source is none, nobody posts it. */
export function webhookSourceById(id: string): WebhookSource | undefined {
  return PROVIDERS.get(id);
}

/** The source of this name, whoever tells its events. */
export function sourceById(id: string): Source | undefined {
  return ALL.get(id);
}
