import type { AttemptRow, EventRow } from "../domain/event.js";
import type { EventClaim } from "./apply.js";
import { toStorableJson } from "./clean.js";
import type { Database } from "./database.js";
import { ATTEMPT_SQL, EVENT_SQL } from "./tables.js";

const INSERT_ATTEMPT = `INSERT INTO attempt (${ATTEMPT_SQL.columns.join(", ")})
SELECT ${ATTEMPT_SQL.values.join(", ")} FROM jsonb_to_record($1::jsonb) AS x(${ATTEMPT_SQL.recordset})
ON CONFLICT (id) DO NOTHING`;

/** A run that wrote nothing else. */
export async function recordAttempt(database: Database, attempt: AttemptRow): Promise<void> {
  await database.query(INSERT_ATTEMPT, [toStorableJson(attempt)]);
}

const INSERT_RECEIVED = `WITH fresh AS (
  INSERT INTO event AS e (${EVENT_SQL.columns.join(", ")})
  SELECT ${EVENT_SQL.values.join(", ")}
  FROM jsonb_to_record($1::jsonb -> 'event') AS x(${EVENT_SQL.recordset})
  ON CONFLICT ON CONSTRAINT event_source_event_key_key DO UPDATE
    SET error_code = excluded.error_code, error_message = excluded.error_message
    WHERE e.status = 'received'
  RETURNING e.id),
known AS (SELECT id FROM fresh UNION SELECT t.id FROM event t
  WHERE t.source = $1::jsonb #>> '{event,source}' AND t.event_key = $1::jsonb #>> '{event,eventKey}'),
body AS (INSERT INTO event_body (event_id, headers, body)
  SELECT id, $1::jsonb -> 'headers', $2::bytea FROM fresh WHERE $2::bytea IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM event_body b WHERE b.event_id = fresh.id))
INSERT INTO attempt (${ATTEMPT_SQL.columns.join(", ")})
SELECT ${ATTEMPT_SQL.values.map((value) => (value === 'x."eventId"' ? "known.id" : value)).join(", ")}
FROM known, jsonb_to_record($1::jsonb -> 'attempt') AS x(${ATTEMPT_SQL.recordset})
ON CONFLICT (id) DO NOTHING`;

/**
 * Keeps an event that could not be run yet, with its bytes, so that a person sees it waiting. One that
 * died or is held stays as it is; that it was tried shows in its attempts.
 */
export async function recordReceived(database: Database, kept: EventClaim): Promise<void> {
  const { event, headers, attempt, body } = kept;
  await database.query(INSERT_RECEIVED, [
    toStorableJson({ event, headers, attempt }),
    body === null ? null : Buffer.from(body),
  ]);
}

/** The bytes and headers of an event as the provider sent them; null when retention has dropped them. */
export async function readBody(
  database: Database,
  eventId: string,
): Promise<{ headers: Record<string, string>; body: Uint8Array<ArrayBuffer> } | null> {
  const rows = await database.query<{ headers: Record<string, string>; body: Buffer }>(
    "SELECT headers, body FROM event_body WHERE event_id = $1 ORDER BY recorded_at LIMIT 1",
    [eventId],
  );
  const row = rows[0];
  return row === undefined ? null : { headers: row.headers, body: Uint8Array.from(row.body) };
}

/** The event's row as it is kept. */
export async function readEventRow(database: Database, eventId: string): Promise<EventRow | null> {
  const rows = await database.query<{ row: EventRow }>(
    `SELECT ${EVENT_SQL.json} AS row FROM event t WHERE id = $1`,
    [eventId],
  );
  return rows[0]?.row ?? null;
}

/** This month's partition for bodies and three ahead; the number that had to be made. */
export async function ensurePartitions(database: Database): Promise<number> {
  const rows = await database.query<{ made: number }>(
    "SELECT signalbox_ensure_partitions() AS made",
    [],
  );
  return rows[0]?.made ?? 0;
}
