import { BODY_BYTES_MAX, defineSource } from "../source.js";
import { canary } from "./canary.js";
import { identify } from "./identify.js";
import { normalise } from "./normalise.js";
import { TOLERANCE_MS, verify } from "./verify.js";

/** What became of the mails that Resend carried, signed with their time by Svix. */
export const resend = defineSource({
  id: "resend",
  secret: "RESEND_WEBHOOK_SECRET",
  signature: { covers: "body and time", toleranceMs: TOLERANCE_MS },
  bodyBytesMax: BODY_BYTES_MAX,
  keepHeaders: [],
  verify,
  identify,
  normalise,
  canary,
});
