import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runEvent } from "../../src/handlers/run-event.js";
import {
  type TouchedCursor,
  touchedIn,
  touchedPayments,
  touchedSubscriptions,
} from "../../src/store/affected.js";
import type { Database } from "../../src/store/database.js";
import { runDeps, sampleRun } from "../support/events.js";
import { nodesOf, type PlanNode } from "../support/plan-nodes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

/** So many payments, and of each one in three an entitlement; a minute lies between two entries of the trail. */
const PAYMENTS = 3_000;
const ENTRIES = 30_000;
const BEGAN = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
/** In the middle of the trail, a tenth of it. */
const SPAN = { from: BEGAN + 12_000 * MINUTE_MS, to: BEGAN + 15_000 * MINUTE_MS };
const LIMIT = 25;

let w: StoreWorld;
beforeAll(async () => {
  w = await storeWorld({ poolMax: 1 });
  const deps = runDeps(w);
  await runEvent(await sampleRun("stripe", "payment-succeeded"), deps);
  const copied = (table: string, some: string, fields: string): string =>
    `INSERT INTO ${table} SELECT copy.* FROM (SELECT * FROM ${table} ORDER BY id LIMIT 1) t, generate_series(1, ${PAYMENTS}) n,
     LATERAL jsonb_populate_record(NULL::${table}, to_jsonb(t) || jsonb_build_object(${fields})) copy WHERE ${some}`;
  await w.rows(copied("payment", "true", "'id', 'pay_' || n, 'external_id', 'pi_' || n"));
  const given = "'id', 'ent_' || n, 'payment_id', 'pay_' || n, 'ordinal', n + 10";
  await w.rows(copied("entitlement", "n % 3 = 0", given));
  // Shuffled by a step that has no divisor in common with their number: each payment is touched again after 3,000 entries or fewer.
  await w.rows(
    `INSERT INTO audit_entry (id, at, action, actor, subject, details)
     SELECT 'aud_' || lpad(k::text, 8, '0'), to_timestamp($1::float8 / 1000) + k * interval '1 minute',
       CASE WHEN k % 7 = 0 THEN 'notice.planned' WHEN k % 4 = 1 AND p % 3 = 0 THEN 'entitlement.granted'
         ELSE 'payment.confirmed' END, 'source:stripe',
       CASE WHEN k % 7 = 0 THEN 'ntc_' || k WHEN k % 4 = 1 AND p % 3 = 0 THEN 'ent_' || p ELSE 'pay_' || p END, '{}'
     FROM (SELECT k, (k / 2 * 1009) % ${PAYMENTS / 2} * 2 + k % 2 AS p FROM generate_series(1, ${ENTRIES}) k) s`,
    [BEGAN],
  );
  await w.rows(
    `UPDATE entitlement SET payment_id = NULL, subscription_id = 'sub_row' WHERE id = (
       SELECT subject FROM audit_entry WHERE action LIKE 'entitlement.%' AND at >= to_timestamp($1::float8 / 1000)
       ORDER BY id LIMIT 1)`,
    [SPAN.from],
  );
  await w.rows("ANALYZE");
});
afterAll(() => w.close());

/** What a reader would say: all that the time's entries are about. */
async function touchedAsRead(): Promise<string[]> {
  const rows = await w.rows(
    `SELECT DISTINCT p.id FROM audit_entry a LEFT JOIN entitlement e ON e.id = a.subject
     JOIN payment p ON p.id = coalesce(e.payment_id, a.subject)
     WHERE a.at >= to_timestamp($1::float8 / 1000) AND a.at < to_timestamp($2::float8 / 1000)`,
    [SPAN.from, SPAN.to],
  );
  return rows.map(({ id }) => String(id)).sort();
}

async function pagesOf(database: Database, limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  let at: TouchedCursor | null = await touchedIn(database, SPAN);
  while (at !== null) {
    const page = await touchedPayments(database, SPAN, { at, limit });
    pages.push(page.touched.map(({ payment }) => payment.id));
    at = page.nextAt;
  }
  return pages;
}

/** Rows of the trail that a query looked at, by the plan that it gets once it is known, and by one for its values. */
async function trailRowsOf(text: string, values: readonly unknown[]): Promise<number[]> {
  const counts: number[] = [];
  for (const mode of ["force_generic_plan", "force_custom_plan"]) {
    await w.rows(`SET plan_cache_mode = ${mode}`);
    await w.rows(`PREPARE page AS ${text}`);
    const given = values.map((value) => (typeof value === "number" ? value : `'${String(value)}'`));
    const [row] = await w.rows(`EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page(${given.join(", ")})`);
    await w.rows("DEALLOCATE page");
    const [explained] = (row?.["QUERY PLAN"] ?? []) as { Plan: PlanNode }[];
    const read = nodesOf(explained?.Plan ?? {}).filter(
      (node) => node["Relation Name"] === "audit_entry",
    );
    expect(read.length).toBeGreaterThan(0);
    counts.push(
      read.reduce((sum, node) => {
        const removed =
          (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
        return sum + ((node["Actual Rows"] ?? 0) + removed) * (node["Actual Loops"] ?? 0);
      }, 0),
    );
  }
  await w.rows("RESET plan_cache_mode");
  return counts;
}

describe("the payments that a time has touched", () => {
  it("come once each, in pages, whether they or what they give were written about, and how often", async () => {
    const expected = await touchedAsRead();
    expect(expected.length).toBeGreaterThan(1_000);
    for (const limit of [LIMIT, expected.length]) {
      const pages = await pagesOf(w.database, limit);
      expect(pages.flat().sort()).toEqual(expected);
      expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
    }
  });

  it("are found for a page by what the page holds, and not by reading the whole time again", async () => {
    const asked: { text: string; values: readonly unknown[] }[] = [];
    const query: Database["query"] = (text, values) => {
      if (text.includes("NOT EXISTS (SELECT FROM audit_entry")) asked.push({ text, values });
      return w.database.query(text, values);
    };
    const pages = await pagesOf({ ...w.database, query }, LIMIT);
    expect(asked).toHaveLength(pages.length);
    for (const { text, values } of [asked[1], asked[20], asked.at(-1)].flatMap(
      (one) => one ?? [],
    )) {
      // Each payment is in ten entries of the whole trail, and each of them is looked up by its subject.
      for (const rows of await trailRowsOf(text, values)) expect(rows).toBeLessThan(40 * LIMIT);
    }
  });

  it("do not hide the subscriptions that were touched: these are counted", async () => {
    const subscriptions = () => touchedSubscriptions(w.database, SPAN);
    expect(await subscriptions()).toBe(0);
    await w.rows(
      `INSERT INTO ledger_object SELECT copy.* FROM (SELECT * FROM ledger_object WHERE kind = 'payment' LIMIT 1) t,
       (VALUES ('sub_row', 'subscription', 'sub_1', NULL), ('inv_1', 'invoice', 'in_1', 'sub_1'),
         ('inv_2', 'invoice', 'in_2', 'sub_2'), ('inv_3', 'invoice', 'in_3', NULL)) v (id, kind, ref, subscription),
       LATERAL jsonb_populate_record(NULL::ledger_object, to_jsonb(t) || jsonb_build_object(
         'id', v.id, 'kind', v.kind, 'external_id', v.ref, 'subscription_ref', v.subscription, 'payment_ref', NULL)) copy`,
    );
    expect(await subscriptions()).toBe(1); // by its entitlement
    await w.rows(
      `INSERT INTO audit_entry (id, at, action, actor, subject, details)
       SELECT 'aud_x' || n, to_timestamp($1::float8 / 1000), 'invoice.recorded', 'source:stripe', 'inv_' || n, '{}'
       FROM generate_series(1, 3) n`,
      [SPAN.from],
    );
    expect(await subscriptions()).toBe(2);
  });

  it("are listed although their subscriptions are too many to be counted in time", async () => {
    await w.rows("SET statement_timeout = 1");
    try {
      expect(await touchedSubscriptions(w.database, { ...SPAN, from: BEGAN })).toBeNull();
    } finally {
      await w.rows("RESET statement_timeout");
    }
  });
});
