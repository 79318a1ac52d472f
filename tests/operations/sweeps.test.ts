import { describe, expect, it } from "vitest";
import { buildChannels } from "../../src/channels/registry.js";
import { Transient } from "../../src/domain/errors.js";
import type { Kv } from "../../src/domain/ports.js";
import { SPILL_INDEX, spillKey } from "../../src/ingest/spill.js";
import { sweepSpills } from "../../src/ingest/sweep-spills.js";
import { sweepTimers } from "../../src/operations/run-timer.js";
import { sweepDeadMessages } from "../../src/operations/sweep-dead-messages.js";
import type { DeadMessage, QueueAccount } from "../../src/queues/account.js";
import type { Publisher } from "../../src/queues/publish.js";
import { countingIds, listeningLog, stillClock } from "../support/fakes.js";
import { storeWorld } from "../support/store.js";

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
    parkedCount: () => Promise.resolve(parked.size),
    unpark(_index, key) {
      parked.delete(key);
      return Promise.resolve();
    },
    ping: () => Promise.resolve(),
    setFor: unused,
    delete: unused,
    tally: unused,
    counts: unused,
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
    await expect(sweepSpills({ ...deps, publisher })).rejects.toThrow("poison");
    expect(publisher.taken).toEqual(["a", "b", "c"]);
    expect(deps.kv.keys()).toEqual([spillKey("poison")]);
    expect(deps.log.lines.map(({ action }) => action)).toEqual(["spill.refused"]);
    await deps.kv.park(SPILL_INDEX, spillKey("d"), '{"deduplicationId":"d","body":""}', 9e15, 1);
    await expect(sweepSpills({ ...deps, publisher })).rejects.toThrow("poison");
    expect(publisher.taken, "nor does it stand before those that come later").toContain("d");
  });

  it("stops soon when the queue takes nothing, and leaves everything where it is", async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `m${String(i).padStart(2, "0")}`);
    const deps = await spilled(ids);
    const publisher = queue(() => false);
    await expect(sweepSpills({ ...deps, publisher })).rejects.toThrow("queue_unavailable");
    expect(publisher.asked.length).toBeLessThanOrEqual(3);
    expect(deps.kv.keys()).toHaveLength(50);
  });
});

const dead = (messageId: string, responseStatus: number): DeadMessage => ({
  dlqId: `dlq_${messageId}`,
  messageId,
  queue: "events",
  headers: new Headers({ "signalbox-delivery": "v1.x.y" }),
  body: new Uint8Array(),
  createdAt: 0,
  responseStatus,
  responseBody: "{}",
});

describe("the sweep of QStash's dead letters", () => {
  it("settles the others when one cannot be settled, and leaves that one for the next sweep", async () => {
    const w = await storeWorld();
    const deleted: string[] = [];
    const buried: string[] = [];
    const account: QueueAccount = {
      listDead: () =>
        Promise.resolve({ messages: [dead("one", 489), dead("two", 489), dead("three", 489)] }),
      deleteDead(dlqId) {
        deleted.push(dlqId);
        return Promise.resolve();
      },
      ensureSchedule: () => Promise.resolve("kept"),
    };
    const log = listeningLog();
    const report = await sweepDeadMessages({
      account,
      publisher: queue(() => true),
      database: w.database,
      kv: spillKv(),
      clock: stillClock(0),
      ids: countingIds(),
      log,
      buryEvent({ messageId }) {
        if (messageId === "one") return Promise.reject(new TypeError("invalid gzip data"));
        buried.push(messageId);
        return Promise.resolve();
      },
      buryNotice: () => Promise.resolve(),
    });
    await w.close();
    expect(report).toMatchObject({ buried: 2, stuck: 1 });
    expect(deleted).toEqual(["dlq_two", "dlq_three"]);
    expect(log.lines.filter(({ level }) => level === "error")).toMatchObject([
      { action: "dead_message.stuck", fields: { messageId: "one", detail: "invalid gzip data" } },
    ]);
  });
});

describe("the sweep of timers", () => {
  it("runs the others when one's subject is gone, and then says that one failed", async () => {
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
    };
    await expect(sweepTimers(deps)).rejects.toThrow("not_found");
    expect(await w.rows("SELECT status FROM notice")).toEqual([{ status: "unknown" }]);
    await w.close();
  });
});
