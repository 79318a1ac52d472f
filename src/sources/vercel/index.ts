import { verifyBodySignature } from "../body-signature.js";
import { BODY_BYTES_MAX, defineSource } from "../source.js";
import { canary } from "./canary.js";
import { identify } from "./identify.js";
import { normalise } from "./normalise.js";

/**
 * Vercel's account and integration webhooks: HMAC-SHA1 over the body, hex and nothing else.
 * The body's `createdAt` is signed but bounds nothing here: a redelivery from the dashboard may be old.
 *
 * @see https://vercel.com/docs/webhooks/webhooks-api
 */
export const vercel = defineSource({
  id: "vercel",
  secret: "VERCEL_WEBHOOK_SECRET",
  signature: { covers: "body" },
  bodyBytesMax: BODY_BYTES_MAX,
  keepHeaders: [],
  verify: (request, secrets) =>
    verifyBodySignature("x-vercel-signature", "SHA-1", request, secrets),
  identify,
  normalise,
  canary,
  // `rollback` takes only what has served production before; `promote` takes that, and what has not, too.
  rollbackCommand: (url) => `vercel rollback ${url} (or: vercel promote ${url})`,
});
