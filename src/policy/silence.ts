import { DAY_MS, type Instant, MINUTE_MS } from "../domain/time.js";

/** So much of a source's past is looked at. */
export const SILENCE_DAYS = 14;
/** Without so much of it nothing is concluded. */
const DAYS_MIN = 7;
const MINUTES_MIN = 50;
/** Around the same time of day: a morning does not begin on the minute. */
const AROUND_MS = 30 * MINUTE_MS;
/** A source that is hardly ever silent has this for its usual gap. */
const USUAL_MS_MIN = 5 * MINUTE_MS;

export interface Silence {
  since: Instant;
  /** How long it is silent at this time of day. */
  usualMs: number;
  /** From here on it is silent for longer than usual. */
  limitMs: number;
  isSilent: boolean;
}

/**
 * Whether a source is silent for longer than it usually is at this time of day.
 *
 * For each of the last 14 days: the longest gap between two minutes with events that touches this time of that day, half
 * an hour before to half an hour after. The second longest of these is the usual gap, five minutes at least: one day's
 * outage does not make an outage usual, and nights and weekends are as long as they are. Silent is what lasts longer than
 * `timesUsual` usual gaps. Said only of a source with seven days of past and fifty minutes with events in them.
 *
 * @param minutes with at least one event, of the last 14 days, in any order.
 * @returns null where the past says too little.
 */
export function silenceOf(
  minutes: readonly Instant[],
  now: Instant,
  timesUsual: number,
): Silence | null {
  const seen = [...new Set(minutes)].filter((at) => at < now).sort((a, b) => a - b);
  const [first, last] = [seen[0], seen.at(-1)];
  if (first === undefined || last === undefined || seen.length < MINUTES_MIN) return null;
  if (now - first < DAYS_MIN * DAY_MS) return null;
  const since = last + MINUTE_MS;
  const longest: number[] = [];
  for (let back = 1; back <= SILENCE_DAYS; back += 1) {
    const at = now - back * DAY_MS;
    if (at - AROUND_MS < first) break;
    longest.push(longestGap(seen, at - AROUND_MS, at + AROUND_MS));
  }
  longest.sort((a, b) => b - a);
  const usualMs = Math.max(longest[1] ?? longest[0] ?? 0, USUAL_MS_MIN);
  const limitMs = usualMs * timesUsual;
  return { since, usualMs, limitMs, isSilent: now - since > limitMs };
}

/** The longest time without an event that touches the stretch; whole, also where it reaches out of it. */
function longestGap(seen: readonly Instant[], from: Instant, to: Instant): number {
  let longest = 0;
  for (let i = lastBefore(seen, from); i + 1 < seen.length; i += 1) {
    const [begin, end] = [seen[i], seen[i + 1]];
    if (begin === undefined || end === undefined || begin >= to) break;
    longest = Math.max(longest, end - begin - MINUTE_MS);
  }
  return longest;
}

/** The index of the last minute at or before the moment; 0 when there is none. */
function lastBefore(seen: readonly Instant[], at: Instant): number {
  let [low, high] = [0, seen.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((seen[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
