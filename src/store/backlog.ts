import { type Instant, isoOf } from "../domain/time.js";
import type { Database } from "./database.js";

export interface Backlog {
  /** Messages whose time to be published has passed; a sweep takes them each minute. */
  outboxOverdueRows: number;
  openDeadLetters: number;
  heldSources: number;
  heldEvents: number;
  openDiscrepancies: number;
  /** Sources whose last reconciliation failed, or left something out. */
  failedReconciliations: number;
}

const COUNT = `SELECT
  (SELECT count(*)::int FROM outbox WHERE due_at <= $1::timestamptz) AS "outboxOverdueRows",
  (SELECT count(*)::int FROM dead_letter WHERE status = 'open') AS "openDeadLetters",
  (SELECT count(*)::int FROM source_hold WHERE released_at IS NULL) AS "heldSources",
  (SELECT count(*)::int FROM event WHERE status = 'held') AS "heldEvents",
  (SELECT count(*)::int FROM discrepancy WHERE status = 'open') AS "openDiscrepancies",
  (SELECT count(*)::int FROM (SELECT DISTINCT ON (source) status FROM reconciliation
    WHERE status <> 'running' AND NOT dry_run ORDER BY source, id DESC) r
    WHERE status <> 'succeeded') AS "failedReconciliations"`;

export async function countBacklog(database: Database, now: Instant): Promise<Backlog> {
  const [row] = await database.query<Backlog & Record<string, unknown>>(COUNT, [isoOf(now)]);
  if (row === undefined) throw new Error("a SELECT of counts gives one row");
  return row;
}
