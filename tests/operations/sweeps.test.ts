import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildChannels } from "../../src/channels/registry.js";
import { Permanent, Transient } from "../../src/domain/errors.js";
import type { Kv } from "../../src/domain/ports.js";
import { DAY_MS } from "../../src/domain/time.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { failNotice } from "../../src/handlers/send-notification/index.js";
import { SPILL_INDEX, spillKey } from "../../src/ingest/spill.js";
import { sweepSpills } from "../../src/ingest/sweep-spills.js";
import { reopenReplay } from "../../src/operations/reopen-dead-letter.js";
import { sweepTimers } from "../../src/operations/run-timer.js";
import { replayDeadLetter } from "../../src/operations/settle-dead-letter.js";
import { sweepDeadMessages } from "../../src/operations/sweep-dead-messages.js";
import type { DeadMessage, QueueAccount } from "../../src/queues/account.js";
import { type Publisher, queueError } from "../../src/queues/publish.js";
import type { Database } from "../../src/store/database.js";
import { noticeTimers, runDeps, sampleRun } from "../support/events.js";
import { countingIds, listeningLog, type StillClock, stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

const T0 = stillClock().now();

/** The one index of KV that a sweep of the spill walks, in memory and in order. */
function spillKv(): Kv & { keys(): string[] } {
  const parked = new Map<string, { value: string; at: number }>();
  const keys = (): string[] => [...parked].sort(([, a], [, b]) => a.at - b.at).map(([key]) => key);
  const unused = () => Promise.reject(new Error("not used by a sweep"));
  return {
    keys,
    get: (key) => Promise.resolve(parked.get(key)?.value ?? null),
    park(_index, key, value, at) {
      parked.set(key, { value, at });
      return Promise.resolve();
    },
    parked: (_index, limit) => Promise.resolve(keys().slice(0, limit)),
    unpark(_index, key) {
      parked.delete(key);
      return Promise.resolve();
    },
    ping: () => Promise.resolve(),
    setFor: unused,
    delete: unused,
    tally: unused,
    counts: unused,
    count: () => Promise.resolve(parked.size),
    list: unused,
  };
}

/** A queue that takes what the test lets it take, and remembers it. */
function queue(takes: (id: string) => boolean): Publisher & { taken: string[]; asked: string[] } {
  const taken: string[] = [];
  const asked: string[] = [];
  const take = (id: string): Promise<{ messageId: string; deduplicated: boolean }> => {
    asked.push(id);
    if (!takes(id)) return Promise.reject(new Transient("queue_unavailable", { detail: id }));
    taken.push(id);
    return Promise.resolve({ messageId: `msg_${id}`, deduplicated: false });
  };
  return {
    taken,
    asked,
    publishDelivery: ({ deduplicationId }) => take(deduplicationId),
    publishOutbox: () => Promise.resolve(),
    republish: async ({ deduplicationId }) => {
      await take(deduplicationId);
    },
  };
}

async function spilled(ids: readonly string[]) {
  const kv = spillKv();
  const clock = stillClock();
  for (const [i, deduplicationId] of ids.entries()) {
    const value = JSON.stringify({ sealed: "v1.x.y", deduplicationId, body: "e30=" });
    await kv.park(SPILL_INDEX, spillKey(deduplicationId), value, clock.now() + i, 1_000);
  }
  clock.advance(60_000);
  return { kv, clock, log: listeningLog() };
}

describe("the sweep of the spill", () => {
  it("lets the others pass one that the queue refuses, keeps that one, and says so", async () => {
    const deps = await spilled(["a", "poison", "b", "c"]);
    const publisher = queue((id) => id !== "poison");
    await expect(sweepSpills({ ...deps, publisher, queueTokens: [] })).rejects.toThrow("poison");
    expect(publisher.taken).toEqual(["a", "b", "c"]);
    expect(deps.kv.keys()).toEqual([spillKey("poison")]);
    expect(deps.log.lines.map(({ action }) => action)).toEqual(["spill.refused"]);
    await deps.kv.park(SPILL_INDEX, spillKey("d"), '{"deduplicationId":"d","body":""}', 9e15, 1);
    await expect(sweepSpills({ ...deps, publisher, queueTokens: [] })).rejects.toThrow("poison");
    expect(publisher.taken, "nor does it stand before those that come later").toContain("d");
  });

  it("stops soon when the queue takes nothing, and leaves everything where it is", async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `m${String(i).padStart(2, "0")}`);
    const deps = await spilled(ids);
    const publisher = queue(() => false);
    await expect(sweepSpills({ ...deps, publisher, queueTokens: [] })).rejects.toThrow(
      "queue_unavailable",
    );
    expect(publisher.asked.length).toBeLessThanOrEqual(3);
    expect(deps.kv.keys()).toHaveLength(50);
  });
});

const dead = (messageId: string, responseStatus: number, code = "internal"): DeadMessage => ({
  dlqId: `dlq_${messageId}`,
  messageId,
  queue: "events",
  isSchedule: false,
  headers: new Headers({ "signalbox-delivery": "v1.x.y" }),
  body: new Uint8Array(),
  createdAt: T0,
  responseStatus,
  responseBody: JSON.stringify({ code }),
});

/** What the outbox sent of a row, given up on by the queue. */
const deadOutbox = (row: Row | undefined, responseStatus: number, code: string): DeadMessage => ({
  ...dead(String(row?.id), responseStatus, code),
  headers: new Headers(),
  body: Uint8Array.from(
    Buffer.from(JSON.stringify({ ...(row?.message as object), outboxId: row?.id })),
  ),
});

/** A sweep over these entries, page by page, with a real database and what the test breaks of the rest. */
function sweepOf(entries: readonly DeadMessage[], w: StoreWorld, broken: Broken = {}) {
  const left = new Map(entries.map((entry) => [entry.dlqId, entry]));
  const listed = [...entries];
  const buried: string[] = [];
  const republished: Parameters<Publisher["republish"]>[0][] = [];
  const log = listeningLog();
  const account: QueueAccount = {
    listDead(cursor) {
      const at = Number(cursor ?? 0);
      const page = { messages: listed.slice(at, at + 20) };
      return Promise.resolve(at + 20 < listed.length ? { ...page, cursor: `${at + 20}` } : page);
    },
    async deleteDead(dlqId) {
      await broken.onDelete?.(dlqId);
      left.delete(dlqId);
    },
    ensureSchedule: () => Promise.resolve("kept"),
    flow: () => Promise.resolve(null),
    ping: () => Promise.resolve(),
  };
  const deps = {
    account,
    publisher: {
      ...queue(() => true),
      async republish(message: Parameters<Publisher["republish"]>[0]) {
        await broken.onRepublish?.(republished.length);
        republished.push(message);
      },
    },
    database: broken.database ?? w.database,
    kv: {
      ...spillKv(),
      get: () => Promise.resolve(null),
      delete: () => Promise.resolve(),
      setFor: () => Promise.resolve(),
      ping: broken.ping ?? (() => Promise.resolve()),
    },
    lastRun: { place: undefined },
    clock: broken.clock ?? stillClock(T0),
    ids: countingIds("s"),
    log,
    async buryEvent({ messageId }: DeadMessage) {
      await broken.onBury?.(messageId);
      buried.push(messageId);
    },
    buryNotice: (due: { noticeId: string; requestId: string }, error: Permanent) =>
      failNotice(due, error, { ...runDeps(w), channels: buildChannels({ platformName: "Test" }) }),
    reopenReplay: (eventId: string, error: Permanent) => reopenReplay(eventId, error, runDeps(w)),
  };
  const run = () => sweepDeadMessages(deps);
  return { run, buried, republished, log, left: () => [...left.keys()] };
}

const sentWith = ({ republished }: ReturnType<typeof sweepOf>) =>
  ({ ...republished.at(-1)?.headers }) as Record<string, string>;

type Row = Record<string, unknown>;
interface Broken {
  onDelete?: (dlqId: string) => Promise<void>;
  onRepublish?: (before: number) => Promise<void>;
  onBury?: (messageId: string) => Promise<void>;
  ping?: () => Promise<void>;
  clock?: StillClock;
  database?: Database;
}

const refused = (status: number) => (): Promise<never> =>
  Promise.reject(queueError(status, { detail: `QStash answered ${status}` }));

describe("the sweep of QStash's dead letters", () => {
  let w: StoreWorld;
  beforeEach(async () => {
    w = await storeWorld();
  });
  afterEach(() => w.close());

  it("ends before its function would, where each waits for a database that is busy", async () => {
    const clock = stillClock(T0);
    const onBury = async () => {
      clock.advance(61_000);
      throw new Transient("database_busy", { detail: "canceled" });
    };
    const entries = ["one", "two", "three"].map((id) => dead(id, 489));
    const sweep = sweepOf(entries, w, { onBury, clock });
    expect(await sweep.run()).toMatchObject({ buried: 0, stuck: 2 });
    expect(sweep.left(), "all of them are the next sweep's").toHaveLength(3);
  });

  it("settles the others when one cannot be settled, and leaves that one for the next sweep", async () => {
    const onBury = (id: string) =>
      id === "one" ? Promise.reject(new TypeError("invalid gzip data")) : Promise.resolve();
    const entries = [dead("one", 489), dead("two", 489), dead("three", 489)];
    const sweep = sweepOf(entries, w, { onBury });
    expect(await sweep.run()).toMatchObject({ buried: 2, stuck: 1 });
    expect(sweep.left()).toEqual(["dlq_one"]);
    expect(sweep.log.lines.filter(({ level }) => level === "error")).toMatchObject([
      { action: "dead_message.stuck", fields: { messageId: "one", detail: "invalid gzip data" } },
    ]);
  });

  it("goes on past an entry that the queue refuses to take again", async () => {
    const entries = [dead("one", 503, "database_unavailable"), dead("two", 489)];
    const sweep = sweepOf(entries, w, { onRepublish: refused(400) });
    expect(await sweep.run()).toMatchObject({ buried: 1, stuck: 1 });
    expect(sweep.left()).toEqual(["dlq_one"]);
  });

  it.each([401, 429, 500])("ends when the queue is gone for all: %i", async (status) => {
    const sweep = sweepOf([dead("one", 503), dead("two", 503)], w, {
      onRepublish: refused(status),
    });
    await expect(sweep.run()).rejects.toThrow("queue_unavailable");
    expect(sweep.left()).toHaveLength(2);
  });

  it("finds what can be settled behind any number that wait", async () => {
    const waiting = Array.from({ length: 401 }, (_, i) => dead(`w${i}`, 503, "kv_unavailable"));
    const ping = () => Promise.reject(new Error("down"));
    const sweep = sweepOf([...waiting, dead("behind", 489)], w, { ping });
    expect(await sweep.run()).toMatchObject({ waiting: 401, buried: 1 });
    expect(sweep.buried).toEqual(["behind"]);
  });

  it("takes a platform's page for a worker that was not there, and our own 500 for its last word", async () => {
    const page = { ...dead("page", 500), responseBody: "A server error has occurred" };
    const nothing = { ...dead("null", 500), responseBody: "null" };
    const sweep = sweepOf([page, nothing, dead("ours", 500)], w);
    expect(await sweep.run()).toMatchObject({ redriven: 2, buried: 1 });
    expect(sweep.buried).toEqual(["ours"]);
  });

  it("publishes anew before the queue forgets it, though the database is still gone", async () => {
    const clock = stillClock(T0 + 2 * DAY_MS - 1);
    const database = { ...w.database, query: () => Promise.reject(new Error("down")) };
    const sweep = sweepOf([dead("one", 503, "database_unavailable")], w, { clock, database });
    expect(await sweep.run()).toMatchObject({ waiting: 1 });
    clock.advance(2);
    expect(await sweep.run()).toMatchObject({ redriven: 1 });
    expect(sweep.republished[0]?.headers).toMatchObject({ "signalbox-redriven-since": `${T0}` });
    expect(sweep.left()).toEqual([]);
  });

  it("does not forget what can neither be run nor buried", async () => {
    const onBury = () => Promise.reject(new TypeError("invalid gzip data"));
    const clock = stillClock(T0 + 2 * DAY_MS + 1);
    const sweep = sweepOf([dead("one", 489)], w, { onBury, clock });
    expect(await sweep.run()).toMatchObject({ redriven: 1 });
  });

  it("sends what crashes every worker less and less often", async () => {
    const clock = stillClock(T0 + 10 * 60_000);
    const crash = { ...dead("one", 502), createdAt: clock.now() };
    expect(await sweepOf([crash], w, { clock }).run(), "at once").toMatchObject({ redriven: 1 });
    crash.headers.set("signalbox-redriven-since", String(T0));
    const again = sweepOf([crash], w, { clock });
    clock.advance(10 * 60_000 - 1);
    expect(await again.run()).toMatchObject({ waiting: 1 });
    clock.advance(1);
    expect(await again.run()).toMatchObject({ redriven: 1 });
  });

  it("waits by our own clock, however far the queue's is ahead", async () => {
    const clock = stillClock(T0);
    const ahead = { ...dead("one", 502), createdAt: T0 + 3_600_000 };
    const first = sweepOf([ahead], w, { clock });
    expect(await first.run(), "at once").toMatchObject({ redriven: 1 });
    clock.advance(4_000);
    const second = sweepOf([{ ...ahead, headers: new Headers(sentWith(first)) }], w, { clock });
    expect(await second.run(), "it had been tried for no time").toMatchObject({ redriven: 1 });
    const third = sweepOf([{ ...ahead, headers: new Headers(sentWith(second)) }], w, { clock });
    clock.advance(3_999);
    expect(await third.run(), "it had been tried for four seconds").toMatchObject({ waiting: 1 });
    clock.advance(1);
    expect(await third.run()).toMatchObject({ redriven: 1 });
  });

  it("hands a notice to a person whose worker always fails, and ends its outbox row", async () => {
    await runEvent(await sampleRun("stripe", "payment-succeeded"), runDeps(w));
    const [row] = await w.rows("SELECT id, message FROM outbox");
    expect(await sweepOf([deadOutbox(row, 503, "channel_unavailable")], w).run()).toMatchObject({
      dropped: 1,
    });
    expect(await w.count("outbox"), "the outbox sends again what wants a retry").toBe(1);
    expect(await sweepOf([deadOutbox(row, 500, "internal")], w).run()).toMatchObject({ buried: 1 });
    expect(await w.rows("SELECT status FROM notice")).toEqual([{ status: "failed" }]);
    expect(await w.rows("SELECT status, code FROM dead_letter")).toEqual([
      { status: "open", code: "worker_refused" },
    ]);
    expect(await w.count("outbox")).toBe(0);
  });

  it("hands over what the outbox has sent in vain for seven days, however young its last message is", async () => {
    await runEvent(await sampleRun("stripe", "payment-succeeded"), runDeps(w));
    const [row] = await w.rows("SELECT id, message FROM outbox");
    const clock = stillClock(w.ctx.now + 7 * DAY_MS + 1);
    const entry = { ...deadOutbox(row, 503, "database_busy"), createdAt: clock.now() };
    expect(await sweepOf([entry], w, { clock }).run()).toMatchObject({ buried: 1 });
    expect(await w.count("outbox")).toBe(0);
  });

  it("opens the dead letter anew whose replay always fails, and invents no event", async () => {
    const run = await sampleRun("stripe", "payment-succeeded");
    const verdict = new Permanent("worker_refused");
    const { eventId } = await runEvent({ ...run, verdict }, runDeps(w));
    const [letter] = await w.rows("SELECT id FROM dead_letter");
    const request = { id: String(letter?.id), reason: "mended", actor: "admin" };
    await replayDeadLetter(request, { ...runDeps(w), relay: () => Promise.resolve() });
    const [row] = await w.rows("SELECT id, message FROM outbox");
    expect(await sweepOf([deadOutbox(row, 500, "internal")], w).run()).toMatchObject({ buried: 1 });
    expect(await w.rows("SELECT event_id, status, deaths FROM dead_letter")).toEqual([
      { event_id: eventId, status: "open", deaths: 2 },
    ]);
    const actions = (await w.rows("SELECT action FROM audit_entry")).map(({ action }) => action);
    expect(actions).toContain("dead_letter.reopened");
    expect([await w.count("event"), await w.count("outbox")]).toEqual([1, 0]);
  });

  it("ends a message whose notice or event is no more", async () => {
    const gone = { runId: "run_1", requestId: "req_1" };
    const messages = [
      { type: "notice.due.v1", noticeId: "ntc_gone", channel: "email", ...gone },
      { type: "event.replay.v1", eventId: "evt_gone", ...gone },
    ];
    for (const [i, message] of messages.entries()) {
      await w.rows(
        "INSERT INTO outbox (id, message, created_at, due_at, publishes) VALUES ($1, $2, now(), now(), 1)",
        [`out_${i}`, JSON.stringify(message)],
      );
    }
    const rows = await w.rows("SELECT id, message FROM outbox ORDER BY id");
    const sweep = sweepOf(
      rows.map((row) => deadOutbox(row, 489, "not_found")),
      w,
    );
    expect(await sweep.run()).toMatchObject({ stuck: 0 });
    expect([sweep.left(), await w.count("outbox")]).toEqual([[], 0]);
  });

  it("keeps a notice to its vendor's rate when it is published anew", async () => {
    await runEvent(await sampleRun("stripe", "payment-succeeded"), runDeps(w));
    const [row] = await w.rows("SELECT id, message FROM outbox");
    await w.rows("DELETE FROM outbox"); // its worker reserved it, and then the vendor was down
    const sweep = sweepOf([deadOutbox(row, 503, "channel_unavailable")], w);
    expect(await sweep.run()).toMatchObject({ redriven: 1 });
    expect(sweep.republished[0]?.message).toMatchObject({
      type: "notice.due.v1",
      channel: "email",
    });
  });
});

describe("the sweep of timers", () => {
  it("ends a timer whose notice is gone, once and for all, and runs the others", async () => {
    const w = await storeWorld();
    const { now } = w.ctx;
    const insert = `INSERT INTO timer (id, kind, subject, due_at, status, created_at, version)
      VALUES ($1, 'notice.give_up', $2, to_timestamp($3::float8 / 1000), 'waiting', now(), 0)`;
    await w.database.query(insert, ["tmr_1", "ntc_gone", now - 2_000]);
    await w.database.query(
      `INSERT INTO notice (id, channel, template, cause, recipient, locale, data, status, calls, created_at, version)
       VALUES ('ntc_here', 'slack', 'incident-raised', 'a cause', 'slack', 'en', '{}', 'sending', 1, now(), 0)`,
      [],
    );
    await w.database.query(insert, ["tmr_2", "ntc_here", now - 1_000]);
    const deps = {
      database: w.database,
      channels: buildChannels({ platformName: "Test" }),
      clock: stillClock(now),
      ids: countingIds(),
      ...noticeTimers,
    };
    expect(await sweepTimers(deps)).toBe(2);
    expect(await w.rows("SELECT id, status FROM timer ORDER BY id")).toEqual([
      { id: "tmr_1", status: "done" },
      { id: "tmr_2", status: "done" },
    ]);
    expect(await sweepTimers(deps), "and no minute finds it again").toBe(0);
    expect(await w.rows("SELECT status FROM notice")).toEqual([{ status: "unknown" }]);
    await w.close();
  });

  it("lets the later pages pass an incident whose rows are busy, and says so; only a database that is gone ends it", async () => {
    const w = await storeWorld();
    const { now } = w.ctx;
    for (const [i, subject] of ["inc_1", "inc_2", "inc_3"].entries()) {
      await w.database.query(
        `INSERT INTO timer (id, kind, subject, due_at, status, created_at, version)
         VALUES ($1, 'incident.due', $2, to_timestamp($3::float8 / 1000), 'waiting', now(), 0)`,
        [`tmr_${i}`, subject, now - 3_000 + i],
      );
    }
    const seen: string[] = [];
    const clock = stillClock(now);
    const sweep = (code: "database_busy" | "database_unavailable", takesMs = 0) =>
      sweepTimers({
        database: w.database,
        channels: buildChannels({ platformName: "Test" }),
        clock,
        ids: countingIds(),
        ...noticeTimers,
        runIncident: ({ incidentId }) => {
          seen.push(incidentId);
          clock.advance(takesMs);
          if (incidentId === "inc_1") throw new Transient(code, { detail: incidentId });
          return Promise.resolve();
        },
      });
    await expect(sweep("database_busy")).rejects.toThrow("inc_1");
    expect(seen.splice(0)).toEqual(["inc_1", "inc_2", "inc_3"]);
    await expect(sweep("database_unavailable")).rejects.toThrow("inc_1");
    expect(seen.splice(0)).toEqual(["inc_1"]);
    await expect(sweep("database_busy", 31_000)).rejects.toThrow("inc_1");
    expect(seen, "a minute of waiting is enough: what comes after has its turn").toEqual([
      "inc_1",
      "inc_2",
    ]);
    await w.close();
  });
});
