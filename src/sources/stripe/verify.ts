import type { Secret } from "../../domain/secret.js";
import { type Instant, MINUTE_MS, SECOND_MS } from "../../domain/time.js";
import { digestOfHex, signingSecret } from "../hmac.js";
import type { RawRequest, Verdict } from "../source.js";

export const TOLERANCE_MS = 5 * MINUTE_MS;

const HEADER = "stripe-signature";
/** One per live secret is what is sent; the bound keeps a forger from making us hash a large body many times. */
const SIGNATURES_MAX = 5;

interface SignatureHeader {
  /** Digits as they were sent: this very text is what was signed. */
  timestamp: string;
  digests: Uint8Array<ArrayBuffer>[];
}

/**
 * Checks a `Stripe-Signature` header (`t=…,v1=…`) against the exact bytes received: HMAC-SHA256 over
 * `<t>.<body>` with the whole secret, `whsec_` included. Any `v1` may match any live secret.
 *
 * Too old is what is more than 300 whole seconds past, as the vendor's SDK counts; a time ahead
 * of ours passes, as it does there. `stale_signature` only if the signature itself is good, so that
 * the log tells an old authentic request from a forgery.
 *
 * @see https://docs.stripe.com/webhooks/signature (vectors: tests/vectors/stripe)
 */
export async function verify(
  request: RawRequest,
  secrets: readonly Secret[],
  now: Instant,
): Promise<Verdict> {
  const header = request.headers.get(HEADER);
  if (header === null || header.trim() === "") {
    return { kind: "missing_signature", detail: "no Stripe-Signature header" };
  }
  const parsed = parseHeader(header);
  if (typeof parsed === "string") return { kind: "bad_signature", detail: parsed };

  const secret = await signingSecret(
    "SHA-256",
    secrets,
    parsed.digests,
    signedBytes(parsed.timestamp, request.body),
    request.checkHmac,
  );
  if (secret === null) {
    return { kind: "bad_signature", detail: "no v1 signature matches a live secret" };
  }
  const ageSeconds = Math.floor(now / SECOND_MS) - Number(parsed.timestamp);
  if (ageSeconds * SECOND_MS > TOLERANCE_MS) {
    return { kind: "stale_signature", detail: `signed ${ageSeconds} s ago` };
  }
  return { kind: "verified", by: secret.name };
}

/** The header's parts, or what is wrong with it. A doubled header arrives joined, and so with two `t`. */
function parseHeader(header: string): SignatureHeader | string {
  const timestamps: string[] = [];
  const digests: Uint8Array<ArrayBuffer>[] = [];
  let signatures = 0;
  for (const item of header.split(",")) {
    const split = item.indexOf("=");
    const key = item.slice(0, split).trim();
    const value = item.slice(split + 1).trim();
    if (split < 0) return "Stripe-Signature is not a list of key=value";
    if (key === "t") timestamps.push(value);
    if (key === "v1") {
      signatures += 1;
      const digest = digestOfHex("SHA-256", value);
      if (digest !== null) digests.push(digest);
    }
  }
  const [timestamp] = timestamps;
  if (timestamp === undefined) return "Stripe-Signature has no t";
  if (timestamps.length > 1) return "Stripe-Signature has more than one t";
  if (!/^\d{1,11}$/.test(timestamp)) return "t of Stripe-Signature is no unix time";
  if (signatures === 0) return "Stripe-Signature has no v1";
  if (signatures > SIGNATURES_MAX) return `Stripe-Signature has more than ${SIGNATURES_MAX} v1`;
  if (digests.length === 0) return "no v1 of Stripe-Signature is 64 hex digits";
  return { timestamp, digests };
}

function signedBytes(timestamp: string, body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const prefix = new TextEncoder().encode(`${timestamp}.`);
  const signed = new Uint8Array(prefix.length + body.length);
  signed.set(prefix);
  signed.set(body, prefix.length);
  return signed;
}
