import { CANARY_TYPE, type Canary, type CanaryRequest } from "../../domain/canary.js";
import type { Secret } from "../../domain/secret.js";
import { hexOf, hmacOf } from "../hmac.js";

/** An event of Vercel's shape and signature, of a type that Vercel has not. */
export async function canary(secret: Secret, { id, at }: Canary): Promise<CanaryRequest> {
  const event = { id, type: CANARY_TYPE, createdAt: at, payload: {} };
  const body = new TextEncoder().encode(JSON.stringify(event));
  const digest = hexOf(await hmacOf("SHA-1", secret.bytes(), body));
  return { headers: { "content-type": "application/json", "x-vercel-signature": digest }, body };
}
