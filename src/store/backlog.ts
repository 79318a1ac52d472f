import { type Instant, isoOf } from "../domain/time.js";
import type { Database } from "./database.js";

export interface Backlog {
  /** Messages whose time to be published has passed; a sweep takes them each minute. */
  outboxOverdueRows: number;
  openDeadLetters: number;
  heldSources: number;
  heldEvents: number;
  /** What a run that has ended could not mend; what one under way has found, it may. */
  openDiscrepancies: number;
  /** Sources whose last reconciliation failed, or left something out. */
  failedReconciliations: number;
}

/** Steps from source to source over the index, because runs are kept and sources are few. */
const LAST_RUN = `SELECT r.source, r.status FROM reconciliation r WHERE r.status <> 'running' AND NOT r.dry_run`;
const LAST_RUNS = `WITH RECURSIVE last AS (
  (${LAST_RUN} ORDER BY r.source, r.id DESC LIMIT 1)
  UNION ALL
  SELECT n.source, n.status FROM last, LATERAL (
    ${LAST_RUN} AND r.source > last.source ORDER BY r.source, r.id DESC LIMIT 1) n)`;

const COUNT = `SELECT
  (SELECT count(*)::int FROM outbox WHERE due_at <= $1::timestamptz) AS "outboxOverdueRows",
  (SELECT count(*)::int FROM dead_letter WHERE status = 'open') AS "openDeadLetters",
  (SELECT count(*)::int FROM source_hold WHERE released_at IS NULL) AS "heldSources",
  (SELECT count(*)::int FROM event WHERE status = 'held') AS "heldEvents",
  (SELECT count(*)::int FROM discrepancy WHERE status = 'open'
    AND last_run_id <> ALL (ARRAY(SELECT id FROM reconciliation WHERE status = 'running'))) AS "openDiscrepancies",
  (${LAST_RUNS} SELECT count(*)::int FROM last WHERE status <> 'succeeded') AS "failedReconciliations"`;

export async function countBacklog(database: Database, now: Instant): Promise<Backlog> {
  const [row] = await database.query<Backlog & Record<string, unknown>>(COUNT, [isoOf(now)]);
  if (row === undefined) throw new Error("a SELECT of counts gives one row");
  return row;
}
