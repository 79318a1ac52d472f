import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Permanent, Transient } from "../../src/domain/errors.js";
import { isOurs, runEvent } from "../../src/handlers/run-event.js";
import { sourceById } from "../../src/sources/registry.js";
import { type Database, Moved } from "../../src/store/database.js";
import { readBody } from "../../src/store/events.js";
import { runDeps, sampleRun } from "../support/events.js";
import { countingIds } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(async () => {
  await w.close();
});

/** The store, but for the statements that begin so. */
const without = (start: string, error: () => Error): Database => ({
  ...w.database,
  query: (text, values) =>
    text.startsWith(start) ? Promise.reject(error()) : w.database.query(text, values),
});
const busy = () => new Transient("database_busy", { detail: "a test" });
const CLAIM = "WITH claim";
const RECEIVED = "WITH fresh";

describe("an event whose body was lost", () => {
  it("keeps no empty body in its place, but the one that a redelivery brings", async () => {
    const run = await sampleRun("stripe", "payment-succeeded");
    const body = new Permanent("body_lost", { detail: "a test" });
    const { eventId } = await runEvent({ ...run, body, attemptId: "lost:0" }, runDeps(w));
    expect(await readBody(w.database, eventId)).toBeNull();
    const deps = { ...runDeps(w), ids: countingIds("q") };
    expect((await runEvent({ ...run, attemptId: "sent:0" }, deps)).outcome).toBe("processed");
    const kept = await readBody(w.database, eventId);
    expect(kept).toEqual({ headers: run.delivery.headers, body: run.body });
    expect(await w.count("event_body")).toBe(1);
  });

  it("keeps the bytes once, however often it runs", async () => {
    const run = await sampleRun("stripe", "payment-succeeded");
    const verdict = new Permanent("worker_refused");
    for (let i = 0; i < 3; i += 1) {
      const deps = { ...runDeps(w), ids: countingIds(`q${i}`) };
      await runEvent({ ...run, verdict, attemptId: `m:${i}` }, deps);
    }
    expect(await w.count("event_body")).toBe(1);
  });
});

describe("an attempt", () => {
  const attempts = () =>
    w.rows('SELECT id, outcome, error_code FROM attempt ORDER BY id COLLATE "C"');

  it("is kept of a transient run of a dead event, which stays dead", async () => {
    const run = await sampleRun("stripe", "payment-succeeded");
    const verdict = new Permanent("worker_refused");
    await runEvent({ ...run, verdict, attemptId: "m:0" }, runDeps(w));
    const deps = { ...runDeps(w), database: without(CLAIM, busy) };
    await expect(runEvent({ ...run, attemptId: "m:1" }, deps)).rejects.toThrow("database_busy");
    expect(await attempts()).toEqual([
      { id: "m:0", outcome: "dead", error_code: "worker_refused" },
      { id: "m:1", outcome: "transient", error_code: "database_busy" },
    ]);
    expect(await w.rows("SELECT status, error_code FROM event")).toEqual([
      { status: "dead", error_code: "worker_refused" },
    ]);
  });

  it("is kept of a defect, with the event and its bytes", async () => {
    const run = await sampleRun("stripe", "payment-succeeded");
    const deps = { ...runDeps(w), database: without(CLAIM, () => new TypeError("a defect")) };
    await expect(runEvent({ ...run, attemptId: "m:0" }, deps)).rejects.toThrow(TypeError);
    expect(await attempts()).toEqual([{ id: "m:0", outcome: "transient", error_code: "internal" }]);
    expect(await w.rows("SELECT status FROM event")).toEqual([{ status: "received" }]);
    expect(await w.count("event_body")).toBe(1);
    expect((await runEvent({ ...run, attemptId: "m:1" }, runDeps(w))).outcome).toBe("processed");
    expect(await w.count("event_body")).toBe(1);
  });

  it("that cannot be noted never hides why the run failed", async () => {
    const run = await sampleRun("stripe", "payment-succeeded");
    const broken = without("WITH", () => new Moved("moved"));
    const claimed = without(CLAIM, busy);
    const database: Database = {
      ...w.database,
      query: (text, values) => (text.startsWith(RECEIVED) ? broken : claimed).query(text, values),
    };
    await expect(runEvent(run, { ...runDeps(w), database })).rejects.toThrow("database_busy");
  });
});

describe("a replay's message", () => {
  it("is completed with the event's plan, and when there was nothing left to do", async () => {
    const run = await sampleRun("stripe", "payment-succeeded");
    const insert = `INSERT INTO outbox (id, message, created_at, due_at) VALUES ($1, '{}', now(), now())`;
    await w.database.query(insert, ["out_a"]);
    await w.database.query(insert, ["out_b"]);
    const failing = { ...runDeps(w), database: without(CLAIM, busy) };
    await expect(runEvent({ ...run, completes: "out_a" }, failing)).rejects.toThrow(Transient);
    expect(await w.count("outbox"), "a run that failed comes again").toBe(2);
    await runEvent({ ...run, attemptId: "m:1", completes: "out_a" }, runDeps(w));
    expect(await w.rows("SELECT id FROM outbox WHERE id LIKE 'out_a'")).toEqual([]);
    const again = { ...run, attemptId: "m:2", completes: "out_b" };
    expect((await runEvent(again, runDeps(w))).outcome).toBe("duplicate");
    expect(await w.rows("SELECT id FROM outbox WHERE id LIKE 'out_b'")).toEqual([]);
  });
});

describe("trouble of our own", () => {
  const OURS = "4509877862268928";
  const deps = { sourceById, ours: new Set([OURS, "own-slug"]) };
  const asText = (text: string) => new TextEncoder().encode(text);

  it.each([
    ["issue-created", "data.issue.project.id", true],
    ["event-alert", "data.event.project", true], // a number there
    ["event-alert", "data.event.culprit", false], // named, but not as whose it is
  ])("is known by the facts: %s with %s", async (name, path, quiet) => {
    expect(isOurs(await sampleRun("sentry", name, { set: { [path]: OURS } }), deps)).toBe(quiet);
  });

  it("is not what a payment happens to hold", async () => {
    const set = { "data.object.description": OURS };
    expect(isOurs(await sampleRun("stripe", "payment-succeeded", { set }), deps)).toBe(false);
  });

  it.each([
    [`{"project":${OURS}`, true],
    [`{"project":"${OURS}"`, true],
    [`{"url":"/projects/acme/OWN-slug/events"`, true],
    [`{"project":1${OURS}`, false],
    [`{"slug":"own-slug-2"`, false],
  ])("is known by its text when nothing can be read: %s", async (text, quiet) => {
    const run = await sampleRun("sentry", "event-alert");
    expect(isOurs({ ...run, body: asText(text) }, deps)).toBe(quiet);
  });
});
