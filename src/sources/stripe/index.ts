import { BODY_BYTES_MAX, defineSource } from "../source.js";
import { identify } from "./identify.js";
import { normalise } from "./normalise.js";
import { TOLERANCE_MS, verify } from "./verify.js";

/** Stripe's snapshot events, signed with their time. */
export const stripe = defineSource({
  id: "stripe",
  secret: "STRIPE_WEBHOOK_SECRET",
  signature: { covers: "body and time", toleranceMs: TOLERANCE_MS },
  bodyBytesMax: BODY_BYTES_MAX,
  keepHeaders: [],
  verify,
  identify,
  normalise,
});
