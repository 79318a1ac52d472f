import { describeError } from "../../domain/describe-error.js";
import { type MetricMinute, OWN_LABELS, spikeTimes } from "../../domain/metric.js";
import { HOUR_MS, type Instant, isoOf, MINUTE_MS, SECOND_MS } from "../../domain/time.js";
import {
  countErrors,
  type Gauges,
  lastWatched,
  measureMinutes,
  readGauges,
  writeMetrics,
} from "../../store/metrics.js";
import type { WatchDeps } from "./deps.js";

/** After a longer downtime the minutes before are not written any more. */
const CATCH_UP_MS = HOUR_MS;
/** What is told late still counts in its own minute, for so long. */
const LATE_MS = 2 * MINUTE_MS;
const KEPT_ASIDE_MS = 2 * CATCH_UP_MS;

const { service, database: databaseLabel } = OWN_LABELS;
const minuteOf = (at: Instant): Instant => Math.floor(at / MINUTE_MS) * MINUTE_MS;
const asideKey = (minute: Instant): string => `watch:${isoOf(minute)}`;

/**
 * Writes the minutes that are over and not written yet. How it is at this moment stands for the last of them;
 * what the rows say is written for each.
 *
 * @returns the minutes that are new, oldest first.
 * @throws Transient without the database; then what is known of the minute is kept in KV, and written later.
 */
export async function measure(deps: WatchDeps): Promise<Instant[]> {
  const { database, clock, livemode } = deps;
  const now = clock.now();
  const to = minuteOf(now);
  const current = to - MINUTE_MS;
  let last: Instant | null;
  try {
    last = await lastWatched(database, to - CATCH_UP_MS);
  } catch (error) {
    await keepAside(current, deps);
    throw error;
  }
  const from = last === null ? current : last + MINUTE_MS;
  if (from >= to) return [];
  const [rows, gauges, errors] = await Promise.all([
    measureMinutes(database, { from: from - LATE_MS, to, livemode }),
    readGauges(database, now),
    countErrors(database, to),
  ]);
  const spikes = errors.map(({ service: label, recent, before }): MetricMinute => {
    const value = spikeTimes(recent, before);
    return { minute: current, metric: "error_spike_times", label, value, samples: recent };
  });
  const aside = await keptAside(from, current, deps);
  const own = [...(await partsRows(current, true, deps)), ...gaugeRows(current, now, gauges)];
  await writeMetrics(database, [...aside, ...rows, ...spikes, ...own]);
  return minutesBetween(from, to);
}

function minutesBetween(from: Instant, to: Instant): Instant[] {
  return Array.from({ length: (to - from) / MINUTE_MS }, (_, i) => from + i * MINUTE_MS);
}

const gauge = (minute: Instant, metric: string, label: string, value: number): MetricMinute => ({
  minute,
  metric,
  label,
  value,
  samples: 1,
});

function gaugeRows(minute: Instant, now: Instant, gauges: Gauges): MetricMinute[] {
  const { oldestEventAt, oldestOutboxAt, connections, connectionsMax } = gauges;
  const oldest = Math.min(oldestEventAt ?? now, oldestOutboxAt ?? now);
  const ageSeconds = Math.max(0, (now - oldest) / SECOND_MS);
  const share = connectionsMax > 0 ? (100 * connections) / connectionsMax : 0;
  return [
    gauge(minute, "queue_age_s", service, ageSeconds),
    gauge(minute, "database_connections_percent", databaseLabel, share),
  ];
}

/**
 * Which parts answer. A hold or an open discrepancy is told by its own signal, and is no part that is down:
 * `healthy` is 1 when the database, the queue and KV answer, else 0.
 */
async function partsRows(
  minute: Instant,
  isUp: boolean,
  { health, memoryPercent }: WatchDeps,
): Promise<MetricMinute[]> {
  const { services } = await health();
  const isWhole = isUp && Object.values(services).every((state) => state === "connected");
  const memory = memoryPercent();
  return [
    gauge(minute, "database_up", databaseLabel, isUp ? 1 : 0),
    gauge(minute, "healthy", service, isWhole ? 1 : 0),
    ...(memory === null ? [] : [gauge(minute, "memory_percent", service, memory)]),
  ];
}

/** Without the database, so that the minutes without it are known when it is there again. Best effort. */
async function keepAside(minute: Instant, deps: WatchDeps): Promise<void> {
  try {
    const rows = await partsRows(minute, false, deps);
    await deps.kv.setFor(asideKey(minute), JSON.stringify(rows), KEPT_ASIDE_MS);
  } catch (error) {
    deps.log.warn("watch.not_kept", { detail: describeError(error) });
  }
}

/** What was kept of the minutes in between; nothing where KV does not answer, for these minutes are then unknown. */
async function keptAside(from: Instant, to: Instant, deps: WatchDeps): Promise<MetricMinute[]> {
  try {
    const keys = minutesBetween(from, to).map(asideKey);
    const kept = await Promise.all(keys.map((key) => deps.kv.get(key)));
    return kept.flatMap((text) => (text === null ? [] : (JSON.parse(text) as MetricMinute[])));
  } catch (error) {
    deps.log.warn("watch.not_known", { detail: describeError(error) });
    return [];
  }
}
