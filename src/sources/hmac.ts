import type { HmacCheck, HmacHash } from "../domain/ports.js";
import type { Secret } from "../domain/secret.js";

const DIGEST_BYTES: Readonly<Record<HmacHash, number>> = { "SHA-1": 20, "SHA-256": 32 };

/** By way of the function, because Node's types and the DOM's name the key in different places. */
type ImportedKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** One import per secret and hash: importing again for every request costs more than the check itself. */
const imported: Readonly<Record<HmacHash, WeakMap<Secret, Promise<ImportedKey>>>> = {
  "SHA-1": new WeakMap(),
  "SHA-256": new WeakMap(),
};

/**
 * The bytes of a lower-case hex digest of exactly the hash's length; null for anything else, so that
 * two values joined by a doubled header are never read as one.
 */
export function digestOfHex(hash: HmacHash, hex: string): Uint8Array<ArrayBuffer> | null {
  if (hex.length !== DIGEST_BYTES[hash] * 2 || !/^[0-9a-f]+$/.test(hex)) return null;
  const bytes = new Uint8Array(DIGEST_BYTES[hash]);
  for (let i = 0; i < bytes.length; i += 1) {
    bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  }
  return bytes;
}

/** The check that every runtime has. The comparison is WebCrypto's own, whose time does not depend on the digest. */
export const webCryptoCheck: HmacCheck = async (hash, { secret, bytes }, digest, message) =>
  crypto.subtle.verify("HMAC", await keyOf(hash, secret, bytes), digest, message);

/**
 * The secret under which one of the digests signs the message, or null.
 *
 * @param keyBytesOf the key that a secret stands for, always the same one; empty where it stands for none.
 */
export async function signingSecret(
  hash: HmacHash,
  secrets: readonly Secret[],
  digests: readonly Uint8Array<ArrayBuffer>[],
  message: Uint8Array<ArrayBuffer>,
  isSigned: HmacCheck = webCryptoCheck,
  keyBytesOf: (secret: Secret) => Uint8Array<ArrayBuffer> = (secret) => secret.bytes(),
): Promise<Secret | null> {
  for (const secret of secrets) {
    const bytes = keyBytesOf(secret);
    // An empty secret signs nothing; and WebCrypto refuses to import an empty key.
    if (bytes.length === 0) continue;
    for (const digest of digests) {
      if (await isSigned(hash, { secret, bytes }, digest, message)) return secret;
    }
  }
  return null;
}

function keyOf(
  hash: HmacHash,
  secret: Secret,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<ImportedKey> {
  const known = imported[hash].get(secret);
  if (known !== undefined) return known;
  const key = crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash }, false, ["verify"]);
  imported[hash].set(secret, key);
  return key;
}

/** The HMAC of a message, for what we send ourselves. @throws where the key is empty. */
export async function hmacOf(
  hash: HmacHash,
  key: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash }, false, [
    "sign",
  ]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
