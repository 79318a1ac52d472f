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
