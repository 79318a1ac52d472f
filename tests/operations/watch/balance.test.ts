import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Transient } from "../../../src/domain/errors.js";
import { OWN_VERIFIERS } from "../../../src/domain/event.js";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../src/domain/time.js";
import { runEvent } from "../../../src/handlers/run-event.js";
import { drainSource } from "../../../src/operations/drain-source.js";
import { holdSource } from "../../../src/operations/hold-source.js";
import { releaseSource } from "../../../src/operations/release-source.js";
import { keptRun } from "../../../src/operations/run-kept-event.js";
import { readDoorBalance, watchBalance } from "../../../src/operations/watch/index.js";
import { type BalanceWorld, balanceWorld } from "./balance-world.js";
import { NOW } from "./world.js";

let b: BalanceWorld;
beforeEach(async () => {
  b = await balanceWorld();
  await watchBalance(b.deps); // the first time: counting begins with the next minute
  b.clock.advance(MINUTE_MS);
});
afterEach(() => b.close());

/** Acknowledged, and worked on at once. */
const whole = async (eventKey: string): Promise<void> => {
  await b.counted("accepted");
  await b.arrives(eventKey);
};
const LOST =
  "raised: 1 of 2 deliveries that the door acknowledged to vercel (2026-11-21 16:01–16:10 Asia/Bangkok) have come to no worker; lost or stuck at the queue: 1. Next: npx --no signalbox door balance, and docs/runbooks/accepted-but-not-there.md";
const TWO_HOURS = 120;

describe("a delivery that the door acknowledged and no worker has had", () => {
  it("is told once, with its source, its time in the policy's zone and the numbers, though nothing comes after it", async () => {
    b.setPolicy({ timeZone: "Asia/Bangkok" });
    await whole("evt_1");
    await b.counted("accepted");
    expect(await b.minutes(18), "not yet settled, and then found once").toEqual([]);
    expect(await b.minutes(TWO_HOURS)).toEqual([
      LOST,
      "resolved: What the door acknowledges to vercel comes to a worker again",
    ]);
    expect(b.told[0]).toMatchObject({
      ...{ groupKey: "monitor:balance:vercel", signalKind: "lag", level: "error" },
      ...{ service: "vercel", aside: true, tags: { check: "balance", source: "vercel" } },
    });
    expect(b.told[0]?.at, "since it was missed first").toBe(NOW + 20 * MINUTE_MS);
  });

  it("is over twenty minutes after it has come late", async () => {
    await b.counted("accepted");
    const receivedAt = b.clock.now();
    expect(await b.minutes(25)).toHaveLength(1);
    await b.arrives("evt_late", { receivedAt });
    expect(await b.minutes(22)).toEqual([]);
    expect(await b.minutes(5)).toEqual([
      "resolved: What the door acknowledges to vercel comes to a worker again",
    ]);
    expect(await b.minutes(TWO_HOURS)).toEqual([]);
  });

  it("is not made up for by what came before counting began", async () => {
    await b.arrives("evt_1", { receivedAt: NOW });
    await b.counted("accepted");
    expect(await b.minutes(25)).toHaveLength(1);
  });

  it("of a source that is no more is over", async () => {
    await b.counted("accepted");
    expect(await b.minutes(25)).toHaveLength(1);
    b.clock.advance(4 * MINUTE_MS); // to its next look
    const without = b.deps.sources.filter(({ id }) => id !== "vercel");
    expect(await watchBalance({ ...b.deps, sources: without })).toMatchObject({ resolved: 1 });
  });

  it("is told as long as more are lost, as one trouble", async () => {
    for (let hour = 0; hour < 3; hour += 1) {
      await b.counted("accepted");
      await b.minutes(55);
    }
    expect(b.told.map(({ kind }) => kind)).toEqual(["raised"]);
  });

  it("is not made up for by what reconciliation sent, by a drain or by a correction", async () => {
    await holdSource({ source: "vercel", reason: "a test", actor: "operator:anna" }, acting());
    for (const key of ["evt_1", "evt_2"]) await whole(key);
    await b.minutes(2);
    await b.counted("accepted"); // this one is lost
    await b.arrives("evt_fetched", { verifiedBy: OWN_VERIFIERS.reconciliation });
    await b.arrives("evt_put_right", {
      verifiedBy: OWN_VERIFIERS.correction,
      attemptId: "att_000001",
    });
    await releaseSource({ source: "vercel", reason: null, actor: "operator:ben" }, acting());
    await drainSource("vercel", MINUTE_MS, acting());
    expect(await b.minutes(30)).toMatchObject([/^raised: 1 of 3 .*: 1\. Next/].map(matching));
  });

  it("is not made up for by a message that was tried before the window and is tried again", async () => {
    await b.counted("accepted");
    await b.arrives("evt_1", { message: "msg_tried", body: "{" });
    await b.minutes(90);
    await b.counted("accepted"); // this one is lost
    await b.arrives("evt_1", { message: "msg_tried", retried: 1, body: "{" });
    expect(await b.minutes(30)).toHaveLength(1);
  });

  it("is found in the window although the queue's own messages keep coming, each exactly once", async () => {
    for (let n = 0; n < 40; n += 1) {
      if (n !== 17) await b.arrives(`evt_${n}`);
      await b.counted("accepted");
      await b.minutes(1);
    }
    expect(b.told.map(({ title }) => title)).toMatchObject([/^1 of \d+ /].map(matching));
  });
});

const matching = (pattern: RegExp) => expect.stringMatching(pattern);
const acting = () => ({
  ...b.engine,
  log: b.deps.log,
  relay: async () => undefined,
});

describe("nothing is told of", () => {
  const redelivered = async (status: "finished" | "dead" | "held"): Promise<void> => {
    if (status === "held") {
      await holdSource({ source: "vercel", reason: "a test", actor: "operator:anna" }, acting());
    }
    await b.counted("accepted");
    await b.arrives("evt_1", status === "dead" ? { body: "{" } : {});
    await b.minutes(90); // the first one is in no window any more
    await b.counted("accepted");
    await b.arrives("evt_1", status === "dead" ? { body: "{" } : {});
  };

  it.each<[string, () => Promise<void>]>([
    ["deliveries that arrive", () => whole("evt_1")],
    [
      "a redelivery that the queue knew again",
      async () => {
        await whole("evt_1");
        await b.counted("duplicate", 3);
      },
    ],
    ["a redelivery that finds its event finished", () => redelivered("finished")],
    ["a redelivery that runs a dead event again", () => redelivered("dead")],
    ["a redelivery of a held event", () => redelivered("held")],
    [
      "a redelivery that overtook the first delivery",
      async () => {
        const receivedAt = b.clock.now();
        await b.counted("accepted", 2);
        b.clock.advance(MINUTE_MS);
        await b.arrives("evt_1");
        await b.arrives("evt_1", { receivedAt });
      },
    ],
    [
      "a redelivery of an event whose attempts are kept no more",
      async () => {
        await whole("evt_1");
        b.clock.advance(2 * DAY_MS);
        await b.minutes(2); // counting begins anew
        await b.w.rows("DELETE FROM attempt");
        await whole("evt_1");
      },
    ],
    [
      "what is parked, whose place a redelivery takes, and that the queue then knows again",
      () => b.counted("spilled", 5),
    ],
    [
      "a parked delivery that a sweep has published",
      async () => {
        await b.counted("spilled", 2);
        await b.counted("swept");
        await b.arrives("evt_1");
      },
    ],
    [
      "counts that KV was told of twice",
      async () => {
        await whole("evt_1");
        await b.counted("accepted", 4);
        await b.counted("told_again", 4);
      },
    ],
    ["counts that were lost", () => b.arrives("evt_1").then(() => undefined)],
    [
      "what reconciliation sent before the provider did",
      async () => {
        await b.arrives("evt_1", { verifiedBy: OWN_VERIFIERS.reconciliation });
        await b.minutes(11);
        await whole("evt_1");
      },
    ],
    [
      "what reconciliation sent once more and ran again",
      async () => {
        await b.counted("accepted");
        await b.arrives("evt_1", { body: "{" });
        await b.minutes(11);
        await b.arrives("evt_1", { verifiedBy: OWN_VERIFIERS.reconciliation });
      },
    ],
    [
      "a correction's event that the provider tells of as well",
      async () => {
        const by = { verifiedBy: OWN_VERIFIERS.correction, attemptId: "att_000001" };
        await b.arrives("evt_1", { ...by, body: "{" });
        await whole("evt_1");
      },
    ],
  ])("%s", async (_, happens) => {
    await happens();
    expect(await b.minutes(TWO_HOURS)).toEqual([]);
    expect(b.told).toEqual([]);
  });

  it("a replay of a dead event", async () => {
    await b.counted("accepted");
    await b.arrives("evt_1", { body: "{" });
    await b.minutes(30);
    const [row] = await b.w.rows("SELECT id FROM event WHERE event_key = 'evt_1'");
    const by = { attemptId: "msg_replay:0", startedAt: b.clock.now(), runId: "run_1" };
    const run = await keptRun(b.w.database, String(row?.id), by);
    if (run === null) throw new Error("its bytes are kept");
    await runEvent(run, b.engine);
    expect(await b.minutes(TWO_HOURS)).toEqual([]);
    expect(b.told).toEqual([]);
  });

  it("what another release counted before this one began", async () => {
    await b.w.rows("DELETE FROM metric_minute");
    await b.counted("accepted", 7);
    await watchBalance(b.deps);
    expect(await b.minutes(TWO_HOURS)).toEqual([]);
  });
});

describe("what is missing and waits", () => {
  it("in the queue's dead letters is not lost; gone from there without an event, it is", async () => {
    await b.counted("accepted", 2);
    const receivedAt = b.clock.now();
    b.dead("evt_1", receivedAt);
    b.dead("evt_2", receivedAt);
    expect(await b.minutes(4 * 60)).toEqual([]);
    b.queue.dead.pop();
    expect(await b.minutes(15)).toMatchObject(
      [/2 of 2 .*; 1 of them may wait; lost .*: 1\. Next/].map(matching),
    );
  });

  it("in the dead letters of another time makes up for nothing", async () => {
    b.dead("evt_old", b.clock.now() - 2 * HOUR_MS);
    await b.counted("accepted");
    expect(await b.minutes(30)).toHaveLength(1);
  });

  it("in the line of webhooks is not lost, with those that are worked on; paused, it is stuck and said so", async () => {
    await b.counted("accepted", 12);
    const flow = { key: "events", isPaused: false, isPinned: false, parallelismMax: 2, waiting: 5 };
    b.queue.flow = flow; // of both lines the same: 2 × (5 + 2)
    expect(await b.minutes(40)).toEqual([]);
    b.queue.flow = { ...flow, isPaused: true };
    expect(await b.minutes(15)).toMatchObject(
      [/stuck at the queue \(its flow of webhooks is paused there\): 12\./].map(matching),
    );
  });

  it("in more dead letters than can be counted is not said to be lost", async () => {
    await b.counted("accepted");
    const { account } = b.deps;
    account.listDead = async () => ({ messages: [], cursor: "more" });
    expect(await b.minutes(40)).toEqual([]);
  });

  it("through an outage of the database is looked at from its beginning, once all is well", async () => {
    await b.counted("accepted", 3);
    const receivedAt = b.clock.now();
    for (const key of ["evt_1", "evt_2", "evt_3"]) b.dead(key, receivedAt);
    await b.minutes(21); // then nothing runs for four hours
    b.clock.advance(4 * HOUR_MS);
    expect(await b.minutes(30)).toEqual([]);
    b.queue.dead = [];
    await b.arrives("evt_1", { receivedAt });
    await b.arrives("evt_2", { receivedAt });
    expect(await b.minutes(15)).toMatchObject([/^raised: 1 of 3 /].map(matching));
  });
});

describe("without KV", () => {
  it("nothing is concluded, and the minutes are counted when it is there again", async () => {
    const down = () => Promise.reject(new Transient("kv_unavailable"));
    const blind = { ...b.deps, kv: { ...b.deps.kv, counts: down } };
    await b.counted("accepted");
    b.clock.advance(40 * MINUTE_MS);
    await expect(watchBalance(blind)).rejects.toMatchObject({ code: "kv_unavailable" });
    expect(await watchBalance(b.deps)).toMatchObject({ minutes: 25 });
    expect(await b.minutes(15)).toHaveLength(1);
  });
});

describe("door balance", () => {
  it("says of each source what was acknowledged, arrived and is missing, of the minutes that are settled", async () => {
    const read = (minutes: number) => readDoorBalance(minutes, { ...b.deps, sources: ["vercel"] });
    const at = b.clock.now();
    await whole("evt_1");
    await b.counted("accepted", 2);
    await b.minutes(16);
    const to = NOW - 10_000 + 2 * MINUTE_MS;
    const row = { source: "vercel", to, acknowledged: 3, arrived: 1, missing: 2 };
    expect(await read(60)).toEqual([{ ...row, from: to - MINUTE_MS }]);
    await b.arrives("evt_2", { receivedAt: at });
    await b.minutes(16);
    const none = { acknowledged: 0, arrived: 0, missing: 0 };
    expect(await read(5)).toMatchObject([none]);
    expect(await read(30)).toMatchObject([{ acknowledged: 3, arrived: 2, missing: 1 }]);
  });
});
