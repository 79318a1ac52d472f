const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const PART = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/gy;

/**
 * Reads a Go-like duration (`6m5s`, `1d10h30m`, `500ms`; `d` is QStash's own addition).
 * @returns milliseconds (fractions kept), or null when the text is not a duration.
 * @see https://upstash.com/docs/qstash/features/retry and /features/delay
 */
export function parseDurationMs(text: string): number | null {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  let total = 0;
  PART.lastIndex = 0;
  let readTo = 0;
  while (readTo < trimmed.length) {
    const part = PART.exec(trimmed);
    if (part === null) return null;
    total += Number(part[1]) * (UNIT_MS[part[2] ?? ""] ?? 0);
    readTo = PART.lastIndex;
  }
  return total;
}

/** As {@link parseDurationMs}, but a bare number counts as seconds. */
export function parseSecondsOrDurationMs(text: string): number | null {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1_000;
  return parseDurationMs(trimmed);
}
