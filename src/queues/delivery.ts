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
/** The runtimes' own name for it differs; what `importKey` gives does not. */
type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;
const keys = new WeakMap<Secret, Promise<HmacKey>>();

/** The door's key is derived from the queue's token, so that there is one secret less to lose. */
async function doorKeyOf(token: Secret): Promise<HmacKey> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const base = await crypto.subtle.importKey("raw", token.bytes(), hmac, false, ["sign"]);
  const derived = await crypto.subtle.sign("HMAC", base, encoder.encode("signalbox door v1"));
  return crypto.subtle.importKey("raw", derived, hmac, false, ["sign", "verify"]);
}

function doorKey(token: Secret): Promise<HmacKey> {
  const known = keys.get(token);
  if (known !== undefined) return known;
  const made = doorKeyOf(token);
  keys.set(token, made);
  return made;
}

function toBase64Url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (c) => c.charCodeAt(0));
  } catch {
    return null; // not base64: the caller says what that means
  }
}

/** `v1.<base64url of the JSON>.<base64url of its HMAC>`: ASCII, whatever the provider wrote. */
export async function sealDelivery(delivery: Delivery, token: Secret): Promise<string> {
  const payload = encoder.encode(JSON.stringify(delivery));
  const mac = await crypto.subtle.sign("HMAC", await doorKey(token), payload);
  return `v1.${toBase64Url(payload)}.${toBase64Url(new Uint8Array(mac))}`;
}

/**
 * Reads a sealed delivery back.
 *
 * @param tokens the live token and, after a rotation, the one before.
 * @returns null when the header is missing, damaged or not sealed with one of the tokens.
 */
export async function openDelivery(
  header: string | null,
  tokens: readonly Secret[],
): Promise<Delivery | null> {
  const [version, payloadText, macText, ...rest] = (header ?? "").split(".");
  if (version !== "v1" || payloadText === undefined || macText === undefined || rest.length > 0) {
    return null;
  }
  const [payload, mac] = [fromBase64Url(payloadText), fromBase64Url(macText)];
  if (payload === null || mac === null) return null;
  for (const token of tokens) {
    if (await crypto.subtle.verify("HMAC", await doorKey(token), mac, payload)) {
      const delivery: Delivery = JSON.parse(decoder.decode(payload)); // ours: we have just proved it
      return delivery.v === 1 ? delivery : null;
    }
  }
  return null;
}
