import { Receiver } from "@upstash/qstash";
import { decodeJwt, decodeProtectedHeader } from "jose";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { startQstashEmulator } from "../../../emulators/qstash/index.js";
import {
  CURRENT_KEY,
  gate,
  HOUR_MS,
  NEXT_KEY,
  type Received,
  TOKEN,
  until,
  world,
} from "./support.js";

/** Keeps every reader of the schedules waiting. */
async function heldSchedules(databaseUrl: string) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query("BEGIN; LOCK TABLE qstash_emulator.schedule");
  return {
    release: () => client.end(),
    waitedFor: async () => {
      const waiting =
        "SELECT 1 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
      return (await client.query(waiting)).rows.length > 0;
    },
  };
}

const signatureOf = (received: Received | undefined) =>
  String(received?.headers["upstash-signature"]);

describe("signature", () => {
  it("is accepted by the SDK's Receiver for the exact url and body only", async () => {
    const w = await world();
    await w.client.publishJSON({ url: `${w.destination.url}/s?a=b`, body: { n: 1 } });
    await w.qstash.waitForRest();
    const received = w.destination.received[0];
    const signature = signatureOf(received);
    const { url = "", body = Buffer.alloc(0) } = received ?? {};
    const verify = (text: string, at: string) =>
      w.receiver.verify({ signature, body: text, url: at });
    expect(await verify(body.toString(), url)).toBe(true);
    await expect(verify(`${body} `, url)).rejects.toThrow("body hash");
    await expect(verify(body.toString(), `${url}/`)).rejects.toThrow("invalid subject");
    const stranger = new Receiver({ currentSigningKey: "sig_x", nextSigningKey: "sig_y" });
    await expect(stranger.verify({ signature, body: body.toString() })).rejects.toThrow();
  });

  it("carries the documented claims, with padding on the body hash, fresh each attempt", async () => {
    const w = await world();
    w.destination.respond = () =>
      w.destination.received.length === 1 ? { status: 500, headers: { "Retry-After": "0" } } : {};
    await w.client.publish({ url: w.destination.url });
    await w.qstash.waitForRest();
    const [first, second] = w.destination.received.map((r) => decodeJwt(signatureOf(r)));
    expect(decodeProtectedHeader(signatureOf(w.destination.received[0]))).toEqual({
      alg: "HS256",
      typ: "JWT",
    });
    expect(first).toMatchObject({ iss: "Upstash", sub: w.destination.url });
    expect(first?.nbf).toBe(first?.iat);
    expect(first?.exp).toBe((first?.nbf ?? 0) + 300);
    expect(first?.jti).toMatch(/^jwt_/);
    expect(first?.body).toBe("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=");
    expect(second?.jti).not.toBe(first?.jti);
  });

  it("is dated by the real clock when the emulated one is ahead, unless told otherwise", async () => {
    const w = await world();
    await w.qstash.setClock({ advanceMs: 24 * HOUR_MS });
    await w.client.publish({ url: w.destination.url, body: "x" });
    await w.qstash.waitForRest();
    const [real] = w.destination.received;
    await w.receiver.verify({ signature: signatureOf(real), body: "x" });
    await w.qstash.setClock({ signByEmulatedTime: true });
    await w.client.publish({ url: w.destination.url, body: "y" });
    await w.qstash.waitForRest();
    const ahead = decodeJwt(signatureOf(w.destination.received[1])).iat ?? 0;
    expect(ahead - (decodeJwt(signatureOf(real)).iat ?? 0)).toBeGreaterThanOrEqual(24 * 3_600);
  });

  it("follows a rotation, which outlives a restart", async () => {
    const w = await world();
    const rotated = await (await w.call("POST", "/v2/keys/rotate")).json();
    expect(rotated).toEqual({ current: NEXT_KEY, next: expect.stringMatching(/^sig_/) });
    await w.restart();
    expect(await (await w.call("GET", "/v2/keys")).json()).toEqual(rotated);
    await w.client.publish({ url: w.destination.url, body: "r" });
    await w.qstash.waitForRest();
    const signature = signatureOf(w.destination.received[0]);
    // The receiver still has the old pair: its next key is the one in use.
    expect(await w.receiver.verify({ signature, body: "r" })).toBe(true);
    const { current, next } = rotated as { current: string; next: string };
    const updated = new Receiver({ currentSigningKey: current, nextSigningKey: next });
    expect(await updated.verify({ signature, body: "r" })).toBe(true);
    const onlyOld = new Receiver({ currentSigningKey: CURRENT_KEY, nextSigningKey: CURRENT_KEY });
    await expect(onlyOld.verify({ signature, body: "r" })).rejects.toThrow();
  });
});

describe("retries", () => {
  it("waits out the documented backoff, counts Upstash-Retried and ends in the DLQ", async () => {
    const w = await world();
    await w.qstash.setClock({ freeze: true });
    w.destination.respond = () => ({ status: 500, body: "broken" });
    await w.client.publish({ url: w.destination.url, body: "m" });
    await w.qstash.waitForRest();
    for (const [step, seconds] of [12, 148, 1_808].entries()) {
      await w.qstash.setClock({ advanceMs: seconds * 1_000 });
      await w.qstash.waitForRest();
      expect(w.destination.received).toHaveLength(step + 1);
      await w.qstash.setClock({ advanceMs: 1_000 });
      await w.qstash.waitForRest();
      expect(w.destination.received).toHaveLength(step + 2);
    }
    expect(w.destination.received.map((r) => r.headers["upstash-retried"])).toEqual([
      "0",
      "1",
      "2",
      "3",
    ]);
    expect(await w.qstash.state()).toMatchObject({ pending: 0, dlq: 1, failed: 1, retries: 3 });
  });

  it("takes the delay from the expression, and from the answer before it", async () => {
    const w = await world();
    await w.qstash.setClock({ freeze: true });
    w.destination.respond = (r) =>
      r.headers["upstash-retried"] === "1"
        ? { status: 429, headers: { "Retry-After": "5m" } }
        : { status: 500 };
    const retryDelay = "60000 * (1 + retried)";
    await w.client.publish({ url: w.destination.url, retries: 2, retryDelay });
    await w.qstash.waitForRest();
    const advance = async (ms: number) => {
      await w.qstash.setClock({ advanceMs: ms });
      await w.qstash.waitForRest();
      return w.destination.received.length;
    };
    expect(await advance(59_999)).toBe(1);
    expect(await advance(1)).toBe(2);
    expect(await advance(299_999)).toBe(2);
    expect(await advance(1)).toBe(3);
    expect(await w.qstash.state()).toMatchObject({ dlq: 1 });
  });

  it("stops at once at 489 with Upstash-NonRetryable-Error", async () => {
    const w = await world();
    w.destination.respond = () => ({
      status: 489,
      headers: { "Upstash-NonRetryable-Error": "true" },
      body: "never",
    });
    const { messageId } = await w.client.publish({ url: w.destination.url, retries: 5 });
    await w.qstash.waitForRest();
    const { messages } = await w.client.dlq.listMessages();
    expect(messages).toMatchObject([{ messageId, responseStatus: 489, responseBody: "never" }]);
    expect(w.destination.received).toHaveLength(1);
  });

  it("counts a redirect, a refused connection and a timeout as failures", async () => {
    const w = await world();
    const { open, opened } = gate();
    w.destination.respond = (r) =>
      r.target === "/slow"
        ? { after: opened }
        : { status: 302, headers: { Location: `${w.destination.url}/elsewhere` } };
    const { url } = w.destination;
    await w.client.publish({ url: `${url}/moved`, retries: 0 });
    await w.client.publish({ url: "http://127.0.0.1:1/none", retries: 0 });
    await w.client.publish({ url: `${url}/slow`, retries: 0, timeout: 0.05 });
    await w.qstash.waitForRest();
    open();
    const { messages } = await w.client.dlq.listMessages();
    const status = Object.fromEntries(messages.map((m) => [m.url, m.responseStatus]));
    expect(status).toEqual({
      [`${url}/moved`]: 302,
      "http://127.0.0.1:1/none": undefined,
      [`${url}/slow`]: undefined,
    });
    const { logs } = await w.client.logs({ filter: { state: "ERROR" } });
    expect(logs.find((log) => log.url.endsWith("/slow"))?.error).toContain("within 50 ms");
    expect(w.destination.received.map((r) => r.target)).not.toContain("/elsewhere");
  });

  it("keeps a message's attempt count across a restart", async () => {
    const w = await world();
    await w.qstash.setClock({ freeze: true });
    w.destination.respond = () => ({ status: 503 });
    await w.client.publish({ url: w.destination.url });
    await w.qstash.waitForRest();
    await w.restart();
    await w.qstash.setClock({ advanceMs: HOUR_MS });
    await w.qstash.waitForRest();
    expect(w.destination.received.map((r) => r.headers["upstash-retried"])).toEqual(["0", "1"]);
  });
});

describe("callbacks", () => {
  it("come after every attempt, as signed messages with the documented body", async () => {
    const w = await world();
    await w.qstash.setClock({ freeze: true });
    w.destination.respond = (r) => {
      if (r.target !== "/work") return {};
      return r.headers["upstash-retried"] === "0"
        ? { status: 500, body: "no", headers: { "Retry-After": "60" } }
        : { status: 201, body: "done", headers: { "X-Result": "r" } };
    };
    const url = `${w.destination.url}/work`;
    const { messageId } = await w.client.publishJSON({
      url,
      body: { n: 1 },
      callback: `${w.destination.url}/callback`,
      failureCallback: `${w.destination.url}/failure`,
      headers: { "Upstash-Callback-Forward-X-Own": "own", "Upstash-Callback-Method": "PUT" },
    });
    await w.qstash.waitForRest();
    await w.qstash.setClock({ advanceMs: 60_000 });
    await w.qstash.waitForRest();
    const calls = w.destination.received.filter((r) => r.target === "/callback");
    const bodies = calls.map((r) => JSON.parse(r.body.toString()));
    expect(calls).toHaveLength(2);
    expect(calls[0]).toMatchObject({ method: "PUT", headers: { "x-own": "own" } });
    expect(bodies[0]).toMatchObject({
      status: 500,
      body: Buffer.from("no").toString("base64"),
      retried: 0,
      maxRetries: 3,
      sourceMessageId: messageId,
      url,
      method: "POST",
      sourceBody: Buffer.from('{"n":1}').toString("base64"),
      createdAt: expect.stringMatching(/^\d+$/),
    });
    expect(bodies[1]).toMatchObject({ status: 201, retried: 1, header: { "X-Result": ["r"] } });
    expect(bodies[1]).not.toHaveProperty("dlqId");
    for (const r of calls) {
      const body = r.body.toString();
      await w.receiver.verify({ signature: signatureOf(r), body, url: r.url });
    }
    expect(w.destination.received.some((r) => r.target === "/failure")).toBe(false);
  });

  it("of failure come once, with the id of the DLQ entry", async () => {
    const w = await world();
    w.destination.respond = (r) =>
      r.target === "/work" ? { status: 400, headers: { "Retry-After": "0" } } : {};
    await w.client.publish({
      url: `${w.destination.url}/work`,
      retries: 1,
      failureCallback: `${w.destination.url}/failure`,
    });
    await w.qstash.waitForRest();
    const failures = w.destination.received.filter((r) => r.target === "/failure");
    const { messages } = await w.client.dlq.listMessages();
    expect(failures).toHaveLength(1);
    expect(JSON.parse(String(failures[0]?.body))).toMatchObject({
      status: 400,
      retried: 1,
      maxRetries: 1,
      dlqId: messages[0]?.dlqId,
    });
  });
});

describe("the emulator and its database", () => {
  it("refuses a second emulator on the same database", async () => {
    const w = await world();
    const second = startQstashEmulator({
      databaseUrl: w.databaseUrl,
      token: TOKEN,
      currentSigningKey: CURRENT_KEY,
      nextSigningKey: NEXT_KEY,
      lockWaitMs: 200,
    });
    await expect(second).rejects.toThrow("another QStash emulator");
  });

  it("accepts, while it closes, what follows from a delivery in hand, and delivers it after the next start", async () => {
    const w = await world();
    const schedules = await heldSchedules(w.databaseUrl);
    const { open, opened } = gate();
    w.destination.respond = () => (w.destination.received.length === 1 ? { after: opened } : {});
    await w.client.publish({ url: w.destination.url, body: "in hand" });
    await until(() => w.destination.received.length === 1, "the first call");
    w.qstash.wake();
    await until(schedules.waitedFor, "a look at the schedules, which closing waits for");
    const closed = w.qstash.close();
    await w.client.publish({ url: w.destination.url, body: "what follows" });
    await schedules.release();
    open();
    await closed;
    expect(w.destination.bodies()).toEqual(["in hand"]);
    await (await w.restart()).waitForRest();
    expect(w.destination.bodies()).toEqual(["in hand", "what follows"]);
  });

  it("delivers after close and start what was in flight", async () => {
    const w = await world({ closeGraceMs: 50 });
    const { open, opened } = gate();
    w.destination.respond = () => (w.destination.received.length === 1 ? { after: opened } : {});
    await w.client.publish({ url: w.destination.url, body: "twice" });
    await until(() => w.destination.received.length === 1, "the first call");
    await w.restart();
    await w.qstash.waitForRest();
    open();
    expect(w.destination.bodies()).toEqual(["twice", "twice"]);
    expect(w.destination.received.map((r) => r.headers["upstash-retried"])).toEqual(["0", "0"]);
  });
});
