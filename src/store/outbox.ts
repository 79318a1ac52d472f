import type { OutboxRow, TimerRow } from "../domain/outbox.js";
import { type Instant, isoOf } from "../domain/time.js";
import type { Database } from "./database.js";
import { TABLE_SQL } from "./tables.js";

/** Two sweeps never take the same rows; the n-th take waits 1, 2, 4 … minutes for the next, an hour at most. */
const TAKE_OVERDUE = `UPDATE outbox t SET
  publishes = t.publishes + 1,
  due_at = $1::timestamptz + least(interval '1 hour', interval '1 minute' * power(2, least(t.publishes, 10)))
WHERE t.id IN (
  SELECT id FROM outbox WHERE due_at <= $1::timestamptz ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING ${TABLE_SQL.outbox.json} AS row`;

export async function takeOverdueOutbox(
  database: Database,
  now: Instant,
  limit: number,
): Promise<OutboxRow[]> {
  const rows = await database.query<{ row: OutboxRow }>(TAKE_OVERDUE, [isoOf(now), limit]);
  return rows.map(({ row }) => row);
}

/** Undoes a take whose publish failed; the same number of publishes gives the same deduplication id again. */
export async function putBackOutbox(
  database: Database,
  rows: readonly Pick<OutboxRow, "id" | "publishes">[],
  now: Instant,
): Promise<void> {
  await database.query(
    `UPDATE outbox t SET publishes = t.publishes - 1, due_at = $1::timestamptz
     FROM unnest($2::text[], $3::int[]) AS x(id, publishes)
     WHERE t.id = x.id AND t.publishes = x.publishes`,
    [isoOf(now), rows.map(({ id }) => id), rows.map(({ publishes }) => publishes)],
  );
}

/** Counts a refusal. @returns how many there were; 0 when the receiver has completed the row meanwhile. */
export async function noteOutboxRefusal(database: Database, id: string): Promise<number> {
  const rows = await database.query<{ refusals: number }>(
    "UPDATE outbox SET refusals = refusals + 1 WHERE id = $1 RETURNING refusals",
    [id],
  );
  return rows[0]?.refusals ?? 0;
}

export async function completeOutbox(database: Database, id: string): Promise<void> {
  await database.query("DELETE FROM outbox WHERE id = $1", [id]);
}

/** When the message was decided; null when its receiver has completed it. */
export async function outboxCreatedAt(database: Database, id: string): Promise<Instant | null> {
  const rows = await database.query<{ row: OutboxRow }>(
    `SELECT ${TABLE_SQL.outbox.json} AS row FROM outbox t WHERE id = $1`,
    [id],
  );
  return rows[0]?.row.createdAt ?? null;
}

export async function overdueTimers(
  database: Database,
  now: Instant,
  limit: number,
): Promise<TimerRow[]> {
  const rows = await database.query<{ row: TimerRow }>(
    `SELECT ${TABLE_SQL.timer.json} AS row FROM timer t
     WHERE status = 'waiting' AND due_at <= $1::timestamptz ORDER BY due_at LIMIT $2`,
    [isoOf(now), limit],
  );
  return rows.map(({ row }) => row);
}

export async function readTimer(database: Database, id: string): Promise<TimerRow | null> {
  const rows = await database.query<{ row: TimerRow }>(
    `SELECT ${TABLE_SQL.timer.json} AS row FROM timer t WHERE id = $1`,
    [id],
  );
  return rows[0]?.row ?? null;
}
