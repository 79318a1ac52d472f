import { describe, expect, it } from "vitest";
import { parseDurationMs, parseSecondsOrDurationMs } from "../../../emulators/qstash/durations.js";
import { compileRetryDelay, ExpressionError } from "../../../emulators/qstash/expression.js";
import { seededRandom } from "../../../emulators/qstash/faults.js";
import { DAY_MS, defaultBackoffMs, nextDelayMs } from "../../../emulators/qstash/retry.js";

const NOW = Date.UTC(2026, 0, 15, 12, 0, 0);
const failed = {
  retried: 0,
  maxRetries: 3,
  retryDelayExpression: undefined,
  status: 500,
  headers: {},
  nowMs: NOW,
};

describe("durations", () => {
  it.each([
    ["5s", 5_000],
    ["1d10h30m", 124_200_000],
    ["6m5s", 365_000],
    ["250ms", 250],
    ["1.5h", 5_400_000],
    ["2us", 0.002],
  ])("reads %s", (text, ms) => {
    expect(parseDurationMs(text)).toBeCloseTo(ms);
  });

  it.each(["", "5", "s", "5x", "5s!", "-5s", "5 s"])("refuses %j", (text) => {
    expect(parseDurationMs(text)).toBeNull();
  });

  it("takes a bare number for seconds only where headers allow it", () => {
    expect(parseSecondsOrDurationMs("10")).toBe(10_000);
    expect(parseSecondsOrDurationMs("soon")).toBeNull();
  });
});

describe("the retry delay expression", () => {
  it.each([
    ["1000", 0, 1_000],
    ["1000 * (1 + retried)", 2, 3_000],
    ["pow(2, retried) * 1000", 3, 8_000],
    ["min(300000, pow(2, retried) * 1000)", 20, 300_000],
    ["max(1, 5, 3) - -2", 0, 7],
    ["2 ^ 3 ^ 2", 0, 512],
    ["-2 ^ 2", 0, -4],
    ["10 % 4 / 2", 0, 1],
    ["floor(sqrt(abs(-17))) + ceil(0.2) + round(0.6)", 0, 6],
    ["exp(0) + 1e3", 0, 1_001],
  ])("%s with retried = %d", (text, retried, ms) => {
    expect(compileRetryDelay(text)(retried)).toBeCloseTo(ms);
  });

  it.each([
    "",
    "retried +",
    "constructor",
    "retried.toString()",
    "process.exit(1)",
    "a = 1",
    "pow(2)",
    "1; 2",
    "toString(1)",
    "`1`",
  ])("refuses %j", (text) => {
    expect(() => compileRetryDelay(text)).toThrow(ExpressionError);
  });
});

describe("nextDelayMs", () => {
  it("follows the documented backoff, capped at a day", () => {
    const minutes = [1, 2, 3, 4, 5, 6].map((n) => Math.floor(defaultBackoffMs(n) / 1_000));
    expect(minutes).toEqual([12, 148, 1_808, 22_026, 86_400, 86_400]);
    expect(nextDelayMs(failed)).toBe(defaultBackoffMs(1));
    expect(nextDelayMs({ ...failed, retried: 2 })).toBe(defaultBackoffMs(3));
  });

  it("ends when the retries are exhausted", () => {
    expect(nextDelayMs({ ...failed, retried: 3 })).toBeNull();
    expect(nextDelayMs({ ...failed, maxRetries: 0 })).toBeNull();
  });

  it("starts the expression at retried = 0 and clamps it to a day", () => {
    expect(nextDelayMs({ ...failed, retryDelayExpression: "100 + retried" })).toBe(100);
    expect(nextDelayMs({ ...failed, retryDelayExpression: "1e12" })).toBe(DAY_MS);
    expect(nextDelayMs({ ...failed, retryDelayExpression: "0 - 5" })).toBe(0);
  });

  it.each([
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "10" }, 10_000],
    [{ "retry-after": "6m5s" }, 365_000],
    [{ "retry-after": new Date(NOW + 90_000).toUTCString() }, 90_000],
    [{ "retry-after": new Date(NOW - 90_000).toUTCString() }, 0],
    [{ "x-ratelimit-reset": "3" }, 3_000],
    [{ "x-ratelimit-reset-requests": "1s" }, 1_000],
    [{ "x-ratelimit-reset-tokens": "20ms" }, 20],
    [{ "retry-after": "100000" }, defaultBackoffMs(1)],
    [{ "retry-after": "soon" }, defaultBackoffMs(1)],
  ])("obeys %j", (headers, ms) => {
    expect(nextDelayMs({ ...failed, headers })).toBe(ms);
  });

  it("stops at 489 only together with its header", () => {
    const headers = { "upstash-nonretryable-error": "true" };
    expect(nextDelayMs({ ...failed, status: 489, headers })).toBeNull();
    expect(nextDelayMs({ ...failed, status: 489 })).not.toBeNull();
    expect(nextDelayMs({ ...failed, headers })).not.toBeNull();
  });
});

it("draws the same dice for the same seed", () => {
  const draw = (seed: number) => Array.from({ length: 5 }, seededRandom(seed));
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
});
