import { describe, expect, it } from "vitest";
import { Transient } from "../../src/domain/errors.js";
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
  get?: () => Promise<{ status: number; text: string }>;
  signsLinks?: boolean;
  zone?: () => Promise<string>;
}

const reportOf = (version: string, status = 200) => ({
  status,
  text: JSON.stringify({ version, services: { database: "disconnected" } }),
});

async function checksOf(set: Set) {
  const {
    events = 8,
    mails = 2,
    poolMax = 10,
    flow,
    get,
    signsLinks = true,
    zone = async () => "UTC",
  } = set;
  const key = "signalbox-events";
  const idle = { key, isPaused: false, isPinned: false, parallelismMax: events, waiting: 0 };
  const state = { ...idle, ...flow };
  const atOnce = messagesAtOnce({ eventParallelism: events, emailPerSecond: mails });
  const { checks } = await setUp({
    account: accountWith(flow === undefined ? null : state),
    schedules: [],
    limits: { atOnce, poolMax },
    signsLinks,
    zone,
    address: {
      publicBaseUrl: "https://box.example",
      version: "1.2.3",
      get: get ?? (async (url) => (url.endsWith("e/api/health") ? reportOf("1.2.3") : unused())),
    },
  });
  return checks;
}

describe("setup's checks", () => {
  it("pass with what is set when nothing is set, before and after the first event", async () => {
    for (const set of [{}, { flow: {} }]) {
      expect((await checksOf(set)).filter(({ ok }) => !ok)).toEqual([]);
    }
  });

  it("know this deployment at its address though it is not well", async () => {
    const checks = await checksOf({ get: async () => reportOf("1.2.3", 503) });
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  });

  it.each<[string, Set, RegExp]>([
    ["too many events", { events: 9 }, /EVENT_PARALLELISM to 8 or less/],
    [
      "too much of everything",
      { mails: 500 },
      /72 messages at once .*DATABASE_POOL_MAX to 24 or more/,
    ],
    [
      "an address that nobody answers",
      { get: () => Promise.reject(new TypeError("fetch failed")) },
      /box\.example\/api\/health does not answer .*set PUBLIC_BASE_URL .*QStash signs/,
    ],
    [
      "an address behind a login",
      { get: async () => ({ status: 401, text: "<html>Log in</html>" }) },
      /answers 401, but not as Signalbox: set PUBLIC_BASE_URL/,
    ],
    [
      "an address of somebody else's",
      { get: async () => ({ status: 200, text: '{"status":"healthy"}' }) },
      /answers 200, but not as Signalbox/,
    ],
    [
      "an address of another version",
      { get: async () => reportOf("1.2.2") },
      /answers as version 1\.2\.2, and this is 1\.2\.3/,
    ],
    [
      "sessions in another zone",
      { zone: async () => "Asia/Bangkok" },
      /in Asia\/Bangkok, and lists .*SET timezone = 'UTC' .*restart the pooler/,
    ],
    [
      "a database that does not answer",
      { zone: () => Promise.reject(new Transient("database_unavailable")) },
      /not known, because the database does not answer .*DATABASE_URL .*run setup again/,
    ],
    [
      "no secret to sign links with",
      { signsLinks: false },
      /people on call have no link to acknowledge by.*set UNSUBSCRIBE_SECRET/,
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
