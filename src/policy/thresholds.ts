import type { Metric, MetricMinute } from "../domain/metric.js";
import { DAY_MS, HOUR_MS, type Instant, MINUTE_MS } from "../domain/time.js";
import type { Policy, Threshold } from "./schema.js";

/** How far back a series is looked at: what lasts for longer is named by its day, where nothing of it is open. */
export const LOOKBACK_MS = 3 * HOUR_MS;
/** So long a time without a word ends a stretch, unless the threshold itself waits for longer. */
const GAP_MINUTES = 5;

/** A threshold was crossed, or is over. The same crossing, looked at again later, has the same `at`. */
export interface Crossing {
  kind: "raised" | "resolved";
  at: Instant;
  /** Of the newest minute. */
  value: number;
  /** How many minutes it has been like this. */
  minutes: number;
}
type Point = Pick<MetricMinute, "minute" | "value" | "samples">;

/**
 * Whether a threshold is crossed now, or is over. It is raised when each observed minute has been beyond it for
 * `forMinutes`, with `samplesMin` observations in them; and over only when `clearForMinutes` observed minutes, and none
 * other since, have been on the good side of `clear`. What lies between the two changes nothing, so that what
 * hovers does not flap. A minute without a word is neither good nor bad; too many of them end a stretch of bad ones.
 *
 * @param series one metric's minutes of one label, in any order; those that are not over at `now` are left out.
 * @param state whether its alert is open.
 * @returns null where nothing changes.
 */
export function evaluate(
  threshold: Threshold,
  series: readonly Point[],
  state: { open: boolean },
  now: Instant,
): Crossing | null {
  const seen = series
    .filter(({ minute }) => minute + MINUTE_MS <= now && minute >= now - LOOKBACK_MS)
    .sort((a, b) => a.minute - b.minute);
  return state.open ? resolved(threshold, seen) : raised(threshold, seen, now);
}

function raised(threshold: Threshold, seen: readonly Point[], now: Instant): Crossing | null {
  const gapMs = Math.max(GAP_MINUTES, threshold.forMinutes) * MINUTE_MS;
  const stretch: Point[] = [];
  let next = now;
  for (const point of seen.toReversed()) {
    if (next - point.minute > gapMs + MINUTE_MS || !isBeyond(threshold, point.value)) break;
    stretch.unshift(point);
    next = point.minute;
  }
  const met = whenMet(threshold, stretch);
  const newest = stretch.at(-1);
  if (met === null || newest === undefined) return null;
  const begin = stretch[0]?.minute ?? now;
  // Where its begin is out of sight, the day names it: else it would be another crossing each minute.
  const isCut = begin <= now - LOOKBACK_MS + gapMs;
  const at = isCut ? Math.floor(now / DAY_MS) * DAY_MS : met;
  return { kind: "raised", at, value: newest.value, minutes: minutesOf(begin, newest) };
}

/** The end of the minute with which all that the threshold asks for was there; null when it is not. */
function whenMet({ forMinutes, samplesMin }: Threshold, stretch: readonly Point[]): Instant | null {
  let samples = 0;
  for (const [i, point] of stretch.entries()) {
    samples += point.samples;
    if (i + 1 >= countOf(forMinutes) && samples >= samplesMin) return point.minute + MINUTE_MS;
  }
  return null;
}

function resolved(threshold: Threshold, seen: readonly Point[]): Crossing | null {
  const bad = seen.findLastIndex(({ value }) => !isGood(threshold, value));
  const good = seen.slice(bad + 1);
  const met = good[countOf(threshold.clearForMinutes) - 1];
  const newest = good.at(-1);
  if (met === undefined || newest === undefined) return null;
  const minutes = minutesOf(good[0]?.minute ?? newest.minute, newest);
  return { kind: "resolved", at: met.minute + MINUTE_MS, value: newest.value, minutes };
}

/** One observed minute at least: `forMinutes: 0` is "once". */
const countOf = (minutes: number): number => Math.max(1, Math.ceil(minutes));
const minutesOf = (begin: Instant, newest: Point): number =>
  Math.round((newest.minute + MINUTE_MS - begin) / MINUTE_MS);

function isBeyond({ above, below }: Threshold, value: number): boolean {
  return (above !== undefined && value > above) || (below !== undefined && value < below);
}

function isGood({ above, clear }: Threshold, value: number): boolean {
  return above === undefined ? value >= clear : value <= clear;
}

/** A threshold may be one of exams only, or of all other time. */
export function isWatched({ during }: Threshold, policy: Policy, at: Instant): boolean {
  if (during === "always") return true;
  return (during === "exam") === isExam(policy, at);
}

/** True while an exam of the policy's calendar lasts. */
export function isExam({ lockdown }: Policy, at: Instant): boolean {
  return lockdown.exams.some(({ from, to }) => Date.parse(from) <= at && at < Date.parse(to));
}

const UNITS: readonly (readonly [suffix: string, unit: string])[] = [
  ["_percent", " %"],
  ["_ms", " ms"],
  ["_s", " s"],
  ["_times", " times the usual"],
];
const unitOf = (metric: string): string =>
  UNITS.find(([suffix]) => metric.endsWith(suffix))?.[1] ?? "";

const NAMES: Readonly<Record<Metric, string>> = {
  error_rate_percent: "Error rate",
  latency_p95_ms: "p95 of response time",
  latency_avg_ms: "Average response time",
  payment_success_percent: "Payment success",
  queue_age_s: "Age of the oldest unfinished event",
  database_connections_percent: "Database connections in use",
  database_up: "Connection to the database",
  error_spike_times: "Errors",
  healthy: "Health",
  memory_percent: "Memory in use",
  cache_hits_percent: "Cache hits",
  cost_percent: "Cost of the month's budget",
};

const shown = (value: number, metric: string): string =>
  `${new Intl.NumberFormat("en", { maximumFractionDigits: 2 }).format(value)}${unitOf(metric)}`;

/** "Payment success of payments 82 % for 5 min, wanted over 90 %"; of what is over, how it is now. */
export function titleOf(threshold: Threshold, label: string, crossing: Crossing): string {
  const { metric, above, below } = threshold;
  const what = `${NAMES[metric]}${label === "" ? "" : ` of ${label}`}`;
  const { value, minutes, kind } = crossing;
  if (metric === "database_up" || metric === "healthy") {
    const isUp = kind === "resolved";
    if (metric === "healthy")
      return `${what}: ${isUp ? "all parts answer" : "a part does not answer"}`;
    return `${what}: ${isUp ? "there again" : "gone"}`;
  }
  const limit = above ?? below ?? 0;
  const bound = above === undefined ? "over" : "under";
  const wanted = `wanted ${bound} ${shown(limit, metric)}`;
  if (kind === "resolved") return `${what} is ${shown(value, metric)} again, ${wanted}`;
  return `${what} ${shown(value, metric)} for ${minutes} min, ${wanted}`;
}
