import type { Maintenance } from "../domain/incident.js";
import { OWN_LABELS } from "../domain/metric.js";
import { type Instant, isoOf } from "../domain/time.js";
import type { Outage, Responded } from "../domain/uptime.js";
import type { Database } from "./database.js";
import { TABLE_SQL } from "./tables.js";

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

interface Range extends Record<"from" | "to", Instant> {}

/** The first minute that was watched, of those that are kept; null: none was. */
export async function readFirstWatched(database: Database): Promise<Instant | null> {
  const [row] = await database.query<{ at: number }>(
    `SELECT ${ms("minute")} AS at FROM metric_minute WHERE metric = 'database_up' AND label = $1
    ORDER BY minute LIMIT 1`,
    [OWN_LABELS.database],
  );
  return row?.at ?? null;
}

/** The monitors' outages that touch the time, by the service's canonical name. An end without a beginning is none. */
export function readOutages(database: Database, { from, to }: Range): Promise<Outage[]> {
  return database.query(
    `SELECT coalesce(i.service, a.service, 'unknown') AS service, ${ms("a.opened_at")} AS "startedAt",
      ${ms("a.resolved_at")} AS "endedAt"
    FROM alert a JOIN incident i ON i.id = a.incident_id
    WHERE a.kind = 'uptime' AND a.opened_at < $2::timestamptz
      AND (a.resolved_at IS NULL OR a.resolved_at > $1::timestamptz)
    ORDER BY a.opened_at`,
    [isoOf(from), isoOf(to)],
  ) as Promise<never>;
}

/** How soon each incident that opened in the time was known, had and over. */
export function readResponses(database: Database, { from, to }: Range): Promise<Responded[]> {
  return database.query(
    `SELECT ${ms("i.created_at")} AS "detectedAt", ${ms("i.acknowledged_at")} AS "acknowledgedAt",
      ${ms("i.resolved_at")} AS "resolvedAt",
      ${ms("least(i.opened_at, (SELECT min(a.opened_at) FROM alert a WHERE a.incident_id = i.id))")} AS "firstSymptomAt"
    FROM incident i
    WHERE i.opened_at >= $1::timestamptz AND i.opened_at < $2::timestamptz AND i.kind <> 'maintenance'`,
    [isoOf(from), isoOf(to)],
  ) as Promise<never>;
}

/** Maintenances that were made rows and touch the time; some began before their time, or ended after it. */
export async function readMaintenances(
  database: Database,
  { from, to }: Range,
): Promise<Maintenance[]> {
  const rows = await database.query<{ row: Maintenance }>(
    `SELECT ${TABLE_SQL.maintenance.json} AS row FROM maintenance t
    WHERE least(t.starts_at, t.begun_at) < $2::timestamptz AND greatest(t.ends_at, t.ended_at) > $1::timestamptz
    ORDER BY t.starts_at`,
    [isoOf(from), isoOf(to)],
  );
  return rows.map(({ row }) => row);
}
