import { verifyBodySignature } from "../body-signature.js";
import { BODY_BYTES_MAX, defineSource } from "../source.js";
import { canary } from "./canary.js";
import { RESOURCE_HEADER, TIMESTAMP_HEADER } from "./delivery.js";
import { identify } from "./identify.js";
import { normalise } from "./normalise.js";

/**
 * Sentry's Integration Platform. The body alone is signed: neither the resource nor the time is.
 *
 * @see https://docs.sentry.io/integrations/integration-platform/webhooks/
 */
export const sentry = defineSource({
  id: "sentry",
  secret: "SENTRY_CLIENT_SECRET",
  signature: { covers: "body" },
  bodyBytesMax: BODY_BYTES_MAX,
  keepHeaders: [RESOURCE_HEADER, TIMESTAMP_HEADER],
  verify: (request, secrets) =>
    verifyBodySignature("Sentry-Hook-Signature", "SHA-256", request, secrets),
  identify,
  normalise,
  canary,
});
