import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SignalFact } from "../../src/domain/facts.js";
import type { Plan } from "../../src/domain/plan.js";
import { trackIncident } from "../../src/handlers/track-incident/index.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { apply } from "../../src/store/apply.js";
import { Moved } from "../../src/store/database.js";
import { load } from "../../src/store/load.js";
import { seededRandom } from "../faults/random.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(async () => {
  await w.close();
});

const at = (seconds: number): number => w.ctx.now + seconds * 1_000;

const raised = (seconds: number, groupKey = "g"): SignalFact => ({
  kind: "signal.raised",
  groupKey,
  signalKind: "error",
  title: "it broke",
  level: "error",
  service: "shop",
  environment: null,
  url: null,
  ours: false,
  occurredAt: at(seconds),
});
const resolved = (seconds: number, groupKey = "g"): SignalFact => ({
  kind: "signal.resolved",
  groupKey,
  signalKind: "error",
  title: "it works",
  by: null,
  occurredAt: at(seconds),
});

/** The first half of a worker's round: what it would write, by what it saw. */
async function planned(fact: SignalFact): Promise<Plan> {
  const context = { source: "sentry", policy: presetOf("runbook") };
  const rows = await load(w.database, trackIncident.load(fact, context));
  const plan = trackIncident.decide(fact, rows, { ...w.ctx, ...context, eventId: "evt_1" });
  if ("doubts" in plan) throw new Error("signals are never in doubt");
  return plan;
}

/** Load, decide and apply until nothing moved meanwhile, as a worker does. */
async function told(fact: SignalFact): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    if (await applied(await planned(fact))) return;
  }
  throw new Error("rows moved in every round");
}

/** The second half: false when it has to be decided anew. */
async function applied(plan: Plan): Promise<boolean> {
  return apply(w.database, plan).catch((error: unknown) => {
    if (error instanceof Moved) return false;
    throw error;
  });
}

const statuses = async (groupKey = "g"): Promise<unknown[]> => {
  const text = "SELECT status FROM alert WHERE group_key = $1 ORDER BY ordinal";
  return (await w.rows(text, [groupKey])).map(({ status }) => status);
};

/** `first` has loaded when `second` comes and is written; then `first` is. */
async function overtaken(first: SignalFact, second: SignalFact): Promise<void> {
  const plan = await planned(first);
  await told(second);
  if (!(await applied(plan))) await told(first);
}

describe("a raise that joins while an older end closes the incident", () => {
  it("keeps it open when it comes between the end's load and its write", async () => {
    await told(raised(10));
    await overtaken(resolved(20), raised(30));
    expect(await statuses()).toEqual(["open"]);
    await told(resolved(40));
    expect(await statuses()).toEqual(["resolved"]);
  });

  it("opens the next incident when the end is written first", async () => {
    await told(raised(10));
    await overtaken(raised(30), resolved(20));
    expect(await statuses()).toEqual(["resolved", "open"]);
  });

  it("keeps it open when the end's write has begun, and waits for the raise's lock", async () => {
    await told(raised(10));
    const end = await planned(resolved(20));
    const join = await planned(raised(30));
    const client = new pg.Client({ connectionString: w.database.pool.options.connectionString });
    await client.connect();
    const query = async (text: string, values: readonly unknown[]) =>
      (await client.query(text, [...values])).rows;
    await client.query("BEGIN");
    await apply({ ...w.database, query: query as typeof w.database.query }, join);
    const ending = applied(end);
    await waitingForLock();
    await client.query("COMMIT");
    await client.end();
    expect(await ending).toBe(false);
    expect(await statuses()).toEqual(["open"]);
  });

  it("does not hold up an end that is younger than the raise", async () => {
    await told(raised(10));
    await overtaken(resolved(40), raised(30));
    expect(await statuses()).toEqual(["resolved"]);
  });
});

async function waitingForLock(): Promise<void> {
  const waiting =
    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
  await expect.poll(async () => (await w.rows(waiting)).length, { timeout: 5_000 }).toBe(1);
}

describe("an end that comes while a new beginning opens the group's next incident", () => {
  it.each([
    ["the end has loaded first", resolved, 40, raised, 30],
    ["the beginning has loaded first", raised, 30, resolved, 40],
  ] as const)("ends it, when %s", async (_, first, firstAt, second, secondAt) => {
    await told(raised(10));
    await told(resolved(20));
    await overtaken(first(firstAt), second(secondAt));
    expect(new Set(await statuses())).toEqual(new Set(["resolved"]));
  });
});

describe("a group of signals", () => {
  /** Open exactly when nothing ended it after it was last raised, whoever came when. */
  async function expectLastWord(groupKey: string, facts: readonly SignalFact[]): Promise<void> {
    const last = (kind: SignalFact["kind"]): number =>
      Math.max(0, ...facts.flatMap((f) => (f.kind === kind ? [f.occurredAt] : [])));
    const open = (await statuses(groupKey)).filter((status) => status !== "resolved");
    const story = facts.map((f) => `${f.kind} ${(f.occurredAt - w.ctx.now) / 1_000}`).join(", ");
    const wanted = last("signal.raised") > last("signal.resolved") ? 1 : 0;
    expect(open.length, story).toBe(wanted);
  }

  const random = seededRandom(20_261_121);
  const factsOf = (groupKey: string, count: number): SignalFact[] =>
    Array.from({ length: count }, () => {
      const seconds = 1 + random.integer(50);
      return random.next() < 0.5 ? raised(seconds, groupKey) : resolved(seconds, groupKey);
    });

  it("says open or ended by its last word in every interleaving of loads and writes", async () => {
    for (let round = 0; round < 60; round += 1) {
      const facts = factsOf(`g${round}`, 5);
      const waiting = facts.map((fact) => ({ fact, plan: null as Plan | null }));
      while (waiting.length > 0) {
        const index = random.integer(waiting.length);
        const worker = waiting[index];
        if (worker === undefined) throw new Error("nobody is left");
        if (worker.plan === null) worker.plan = await planned(worker.fact);
        else if (await applied(worker.plan)) waiting.splice(index, 1);
        else worker.plan = null;
      }
      await expectLastWord(`g${round}`, facts);
    }
  });

  it("says open or ended by its last word when all are worked on at once", async () => {
    for (let round = 0; round < 30; round += 1) {
      const facts = factsOf(`g${round}`, 6);
      await Promise.all(facts.map(told));
      await expectLastWord(`g${round}`, facts);
    }
  });

  it("that is only raised again and again leaves its incident's row as it was", async () => {
    await told(raised(10));
    const rows = () => w.rows("SELECT xmin::text, version FROM incident");
    const before = await rows();
    for (let seconds = 11; seconds < 31; seconds += 1) await told(raised(seconds));
    expect(await w.count("signal")).toBe(21);
    expect(await rows()).toEqual(before);
  });
});
