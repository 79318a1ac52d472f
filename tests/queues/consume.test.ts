import { createHash } from "node:crypto";
import { Receiver } from "@upstash/qstash";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { Permanent, Transient } from "../../src/domain/errors.js";
import { Secret } from "../../src/domain/secret.js";
import { createConsumer, createSignatureCheck, type Worker } from "../../src/queues/consume.js";
import { countingIds, listeningLog, stillClock } from "../support/fakes.js";

const CURRENT = "sig_current_key";
const NEXT = "sig_next_key";
const URL = "https://hooks.example.com/api/queues/events";
const clock = stillClock(Date.now());

interface Claims {
  key?: string;
  issuer?: string;
  sub?: string;
  bodyHash?: string;
  at?: number;
}

async function sign(body: Uint8Array, claims: Claims = {}): Promise<string> {
  const at = claims.at ?? Math.floor(clock.now() / 1000);
  const hash = createHash("sha256").update(body).digest("base64url");
  return new SignJWT({ body: claims.bodyHash ?? `${hash}=` })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuer(claims.issuer ?? "Upstash")
    .setSubject(claims.sub ?? URL)
    .setIssuedAt(at)
    .setNotBefore(at)
    .setExpirationTime(at + 300)
    .setJti("jwt_1")
    .sign(new TextEncoder().encode(claims.key ?? CURRENT));
}

const check = createSignatureCheck([new Secret("A", CURRENT), new Secret("B", NEXT)], clock);
const ask = async (body: Uint8Array<ArrayBuffer>, jwt: string | null): Promise<boolean> =>
  check(new Request(URL, { headers: jwt === null ? {} : { "upstash-signature": jwt } }), body, URL);

const TEXT = new TextEncoder().encode('{"ไทย":"😀"}');

describe("QStash's signature", () => {
  it.each([
    ["the current key", {}, true],
    ["the next key", { key: NEXT }, true],
    ["another key", { key: "sig_other" }, false],
    ["another issuer", { issuer: "Somebody" }, false],
    ["another address", { sub: `${URL}/x` }, false],
    ["another body", { bodyHash: "AAAA" }, false],
    ["a time long past", { at: Math.floor(clock.now() / 1000) - 400 }, false],
    ["a time to come", { at: Math.floor(clock.now() / 1000) + 120 }, false],
  ])("with %s is judged as the SDK's own Receiver judges it", async (_name, claims, good) => {
    const jwt = await sign(TEXT, claims);
    expect(await ask(TEXT, jwt)).toBe(good);
    const receiver = new Receiver({ currentSigningKey: CURRENT, nextSigningKey: NEXT });
    const body = new TextDecoder().decode(TEXT);
    const theirs = receiver.verify({ signature: jwt, body, url: URL, clockTolerance: 30 });
    expect(await theirs.catch(() => false)).toBe(good);
  });

  it("holds over bytes that are no text, which the Receiver can't take", async () => {
    const body = Uint8Array.from([0xef, 0xbb, 0xbf, 0xff, 0xfe, 0x00]);
    expect(await ask(body, await sign(body))).toBe(true);
  });

  it("allows QStash's clock to be thirty seconds off", async () => {
    const now = Math.floor(clock.now() / 1000);
    expect(await ask(TEXT, await sign(TEXT, { at: now + 29 }))).toBe(true);
    expect(await ask(TEXT, await sign(TEXT, { at: now - 329 }))).toBe(true);
  });

  it("is required", async () => {
    expect(await ask(TEXT, null)).toBe(false);
    expect(await ask(TEXT, "not.a.jwt")).toBe(false);
  });
});

describe("what a worker's end means to the queue", () => {
  const run = async (worker: Worker, signature?: string) => {
    const log = listeningLog();
    const reported: unknown[] = [];
    const consumer = createConsumer(
      {
        config: { publicBaseUrl: "https://hooks.example.com" },
        signingKeys: [new Secret("A", CURRENT)],
        clock,
        ids: countingIds(),
        log,
        report: (error) => reported.push(error),
      },
      { events: worker, notifications: worker, timers: worker, failed: worker },
    );
    const headers = {
      "upstash-signature": signature ?? (await sign(TEXT)),
      "upstash-retried": "2",
    };
    const request = new Request(URL, { method: "POST", body: TEXT, headers });
    return { response: await consumer("events", request), log, reported };
  };

  it("is 200 with what became of it", async () => {
    const { response } = await run(async (message) => {
      expect(message.retried).toBe(2);
      return { status: "processed", requestId: "req_1" };
    });
    expect([response.status, await response.json()]).toEqual([
      200,
      { status: "processed", requestId: "req_1" },
    ]);
  });

  it("is 503 for what may work later, with Retry-After where it is known", async () => {
    const later = await run(() => {
      throw new Transient("lease_held", { retryAfterSeconds: 7 });
    });
    expect([later.response.status, later.response.headers.get("retry-after")]).toEqual([503, "7"]);
    const unknown = await run(() => {
      throw new Transient("database_unavailable");
    });
    expect(unknown.response.headers.get("retry-after")).toBeNull(); // the retry delay's expression rules
    expect(unknown.reported).toEqual([]);
  });

  it("is 489 and no retry for what never works and could not be written down", async () => {
    const { response } = await run(() => {
      throw new Permanent("forged_message");
    });
    expect(response.status).toBe(489);
    expect(response.headers.get("upstash-nonretryable-error")).toBe("true");
  });

  it("is 500 for a defect, which is retried and reported, and whose text stays out of answer and log", async () => {
    const { response, reported, log } = await run(() => {
      throw new Error("relation of somebody@example.com is broken");
    });
    expect(response.status).toBe(500);
    expect(reported).toHaveLength(1);
    const said = (await response.text()) + JSON.stringify(log.lines);
    expect(said).not.toContain("somebody@example.com");
  });

  it("is 401 for a call that QStash did not sign", async () => {
    const { response } = await run(
      async () => ({ status: "x", requestId: "y" }),
      await sign(TEXT, { key: "sig_other" }),
    );
    expect(response.status).toBe(401);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ code: "bad_signature" });
  });
});
