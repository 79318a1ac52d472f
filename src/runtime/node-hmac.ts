import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import type { HmacCheck, HmacHash } from "../domain/ports.js";
import type { Secret } from "../domain/secret.js";

const NAMES: Readonly<Record<HmacHash, string>> = { "SHA-1": "sha1", "SHA-256": "sha256" };
const keys = new WeakMap<Secret, KeyObject>();

/**
 * Node's way to check a signature, on this thread: WebCrypto makes each check a job for another one, which for
 * a webhook's few kilobytes costs ten times what the hashing does.
 */
export const nodeHmacCheck: HmacCheck = (hash, { secret, bytes }, digest, message) => {
  let key = keys.get(secret);
  if (key === undefined) {
    key = createSecretKey(bytes);
    keys.set(secret, key);
  }
  const ours = createHmac(NAMES[hash], key).update(message).digest();
  return ours.length === digest.length && timingSafeEqual(ours, digest);
};
