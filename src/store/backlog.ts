import { type Instant, isoOf } from "../domain/time.js";
import type { Database } from "./database.js";

export interface Backlog {
  /** Messages whose time to be published has passed; a sweep takes them each minute. */
  outboxOverdueRows: number;
  openDeadLetters: number;
}

const COUNT = `SELECT
  (SELECT count(*)::int FROM outbox WHERE due_at <= $1::timestamptz) AS "outboxOverdueRows",
  (SELECT count(*)::int FROM dead_letter WHERE status = 'open') AS "openDeadLetters"`;

export async function countBacklog(database: Database, now: Instant): Promise<Backlog> {
  const [row] = await database.query<Backlog & Record<string, unknown>>(COUNT, [isoOf(now)]);
  if (row === undefined) throw new Error("a SELECT of counts gives one row");
  return { outboxOverdueRows: row.outboxOverdueRows, openDeadLetters: row.openDeadLetters };
}
