import { type Instant, isoOf, MINUTE_MS } from "./time.js";

export const minuteOf = (at: Instant): Instant => Math.floor(at / MINUTE_MS) * MINUTE_MS;

/** The KV hash of a minute's counts at the door; its fields are `countField`. */
export const countsKey = (at: Instant): string => `door:${isoOf(minuteOf(at)).slice(0, 16)}`;

/** No id of a source has a dot. */
export const countField = (source: string, outcome: string): string => `${source}.${outcome}`;
export function readCountField(field: string): { source: string; outcome: string } {
  const dot = field.indexOf(".");
  return { source: field.slice(0, dot), outcome: field.slice(dot + 1) };
}

/** Taken by the queue at once: exactly one message each. */
const ACCEPTED = "accepted";
/** Acknowledged and parked; one that comes again takes the first one's place, so that these need not all become messages. */
export const SPILLED = "spilled";
/** Published out of KV by a sweep, in the minute that the door had them: now there is a message. */
export const SWEPT = "swept";
/** Of the accepted those that KV was told of a second time, because it had not answered: they may be in there twice. */
export const TOLD_AGAIN = "told_again";

/** What is counted beside the door's answers, for nobody to look at. */
export const ASIDE: ReadonlySet<string> = new Set([SWEPT, TOLD_AGAIN]);

/** The counts of instances that have not got through to KV, to be told again. */
export function toldAgain(counts: Readonly<Record<string, number>>): Record<string, number> {
  const again: Record<string, number> = {};
  for (const [field, count] of Object.entries(counts)) {
    const { source, outcome } = readCountField(field);
    if (outcome !== TOLD_AGAIN) again[field] = count;
    if (outcome === ACCEPTED) again[countField(source, TOLD_AGAIN)] = count;
  }
  return again;
}

/**
 * By source, how many acknowledged deliveries became a message of the queue: so many at least, because counts may be
 * lost, and never more than there were.
 */
export function acknowledgedIn(counts: Readonly<Record<string, number>>): Map<string, number> {
  const sign = new Map([
    [ACCEPTED, 1],
    [SWEPT, 1],
    [TOLD_AGAIN, -1],
  ]);
  const sums = new Map<string, number>();
  for (const [field, count] of Object.entries(counts)) {
    const { source, outcome } = readCountField(field);
    const change = count * (sign.get(outcome) ?? 0);
    if (change !== 0) sums.set(source, (sums.get(source) ?? 0) + change);
  }
  return new Map([...sums].map(([source, sum]) => [source, Math.max(0, sum)]));
}
