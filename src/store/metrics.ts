import { CANARY_TYPE } from "../domain/canary.js";
import {
  type MetricMinute,
  OWN_LABELS,
  SPIKE_MINUTES,
  SPIKE_USUAL_MINUTES,
} from "../domain/metric.js";
import { OWN_SOURCE } from "../domain/own-signal.js";
import { type Instant, isoOf, MINUTE_MS } from "../domain/time.js";
import { toStorableJson } from "./clean.js";
import type { Database } from "./database.js";

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;
const ROW = `${ms("m.minute")} AS minute, m.metric, m.label, m.value, m.samples`;

/** A run's end is its begin and its duration; it may have begun before the minutes that are asked for. */
const RUN_MINUTES_MAX = 15;
const END = "a.started_at + a.duration_ms * interval '1 millisecond'";

const MEASURE = `WITH done AS (
  SELECT date_trunc('minute', ${END}) AS minute, a.outcome, a.event_id, e.source,
    extract(epoch FROM e.processed_at - e.received_at) * 1000 AS took_ms, e.trace ->> 'runId' IS NULL AS is_first
  FROM attempt a JOIN event e ON e.id = a.event_id
  WHERE a.started_at >= $1::timestamptz - interval '${RUN_MINUTES_MAX} minutes' AND a.started_at < $2::timestamptz
    AND ${END} >= $1::timestamptz AND ${END} < $2::timestamptz AND e.type <> '${CANARY_TYPE}'),
took AS (SELECT minute, took_ms FROM done
  WHERE outcome IN ('processed', 'ignored') AND is_first AND took_ms >= 0),
paid AS (
  SELECT date_trunc('minute', t.at) AS minute, t.details ->> 'after' AS state
  FROM audit_entry t JOIN payment p ON p.id = t.subject
  WHERE t.at >= $1::timestamptz AND t.at < $2::timestamptz AND t.action = 'payment.recorded'
    AND t.details ->> 'after' IN ('succeeded', 'failed')
    AND t.details ->> 'before' IS DISTINCT FROM t.details ->> 'after'
    AND ($3::boolean IS NULL OR p.livemode = $3)),
failed AS (
  SELECT date_trunc('minute', s.occurred_at) AS minute, coalesce(t.service, 'unknown') AS service
  FROM signal s JOIN alert t ON t.id = s.alert_id
  WHERE s.occurred_at >= $1::timestamptz AND s.occurred_at < $2::timestamptz AND s.kind = 'raised'
    AND t.kind = 'error' AND t.source <> '${OWN_SOURCE}'),
m AS (
  SELECT minute, 'events_finished' AS metric, source || '.' || outcome AS label, count(*) AS value, count(*) AS samples
  FROM done WHERE outcome IN ('processed', 'ignored', 'held', 'dead') GROUP BY minute, source, outcome
  UNION ALL
  SELECT minute, 'events_received', source, count(DISTINCT event_id), count(DISTINCT event_id)
  FROM done GROUP BY minute, source
  UNION ALL
  SELECT minute, 'error_rate_percent', '${OWN_LABELS.service}',
    100.0 * count(*) FILTER (WHERE outcome IN ('dead', 'transient')) / count(*), count(*)
  FROM done WHERE outcome <> 'duplicate' GROUP BY minute
  UNION ALL
  SELECT minute, 'latency_p95_ms', '${OWN_LABELS.service}', percentile_cont(0.95) WITHIN GROUP (ORDER BY took_ms), count(*)
  FROM took GROUP BY minute
  UNION ALL
  SELECT minute, 'latency_avg_ms', '${OWN_LABELS.service}', avg(took_ms), count(*) FROM took GROUP BY minute
  UNION ALL
  SELECT minute, 'payment_success_percent', '${OWN_LABELS.payments}',
    100.0 * count(*) FILTER (WHERE state = 'succeeded') / count(*), count(*)
  FROM paid GROUP BY minute
  UNION ALL
  SELECT minute, 'error_signals', service, count(*), count(*) FROM failed GROUP BY minute, service)
SELECT ${ms("m.minute")} AS minute, m.metric, m.label, m.value::float8 AS value, m.samples::int AS samples FROM m`;

/**
 * What the rows say of the minutes from `from` until before `to`: events received and finished, the share of runs that
 * failed, the time from the door to the end, payments that succeeded among those that were decided, and error signals
 * of each service. Canaries are left out.
 *
 * @param livemode the payments that count; null: all.
 */
export function measureMinutes(
  database: Database,
  { from, to, livemode }: { from: Instant; to: Instant; livemode: boolean | null },
): Promise<MetricMinute[]> {
  return database.query(MEASURE, [isoOf(from), isoOf(to), livemode]) as Promise<never>;
}

/** Error signals of each service, of the minutes until `now` and of the day before them: see `spikeTimes`. */
export async function countErrors(
  database: Database,
  now: Instant,
): Promise<{ service: string; recent: number; before: number }[]> {
  return database.query(
    `SELECT coalesce(t.service, 'unknown') AS service,
      count(*) FILTER (WHERE s.occurred_at >= $2::timestamptz)::int AS recent,
      count(*) FILTER (WHERE s.occurred_at < $2::timestamptz)::int AS before
    FROM signal s JOIN alert t ON t.id = s.alert_id
    WHERE s.occurred_at >= $1::timestamptz AND s.occurred_at < $3::timestamptz AND s.kind = 'raised'
      AND t.kind = 'error' AND t.source <> '${OWN_SOURCE}' GROUP BY 1`,
    [
      isoOf(now - (SPIKE_MINUTES + SPIKE_USUAL_MINUTES) * MINUTE_MS),
      isoOf(now - SPIKE_MINUTES * MINUTE_MS),
      isoOf(now),
    ],
  );
}

export interface Gauges {
  /** Since when the oldest event waits that is neither finished nor held nor dead; null: none does. */
  oldestEventAt: Instant | null;
  /** When the oldest message should have been published that is not; null: none waits. */
  oldestOutboxAt: Instant | null;
  connections: number;
  connectionsMax: number;
}

/** How it is at this moment. */
export async function readGauges(database: Database, now: Instant): Promise<Gauges> {
  const [row] = await database.query<Gauges & Record<string, unknown>>(
    `SELECT (SELECT ${ms("min(recorded_at)")} FROM event WHERE status = 'received') AS "oldestEventAt",
      (SELECT ${ms("min(due_at)")} FROM outbox WHERE due_at <= $1::timestamptz) AS "oldestOutboxAt",
      (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        AS "connectionsMax"`,
    [isoOf(now)],
  );
  if (row === undefined) throw new Error("a SELECT of gauges gives one row");
  return row;
}

/** Each minute, metric and label is one row: written again, it says the newer value. */
export async function writeMetrics(
  database: Database,
  rows: readonly MetricMinute[],
): Promise<void> {
  if (rows.length === 0) return;
  const given = rows.map((row) => ({ ...row, minute: isoOf(row.minute) }));
  await database.query(
    `INSERT INTO metric_minute AS m (minute, metric, label, value, samples)
    SELECT x.minute, x.metric, x.label, x.value, x.samples
    FROM jsonb_to_recordset($1::jsonb)
      AS x(minute timestamptz, metric text, label text, value float8, samples integer)
    ON CONFLICT (metric, label, minute) DO UPDATE SET value = EXCLUDED.value, samples = EXCLUDED.samples
    WHERE (m.value, m.samples) IS DISTINCT FROM (EXCLUDED.value, EXCLUDED.samples)`,
    [toStorableJson(given)],
  );
}

/** The newest minute since `since` that our own watch has written; null when it has none. */
export async function lastWatched(database: Database, since: Instant): Promise<Instant | null> {
  const [row] = await database.query<{ minute: number | null }>(
    `SELECT ${ms("max(minute)")} AS minute FROM metric_minute
    WHERE metric = 'healthy' AND label = '${OWN_LABELS.service}' AND minute >= $1::timestamptz`,
    [isoOf(since)],
  );
  return row?.minute ?? null;
}

/** These metrics' minutes from `from` until before `to`, oldest first. */
export function readMinutes(
  database: Database,
  { metrics, from, to }: { metrics: readonly string[]; from: Instant; to: Instant },
): Promise<MetricMinute[]> {
  return database.query(
    `SELECT ${ROW} FROM metric_minute m WHERE metric = ANY($1::text[])
      AND minute >= $2::timestamptz AND minute < $3::timestamptz ORDER BY minute`,
    [[...metrics], isoOf(from), isoOf(to)],
  ) as Promise<never>;
}

/** Some minutes of a metric as one: the mean by observations, and how low and high it went. */
export interface MetricSpan {
  at: Instant;
  metric: string;
  label: string;
  value: number;
  min: number;
  max: number;
  samples: number;
}

const MEAN = `CASE WHEN sum(samples) > 0 THEN sum(value * samples) / sum(samples) ELSE avg(value) END`;
/** Counts are added up; everything else is a mean. */
const SPAN = `${ms("date_bin($4::interval, minute, 'epoch')")} AS at, metric, label,
  (CASE WHEN metric = ANY($6::text[]) THEN sum(value) ELSE ${MEAN} END)::float8 AS value,
  min(value)::float8 AS min, max(value)::float8 AS max, sum(samples)::int AS samples`;

/** A metric from `from` until before `to`, in steps; the newest first. */
export function readSpans(
  database: Database,
  o: {
    metric: string;
    label: string | null;
    from: Instant;
    to: Instant;
    stepMinutes: number;
    counts: readonly string[];
    limit: number;
  },
): Promise<MetricSpan[]> {
  return database.query(
    `SELECT ${SPAN} FROM metric_minute WHERE metric = $1 AND minute >= $2::timestamptz AND minute < $3::timestamptz
      AND ($5::text IS NULL OR label = $5) GROUP BY 1, metric, label ORDER BY at DESC, label LIMIT $7`,
    [
      o.metric,
      isoOf(o.from),
      isoOf(o.to),
      `${o.stepMinutes} minutes`,
      o.label,
      [...o.counts],
      o.limit,
    ],
  ) as Promise<never>;
}
