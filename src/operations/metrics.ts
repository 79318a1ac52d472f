import { Permanent } from "../domain/errors.js";
import { COUNTS, type MetricMinute, OWN_LABELS } from "../domain/metric.js";
import { type Clock, HOUR_MS, type Instant, isoOf, MINUTE_MS } from "../domain/time.js";
import type { Database } from "../store/database.js";
import { type MetricSpan, readSpans, writeMetrics } from "../store/metrics.js";

interface MetricDeps {
  database: Database;
  clock: Clock;
}

export interface MetricsQuery {
  metric: string;
  /** Null: all. */
  label: string | null;
  periodMs: number;
  stepMinutes: number;
}

/** More points than a person looks at. */
const POINTS_MAX = 2_000;

/** A metric until now, in steps; newest first. */
export function readMetrics(query: MetricsQuery, deps: MetricDeps): Promise<MetricSpan[]> {
  const { metric, label, periodMs, stepMinutes } = query;
  const to = deps.clock.now();
  return readSpans(deps.database, {
    metric,
    label,
    from: to - periodMs,
    to,
    stepMinutes,
    counts: COUNTS,
    limit: POINTS_MAX,
  });
}

/** What is told later than this is past changing anything. */
const OLD_MS_MAX = HOUR_MS;
const RESERVED: ReadonlySet<string> = new Set(Object.values(OWN_LABELS));

/**
 * Keeps what the platform reports of itself. The same minute again is the newer value.
 *
 * @returns how many rows were written.
 * @throws Permanent `invalid_request` for a minute that is more than an hour old or to come, or a label of our own; Transient.
 */
export async function reportMetrics(
  given: readonly (Omit<MetricMinute, "minute"> & { minute: Instant | null })[],
  { database, clock }: MetricDeps,
): Promise<number> {
  const now = clock.now();
  const minuteOf = (at: Instant): Instant => Math.floor(at / MINUTE_MS) * MINUTE_MS;
  const rows = new Map<string, MetricMinute>();
  for (const [i, { minute, ...one }] of given.entries()) {
    const at = minute ?? now - MINUTE_MS;
    const refuse = (why: string): never => {
      throw new Permanent("invalid_request", { detail: `observations.${i}.${why}` });
    };
    if (at > now + MINUTE_MS) refuse(`minute: must not be to come; it is ${isoOf(at)}`);
    if (at < now - OLD_MS_MAX) refuse(`minute: must be of the last hour; it is ${isoOf(at)}`);
    if (RESERVED.has(one.label)) {
      refuse(`label: ${one.label} is what this deployment measures itself`);
    }
    const row = { ...one, minute: minuteOf(at) };
    rows.set(`${row.metric} ${row.minute} ${row.label}`, row); // one statement writes a row once
  }
  await writeMetrics(database, [...rows.values()]);
  return rows.size;
}
