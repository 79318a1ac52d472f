import { BODY_BYTES_MAX, defineSource } from "../source.js";
import { canary } from "./canary.js";
import { identify } from "./identify.js";
import { normalise } from "./normalise.js";
import { verify } from "./verify.js";

/**
 * Better Stack's outgoing webhooks: uptime, errors and status pages. The sender signs nothing, so
 * the content is as good as the token's secrecy.
 *
 * @see https://betterstack.com/docs/uptime/webhooks
 */
export const betterStack = defineSource({
  id: "better-stack",
  secret: "BETTER_STACK_WEBHOOK_TOKEN",
  signature: { covers: "credential only" },
  bodyBytesMax: BODY_BYTES_MAX,
  keepHeaders: [],
  verify,
  identify,
  normalise,
  canary,
});
