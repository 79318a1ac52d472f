import { CANARY_TYPE, type Canary, type CanaryRequest } from "../../domain/canary.js";
import type { Secret } from "../../domain/secret.js";
import { isoOf, SECOND_MS } from "../../domain/time.js";
import { hmacOf } from "../hmac.js";
import { keyOf } from "./verify.js";

/** An event of Resend's shape and signature (Svix's), of a type that Resend has not. */
export async function canary(secret: Secret, { id, at }: Canary): Promise<CanaryRequest> {
  const text = JSON.stringify({ type: CANARY_TYPE, created_at: isoOf(at), data: {} });
  const timestamp = String(Math.floor(at / SECOND_MS));
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${text}`);
  const digest = await hmacOf("SHA-256", keyOf(secret), signed);
  const headers = {
    "content-type": "application/json",
    "svix-id": id,
    "svix-timestamp": timestamp,
    "svix-signature": `v1,${btoa(String.fromCharCode(...digest))}`,
  };
  return { headers, body: new TextEncoder().encode(text) };
}
