import { CANARY_TYPE, type Canary, type CanaryRequest } from "../../domain/canary.js";
import type { Secret } from "../../domain/secret.js";
import { SECOND_MS } from "../../domain/time.js";
import { hexOf, hmacOf } from "../hmac.js";

/** An event of Stripe's shape and signature, of a type that Stripe has not. */
export async function canary(secret: Secret, { id, at }: Canary): Promise<CanaryRequest> {
  const created = Math.floor(at / SECOND_MS);
  const event = {
    id: `evt_${id}`,
    object: "event",
    type: CANARY_TYPE,
    created,
    livemode: false,
    data: { object: {} },
  };
  const text = JSON.stringify(event);
  const signed = new TextEncoder().encode(`${created}.${text}`);
  const digest = hexOf(await hmacOf("SHA-256", secret.bytes(), signed));
  const headers = {
    "content-type": "application/json",
    "stripe-signature": `t=${created},v1=${digest}`,
  };
  return { headers, body: new TextEncoder().encode(text) };
}
