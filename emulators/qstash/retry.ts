import { parseSecondsOrDurationMs } from "./durations.js";
import { compileRetryDelay } from "./expression.js";

export const DAY_MS = 86_400_000;

/** In the order in which they are looked at; which wins when several are sent is UNCONFIRMED. */
const RETRY_HEADERS = [
  "retry-after",
  "x-ratelimit-reset",
  "x-ratelimit-reset-requests",
  "x-ratelimit-reset-tokens",
] as const;

/**
 * QStash's own backoff: `min(86400, e^(2.5 n))` seconds.
 * @param retryNumber 1 for the first retry.
 * @returns whole milliseconds: 12,182 then 148,413, 1,808,042, ...
 * @see https://upstash.com/docs/qstash/features/retry
 */
export function defaultBackoffMs(retryNumber: number): number {
  return Math.min(DAY_MS, Math.floor(Math.exp(2.5 * retryNumber) * 1_000));
}

/**
 * The delay that an answer asks for, or null when it asks for none or for more than a day
 * (then the message's own backoff applies).
 */
function delayFromHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  nowMs: number,
): number | null {
  for (const name of RETRY_HEADERS) {
    const raw = headers[name];
    const value = Array.isArray(raw) ? raw[0] : raw;
    if (value === undefined) continue;
    const delay = readDelay(value, nowMs);
    if (delay !== null && delay <= DAY_MS) return Math.ceil(delay);
  }
  return null;
}

function readDelay(value: string, nowMs: number): number | null {
  const relative = parseSecondsOrDurationMs(value);
  if (relative !== null) return relative;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

interface RetryQuestion {
  /** Retries already made before the attempt that just failed: 0 after the first attempt. */
  retried: number;
  maxRetries: number;
  retryDelayExpression: string | undefined;
  status: number | null;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  nowMs: number;
}

/**
 * @returns milliseconds to the next attempt, or null when the message has failed for good:
 * retries exhausted, or status 489 together with `Upstash-NonRetryable-Error: true`.
 * That a response header beats Upstash-Retry-Delay, and that the expression is clamped to a day,
 * is UNCONFIRMED.
 */
export function nextDelayMs(question: RetryQuestion): number | null {
  if (question.status === 489 && isTrue(question.headers["upstash-nonretryable-error"]))
    return null;
  if (question.retried >= question.maxRetries) return null;
  const asked = delayFromHeaders(question.headers, question.nowMs);
  if (asked !== null) return asked;
  if (question.retryDelayExpression !== undefined) {
    const wanted = compileRetryDelay(question.retryDelayExpression)(question.retried);
    if (!Number.isNaN(wanted)) return Math.ceil(Math.min(DAY_MS, Math.max(0, wanted)));
  }
  return defaultBackoffMs(question.retried + 1);
}

function isTrue(value: string | string[] | undefined): boolean {
  return (Array.isArray(value) ? value[0] : value)?.trim().toLowerCase() === "true";
}
