import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SignalFact } from "../../src/domain/facts.js";
import { trackIncident } from "../../src/handlers/track-incident/index.js";
import { acknowledge, resolve } from "../../src/operations/incidents/act.js";
import { runIncidentClock } from "../../src/operations/incidents/due.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { apply } from "../../src/store/apply.js";
import type { Database } from "../../src/store/database.js";
import { load } from "../../src/store/load.js";
import { countingIds, stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld({ poolMax: 3 });
});
afterEach(async () => {
  await w.close();
});

const policy = presetOf("stamford");
/** More statements than a look at the clock has. */
const STATEMENTS_MAX = 8;

/** An outage that has just been heard of. @returns its incident. */
async function heardOf(service: string): Promise<string> {
  const fact: SignalFact = {
    kind: "signal.raised",
    groupKey: `g:${service}`,
    signalKind: "uptime",
    title: "down",
    level: "fatal",
    service,
    environment: null,
    url: null,
    ours: false,
    occurredAt: w.ctx.now,
  };
  const context = { source: "better-stack", policy };
  const rows = await load(w.database, trackIncident.load(fact, context));
  const plan = trackIncident.decide(fact, rows, { ...w.ctx, ...context, eventId: "evt_1" });
  if ("doubts" in plan) throw new Error("signals are never in doubt");
  await apply(w.database, plan);
  const [row] = await w.rows("SELECT id FROM incident WHERE service = $1", [service]);
  return String(row?.id);
}

/** Something happens before the n-th statement, or instead of the answer to it. */
function disturbed(n: number, at: { before?(): Promise<unknown>; after?(): void }) {
  const seen: string[] = [];
  const database: Database = {
    ...w.database,
    async query(text, values) {
      seen.push(text);
      const isIt = seen.length === n;
      if (isIt) await at.before?.();
      const rows = await w.database.query(text, values);
      if (isIt) at.after?.();
      return rows as never;
    },
  };
  return { database, seen };
}

const look = (
  incidentId: string,
  database: Database,
  name: string,
  { clock = stillClock(w.ctx.now) } = {},
) =>
  runIncidentClock(
    { incidentId },
    {
      ...{ database, clock, ids: countingIds(name), policy },
      ackUrl: () => null,
      rollbackHint: () => null,
      relay: async () => undefined,
      tellUsers: () => Promise.resolve(),
    },
  );

const stepsOf = async (incidentId: string): Promise<string[]> =>
  (
    await w.rows("SELECT step FROM incident_step WHERE incident_id = $1 ORDER BY step", [
      incidentId,
    ])
  ).map(({ step }) => String(step));
const noticesOf = async (incidentId: string): Promise<string[]> =>
  (
    await w.rows(
      "SELECT template, channel FROM notice WHERE incident_id = $1 AND template = 'incident-raised' ORDER BY channel",
      [incidentId],
    )
  ).map(({ channel }) => String(channel));

describe.each([
  ["acknowledged", acknowledge],
  ["ended", resolve],
] as const)("an incident that is %s while its clock is looked at", (_, act) => {
  it("is paged only when that was written before, whichever statement it comes ahead of", async () => {
    const outcomes = new Set<boolean>();
    for (let n = 1; n <= STATEMENTS_MAX; n += 1) {
      const incidentId = await heardOf(`service-${n}`);
      const deps = {
        database: w.database,
        clock: stillClock(w.ctx.now),
        ids: countingIds(`a${n}`),
        relay: () => Promise.resolve(),
      };
      let isPaged: boolean | null = null;
      const before = async () => {
        isPaged = (await stepsOf(incidentId)).includes("page:1:0");
        await act({ incidentId, actor: "operator:anna" }, deps);
      };
      await look(incidentId, disturbed(n, { before }).database, `c${n}`);
      if (isPaged === null) continue; // it was over before that statement
      outcomes.add(isPaged);
      expect((await stepsOf(incidentId)).includes("page:1:0"), `statement ${n}`).toBe(isPaged);
      expect((await noticesOf(incidentId)).length > 0, `statement ${n}`).toBe(isPaged);
    }
    expect([...outcomes].sort()).toEqual([false, true]);
  });
});

describe("a look at the clock that ends in the middle", () => {
  it.each(["before", "after"] as const)(
    "%s any of its statements is made good by the next, and everybody is told once",
    async (when) => {
      let crashes = 0;
      for (let n = 1; n <= STATEMENTS_MAX; n += 1) {
        const incidentId = await heardOf(`service-${n}`);
        const end = () => {
          crashes += 1;
          throw new Error("the process ends");
        };
        const at =
          when === "before" ? { before: () => Promise.resolve().then(end) } : { after: end };
        const { database } = disturbed(n, at);
        await look(incidentId, database, `x${n}`).catch((error: Error) => {
          if (error.message !== "the process ends") throw error;
        });
        await look(incidentId, w.database, `y${n}`);
        expect(await stepsOf(incidentId)).toEqual(["page:1:0"]);
        expect(await noticesOf(incidentId)).toEqual(["pagerduty", "slack"]);
        const [timer] = await w.rows("SELECT status, due_at FROM timer WHERE subject = $1", [
          incidentId,
        ]);
        expect(timer).toMatchObject({ status: "waiting" });
        expect(Number(timer?.due_at)).toBeGreaterThan(w.ctx.now);
      }
      expect(crashes).toBeGreaterThan(2);
    },
  );

  it("that comes twice at once takes each step once, and winds its timer once", async () => {
    const incidentId = await heardOf("service");
    await Promise.all([1, 2, 3].map((n) => look(incidentId, { ...w.database }, `z${n}`)));
    expect(await stepsOf(incidentId)).toEqual(["page:1:0"]);
    expect(await noticesOf(incidentId)).toEqual(["pagerduty", "slack"]);
    const messages = () =>
      w.rows(
        "SELECT id FROM outbox WHERE message ->> 'type' = 'timer.due.v1' AND due_at > $1::timestamptz",
        [new Date(w.ctx.now + 60_000).toISOString()],
      );
    const wound = await messages();
    await look(incidentId, w.database, "late");
    expect(await messages(), "one that comes early brings no further message").toEqual(wound);
  });
});

describe("an incident that lasts for months", () => {
  it("is told on, and nothing of its beginning again, however many steps it has taken", async () => {
    const clock = stillClock(w.ctx.now);
    const incidentId = await heardOf("web");
    await look(incidentId, w.database, "begin", { clock });
    await w.rows(
      `INSERT INTO incident_step (id, incident_id, step, taken_at)
       SELECT 'ist_many_' || k, $1, 'users:' || k, to_timestamp($2::float8 / 1000) + k * interval '1 min'
       FROM generate_series(1, 30000) k`,
      [incidentId, w.ctx.now],
    );
    const before = await noticesOf(incidentId);
    clock.advance(30_000 * 60_000);
    const { took } = await look(incidentId, w.database, "months", { clock });
    expect(took.some((step) => step.startsWith("page:1:"))).toBe(true);
    expect(took).not.toContain("page:1:0");
    await look(incidentId, w.database, "again", { clock });
    expect(await noticesOf(incidentId)).toEqual(before);
  });
});
