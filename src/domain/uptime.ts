import { DAY_MS, type Instant, MINUTE_MS } from "./time.js";

/** From `from` until before `to`. */
export interface Span {
  from: Instant;
  to: Instant;
}

/** A stretch in which a monitor said that its service is down; without an end it lasts. */
export interface Outage {
  service: string;
  startedAt: Instant;
  endedAt: Instant | null;
}

export interface Uptime {
  /** 0..100; null where nothing of the time is looked at, because all of it was maintenance. */
  percent: number | null;
  downMs: number;
  /** The time without its maintenance. */
  watchedMs: number;
  /** Stretches of being down, overlapping ones together; maintenance may part one in two. */
  outages: number;
}

/** In their order, overlapping and touching ones as one; what has no length is nothing. */
export function merged(spans: readonly Span[]): Span[] {
  const sorted = spans.filter(({ from, to }) => to > from).sort((a, b) => a.from - b.from);
  const whole: Span[] = [];
  for (const span of sorted) {
    const last = whole.at(-1);
    if (last !== undefined && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else whole.push({ ...span });
  }
  return whole;
}

/** What of the spans is in the window. */
export function within(spans: readonly Span[], window: Span): Span[] {
  return spans.flatMap(({ from, to }) => {
    const clipped = { from: Math.max(from, window.from), to: Math.min(to, window.to) };
    return clipped.to > clipped.from ? [clipped] : [];
  });
}

/** What of the spans is in none of the others. Both are merged. */
export function without(spans: readonly Span[], others: readonly Span[]): Span[] {
  const taken = merged(others);
  return merged(spans).flatMap((span) => {
    const left: Span[] = [];
    let from = span.from;
    for (const other of taken) {
      if (other.to <= from || other.from >= span.to) continue;
      if (other.from > from) left.push({ from, to: other.from });
      from = other.to;
    }
    if (from < span.to) left.push({ from, to: span.to });
    return left;
  });
}

export const lengthOf = (spans: readonly Span[]): number =>
  spans.reduce((sum, { from, to }) => sum + to - from, 0);

/**
 * How much of the window a service was up. Overlapping outages count once; what was maintenance counts neither as up nor
 * as down.
 *
 * @param outages of one service; one that lasts is down until the window's end.
 */
export function uptimeOf(
  outages: readonly Pick<Outage, "startedAt" | "endedAt">[],
  maintenance: readonly Span[],
  window: Span,
): Uptime {
  const down = outages.map(({ startedAt, endedAt }) => ({
    from: startedAt,
    to: endedAt ?? window.to,
  }));
  const counted = without(within(down, window), maintenance);
  const watchedMs = lengthOf(without([window], maintenance));
  const downMs = lengthOf(counted);
  const percent = watchedMs === 0 ? null : (100 * (watchedMs - downMs)) / watchedMs;
  return { percent, downMs, watchedMs, outages: counted.length };
}

/** The same over parts of a window, as exams are. */
export function uptimeIn(
  outages: readonly Pick<Outage, "startedAt" | "endedAt">[],
  maintenance: readonly Span[],
  parts: readonly Span[],
): Uptime {
  const all = merged(parts).map((part) => uptimeOf(outages, maintenance, part));
  const sum = (of: (one: Uptime) => number): number => all.reduce((n, one) => n + of(one), 0);
  const [downMs, watchedMs] = [sum((one) => one.downMs), sum((one) => one.watchedMs)];
  const percent = watchedMs === 0 ? null : (100 * (watchedMs - downMs)) / watchedMs;
  return { percent, downMs, watchedMs, outages: sum((one) => one.outages) };
}

/** The last so many days until now. */
export const lastDays = (days: number, now: Instant): Span => ({
  from: now - days * DAY_MS,
  to: now,
});

/** One incident's moments, for how long people and we took. */
export interface Responded {
  /** The earliest moment that one of its sources gives for its trouble. */
  firstSymptomAt: Instant;
  /** When it was written here, from when on somebody could know. */
  detectedAt: Instant;
  acknowledgedAt: Instant | null;
  resolvedAt: Instant | null;
}

export interface ResponseTimes {
  incidents: number;
  /** From the first symptom to our writing it down. */
  detectMinutes: number | null;
  /** From then to the first person's acknowledgement; of those that were acknowledged. */
  respondMinutes: number | null;
  /** From the first symptom to the end; of those that are over. */
  recoverMinutes: number | null;
}

/** The means over incidents; null where no incident came so far. A clock that runs ahead of ours gives no negative time. */
export function responseTimes(incidents: readonly Responded[]): ResponseTimes {
  const mean = (of: (one: Responded) => number | null): number | null => {
    const known = incidents.flatMap((one) => {
      const took = of(one);
      return took === null ? [] : [Math.max(0, took)];
    });
    if (known.length === 0) return null;
    return known.reduce((sum, took) => sum + took, 0) / known.length / MINUTE_MS;
  };
  return {
    incidents: incidents.length,
    detectMinutes: mean((one) => one.detectedAt - one.firstSymptomAt),
    respondMinutes: mean((one) =>
      // Who had it at its source before it was told here has not answered us.
      one.acknowledgedAt === null || one.acknowledgedAt < one.detectedAt
        ? null
        : one.acknowledgedAt - one.detectedAt,
    ),
    recoverMinutes: mean((one) =>
      one.resolvedAt === null ? null : one.resolvedAt - one.firstSymptomAt,
    ),
  };
}
