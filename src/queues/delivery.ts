import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Secret } from "../domain/secret.js";
import type { Instant } from "../domain/time.js";

/** What the door found out about a delivery, so that a worker need not ask again. */
export interface Delivery {
  v: 1;
  source: string;
  eventKey: string;
  type: string;
  occurredAt: Instant;
  receivedAt: Instant;
  requestId: string;
  /** The environment name of the secret that verified it. */
  verifiedBy: string;
  /** The provider's headers that `normalise` needs, in lower case. */
  headers: Record<string, string>;
  /** How the body travels: as it came, gzipped, or in KV under `claimKey` (gzipped). */
  encoding: "raw" | "gzip" | "claim";
  claimKey?: string;
  /** Of the body as it came; only with a claim, because the queue does not sign what it does not carry. */
  bodySha256?: string;
  /** Set by a replay, a release or a re-drive. */
  runId?: string;
}

/** The header that carries it, signed: the queue's own signature covers only body and address. */
export const DELIVERY_HEADER = "signalbox-delivery";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const MAC_BYTES = 32;
/** Keyed and ready to be copied, one per secret. */
const keyed = new WeakMap<Secret, ReturnType<typeof hmac.create>>();

/**
 * HMAC-SHA256 of a few hundred bytes, without WebCrypto: there each call is a job for another thread, which
 * costs the door several times what the hashing does. The door's key is derived from the queue's
 * token, so that there is one secret less to lose.
 */
function macOf(token: Secret, payload: Uint8Array): Uint8Array {
  let base = keyed.get(token);
  if (base === undefined) {
    const key = hmac(sha256, token.bytes(), encoder.encode("signalbox door v1"));
    base = hmac.create(sha256, key);
    keyed.set(token, base);
  }
  return base.clone().update(payload).digest();
}

/** In a time that does not depend on where the two differ. */
function sameMac(ours: Uint8Array, theirs: Uint8Array): boolean {
  if (theirs.length !== MAC_BYTES) return false;
  let difference = 0;
  for (let i = 0; i < MAC_BYTES; i += 1) difference |= (ours[i] ?? 0) ^ (theirs[i] ?? 0);
  return difference === 0;
}

function toBase64Url(bytes: Uint8Array): string {
  // A header is never so long that this overflows; a spread takes six times as long.
  const binary = Reflect.apply(String.fromCharCode, null, bytes);
  const base64 = btoa(binary);
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = binary.charCodeAt(i);
    return bytes;
  } catch {
    return null; // not base64: the caller says what that means
  }
}

/** `v1.<base64url of the JSON>.<base64url of its HMAC>`: ASCII, whatever the provider wrote. */
export function sealDelivery(delivery: Delivery, token: Secret): string {
  const payload = encoder.encode(JSON.stringify(delivery));
  return `v1.${toBase64Url(payload)}.${toBase64Url(macOf(token, payload))}`;
}

/**
 * Reads a sealed delivery back.
 *
 * @param tokens the live token and, after a rotation, the one before.
 * @returns null when the header is missing, damaged or not sealed with one of the tokens.
 */
export function openDelivery(header: string | null, tokens: readonly Secret[]): Delivery | null {
  const [version, payloadText, macText, ...rest] = (header ?? "").split(".");
  if (version !== "v1" || payloadText === undefined || macText === undefined || rest.length > 0) {
    return null;
  }
  const [payload, mac] = [fromBase64Url(payloadText), fromBase64Url(macText)];
  if (payload === null || mac === null) return null;
  for (const token of tokens) {
    if (sameMac(macOf(token, payload), mac)) {
      const delivery: Delivery = JSON.parse(decoder.decode(payload)); // ours: we have just proved it
      return delivery.v === 1 ? delivery : null;
    }
  }
  return null;
}
