import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildChannels } from "../../src/channels/registry.js";
import { Permanent, Transient } from "../../src/domain/errors.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { failNotice } from "../../src/handlers/send-notification/index.js";
import { sweepOutbox } from "../../src/operations/relay-outbox.js";
import { reopenReplay } from "../../src/operations/reopen-dead-letter.js";
import { replayDeadLetter } from "../../src/operations/settle-dead-letter.js";
import { type Publisher, queueError } from "../../src/queues/publish.js";
import { runDeps, sampleRun } from "../support/events.js";
import { countingIds, listeningLog, type StillClock, stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

const HOUR_MS = 3_600_000;
/** Refusals of a row, the last of which ends it. */
const TAKES = 8;

let w: StoreWorld;
let clock: StillClock;
beforeEach(async () => {
  w = await storeWorld();
  clock = stillClock(w.ctx.now + HOUR_MS);
});
afterEach(() => w.close());

/** A sweep whose queue fails, where it fails, as `failing` says. */
function sweepOf(failing: (outboxId: string) => Error | null) {
  const sent: string[] = [];
  const log = listeningLog();
  const unused = () => Promise.reject(new Error("not used by this sweep"));
  const publisher: Publisher = {
    publishDelivery: unused,
    republish: unused,
    async publishOutbox(rows) {
      for (const { id } of rows) {
        const error = failing(id);
        if (error !== null) throw error;
      }
      sent.push(...rows.map(({ id }) => id));
    },
  };
  const deps = runDeps(w);
  const channels = buildChannels({ platformName: "Test" });
  const run = () =>
    sweepOutbox({
      database: w.database,
      publisher,
      clock,
      log,
      buryNotice: (due, error) => failNotice(due, error, { ...deps, channels }),
      reopenReplay: (eventId, error) => reopenReplay(eventId, error, deps),
    });
  return {
    run,
    sent,
    log,
    /** Sweeps hour by hour, by which time every row is due again. */
    async hourly(times: number) {
      for (let i = 0; i < times; i += 1) {
        await run();
        clock.advance(HOUR_MS);
      }
    },
  };
}

const refusal = (): Error => queueError(400, { detail: "QStash answered 400" });

async function notices(uniqueIds: readonly string[]): Promise<string[]> {
  for (const uniqueId of uniqueIds) {
    const deps = { ...runDeps(w), ids: countingIds(uniqueId) };
    await runEvent(await sampleRun("stripe", "payment-succeeded", { uniqueId }), deps);
  }
  return (await w.rows("SELECT id FROM outbox ORDER BY id")).map(({ id }) => String(id));
}

const letters = () => w.rows("SELECT status, code, message FROM dead_letter");

describe("the sweep of the outbox", () => {
  it("lets the others pass a row that the queue refuses, which waits for its next turn", async () => {
    const ids = await notices(["a", "b"]);
    const sweep = sweepOf((id) => (id === ids[0] ? refusal() : null));
    expect(await sweep.run()).toBe(1);
    expect(sweep.sent).toEqual([ids[1]]);
    expect(sweep.log.lines).toMatchObject([
      { action: "outbox.refused", fields: { outboxId: ids[0] } },
    ]);
    expect(await sweep.run(), "it backs off").toBe(0);
  });

  it("hands a notice to a person that the queue always refuses, and ends its row", async () => {
    await notices(["a"]);
    const sweep = sweepOf(refusal);
    await sweep.hourly(TAKES - 1);
    expect([await w.count("outbox"), await letters()]).toEqual([1, []]);
    await sweep.run();
    expect(await w.count("outbox")).toBe(0);
    expect(await w.rows("SELECT status FROM notice")).toEqual([{ status: "failed" }]);
    expect(await letters()).toMatchObject([
      { status: "open", code: "queue_refused", message: expect.stringContaining("answered 400") },
    ]);
  });

  it("counts what the queue refuses, and not the takes that an outage has cost", async () => {
    await notices(["a"]);
    await sweepOf(() => null).hourly(2 * TAKES); // taken, and never completed: its worker is down
    const sweep = sweepOf(refusal);
    await sweep.hourly(TAKES - 1);
    expect([await w.count("outbox"), await letters()]).toEqual([1, []]);
    await sweep.run();
    expect(await letters()).toMatchObject([{ status: "open", code: "queue_refused" }]);
  });

  it("opens the dead letter anew whose replay the queue always refuses", async () => {
    const verdict = new Permanent("worker_refused");
    const run = await sampleRun("stripe", "payment-succeeded");
    await runEvent({ ...run, verdict }, runDeps(w));
    const [letter] = await w.rows("SELECT id FROM dead_letter");
    const request = { id: String(letter?.id), reason: "mended", actor: "admin" };
    await replayDeadLetter(request, { ...runDeps(w), relay: () => Promise.resolve() });
    await sweepOf(refusal).hourly(TAKES);
    expect(await letters()).toMatchObject([{ status: "open", code: "queue_refused" }]);
    expect(await w.count("outbox")).toBe(0);
  });

  it("ends a timer's wake-up that the queue always refuses, and leaves the timer to its sweep", async () => {
    const message = {
      type: "timer.due.v1",
      timerId: "tmr_1",
      dueAt: 1,
      runId: "r",
      requestId: "q",
    };
    await w.rows(
      `INSERT INTO timer (id, kind, subject, due_at, status, created_at, version)
       VALUES ('tmr_1', 'notice.give_up', 'ntc_1', now(), 'waiting', now(), 0)`,
    );
    await w.rows(
      `INSERT INTO outbox (id, message, created_at, due_at, publishes)
       VALUES ('out_1', $1, to_timestamp(0), to_timestamp(0), 0)`,
      [JSON.stringify(message)],
    );
    await sweepOf(refusal).hourly(TAKES);
    expect(await w.count("outbox")).toBe(0);
    expect(await w.rows("SELECT status FROM timer")).toEqual([{ status: "waiting" }]);
    expect(await letters()).toEqual([]);
  });

  it("never takes a queue that is down for one that refuses", async () => {
    await notices(["a"]);
    const sweep = sweepOf(() => new Transient("queue_unavailable", { detail: "down" }));
    for (let i = 0; i < 2 * TAKES; i += 1) {
      await expect(sweep.run()).rejects.toThrow("queue_unavailable");
      clock.advance(HOUR_MS);
    }
    expect([await w.count("outbox"), await letters()]).toEqual([1, []]);
  });
});
