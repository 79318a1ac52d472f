import { describe, expect, it } from "vitest";
import { setUp } from "../../src/operations/set-up.js";
import type { FlowState, QueueAccount } from "../../src/queues/account.js";
import { messagesAtOnce } from "../../src/queues/publish.js";

const unused = () => Promise.reject(new Error("not used by setup"));
const accountWith = (flow: FlowState | null): QueueAccount => ({
  listDead: unused,
  deleteDead: unused,
  ping: unused,
  ensureSchedule: () => Promise.resolve("kept"),
  flow: () => Promise.resolve(flow),
});

interface Set {
  events?: number;
  mails?: number;
  poolMax?: number;
  flow?: Partial<FlowState>;
}

async function checksOf({ events = 8, mails = 2, poolMax = 10, flow }: Set) {
  const key = "signalbox-events";
  const state = { key, isPaused: false, isPinned: false, parallelismMax: events, ...flow };
  const atOnce = messagesAtOnce({ eventParallelism: events, emailPerSecond: mails });
  const { checks } = await setUp({
    account: accountWith(flow === undefined ? null : state),
    schedules: [],
    limits: { atOnce, poolMax },
  });
  return checks;
}

describe("setup's checks", () => {
  it("pass with what is set when nothing is set, before and after the first event", async () => {
    for (const set of [{}, { flow: {} }]) {
      expect((await checksOf(set)).filter(({ ok }) => !ok)).toEqual([]);
    }
  });

  it.each<[string, Set, RegExp]>([
    ["too many events", { events: 9 }, /EVENT_PARALLELISM to 8 or less/],
    [
      "too much of everything",
      { mails: 500 },
      /70 messages at once .*DATABASE_POOL_MAX to 24 or more/,
    ],
    ["a paused queue", { flow: { isPaused: true } }, /signalbox-events is paused: resume/],
    [
      "a pin over the pool",
      { flow: { isPinned: true, parallelismMax: 40 } },
      /pin it to 8 or less/,
    ],
  ])("find %s, and say what to do", async (_what, set, advice) => {
    const failed = (await checksOf(set)).filter(({ ok }) => !ok);
    expect(failed).toHaveLength(1);
    expect(failed[0]?.detail).toMatch(advice);
  });
});
