import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Permanent } from "../../src/domain/errors.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { createLists, type Lists } from "../../src/store/lists.js";
import { openPrisma } from "../../src/store/prisma.js";
import { runDeps, sampleRun } from "../support/events.js";
import { nodesOf, type PlanNode } from "../support/plan-nodes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

const ROWS = 20_000;
const NEW = 20;
const BEGAN = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
/** An index of times knows ranges of pages: it may look at what shares a range with the newest, and at no other. */
const LOOKED_AT_MAX = ROWS / 3;
const SINCE = new Date(BEGAN + (ROWS - NEW) * MINUTE_MS).toISOString();

/** The tables that grow with the traffic: by which column a list's `since` goes, and what is each row's own. */
const TABLES: readonly [name: keyof Lists, table: string, time: string, own: string][] = [
  ["events", "event", "received_at", "'event_key', n"],
  ["deadLetters", "dead_letter", "created_at", "'event_id', 'evt_' || lpad(n::text, 6, '0')"],
  ["payments", "payment", "created_at", "'external_id', n"],
  ["notifications", "notice", "created_at", "'cause', n"],
  ["audit", "audit_entry", "at", "'subject', n"],
  ["incidents", "incident", "opened_at", "'correlation_key', n"],
];

let w: StoreWorld;
let lists: Lists;
/** What the lists ask, each with its values. */
let asked: { text: string; values: unknown[] }[];
beforeAll(async () => {
  w = await storeWorld({ poolMax: 2 });
  const deps = runDeps(w);
  await runEvent(await sampleRun("stripe", "payment-succeeded"), deps);
  await runEvent(await sampleRun("better-stack", "incident-started"), deps);
  const verdict = new Permanent("internal");
  await runEvent({ ...(await sampleRun("stripe", "payment-failed")), verdict }, deps);
  for (const [, table, time, own] of TABLES) {
    await w.rows(
      `INSERT INTO ${table} SELECT copy.* FROM (SELECT * FROM ${table} ORDER BY id LIMIT 1) t, generate_series(1, ${ROWS}) n,
       LATERAL jsonb_populate_record(NULL::${table}, to_jsonb(t) || jsonb_build_object(
         'id', left(t.id, 4) || lpad(n::text, 6, '0'), '${time}', to_timestamp($1::float8 / 1000) + n * interval '1 minute', ${own})) copy`,
      [BEGAN],
    );
    await w.rows(`DELETE FROM ${table} WHERE ${time} > to_timestamp($1::float8 / 1000)`, [
      BEGAN + ROWS * MINUTE_MS,
    ]);
    await w.rows(`VACUUM ANALYZE ${table}`);
  }
  const { pool } = w.database;
  const query = pool.query.bind(pool) as (...given: unknown[]) => unknown;
  asked = [];
  Object.assign(pool, {
    query: (given: { text: string; values: unknown[] }, ...more: unknown[]) => {
      if (typeof given === "object") asked.push({ text: given.text, values: given.values });
      return query(given, ...more);
    },
  });
  lists = createLists(openPrisma(pool));
}, 120_000);
afterAll(() => w.close());

/** How many rows of a table a query looks at. */
async function looksAt(
  table: string,
  { text, values }: { text: string; values: unknown[] },
): Promise<number> {
  const { rows } = await w.database.pool.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
  const read = nodesOf(rows[0]["QUERY PLAN"][0].Plan as PlanNode).filter(
    (node) => node["Relation Name"] === table,
  );
  return read.reduce((sum, node) => {
    const removed =
      (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
    return sum + ((node["Actual Rows"] ?? 0) + removed) * (node["Actual Loops"] ?? 1);
  }, 0);
}

describe("a list's since", () => {
  it.each(TABLES)(
    "of %s finds the few newest rows without reading the others",
    async (name, table, time) => {
      asked.length = 0;
      const request = { limit: 50, after: null, filters: { since: SINCE } };
      const { rows } = await (
        lists[name].page as (of: typeof request) => Promise<{ rows: unknown[] }>
      )(request);
      expect(rows).toHaveLength(NEW + 1);
      const own = asked.filter(({ text }) => new RegExp(`"${time}" >= `).test(text));
      expect(own.length).toBeGreaterThan(0);
      for (const one of own) expect(await looksAt(table, one)).toBeLessThan(LOOKED_AT_MAX);
    },
  );

  it("of the dead letters of one source is no slower", async () => {
    asked.length = 0;
    const filters = { since: SINCE, source: "stripe" };
    const { rows } = await lists.deadLetters.page({ limit: 50, after: null, filters });
    expect(rows).toHaveLength(NEW + 1);
    const [own] = asked.filter(({ text }) => text.includes("LEFT JOIN notice"));
    expect(own).toBeDefined();
    if (own !== undefined) expect(await looksAt("dead_letter", own)).toBeLessThan(LOOKED_AT_MAX);
  });
});
