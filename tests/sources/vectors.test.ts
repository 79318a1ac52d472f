import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { HmacHash } from "../../src/domain/ports.js";
import { Secret } from "../../src/domain/secret.js";
import { digestOfHex, signingSecret } from "../../src/sources/hmac.js";
import { sourceById, sources, webhookSourceById } from "../../src/sources/registry.js";
import { HMAC_CHECKS } from "./conformance.js";
import { bytesOf, FIXTURES, NOW, rawRequest, readJson, secretsOf, VECTORS } from "./kit.js";

interface RfcVector {
  name: string;
  hash: HmacHash;
  key: string;
  message: string;
  digest: string;
}

interface OwnVector {
  name: string;
  secret: string;
  body: string;
  headers: Record<string, string>;
  now: number;
  verdict: string;
}

/** As the published vectors are written: times in seconds, headers or a bare digest. */
interface PublishedVector {
  provider: string;
  name: string;
  secret: string;
  body: string;
  headers?: Record<string, string>;
  signature?: string;
  now?: number;
  valid: boolean;
  reason?: string;
}

const keyUnder = async (hash: HmacHash, key: string, message: string, hex: string) => {
  const digest = digestOfHex(hash, hex);
  if (digest === null) throw new Error(`${hex} is no ${hash} digest`);
  const secrets = [new Secret("KEY", key)];
  const found = await Promise.all(
    Object.values(HMAC_CHECKS).map((check) =>
      signingSecret(hash, secrets, [digest], bytesOf(message), check),
    ),
  );
  expect(new Set(found).size).toBe(1);
  return found[0] ?? null;
};

describe("HMAC", () => {
  for (const v of readJson(resolve(VECTORS, "hmac/rfc.json")) as RfcVector[]) {
    it(`agrees with ${v.name} (${v.hash})`, async () => {
      expect((await keyUnder(v.hash, v.key, v.message, v.digest))?.name).toBe("KEY");
      expect(await keyUnder(v.hash, v.key, `${v.message}.`, v.digest)).toBeNull();
    });
  }

  it("reads a digest only as lower-case hex of the right length", () => {
    expect(digestOfHex("SHA-1", "0f".repeat(20))).toEqual(new Uint8Array(20).fill(15));
    const wrong = ["0f".repeat(19), "0f".repeat(32), "0F".repeat(20), `${"0".repeat(39)}g`, ""];
    for (const hex of wrong) expect(digestOfHex("SHA-1", hex)).toBeNull();
  });
});

for (const source of sources) {
  describe(`${source.id}: own vectors, signed by another implementation`, () => {
    const vectors = readJson(resolve(VECTORS, source.id, "signatures.json")) as OwnVector[];
    for (const v of vectors) {
      it(`${v.name}: ${v.verdict}`, async () => {
        const verdict = await source.verify(
          rawRequest(v.headers, bytesOf(v.body)),
          secretsOf(v.secret),
          v.now * 1000,
        );
        expect(verdict.kind).toBe(v.verdict);
      });
    }
  });
}

describe("published vectors, where they lie beside this checkout", () => {
  const file = resolve(FIXTURES, "signatures.json");
  const published = existsSync(file) ? (readJson(file) as PublishedVector[]) : [];
  if (published.length === 0) console.log(`no ${file}: only the committed vectors were tested`);

  it("are all of a kind that is tested here", () => {
    const kinds = new Set(published.map((v) => sourceById(v.provider)?.id ?? hashOf(v.provider)));
    expect([...kinds]).not.toContain(null);
  });

  for (const v of published) {
    const expected = v.valid ? "good" : (v.reason ?? "refused");
    it(`${v.provider} ${v.name}: ${expected}`, async () => {
      const source = webhookSourceById(v.provider);
      if (source === undefined) {
        const by = await keyUnder(
          hashOf(v.provider) ?? "SHA-256",
          v.secret,
          v.body,
          v.signature ?? "",
        );
        expect(by !== null).toBe(v.valid);
        return;
      }
      const request = rawRequest(v.headers ?? {}, bytesOf(v.body));
      const now = v.now === undefined ? NOW : v.now * 1000;
      const verdict = await source.verify(request, secretsOf(v.secret), now);
      expect(verdict.kind === "verified").toBe(v.valid);
      if (v.reason === "timestamp_out_of_tolerance") expect(verdict.kind).toBe("stale_signature");
    });
  }
});

function hashOf(provider: string): HmacHash | null {
  if (provider === "primitive-hmac-sha256-hex") return "SHA-256";
  return provider === "primitive-hmac-sha1-hex" ? "SHA-1" : null;
}
