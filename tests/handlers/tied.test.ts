import { createHash } from "node:crypto";
import { SignJWT } from "jose";
import { expect, it } from "vitest";
import { Transient } from "../../src/domain/errors.js";
import { Secret } from "../../src/domain/secret.js";
import { createConsumer } from "../../src/queues/consume.js";
import { DELIVERY_HEADER, sealDelivery } from "../../src/queues/delivery.js";
import { createWorkers, type WorkerDeps } from "../../src/runtime/workers.js";
import { sampleRun } from "../support/events.js";
import { countingIds, listeningLog, stillClock } from "../support/fakes.js";

const BASE = "https://hooks.example.com";
const URL = `${BASE}/api/queues/events`;
const KEY = new Secret("QSTASH_CURRENT_SIGNING_KEY", "sig_current");
const TOKEN = new Secret("QSTASH_TOKEN", "a-token");

async function signed(body: Uint8Array<ArrayBuffer>, headers: Record<string, string>) {
  const hash = createHash("sha256").update(body).digest("base64url");
  const jwt = await new SignJWT({ body: hash })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("Upstash")
    .setSubject(URL)
    .setIssuedAt()
    .setNotBefore("-1s")
    .setExpirationTime("5m")
    .sign(KEY.bytes());
  const all = { "upstash-signature": jwt, ...headers };
  return new Request(URL, { method: "POST", headers: all, body });
}

/** The events' worker behind its queue, where nothing answers but the log. */
function consumer() {
  const log = listeningLog();
  const clock = stillClock(Date.now());
  const down = () => Promise.reject(new Transient("database_unavailable"));
  const parts: Partial<WorkerDeps> = {
    clock,
    log,
    ids: countingIds(),
    ours: new Set(["1"]),
    queueTokens: [TOKEN],
    sourceById: () => undefined,
  };
  const lost = () => Promise.reject(new Transient("kv_unavailable"));
  const kv = { get: lost } as unknown as WorkerDeps["kv"];
  const database = { query: down } as unknown as WorkerDeps["database"];
  const workers = createWorkers({ ...parts, kv, database } as WorkerDeps);
  const config = { publicBaseUrl: BASE };
  const consume = createConsumer(
    { config, signingKeys: [KEY], clock, log, ids: countingIds(), report: () => undefined },
    workers,
  );
  return { log, consume: (request: Request) => consume("events", request) };
}

it("a delivery whose body cannot be fetched fails under the request id that its door gave", async () => {
  const { delivery } = await sampleRun("stripe", "payment-succeeded");
  const claimed = { ...delivery, encoding: "claim" as const, claimKey: "body:x" };
  const { log, consume } = consumer();
  const headers = { [DELIVERY_HEADER]: sealDelivery(claimed, TOKEN) };
  const response = await consume(await signed(new Uint8Array(), headers));
  expect(response.status).toBe(503);
  expect(log.lines).toMatchObject([
    { action: "attempt.failed", fields: { code: "kv_unavailable", requestId: "req_test" } },
  ]);
});

it("a replay whose event cannot be read fails under the request id that its message carries", async () => {
  const message = { type: "event.replay.v1", eventId: "evt_1", runId: "run_1" };
  const text = JSON.stringify({ ...message, requestId: "req_replay", outboxId: "out_1" });
  const { log, consume } = consumer();
  const response = await consume(await signed(Uint8Array.from(Buffer.from(text)), {}));
  expect(response.status).toBe(503);
  expect(log.lines).toMatchObject([
    { action: "attempt.failed", fields: { code: "database_unavailable", requestId: "req_replay" } },
  ]);
});
