import { DAY_MS, type Instant, isoOf } from "../domain/time.js";
import type { Database } from "./database.js";

/** A metric over a time: its mean by observations, and how high it went. */
export interface MetricOfDay {
  metric: string;
  label: string;
  mean: number;
  highest: number;
  total: number;
}

export interface PaymentsOfDay {
  created: number;
  completed: number;
  failed: number;
  revenue: { currency: string; amountMinor: number; payments: number }[];
}

export interface DayCounts {
  /** Alerts that began, by their severity. */
  alerts: { severity: string; count: number }[];
  alertsOpen: number;
  securityIncidents: number;
  keysCreated: number;
  keysRevoked: number;
  deadLetters: number;
}

interface Span {
  from: Instant;
  to: Instant;
}

/** A payment that is paid later than this after its birth is not looked for: the index is by birth. */
const PAID_WITHIN_MS = 60 * DAY_MS;

export function readMetricsOfDay(database: Database, { from, to }: Span): Promise<MetricOfDay[]> {
  return database.query(
    `SELECT metric, label,
      (CASE WHEN sum(samples) > 0 THEN sum(value * samples) / sum(samples) ELSE avg(value) END)::float8 AS mean,
      max(value)::float8 AS highest, sum(value)::float8 AS total
    FROM metric_minute WHERE minute >= $1::timestamptz AND minute < $2::timestamptz
    GROUP BY metric, label ORDER BY metric, label`,
    [isoOf(from), isoOf(to)],
  ) as Promise<never>;
}

/**
 * @param livemode the payments that count; null: all.
 */
export async function readPaymentsOfDay(
  database: Database,
  { from, to, livemode }: Span & { livemode: boolean | null },
): Promise<PaymentsOfDay> {
  const [row] = await database.query<PaymentsOfDay & Record<string, unknown>>(
    `WITH p AS (
      SELECT * FROM payment WHERE born_at >= $3::timestamptz AND born_at < $2::timestamptz
        AND ($4::boolean IS NULL OR livemode = $4)),
    paid AS (
      SELECT currency, sum(received_minor)::float8 AS "amountMinor", count(*)::int AS payments
      FROM p WHERE paid_at >= $1::timestamptz AND paid_at < $2::timestamptz GROUP BY currency)
    SELECT (SELECT count(*)::int FROM p WHERE born_at >= $1::timestamptz) AS created,
      (SELECT coalesce(sum(payments), 0)::int FROM paid) AS completed,
      (SELECT count(*)::int FROM p WHERE state = 'failed' AND state_as_of >= $1::timestamptz
        AND state_as_of < $2::timestamptz) AS failed,
      (SELECT coalesce(json_agg(paid ORDER BY currency), '[]') FROM paid) AS revenue`,
    [isoOf(from), isoOf(to), isoOf(from - PAID_WITHIN_MS), livemode],
  );
  if (row === undefined) throw new Error("a SELECT of counts gives one row");
  return row;
}

/** The incidents that lasted into the time or began in it, and of which people were told, alone or with their storm. */
export async function readPagedOfDay(database: Database, { from, to }: Span): Promise<Set<string>> {
  const rows = await database.query<{ id: string }>(
    `SELECT i.id FROM incident i
    WHERE i.opened_at < $2::timestamptz AND (i.resolved_at IS NULL OR i.resolved_at >= $1::timestamptz)
      AND EXISTS (SELECT 1 FROM incident_step s WHERE s.incident_id = i.id AND s.step ~ '^(page|storm):')`,
    [isoOf(from), isoOf(to)],
  );
  return new Set(rows.map(({ id }) => id));
}

export async function readDayCounts(database: Database, { from, to }: Span): Promise<DayCounts> {
  const [row] = await database.query<DayCounts & Record<string, unknown>>(
    `SELECT (SELECT coalesce(json_agg(s ORDER BY s.severity), '[]') FROM (
        SELECT severity, count(*)::int AS count FROM alert
        WHERE opened_at >= $1::timestamptz AND opened_at < $2::timestamptz AND incident_id IS NOT NULL
        GROUP BY severity) s) AS alerts,
      (SELECT count(*)::int FROM alert WHERE status <> 'resolved' AND incident_id IS NOT NULL
        AND opened_at < $2::timestamptz) AS "alertsOpen",
      (SELECT count(*)::int FROM incident WHERE kind = 'security'
        AND opened_at >= $1::timestamptz AND opened_at < $2::timestamptz) AS "securityIncidents",
      (SELECT count(*)::int FROM api_key WHERE created_at >= $1::timestamptz
        AND created_at < $2::timestamptz) AS "keysCreated",
      (SELECT count(*)::int FROM api_key WHERE revoked_at >= $1::timestamptz
        AND revoked_at < $2::timestamptz) AS "keysRevoked",
      (SELECT count(*)::int FROM dead_letter WHERE status = 'open') AS "deadLetters"`,
    [isoOf(from), isoOf(to)],
  );
  if (row === undefined) throw new Error("a SELECT of counts gives one row");
  return row;
}
