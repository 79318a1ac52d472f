import { CANARY_TYPE, type Canary, type CanaryRequest } from "../../domain/canary.js";
import type { Secret } from "../../domain/secret.js";
import { SECOND_MS } from "../../domain/time.js";
import { hexOf, hmacOf } from "../hmac.js";
import { RESOURCE_HEADER, TIMESTAMP_HEADER } from "./delivery.js";

/** A delivery of Sentry's shape and signature, of a resource that Sentry has not. */
export async function canary(secret: Secret, { id, at }: Canary): Promise<CanaryRequest> {
  const [resource = "", action = ""] = CANARY_TYPE.split(".");
  const body = new TextEncoder().encode(JSON.stringify({ action, data: { id } }));
  const digest = hexOf(await hmacOf("SHA-256", secret.bytes(), body));
  const headers = {
    "content-type": "application/json",
    "request-id": id,
    [RESOURCE_HEADER]: resource,
    [TIMESTAMP_HEADER]: String(Math.floor(at / SECOND_MS)),
    "sentry-hook-signature": digest,
  };
  return { headers, body };
}
