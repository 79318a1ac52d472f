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

describe("open discrepancies", () => {
  it("are those that a run has left: what one under way has found, it may mend", async () => {
    const left = async () => (await countBacklog(w.database, w.ctx.now)).openDiscrepancies;
    await runs("z", 1, 1, "succeeded");
    await runs("z", 2, 2, "running");
    const found = (id: string, run: string) =>
      w.rows(
        `INSERT INTO discrepancy (id, source, kind, object_kind, account, livemode, external_id, status, ours, theirs,
           proposal, first_run_id, last_run_id, found_at, updated_at, version)
         VALUES ($1, 'z', 'state', 'payment', '', true, $1, 'open', 'null', 'null', '{}', $2, $2, now(), now(), 0)`,
        [id, run],
      );
    await found("dsc_1", "run_000000001");
    await found("dsc_2", "run_000000002");
    expect(await left()).toBe(1);
    await w.rows("UPDATE reconciliation SET status = 'partial' WHERE id = 'run_000000002'");
    expect(await left()).toBe(2);
    await w.rows("DELETE FROM discrepancy");
    await w.rows("DELETE FROM reconciliation");
  });
});

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
