import { CANARY_TYPE, type Canary, type CanaryRequest } from "../../domain/canary.js";
import type { Secret } from "../../domain/secret.js";

/** A delivery of the owner's own template, as Better Stack sends it: with the token, and nothing signed. */
export async function canary(secret: Secret, { id, at }: Canary): Promise<CanaryRequest> {
  const body = new TextEncoder().encode(JSON.stringify({ event: CANARY_TYPE, id, at }));
  const headers = { "content-type": "application/json", "x-webhook-token": secret.reveal() };
  return { headers, body };
}
