import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { countBacklog } from "../../src/store/backlog.js";
import type { Database } from "../../src/store/database.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeAll(async () => {
  w = await storeWorld();
});
afterAll(() => w.close());

/** Runs as they were kept, by their ids. */
const runs = (source: string, from: number, to: number, status: string, dry = false) =>
  w.rows(
    `INSERT INTO reconciliation (id, source, actor, status, dry_run, livemode, range_from, range_to, only_ref,
       cursor, counts, balance, errors, started_at, updated_at, lease_until, version)
     SELECT 'run_' || lpad(i::text, 9, '0'), '${source}', 'cron', '${status}', ${dry}, true, now(), now(), '',
       '{}', '{}', '[]', '[]', now(), now(), now(), 0 FROM generate_series(${from}, ${to}) i`,
  );
const failed = async (database: Database = w.database) =>
  (await countBacklog(database, w.ctx.now)).failedReconciliations;

describe("sources whose last reconciliation failed", () => {
  it("are counted by the last run that ended and was in earnest", async () => {
    expect(await failed()).toBe(0);
    await runs("a", 1, 3_000, "failed");
    await runs("b", 3_001, 6_000, "succeeded");
    await runs("c", 6_001, 6_001, "partial");
    expect(await failed()).toBe(2);
    await runs("a", 7_000, 7_000, "succeeded");
    await runs("b", 7_001, 7_001, "failed", true);
    await runs("c", 7_002, 7_002, "running");
    expect(await failed()).toBe(1);
  });

  it("are found without reading every run that there was", async () => {
    await w.rows("ANALYZE reconciliation");
    const asked: string[] = [];
    const query: Database["query"] = async (text, values) => {
      const plan = await w.database.query(`EXPLAIN ANALYZE ${text}`, values);
      asked.push(plan.map((row) => Object.values(row as object).join()).join("\n"));
      return w.database.query(text, values);
    };
    await failed({ ...w.database, query });
    const [plan = ""] = asked;
    expect(plan).toContain("reconciliation_last_idx");
    expect(plan).not.toContain("Seq Scan on reconciliation");
    // An index that is read from end to end would be no better: a few rows of it, not thousands.
    const read = [...plan.matchAll(/reconciliation_last_idx.*actual time.*? rows=([\d.]+)/g)];
    expect(read.length).toBeGreaterThan(0);
    for (const [, rows] of read) expect(Number(rows)).toBeLessThanOrEqual(1);
  });
});
