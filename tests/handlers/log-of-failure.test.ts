import { afterEach, beforeEach, expect, it } from "vitest";
import { Permanent } from "../../src/domain/errors.js";
import { Secret } from "../../src/domain/secret.js";
import { DELIVERY_HEADER, sealDelivery } from "../../src/queues/delivery.js";
import { lostConnection } from "../../src/runtime/lost-connection.js";
import { buryEvent, createWorkers, type WorkerDeps } from "../../src/runtime/workers.js";
import { openDatabase } from "../../src/store/database.js";
import { runDeps, sampleRun } from "../support/events.js";
import { type LogLine, listeningLog } from "../support/fakes.js";
import { testDatabase } from "../support/postgres.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

const TOKEN = new Secret("QSTASH_TOKEN", "a-token");

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(async () => {
  await w.close();
});

/** A message as the events' queue brings it: a signed body of Stripe's that no JSON is. */
async function message(messageId: string) {
  const { delivery } = await sampleRun("stripe", "payment-succeeded");
  const headers = new Headers({ [DELIVERY_HEADER]: sealDelivery(delivery, TOKEN) });
  const body = new TextEncoder().encode("{");
  return { headers, body, messageId, retried: 0, startedAt: w.ctx.now };
}

function parts() {
  const log = listeningLog();
  const deps: Partial<WorkerDeps> = {
    ...runDeps(w),
    log,
    queueTokens: [TOKEN],
    relay: () => Promise.resolve(),
  };
  return { lines: log.lines, deps: deps as WorkerDeps };
}

it("a dead event is logged as an error, with its code and the id of its dead letter", async () => {
  const { lines, deps } = parts();
  const workers = createWorkers(deps);
  await workers.events(await message("m1"));
  const [letter] = await w.rows("SELECT id, event_id FROM dead_letter");
  const dead: LogLine = {
    level: "error",
    action: "event.finished",
    fields: {
      requestId: "req_test",
      source: "stripe",
      type: "payment_intent.succeeded",
      eventId: letter?.event_id,
      outcome: "dead",
      code: "unreadable_body",
      deadLetterId: letter?.id,
    },
  };
  expect(lines).toEqual([dead]);
  await workers.events(await message("m2")); // its second death opens the same letter
  expect(lines[1]).toEqual(dead);
  await buryEvent(await message("m3"), new Permanent("worker_refused"), deps);
  expect(lines[2]).toEqual({ ...dead, fields: { ...dead.fields, code: "worker_refused" } });
});

it("an event that is done is logged as news, without a code", async () => {
  const { lines, deps } = parts();
  const { delivery, body } = await sampleRun("stripe", "payment-succeeded", { uniqueId: "good" });
  const headers = new Headers({ [DELIVERY_HEADER]: sealDelivery(delivery, TOKEN) });
  const whole = { headers, messageId: "m4", retried: 0, startedAt: w.ctx.now };
  await createWorkers(deps).events({ ...whole, body: body as Uint8Array<ArrayBuffer> });
  expect(lines).toMatchObject([{ level: "info", fields: { outcome: "processed" } }]);
  expect(lines[0]?.fields).not.toHaveProperty("code");
});

it("a database connection that broke is logged with its SQLSTATE, without its text", async () => {
  const own = await testDatabase();
  const { lines, ...log } = listeningLog();
  const limits = { poolMax: 1, connectTimeoutMs: 5_000, queryTimeoutMs: 10_000 };
  const config = { url: own.url, preparedStatements: true, ...limits };
  const database = openDatabase(config, lostConnection(log));
  const [session] = await database.query<{ pid: number }>("SELECT pg_backend_pid() AS pid", []);
  await w.rows("SELECT pg_terminate_backend($1)", [session?.pid]);
  await expect.poll(() => lines.length, { timeout: 5_000 }).toBeGreaterThan(0);
  expect(lines[0]).toEqual({
    level: "warn",
    action: "database.connection_lost",
    fields: { detail: "error 57P01" },
  });
  await database.close();
  await own.drop();
});
