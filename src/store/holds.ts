import { RUNNABLE } from "../domain/event.js";
import type { SourceHold } from "../domain/hold.js";
import type { OutboxRow } from "../domain/outbox.js";
import { type Instant, isoOf } from "../domain/time.js";
import { toStorableJson } from "./clean.js";
import { classify, type Database } from "./database.js";
import { TABLE_SQL } from "./tables.js";

/**
 * Runs a change of holds alone: after it, no claim that did not see it can still commit. Claims under way hold the
 * table in ROW SHARE until their commit (see `claimCtes`) and are waited for; those that come wait for this
 * one's commit before they look. Readers, backups among them, are not in its way, nor it in theirs.
 *
 * @param change gets the transaction; what it throws undoes it.
 * @throws Transient `database_busy` when a claim takes longer than `lock_timeout`; Transient.
 */
export async function changeHolds<T>(
  database: Database,
  change: (transaction: Database) => Promise<T>,
): Promise<T> {
  const client = await database.pool.connect().catch((error: unknown) => {
    throw classify(error);
  });
  const transaction: Database = {
    ...database,
    async query(text, values) {
      try {
        return (await client.query({ text, values: [...values] })).rows;
      } catch (error) {
        throw classify(error);
      }
    },
  };
  let broken: Error | undefined;
  // The pool listens to idle connections only: one that is lost between two statements would end the process.
  const lose = (error: Error): void => {
    broken = error;
  };
  client.on("error", lose);
  try {
    await transaction.query("BEGIN", []);
    await transaction.query("LOCK TABLE source_hold IN EXCLUSIVE MODE", []);
    const changed = await change(transaction);
    await transaction.query("COMMIT", []);
    return changed;
  } catch (error) {
    broken = error as Error; // ends the session, and the transaction with it, whatever state they are in
    throw error;
  } finally {
    client.off("error", lose);
    client.release(broken);
  }
}

/** The holds that are not released; one of a source at most. */
async function activeHolds(database: Database): Promise<SourceHold[]> {
  const rows = await database.query<{ row: SourceHold }>(
    `SELECT ${TABLE_SQL.sourceHold.json} AS row FROM source_hold t
     WHERE released_at IS NULL ORDER BY source`,
    [],
  );
  return rows.map(({ row }) => row);
}

/** How much of a source is held. */
export interface HeldState {
  source: string;
  heldEvents: number;
  /** When the oldest of them happened, as the source says. */
  oldestAt: Instant | null;
}

const COUNT = `SELECT source, count(*)::int AS "heldEvents",
  (extract(epoch FROM min(occurred_at)) * 1000)::bigint::text AS "oldestAt"
FROM event WHERE status = 'held' GROUP BY source ORDER BY source`;

/** Sources that have held events; none else. */
export async function countHeld(database: Database): Promise<HeldState[]> {
  const rows = await database.query<{ source: string; heldEvents: number; oldestAt: string }>(
    COUNT,
    [],
  );
  return rows.map(({ oldestAt, ...row }) => ({ ...row, oldestAt: Number(oldestAt) }));
}

export async function readHolds(
  database: Database,
): Promise<{ holds: SourceHold[]; counts: HeldState[] }> {
  const [holds, counts] = await Promise.all([activeHolds(database), countHeld(database)]);
  return { holds, counts };
}

/** The ids of held events in the order of occurrence, the first ones. */
export async function firstHeld(
  database: Database,
  source: string,
  limit: number,
): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `SELECT id FROM event WHERE status = 'held' AND source = $1
     ORDER BY occurred_at, received_at, id LIMIT $2`,
    [source, limit],
  );
  return rows.map(({ id }) => id);
}

/** Those of the ids that are held events of the source, in the order of occurrence. */
export async function heldAmong(
  database: Database,
  source: string,
  ids: readonly string[],
): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `SELECT id FROM event WHERE status = 'held' AND source = $1 AND id = ANY($2::text[])
     ORDER BY occurred_at, received_at, id`,
    [source, ids],
  );
  return rows.map(({ id }) => id);
}

/** Those of the ids that may still be worked on; who is done needs no leave of a hold any more. */
export async function runnableAmong(database: Database, ids: readonly string[]): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    "SELECT id FROM event WHERE id = ANY($1::text[]) AND status = ANY($2::text[]) ORDER BY id",
    [ids, RUNNABLE],
  );
  return rows.map(({ id }) => id);
}

const TAKE_DRAIN = `UPDATE source_hold SET drained_by = $2, drained_until = $4::timestamptz
WHERE id = (SELECT id FROM source_hold WHERE source = $1 ORDER BY held_at DESC, id DESC LIMIT 1)
  AND released_at IS NOT NULL
  AND (drained_by IS NULL OR drained_by = $2 OR drained_until <= $3::timestamptz)
RETURNING id`;

/**
 * Makes `runner` the one who drains the source until a time; again, to stay it. One at a time keeps the order;
 * were there two, no event would be worked on twice.
 *
 * @returns false when somebody else is at it, or the source is held.
 */
export async function takeDrain(
  database: Database,
  source: string,
  runner: string,
  times: { now: Instant; until: Instant },
): Promise<boolean> {
  const values = [source, runner, isoOf(times.now), isoOf(times.until)];
  return (await database.query(TAKE_DRAIN, values)).length > 0;
}

export async function endDrain(database: Database, source: string, runner: string): Promise<void> {
  await database.query(
    `UPDATE source_hold SET drained_by = NULL, drained_until = NULL
     WHERE source = $1 AND drained_by = $2`,
    [source, runner],
  );
}

const HAND_OVER = `WITH handed AS (
  UPDATE event SET status = 'received' WHERE id = $1 AND status = 'held' RETURNING id)
INSERT INTO outbox (${TABLE_SQL.outbox.columns.join(", ")})
SELECT ${TABLE_SQL.outbox.values.join(", ")}
FROM handed, jsonb_to_record($2::jsonb) AS x(${TABLE_SQL.outbox.recordset})
RETURNING id`;

/** Leaves a held event to the queue: it is retried there, and ends as processed or as a dead letter. */
export async function handToQueue(
  database: Database,
  eventId: string,
  message: OutboxRow,
): Promise<boolean> {
  return (await database.query(HAND_OVER, [eventId, toStorableJson(message)])).length > 0;
}
