import type { AuditEntry } from "../domain/audit.js";
import { RUNNABLE } from "../domain/event.js";
import { RETENTION } from "../domain/retention.js";
import { DAY_MS, type Instant, isoOf } from "../domain/time.js";
import { toStorableJson } from "./clean.js";
import type { Database } from "./database.js";
import { TABLE_SQL } from "./tables.js";

/** `202608`, in UTC, as the partitions of `event_body` are named. */
export type Month = string;

/** Not a parameter: the partial index of open events is found by these very words. */
const UNFINISHED = `('${RUNNABLE.join("','")}')`;
/** No clock but the database's own lets anything go that is younger; see `BODY_DAYS_MIN`. */
const UNTIL = "least($1::timestamptz, now() - interval '35 days') AT TIME ZONE 'UTC'";
const partitionOf = (month: Month): string => {
  if (!/^\d{6}$/.test(month)) throw new Error(`${month} is no month`);
  return `event_body_${month}`;
};

/** Another sweep has dropped the partition meanwhile: then there is nothing in it. */
async function orGone<Row>(asked: Promise<Row[]>): Promise<Row[]> {
  try {
    return await asked;
  } catch (error) {
    if ((error as { code?: unknown }).code === UNDEFINED_TABLE) return [];
    throw error;
  }
}
const UNDEFINED_TABLE = "42P01";

/** The months before that of `until` that have a partition of bodies, the oldest first. */
export async function monthsBefore(database: Database, until: Instant): Promise<Month[]> {
  const rows = await database.query<{ month: Month }>(
    `SELECT right(c.relname, 6) AS month FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'event_body'::regclass AND c.relname ~ '^event_body_\\d{6}$'
       AND right(c.relname, 6) < to_char(${UNTIL}, 'YYYYMM') ORDER BY 1`,
    [isoOf(until)],
  );
  return rows.map(({ month }) => month);
}

/** So that no statement comes near the role's `statement_timeout`: each body may be 4 MiB. */
const MOVED_BYTES = 16 * 1024 * 1024;
const MOVED_ROWS_MAX = 100;

/**
 * Gives the bytes of events that are not finished a place in the present month, some of them at once: until they are
 * 16 MiB, or 100. From their old one they are gone with the same statement.
 *
 * @returns how many; none when there is nothing left to move.
 */
export async function moveUnfinished(database: Database, month: Month): Promise<number> {
  const partition = partitionOf(month);
  const moving = `WITH open AS (SELECT b.event_id, b.recorded_at,
        sum(b.bytes) OVER (ORDER BY b.event_id, b.recorded_at) - b.bytes AS before
      FROM (SELECT b.* FROM event e
        CROSS JOIN LATERAL (SELECT event_id, recorded_at, octet_length(body) AS bytes
          FROM ${partition} b WHERE b.event_id = e.id LIMIT 1) b
        WHERE e.status IN ${UNFINISHED} LIMIT $1::int) b),
    taken AS (DELETE FROM ${partition} b USING open
      WHERE b.event_id = open.event_id AND b.recorded_at = open.recorded_at AND open.before < $2::bigint
      RETURNING b.event_id, b.headers, b.body),
    kept AS (INSERT INTO event_body (event_id, headers, body) SELECT event_id, headers, body FROM taken
      ON CONFLICT DO NOTHING)
    SELECT count(*)::int AS n FROM taken`;
  const rows = await orGone(database.query<{ n: number }>(moving, [MOVED_ROWS_MAX, MOVED_BYTES]));
  return rows[0]?.n ?? 0;
}

/** How much a month has; past a million events about how many, as Postgres last counted them. */
export async function sizeOfMonth(
  database: Database,
  month: Month,
): Promise<{ events: number; bytes: number }> {
  const partition = partitionOf(month);
  const sizing = `SELECT CASE WHEN c.reltuples > 1e6 THEN c.reltuples::float8
        ELSE (SELECT count(*) FROM ${partition})::float8 END AS events,
      pg_total_relation_size(c.oid)::float8 AS bytes
    FROM pg_class c WHERE c.oid = '${partition}'::regclass`;
  const rows = await orGone(database.query<{ events: number; bytes: number }>(sizing, []));
  return rows[0] ?? { events: 0, bytes: 0 };
}

const ENTRY = `jsonb_to_record($2::jsonb) AS x(${TABLE_SQL.auditEntry.recordset})`;
const ENTRY_COLUMNS = TABLE_SQL.auditEntry.columns.join(", ");

/** See `signalbox_drop_bodies`. */
export type DropOutcome = "dropped" | "busy" | "unfinished" | "gone";

/** Drops a month's bodies whole, and with them writes the entry; neither when it cannot be had now. */
export async function dropMonth(
  database: Database,
  month: Month,
  entry: AuditEntry,
): Promise<DropOutcome> {
  const rows = await database.query<{ outcome: DropOutcome }>(
    `WITH asked AS MATERIALIZED (SELECT signalbox_drop_bodies($1) AS outcome),
    told AS (INSERT INTO audit_entry (${ENTRY_COLUMNS})
      SELECT ${TABLE_SQL.auditEntry.values.join(", ")} FROM asked, ${ENTRY} WHERE asked.outcome = 'dropped')
    SELECT outcome FROM asked`,
    [month, toStorableJson(entry)],
  );
  return rows[0]?.outcome ?? "gone";
}

const STRAYS = `WITH old AS (
  SELECT b.event_id, b.recorded_at, to_char(b.recorded_at AT TIME ZONE 'UTC', 'YYYYMM') AS month
  FROM event_body_default b WHERE b.recorded_at < date_trunc('month', ${UNTIL}) AT TIME ZONE 'UTC'
    AND NOT EXISTS (SELECT FROM event e WHERE e.id = b.event_id AND e.status IN ${UNFINISHED})
  ORDER BY b.recorded_at LIMIT $3::int),
dropped AS (DELETE FROM event_body_default b USING old
  WHERE b.event_id = old.event_id AND b.recorded_at = old.recorded_at RETURNING old.month),
sum AS (SELECT count(*)::int AS n, min(month) AS first, max(month) AS last FROM dropped),
told AS (INSERT INTO audit_entry (${ENTRY_COLUMNS})
  SELECT ${TABLE_SQL.auditEntry.values
    .map((value) =>
      value === 'x."details"'
        ? `x."details" || jsonb_build_object('events', sum.n, 'first', sum.first, 'last', sum.last)`
        : value,
    )
    .join(", ")} FROM sum, ${ENTRY} WHERE sum.n > 0)
SELECT n FROM sum`;

/**
 * Deletes bodies that have no partition of their month, because none was made in time: those of finished events of months
 * before that of `until`, some of them at once.
 *
 * @param entry gets how many, and their first and last month.
 * @returns how many.
 */
export async function dropStrays(
  database: Database,
  o: { until: Instant; limit: number; entry: AuditEntry },
): Promise<number> {
  const values = [isoOf(o.until), toStorableJson(o.entry), o.limit];
  return (await database.query<{ n: number }>(STRAYS, values))[0]?.n ?? 0;
}

/** Nothing is sent by what was rendered of it any more; a replay renders it anew. */
const GOING_ON = "('pending','sending','failed','unknown')";

/**
 * Takes from notices that ended 90 days ago what was rendered of them, and their timers; some of them at once. One that
 * somebody else is at is left for later.
 *
 * @returns how many.
 */
export async function emptyEndedNotices(
  database: Database,
  now: Instant,
  limit: number,
): Promise<number> {
  const rows = await database.query<{ n: number }>(
    `WITH ended AS MATERIALIZED (
      SELECT t.id, t.subject FROM timer t JOIN notice n ON n.id = t.subject
      WHERE t.kind = 'notice.give_up' AND t.status = 'done' AND t.due_at < $1::timestamptz
        AND n.status NOT IN ${GOING_ON}
      ORDER BY t.due_at LIMIT $2::int FOR UPDATE SKIP LOCKED),
    emptied AS (UPDATE notice n SET payload = NULL, version = n.version + 1
      FROM ended WHERE n.id = ended.subject AND n.payload IS NOT NULL),
    gone AS (DELETE FROM timer t USING ended WHERE t.id = ended.id RETURNING 1)
    SELECT count(*)::int AS n FROM gone`,
    [isoOf(now - RETENTION.notice.days * DAY_MS), limit],
  );
  return rows[0]?.n ?? 0;
}

/** Deletes minutes that are older than 90 days, some of them at once. @returns how many rows. */
export async function dropOldMetrics(
  database: Database,
  now: Instant,
  limit: number,
): Promise<number> {
  const rows = await database.query<{ n: number }>(
    `WITH old AS (DELETE FROM metric_minute WHERE ctid IN (
      SELECT ctid FROM metric_minute WHERE minute < $1::timestamptz LIMIT $2::int) RETURNING 1)
    SELECT count(*)::int AS n FROM old`,
    [isoOf(now - RETENTION.metric_minute.days * DAY_MS), limit],
  );
  return rows[0]?.n ?? 0;
}
