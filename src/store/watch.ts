import type { EventStatus } from "../domain/event.js";
import { OWN_SOURCE } from "../domain/own-signal.js";
import type { RunStatus } from "../domain/reconciliation.js";
import { type Instant, isoOf } from "../domain/time.js";
import type { Database } from "./database.js";

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** Our own alerts that are open, of the groups that begin like this; `closedAt`: when their incident ended all the same. */
export function openOwnAlerts(
  database: Database,
  prefix: string,
): Promise<{ groupKey: string; closedAt: Instant | null }[]> {
  return database.query(
    `SELECT a.group_key AS "groupKey", ${ms("i.resolved_at")} AS "closedAt"
    FROM alert a LEFT JOIN incident i ON i.id = a.incident_id AND i.status = 'resolved'
    WHERE a.status <> 'resolved' AND a.source = '${OWN_SOURCE}' AND starts_with(a.group_key, $1) ORDER BY a.group_key`,
    [prefix],
  );
}

export interface OldestEvent {
  source: string;
  type: string;
  recordedAt: Instant;
  unfinished: number;
}

/** The oldest event that waits to be finished; null when none does. */
export async function oldestUnfinished(database: Database): Promise<OldestEvent | null> {
  const rows = await database.query<OldestEvent & Record<string, unknown>>(
    `SELECT source, type, ${ms("recorded_at")} AS "recordedAt",
      (SELECT count(*)::int FROM event WHERE status = 'received') AS unfinished
    FROM event WHERE status = 'received' ORDER BY recorded_at LIMIT 1`,
    [],
  );
  return rows[0] ?? null;
}

export interface OpenDeadLetter {
  id: string;
  source: string;
  type: string;
  code: string;
  /** When it last died. */
  diedAt: Instant;
}

/** Events of these sources that are dead and wait for a person, the newest first. */
export function openDeadLetters(
  database: Database,
  sources: readonly string[],
  limit: number,
): Promise<OpenDeadLetter[]> {
  return database.query(
    `SELECT d.id, e.source, e.type, d.code, ${ms("d.updated_at")} AS "diedAt"
    FROM dead_letter d JOIN event e ON e.id = d.event_id
    WHERE d.status = 'open' AND e.source = ANY($1::text[]) ORDER BY d.id DESC LIMIT $2`,
    [[...sources], limit],
  ) as Promise<never>;
}

/** Of these dead letters those that a person has settled, or a replay. */
export async function settledLetters(
  database: Database,
  ids: readonly string[],
): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    "SELECT id FROM dead_letter WHERE id = ANY($1::text[]) AND status IN ('resolved', 'discarded')",
    [[...ids]],
  );
  return rows.map(({ id }) => id);
}

export interface LastRun {
  id: string;
  source: string;
  status: Exclude<RunStatus, "running">;
  endedAt: Instant;
}

/** The last reconciliation of a source that has ended and was no dry run; null when there was none. */
export async function lastRunOf(database: Database, source: string): Promise<LastRun | null> {
  const rows = await database.query<LastRun & Record<string, unknown>>(
    `SELECT id, source, status, ${ms("coalesce(ended_at, updated_at)")} AS "endedAt" FROM reconciliation
    WHERE source = $1 AND status <> 'running' AND NOT dry_run ORDER BY id DESC LIMIT 1`,
    [source],
  );
  return rows[0] ?? null;
}

export interface Unended {
  id: string;
  title: string;
  endsAt: Instant;
}

/** Maintenances that were to have ended before then, and of which nobody has said how they ended; the oldest first. */
export function unendedMaintenances(
  database: Database,
  before: Instant,
  limit: number,
): Promise<Unended[]> {
  return database.query(
    `SELECT id, title, ${ms("ends_at")} AS "endsAt" FROM maintenance
    WHERE status IN ('begun', 'verifying') AND ends_at < $1::timestamptz ORDER BY ends_at, id LIMIT $2`,
    [isoOf(before), limit],
  ) as Promise<never>;
}

/** How an event stands that was sent by its key; null when no worker has had it. */
export async function eventState(
  database: Database,
  source: string,
  eventKey: string,
): Promise<{ status: EventStatus; errorCode: string | null; attempts: number } | null> {
  const rows = await database.query<{
    status: EventStatus;
    errorCode: string | null;
    attempts: number;
  }>(
    `SELECT e.status, e.error_code AS "errorCode",
      (SELECT count(*)::int FROM attempt a WHERE a.event_id = e.id) AS attempts
    FROM event e WHERE e.source = $1 AND e.event_key = $2`,
    [source, eventKey],
  );
  return rows[0] ?? null;
}

/** Sources that are held. */
export async function heldSources(database: Database): Promise<Set<string>> {
  const rows = await database.query<{ source: string }>(
    "SELECT source FROM source_hold WHERE released_at IS NULL",
    [],
  );
  return new Set(rows.map(({ source }) => source));
}

/** When a source had events, by the minute, since then. */
export async function minutesWithEvents(
  database: Database,
  since: Instant,
): Promise<Map<string, Instant[]>> {
  const rows = await database.query<{ source: string; minutes: number[] }>(
    `SELECT label AS source, array_agg(${ms("minute")}) AS minutes FROM metric_minute
    WHERE metric = 'events_received' AND minute >= $1::timestamptz GROUP BY label`,
    [isoOf(since)],
  );
  return new Map(rows.map(({ source, minutes }) => [source, minutes]));
}
