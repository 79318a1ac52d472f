import { createHash, randomUUID, webcrypto } from "node:crypto";
import { SignJWT } from "jose";

const LIFETIME_SECONDS = 300;

export interface SigningKeys {
  current: string;
  next: string;
}

const imported = new Map<string, Promise<webcrypto.CryptoKey>>();
const IMPORTED_MAX = 16;

/** The key is the UTF-8 of the whole string, `sig_` included; it is not base64. */
function hmacKey(key: string): Promise<webcrypto.CryptoKey> {
  const known = imported.get(key);
  if (known !== undefined) return known;
  if (imported.size >= IMPORTED_MAX) imported.clear();
  const fresh = webcrypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(key),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  imported.set(key, fresh);
  return fresh;
}

/**
 * The `Upstash-Signature` of one attempt: a fresh JWT each time.
 * `body` is base64url of SHA-256 with its `=` padding, as in QStash's documented example.
 *
 * @param url exactly as published: receivers compare it as a string.
 * @param nowMs milliseconds; the claims carry whole seconds.
 * @see https://upstash.com/docs/qstash/features/security
 */
export async function signDelivery(
  key: string,
  delivery: { url: string; body: Uint8Array; nowMs: number },
): Promise<string> {
  const nowSeconds = Math.floor(delivery.nowMs / 1_000);
  const digest = createHash("sha256").update(delivery.body).digest("base64url");
  return new SignJWT({ body: `${digest}=` })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuer("Upstash")
    .setSubject(delivery.url)
    .setIssuedAt(nowSeconds)
    .setNotBefore(nowSeconds)
    .setExpirationTime(nowSeconds + LIFETIME_SECONDS)
    .setJti(`jwt_${randomUUID().replaceAll("-", "")}`)
    .sign(await hmacKey(key));
}
