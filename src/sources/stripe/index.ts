import { BODY_BYTES_MAX, defineSource } from "../source.js";
import { canary } from "./canary.js";
import { identify } from "./identify.js";
import { kindOfId, mention, pageOf } from "./mention.js";
import { readObject } from "./objects/index.js";
import { readEvent } from "./read-event.js";
import { TOLERANCE_MS, verify } from "./verify.js";

/** Stripe's events, signed with their time: snapshots of both shapes of its API, and thin ones. */
export const stripe = defineSource({
  id: "stripe",
  secret: "STRIPE_WEBHOOK_SECRET",
  signature: { covers: "body and time", toleranceMs: TOLERANCE_MS },
  bodyBytesMax: BODY_BYTES_MAX,
  keepHeaders: [],
  verify,
  identify,
  normalise: readEvent,
  readObject,
  mention,
  kindOfId,
  pageOf,
  canary,
});
