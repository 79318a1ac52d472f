import type pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Permanent, Transient } from "../../src/domain/errors.js";
import { type EventRun, type RunEventDeps, runEvent } from "../../src/handlers/run-event.js";
import { type DrainDeps, drainSource, sweepHolds } from "../../src/operations/drain-source.js";
import { holdSource } from "../../src/operations/hold-source.js";
import { letThrough, releaseSource } from "../../src/operations/release-source.js";
import { keptRun } from "../../src/operations/run-kept-event.js";
import { discardDeadLetter } from "../../src/operations/settle-dead-letter.js";
import { sourceById } from "../../src/sources/registry.js";
import type { Source } from "../../src/sources/source.js";
import type { Database } from "../../src/store/database.js";
import { changeHolds, takeDrain } from "../../src/store/holds.js";
import { runDeps, sampleRun } from "../support/events.js";
import { countingIds, listeningLog, type StillClock, stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

const MINUTE_MS = 60_000;
const BUDGET_MS = 60_000;

let w: StoreWorld;
let deps: DrainDeps;
let log: ReturnType<typeof listeningLog>;
let clock: StillClock;
let relayed: string[];

beforeEach(async () => {
  w = await storeWorld();
  log = listeningLog();
  clock = stillClock(w.ctx.now);
  relayed = [];
  deps = {
    ...runDeps(w),
    clock,
    log,
    ids: countingIds("h"),
    relay: async (rows) => void relayed.push(...rows.map(({ message }) => message.type)),
  };
});
afterEach(() => w.close());

const hold = (source = "stripe") =>
  holdSource({ source, reason: "a bad release", actor: "operator:anna" }, deps);
const release = (source = "stripe") =>
  releaseSource({ source, reason: null, actor: "operator:ben" }, deps);
const drain = (with_: Partial<DrainDeps> = {}) =>
  drainSource("stripe", BUDGET_MS, { ...deps, ...with_ });
const payment = (uniqueId: string, attempt = "0"): Promise<EventRun> =>
  sampleRun("stripe", "payment-succeeded", {
    uniqueId,
    attemptId: `${uniqueId}:${attempt}`,
    set: { "data.object.metadata.userId": `user-${uniqueId}` }, // a user of its own: no two wait for one another
  });
const run = async (uniqueId: string, with_: Partial<RunEventDeps> = {}) =>
  runEvent(await payment(uniqueId), { ...deps, ...with_ });
const statuses = async (): Promise<Record<string, number>> => {
  const rows = await w.rows("SELECT status, count(*)::int AS n FROM event GROUP BY 1");
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
};

/** Waits until a session of this database waits for a lock of this mode on the table of holds; others share the server. */
async function waitsFor(mode: string): Promise<void> {
  await expect
    .poll(
      () =>
        w.count(
          `pg_locks WHERE relation = 'source_hold'::regclass AND NOT granted AND mode = '${mode}'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        ),
      { timeout: 5_000, interval: 10 },
    )
    .toBe(1);
}

/** A source of the name whose reading fails for the events that are named. */
function failingFor(isBad: (text: string) => boolean): (id: string) => Source | undefined {
  return (id) => {
    const source = sourceById(id);
    if (source === undefined) return undefined;
    const normalise: Source["normalise"] = (headers, body, context) => {
      if (isBad(new TextDecoder().decode(body))) throw new TypeError("a bad release");
      return source.normalise(headers, body, context);
    };
    return { ...source, normalise };
  };
}

describe("a held source", () => {
  it("has its events kept with their bytes and nothing done, and one audit entry for all", async () => {
    const held = await hold();
    expect((await run("a")).outcome).toBe("held");
    expect((await run("b")).outcome).toBe("held");
    expect(await statuses()).toEqual({ held: 2 });
    for (const table of ["payment", "entitlement", "notice", "outbox"]) {
      expect([table, await w.count(table)]).toEqual([table, 0]);
    }
    expect(await w.count("event_body")).toBe(2);
    expect(await w.rows("SELECT processed_at FROM event")).toEqual([
      { processed_at: null },
      { processed_at: null },
    ]);
    expect(await w.rows("SELECT action, actor, subject, details FROM audit_entry")).toEqual([
      {
        action: "source.held",
        actor: "operator:anna",
        subject: held.id,
        details: { source: "stripe", reason: "a bad release" },
      },
    ]);
  });

  it("does not keep another source from its work", async () => {
    await hold();
    const other = await sampleRun("sentry", "issue-created");
    expect((await runEvent(other, deps)).outcome).toBe("processed");
  });

  it("takes a redelivery of a held event as what it is, and keeps its bytes once", async () => {
    await hold();
    await run("a");
    await runEvent(await payment("a", "1"), deps);
    expect(await statuses()).toEqual({ held: 1 });
    expect(await w.count("event_body")).toBe(1);
    expect(await w.rows("SELECT outcome FROM attempt")).toEqual([
      { outcome: "held" },
      { outcome: "held" },
    ]);
  });

  it("keeps what a failing handler could not even read, and fails again once it is released", async () => {
    await hold();
    const bad = { sourceById: failingFor(() => true) };
    expect((await run("a", bad)).outcome).toBe("held");
    await release();
    await expect(run("b", bad)).rejects.toThrow("a bad release");
  });

  it("keeps what the queue gave up on, which is no dead letter then", async () => {
    await hold();
    const verdict = new Permanent("worker_refused");
    expect((await runEvent({ ...(await payment("a")), verdict }, deps)).outcome).toBe("held");
    expect(await w.count("dead_letter")).toBe(0);
  });

  it("holds a dead event that is replayed, and its discarding is final all the same", async () => {
    const verdict = new Permanent("worker_refused");
    await runEvent({ ...(await payment("a")), verdict }, deps);
    await hold();
    expect((await runEvent(await payment("a", "1"), deps)).outcome).toBe("held");
    const [letter] = await w.rows("SELECT id FROM dead_letter");
    const request = { id: String(letter?.id), reason: "a test", actor: "admin" };
    await discardDeadLetter(request, deps);
    expect(await statuses()).toEqual({ discarded: 1 });
    await release();
    expect((await runEvent(await payment("a", "2"), deps)).outcome).toBe("duplicate");
    expect(await w.count("payment")).toBe(0);
  });

  it("whose dead event was left to the queue by a drain: discarded, it never runs again", async () => {
    const verdict = new Permanent("worker_refused");
    await runEvent({ ...(await payment("a")), verdict }, deps);
    await hold();
    const { eventId } = await run("a");
    await release();
    expect((await drain({ sourceById: failingFor(() => true) })).outcomes).toEqual({ queued: 1 });
    expect(await statuses()).toEqual({ received: 1 });
    const [letter] = await w.rows("SELECT id FROM dead_letter");
    const request = { id: String(letter?.id), reason: "a test", actor: "admin" };
    expect(await discardDeadLetter(request, deps)).toEqual({ kind: "discarded" });
    expect(await statuses()).toEqual({ discarded: 1 });

    // The message that the drain has left in the queue, as its worker takes it, and a redelivery of the source's.
    const [message] = await w.rows("SELECT id FROM outbox");
    const by = { attemptId: "msg_1:0", startedAt: clock.now(), runId: "run_1" };
    const kept = await keptRun(w.database, eventId, { ...by, completes: String(message?.id) });
    if (kept === null) throw new Error("not kept");
    expect((await runEvent(kept, deps)).outcome).toBe("duplicate");
    expect((await run("a")).outcome).toBe("duplicate");
    expect(await statuses()).toEqual({ discarded: 1 });
    expect([await w.count("payment"), await w.count("outbox")]).toEqual([0, 0]);
  });

  it("cannot be held twice, not by two at once either", async () => {
    const both = await Promise.allSettled([hold(), hold(), hold()]);
    expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const [refused] = both.filter((one) => one.status === "rejected");
    expect(refused?.reason).toMatchObject({ code: "conflict" });
    expect(await w.count("audit_entry")).toBe(1);
  });
});

describe("once a hold has returned", () => {
  /** Another session that has an event of this key under way, and so stops the claim in its middle. */
  async function blocking(uniqueId: string): Promise<pg.PoolClient> {
    const { delivery } = await payment(uniqueId);
    const client = await w.database.pool.connect();
    await client.query("BEGIN");
    await client.query(
      `INSERT INTO event (id, source, event_key, type, status, request_id, occurred_at, received_at)
       VALUES ('evt_other', 'stripe', $1, 'x', 'received', 'req', now(), now())`,
      [delivery.eventKey],
    );
    return client;
  }

  it("a claim that did not see it has ended: the hold waits for it", async () => {
    const other = await blocking("a");
    const working = run("a");
    await expect
      .poll(
        () =>
          w.count(
            "pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
          ),
        { timeout: 5_000 },
      )
      .toBe(1);
    let hasHeld = false;
    const holding = hold().then(() => {
      hasHeld = true;
    });
    await waitsFor("ExclusiveLock");
    expect(hasHeld).toBe(false);
    await other.query("ROLLBACK");
    other.release();
    expect((await working).outcome).toBe("processed");
    await holding;
    expect((await run("b")).outcome).toBe("held");
  });

  it("a claim that began before its commit sees it, though it was loaded without", async () => {
    let working: Promise<{ outcome: string }> | undefined;
    await changeHolds(w.database, async (transaction) => {
      await transaction.query(
        `INSERT INTO source_hold (id, source, reason, held_by, held_at, version)
         VALUES ('hld_1', 'stripe', 'a test', 'admin', now(), 0)`,
        [],
      );
      working = run("a");
      await waitsFor("RowShareLock");
    });
    expect((await working)?.outcome).toBe("held");
    expect(await w.count("payment")).toBe(0);
  });

  it("that lost its session between two statements fails as an outage, and ends no process", async () => {
    const ended = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = $1";
    const change = changeHolds(w.database, async (transaction) => {
      const [own] = await transaction.query<{ pid: number }>("SELECT pg_backend_pid() AS pid", []);
      await w.rows("SELECT pg_terminate_backend($1)", [own?.pid]);
      await expect.poll(() => w.rows(ended, [own?.pid])).toEqual([{ n: 0 }]);
      await transaction.query("SELECT 1", []);
    });
    await expect(change).rejects.toMatchObject({ code: "database_unavailable" });
    await hold();
    expect((await run("a")).outcome).toBe("held");
  });

  it("nothing is worked on any more, and once a release has, nothing becomes held, whoever works when", async () => {
    for (let round = 0; round < 8; round += 1) {
      const working = Array.from({ length: 40 }, (_, i) => run(`r${round}i${i}`));
      const [first] = working;
      if (round % 2 === 0) await first; // in the middle of it, or right at its beginning
      await hold();
      const worked = await w.rows("SELECT id FROM event WHERE status = 'processed'");
      await Promise.all(working);
      const later = await w.rows("SELECT id FROM event WHERE status = 'processed'");
      expect(later.length).toBe(worked.length);
      const more = Array.from({ length: 40 }, (_, i) => run(`s${round}i${i}`));
      await release();
      const held = await w.rows("SELECT id FROM event WHERE status = 'held'");
      await Promise.all(more);
      const stillHeld = await w.rows("SELECT id FROM event WHERE status = 'held'");
      expect(stillHeld.length).toBe(held.length);
    }
    const { left } = await drain();
    expect(left).toBe(0);
    expect(await statuses()).toEqual({ processed: 640 });
    expect(await w.count("payment")).toBe(640);
  }, 120_000);
});

describe("a drain", () => {
  /** Held events whose times of occurrence run against the order of their coming. */
  async function heldBackwards(count: number): Promise<void> {
    await hold();
    for (let i = 0; i < count; i += 1) {
      const one = await payment(`e${String(i).padStart(3, "0")}`);
      const delivery = { ...one.delivery, occurredAt: w.ctx.now - i * MINUTE_MS };
      await runEvent({ ...one, delivery }, deps);
    }
  }

  it("begins events in the order of occurrence, and ends when nothing is held", async () => {
    await heldBackwards(60);
    await release();
    let now = clock.now();
    const ticking = { now: () => (now += 1) }; // no two begin at one time
    const drained = await drain({ clock: ticking });
    expect(drained).toEqual({ outcomes: { processed: 60 }, left: 0, ended: "empty" });
    const wanted = await w.rows("SELECT id FROM event ORDER BY occurred_at, received_at, id");
    const begun = await w.rows(
      "SELECT event_id AS id FROM attempt WHERE outcome = 'processed' ORDER BY started_at",
    );
    expect(begun).toEqual(wanted);
    expect(relayed).toContain("notice.due.v1");
  });

  it("does nothing while the source is held", async () => {
    await heldBackwards(3);
    expect(await drain()).toEqual({ outcomes: {}, left: 3, ended: "elsewhere" });
    expect(await statuses()).toEqual({ held: 3 });
  });

  it("ends with its time, and goes on from there when it is called again", async () => {
    await heldBackwards(90);
    await release();
    const first = await drainSource("stripe", 0, deps);
    expect(first).toMatchObject({ ended: "time", outcomes: { processed: 40 }, left: 50 });
    expect(await drain()).toMatchObject({ ended: "empty", outcomes: { processed: 50 }, left: 0 });
  });

  it("that crashed is gone on with by another runner when its lease is over, and nothing is done twice", async () => {
    await heldBackwards(30);
    await release();
    let queries = 0;
    const dying: Database = {
      ...w.database,
      query: (text, values) => {
        queries += 1;
        if (queries > 40) return Promise.reject(new Transient("database_unavailable"));
        return w.database.query(text, values);
      },
    };
    await expect(drain({ database: dying })).rejects.toThrow("database_unavailable");
    const before = (await statuses()).processed ?? 0;
    expect(before).toBeGreaterThan(0);
    expect(await drain()).toMatchObject({ ended: "elsewhere", left: 30 - before });
    clock.advance(MINUTE_MS);
    expect(await drain()).toMatchObject({ ended: "empty", left: 0 });
    expect(await statuses()).toEqual({ processed: 30 });
    expect(await w.count("payment")).toBe(30);
    const told = await w.rows("SELECT subject FROM audit_entry WHERE action = 'event.processed'");
    expect(told).toHaveLength(30);
  });

  it("leaves what fails for now to the queue, and the rest is worked on", async () => {
    await heldBackwards(12);
    await release();
    const bad = failingFor((text) => text.includes("e005"));
    const { outcomes, left, ended } = await drain({ sourceById: bad });
    expect({ outcomes, left, ended }).toEqual({
      outcomes: { processed: 11, queued: 1 },
      left: 0,
      ended: "empty",
    });
    expect(await statuses()).toEqual({ processed: 11, received: 1 });
    expect(relayed.filter((type) => type === "event.replay.v1")).toHaveLength(1);
  });

  it("makes a dead letter of what cannot be worked on, and goes on", async () => {
    await hold();
    await runEvent({ ...(await payment("a")), body: new TextEncoder().encode("{") }, deps);
    await run("b");
    await release();
    expect(await drain()).toMatchObject({ outcomes: { dead: 1, processed: 1 }, left: 0 });
    expect(log.lines.find(({ level }) => level === "error")?.fields).toMatchObject({
      outcome: "dead",
      code: "unreadable_body",
    });
  });

  it("stays the only one however long its events take, a page of them longer than its lease", async () => {
    await heldBackwards(30);
    await release();
    const others: unknown[] = [];
    let isLooking = false;
    const relay = async (): Promise<void> => {
      clock.advance(7_000); // a gateway that hangs
      if (isLooking) return;
      isLooking = true;
      others.push(await drain({ relay: async () => undefined }));
      isLooking = false;
    };
    const drained = await drainSource("stripe", 10 * MINUTE_MS, { ...deps, relay });
    expect(drained).toEqual({ outcomes: { processed: 30 }, left: 0, ended: "empty" });
    expect(others.length).toBeGreaterThan(5);
    for (const other of others) expect(other).toMatchObject({ outcomes: {}, ended: "elsewhere" });
  });

  it("stops after what is under way once its lease is another's, who goes on with the rest", async () => {
    await heldBackwards(30);
    await release();
    const now = clock.now() + MINUTE_MS; // for another, the time in which this one stood still is over
    const taken: boolean[] = [];
    let begun = 0;
    const relay = async (): Promise<void> => {
      begun += 1;
      if (begun !== 5) return;
      const times = { now, until: now + MINUTE_MS };
      taken.push(await takeDrain(w.database, "stripe", "run_other", times));
    };
    const { outcomes, ended, left } = await drain({ relay });
    expect([taken, ended]).toEqual([[true], "elsewhere"]);
    expect(left).toBeGreaterThan(15);
    expect(outcomes).toEqual({ processed: 30 - left });
    clock.advance(2 * MINUTE_MS);
    expect(await drain()).toMatchObject({ ended: "empty", left: 0 });
    expect(await w.count("attempt WHERE outcome = 'processed'")).toBe(30);
  });

  it("stops when the source is held again in its middle", async () => {
    await heldBackwards(90);
    await release();
    let drained = 0;
    const relay = async (): Promise<void> => {
      drained += 1;
      if (drained === 5) await hold();
    };
    const { ended, left } = await drain({ relay });
    expect(ended).toBe("elsewhere");
    expect(left).toBeGreaterThan(70);
    await release();
    expect((await drain()).left).toBe(0);
    expect(await w.count("payment")).toBe(90);
  });

  it("is the minute's sweep's too, which says what is held", async () => {
    await heldBackwards(3);
    await hold("sentry");
    expect(await sweepHolds(deps)).toBe(0);
    const warned = log.lines.filter(
      ({ level, fields }) => level === "warn" && "heldEvents" in fields,
    );
    expect(warned.map(({ fields }) => [fields.source, fields.heldEvents])).toEqual([
      ["sentry", 0],
      ["stripe", 3],
    ]);
    await release();
    expect(await sweepHolds(deps)).toBe(3);
    expect(await statuses()).toEqual({ processed: 3 });
  });
});

describe("an event that is let through", () => {
  it("is worked on under the hold, and no other is", async () => {
    await hold();
    const tried = await run("a");
    await run("b");
    const request = { source: "stripe", reason: "a test payment", actor: "operator:anna" };
    expect(await letThrough({ ...request, events: [tried.eventId] }, deps)).toEqual([
      { id: tried.eventId, outcome: "processed" },
    ]);
    expect(await statuses()).toEqual({ held: 1, processed: 1 });
    expect((await run("c")).outcome).toBe("held");
    const told = await w.rows("SELECT subject FROM audit_entry WHERE action = 'event.let_through'");
    expect(told).toEqual([{ subject: tried.eventId }]);
  });

  it("goes from the hold's list once it is done, and stays on it while it may be run again", async () => {
    await hold();
    const given = { source: "stripe", reason: "a correction", actor: "operator:anna" };
    const through = async (uniqueId: string, with_: Partial<DrainDeps> = {}) => {
      const { eventId } = await run(uniqueId);
      await letThrough({ ...given, events: [eventId] }, { ...deps, ...with_ });
      return eventId;
    };
    const listed = async () => (await w.rows("SELECT let_through AS ids FROM source_hold"))[0]?.ids;
    const refuse = { sourceById: failingFor((text) => text.includes("user-bad")) };
    const bad = await through("bad", refuse);
    expect(await statuses()).toEqual({ received: 1 }); // left to the queue
    await through("a");
    await through("b");
    const last = await through("c");
    expect(await listed()).toEqual([bad, last]);
    expect(await statuses()).toEqual({ received: 1, processed: 3 });
    expect((await run("a")).outcome).toBe("duplicate"); // and is not held a second time
    expect(await w.count("audit_entry WHERE action = 'event.let_through'")).toBe(4);
  });

  it("must be held, and its source too", async () => {
    const { eventId } = await run("a");
    const request = { source: "stripe", reason: null, actor: "admin", events: [eventId] };
    await expect(letThrough(request, deps)).rejects.toMatchObject({ code: "conflict" });
    await hold();
    await expect(letThrough(request, deps)).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("a hold and a release that the commit refused", () => {
  /** Postgres looks at the end of the transaction, as it does for a serialization failure or a full disk. */
  const refuseCommit = async (): Promise<void> => {
    await w.rows(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'no commit'; END $$`);
    await w.rows(`CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON source_hold
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`);
  };
  const said = () => log.lines.map(({ action }) => action);

  it("are not told of in the log, since the source is as it was", async () => {
    await refuseCommit();
    await expect(hold()).rejects.toThrow();
    expect(said()).toEqual([]);
    await w.rows("DROP TRIGGER refuse ON source_hold");
    await w.rows("DROP FUNCTION refuse");
    await hold();
    expect(said()).toEqual(["source.held"]);
    await refuseCommit();
    await expect(release()).rejects.toThrow();
    expect(said()).toEqual(["source.held"]);
    expect((await run("a")).outcome).toBe("held");
  });
});

describe("a release", () => {
  it("may be repeated, and leaves who and why", async () => {
    expect(await release()).toBeNull();
    await hold();
    expect(await release()).toMatchObject({ releasedBy: "operator:ben" });
    expect(await release()).toBeNull();
    expect((await run("a")).outcome).toBe("processed");
    const told = await w.rows("SELECT actor FROM audit_entry WHERE action = 'source.released'");
    expect(told).toEqual([{ actor: "operator:ben" }]);
  });
});
