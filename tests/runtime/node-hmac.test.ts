import { describe, expect, it } from "vitest";
import { Secret } from "../../src/domain/secret.js";
import { nodeHmacCheck } from "../../src/runtime/node-hmac.js";
import { webCryptoCheck } from "../../src/sources/hmac.js";

const bytes = (length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => (i * 151 + length) % 256);

// What the vectors and the conformance suite ask of both is in tests/sources/.
describe("Node's way to check a signature", () => {
  it.each(["SHA-1", "SHA-256"] as const)(
    "agrees with WebCrypto's at every length, %s",
    async (hash) => {
      for (const keyLength of [1, 63, 64, 65, 300]) {
        const key = { secret: new Secret("KEY", "k"), bytes: bytes(keyLength) };
        const algorithm = { name: "HMAC", hash };
        const signer = await crypto.subtle.importKey("raw", key.bytes, algorithm, false, ["sign"]);
        for (const length of [0, 1, 55, 56, 64, 3_000]) {
          const message = bytes(length);
          const digest = new Uint8Array(await crypto.subtle.sign("HMAC", signer, message));
          const flipped = digest.map((byte, i) => (i === 7 ? byte ^ 1 : byte));
          for (const check of [nodeHmacCheck, webCryptoCheck]) {
            expect(await check(hash, key, digest, message)).toBe(true);
            expect(await check(hash, key, flipped, message)).toBe(false);
            expect(await check(hash, key, digest.subarray(1), message)).toBe(false);
            expect(await check(hash, key, new Uint8Array(0), message)).toBe(false);
          }
        }
      }
    },
  );
});
