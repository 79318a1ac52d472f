/** Milliseconds since 1970-01-01T00:00Z. The only way that a moment is held in memory. */
export type Instant = number;

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** The one source of "now"; handed in, so that a test can stand still or run ahead. */
export interface Clock {
  now(): Instant;
}

/** ISO 8601 in UTC, with milliseconds and `Z`. */
export function isoOf(at: Instant): string {
  return new Date(at).toISOString();
}

/** Reads an ISO time with any offset; null when it is no time (never `NaN`). */
export function instantOf(text: unknown): Instant | null {
  if (typeof text !== "string" || text === "") return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
