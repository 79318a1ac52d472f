import { describe, expect, it } from "vitest";
import type { HmacCheck } from "../../src/domain/ports.js";
import type { Secret } from "../../src/domain/secret.js";
import { SECOND_MS } from "../../src/domain/time.js";
import { nodeHmacCheck } from "../../src/runtime/node-hmac.js";
import { webCryptoCheck } from "../../src/sources/hmac.js";
import type { Source, Verdict, WebhookSource } from "../../src/sources/source.js";
import { bytesOf, factsOf, NOW, outcomeOf, rawRequest, secretsOf } from "./kit.js";

/** What the suite must know of a source to ask of it all that its signature promises. */
export interface SourceKit {
  /** Signs as the provider does; none of the code under test may be in it. */
  sign(body: Uint8Array, secret: string, now: number): Record<string, string>;
  /** The header that carries the proof. */
  proof: string;
  /** The proof with one bit of it wrong. */
  spoil(proof: string): string;
  /** A body as the provider writes it, holding text beyond ASCII, and what else it tells by header. */
  body: string;
  headers: Record<string, string>;
  /** A body of a type that we know nothing of. */
  unknown: { headers: Record<string, string>; body: unknown };
  /** Two secrets, where not every text is one. */
  secrets?: readonly [string, string];
}

const SECRETS = ["conformance-secret-1", "conformance-secret-2"] as const;

/** Every runtime's own way to check a signature: none may take what another refuses. */
export const HMAC_CHECKS: Readonly<Record<string, HmacCheck>> = {
  "by WebCrypto": webCryptoCheck,
  "by Node": nodeHmacCheck,
};

/** What holds for every source that posts to us, on every runtime. */
export function sourceConformance(source: WebhookSource, kit: SourceKit): void {
  canaryConformance(source, kit);
  for (const [way, checkHmac] of Object.entries(HMAC_CHECKS)) {
    proofConformance(source, kit, way, checkHmac);
  }
  eventConformance(source, kit);
}

function canaryConformance(source: WebhookSource, kit: SourceKit): void {
  const [SECRET, OTHER] = kit.secrets ?? SECRETS;
  const [secret, other] = secretsOf(SECRET, OTHER);
  const canaryOf = (id: string, at = NOW) => {
    if (secret === undefined) throw new Error("two secrets");
    return source.canary(secret, { id, at });
  };

  describe(`${source.id}: the canary`, () => {
    it("is proved as the provider proves its own deliveries, and by no other secret", async () => {
      const { headers, body } = await canaryOf("canary-1");
      const by = (secrets: (Secret | undefined)[]) =>
        source.verify(
          rawRequest(headers, body),
          secrets.filter((one) => one !== undefined),
          NOW,
        );
      expect(await by([secret])).toEqual({ kind: "verified", by: "SECRET" });
      expect(await by([other])).toMatchObject({ kind: "bad_signature" });
    });

    it("is an event of its own type that comes to no facts, the same again the same", async () => {
      const { headers, body } = await canaryOf("canary-1");
      const named = await source.identify(new Headers(headers), body);
      expect(named.type).toBe("signalbox.canary");
      expect(named.eventKey).toMatch(/^[!-~]{1,255}$/);
      const again = await canaryOf("canary-1");
      expect(await source.identify(new Headers(again.headers), again.body)).toEqual(named);
      const next = await canaryOf("canary-2");
      const other = await source.identify(new Headers(next.headers), next.body);
      expect(other.eventKey).not.toBe(named.eventKey);
      expect(factsOf(source, { headers, body })).toEqual([]);
    });
  });
}

/**
 * What holds for every source, as far as what it signs allows. The limit of a body's size is the
 * door's to keep and is tested there.
 */
function proofConformance(
  source: WebhookSource,
  kit: SourceKit,
  way: string,
  checkHmac: HmacCheck,
): void {
  const [SECRET, OTHER] = kit.secrets ?? SECRETS;
  const body = bytesOf(kit.body);
  const verify = (
    headers: Record<string, string>,
    given: Uint8Array<ArrayBuffer> = body,
    secrets: readonly Secret[] = secretsOf(SECRET),
    now = NOW,
  ): Promise<Verdict> => source.verify({ ...rawRequest(headers, given), checkHmac }, secrets, now);
  const signed = (given: Uint8Array = body, secret = SECRET, now = NOW) => ({
    ...kit.headers,
    ...kit.sign(given, secret, now),
  });
  const signsBody = source.signature.covers !== "credential only";

  describe(`${source.id}: the proof, ${way}`, () => {
    it("is accepted, and names the secret that matched", async () => {
      expect(await verify(signed())).toEqual({ kind: "verified", by: "SECRET" });
    });

    it("is accepted under the previous secret, which is named", async () => {
      const secrets = secretsOf(OTHER, SECRET);
      expect(await verify(signed(), body, secrets)).toEqual({
        kind: "verified",
        by: "SECRET_PREVIOUS_1",
      });
    });

    it("is refused under another secret, under an empty one and under none", async () => {
      for (const secrets of [secretsOf(OTHER), secretsOf(""), []]) {
        expect(await verify(signed(), body, secrets)).toMatchObject({ kind: "bad_signature" });
      }
      expect(await verify(signed(body, ""), body, [])).toMatchObject({ kind: "bad_signature" });
    });

    it("is refused with a flipped bit in it", async () => {
      const headers = signed();
      const spoilt = { ...headers, [kit.proof]: kit.spoil(headers[kit.proof] ?? "") };
      expect(await verify(spoilt)).toMatchObject({ kind: "bad_signature" });
    });

    it("is missing when its header is not there or empty", async () => {
      const { [kit.proof]: _proof, ...rest } = signed();
      expect(await verify(rest)).toMatchObject({ kind: "missing_signature" });
      expect(await verify({ ...rest, [kit.proof]: "" })).toMatchObject({
        kind: "missing_signature",
      });
    });

    it("is refused when its header comes twice, joined by a comma as the platform does", async () => {
      const good = signed()[kit.proof] ?? "";
      const forged = signed(body, OTHER)[kit.proof] ?? "";
      for (const pair of [
        [good, good],
        [good, forged],
        [forged, good],
      ]) {
        const { [kit.proof]: _proof, ...rest } = signed();
        const headers = new Headers(rest);
        for (const value of pair) headers.append(kit.proof, value);
        const verdict = await source.verify(
          { headers, body, pathToken: null, checkHmac },
          secretsOf(SECRET),
          NOW,
        );
        expect(verdict).toMatchObject({ kind: "bad_signature" });
      }
    });

    it("never comes back in a verdict", async () => {
      const headers = signed(body, OTHER);
      const said = JSON.stringify(await verify(headers));
      expect(said).not.toContain(headers[kit.proof]);
      expect(said).not.toContain(OTHER);
      expect(said).not.toContain(SECRET);
    });
  });

  describe(`${source.id}: what the signature covers (${source.signature.covers}), ${way}`, () => {
    it(`${signsBody ? "refuses" : "takes"} a body with any one bit flipped`, async () => {
      const headers = signed();
      const expected = signsBody ? "bad_signature" : "verified";
      for (let at = 0; at < body.length; at += 7) {
        const flipped = new Uint8Array(body);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
        expect((await verify(headers, flipped)).kind).toBe(expected);
      }
    });

    it(`${signsBody ? "refuses" : "takes"} the same JSON written anew`, async () => {
      const again = bytesOf(JSON.stringify(JSON.parse(kit.body), null, 4));
      const verdict = await verify(signed(), again);
      expect(verdict.kind).toBe(signsBody ? "bad_signature" : "verified");
    });

    it("takes an empty body, bytes that are no text and a byte order mark, when they are signed", async () => {
      for (const odd of oddBodies(kit.body)) {
        expect(await verify(signed(odd), odd)).toMatchObject({ kind: "verified" });
      }
    });

    const tolerance = source.signature.toleranceMs;
    const title =
      tolerance === undefined
        ? "takes an old delivery as it does a new one, for no time is signed"
        : "refuses what was signed longer ago than the tolerance, as stale and not as forged";
    it(title, async () => {
      const headers = signed();
      const yearLater = await verify(headers, body, secretsOf(SECRET), NOW + 3.2e10);
      if (tolerance === undefined) {
        expect(yearLater.kind).toBe("verified");
        return;
      }
      const at = (now: number) => verify(headers, body, secretsOf(SECRET), now);
      expect(yearLater.kind).toBe("stale_signature");
      expect((await at(NOW + tolerance)).kind).toBe("verified");
      expect((await at(NOW + tolerance + SECOND_MS)).kind).toBe("stale_signature");
      const forged = signed(body, OTHER);
      expect((await verify(forged, body, secretsOf(SECRET), NOW + 3.2e10)).kind).toBe(
        "bad_signature",
      );
    });
  });
}

/** What holds for every source of events, whoever tells them. */
export function eventConformance(source: Source, kit: SourceKit): void {
  const [SECRET] = kit.secrets ?? SECRETS;
  const body = bytesOf(kit.body);
  const signed = (given: Uint8Array = body, secret: string = SECRET, now = NOW) => ({
    ...kit.headers,
    ...kit.sign(given, secret, now),
  });

  describe(`${source.id}: the event`, () => {
    const identify = (given: Uint8Array<ArrayBuffer>, headers = kit.headers) =>
      source.identify(new Headers(headers), given);
    const normalise = (given: Uint8Array) =>
      outcomeOf(() => factsOf(source, { headers: kit.headers, body: given }));

    it("has the same key for the same bytes, with fresh headers too", async () => {
      const first = await identify(body, signed());
      const again = await identify(new Uint8Array(body), {
        ...signed(body, SECRET, NOW + 60_000),
        "Request-ID": "another",
      });
      expect(again.eventKey).toBe(first.eventKey);
      expect(first.eventKey).toMatch(/^[!-~]{1,255}$/);
      expect(first.type).toMatch(/^[A-Za-z0-9._:-]+$/);
    });

    it("reads text beyond ASCII", () => {
      expect(kit.body).toMatch(/[^ -~\n]|\\u0e/);
      expect(normalise(body)).not.toBeTypeOf("string");
    });

    it("reads a NUL in text, and hands none on", async () => {
      const withNul = bytesOf(kit.body.replaceAll(/(":\s*")(?=[^"\s])/g, "$1\\u0000"));
      expect((await identify(withNul)).eventKey).toMatch(/^[!-~]{1,255}$/);
      expect(JSON.stringify(normalise(withNul))).not.toContain("\\u0000");
    });

    it("is named by its bytes and becomes a dead letter when it cannot be read", async () => {
      for (const odd of oddBodies(kit.body)) {
        const named = await identify(odd);
        expect(named).toMatchObject({
          eventKey: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
          occurredAt: null,
        });
        expect(normalise(odd)).toBe("unreadable_body");
      }
      for (const noObject of ["[]", "null", '"text"', "17"].map(bytesOf)) {
        expect((await identify(noObject)).eventKey).toMatch(/^sha256:/);
        expect(normalise(noObject)).toBe("unexpected_shape");
      }
    });

    it("has no facts when its type is unknown, or named like a property of every object", async () => {
      expect(factsOf(source, kit.unknown)).toEqual([]);
      for (const type of ["constructor", "__proto__", "toString"]) {
        const odd = { ...JSON.parse(kit.body), type, event: type, action: type };
        const read = outcomeOf(() =>
          factsOf(source, { headers: { "Sentry-Hook-Resource": type }, body: odd }),
        );
        expect(read).not.toBe("unreadable_body");
        expect((await identify(bytesOf(JSON.stringify(odd)))).eventKey).toMatch(/^[!-~]{1,255}$/);
      }
    });
  });
}

/** Bodies that a provider may sign and nobody can read. */
function oddBodies(body: string): Uint8Array<ArrayBuffer>[] {
  return [
    new Uint8Array(0),
    bytesOf(body.slice(0, -2)),
    bytesOf(`\uFEFF${body}`),
    new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
  ];
}
