import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/domain/time.js";
import { silenceOf } from "../../src/policy/silence.js";

/** 2026-11-20T12:00Z, a Friday. */
const NOON = Date.UTC(2026, 10, 20, 12);

/** Minutes with events of the fourteen days before `until`, where `speaks` says so. */
function past(until: number, speaks: (at: number) => boolean): number[] {
  const minutes: number[] = [];
  for (let at = until - 14 * DAY_MS; at < until; at += MINUTE_MS) if (speaks(at)) minutes.push(at);
  return minutes;
}
const everyMinutes = (n: number) => (at: number) => (at / MINUTE_MS) % n === 0;
const hourOf = (at: number) => new Date(at).getUTCHours();
const byDay = (at: number) => hourOf(at) >= 8 && hourOf(at) < 20 && everyMinutes(2)(at);

describe("a source", () => {
  it("that speaks every two minutes is silent after five usual gaps, five minutes at least each", () => {
    const minutes = past(NOON, everyMinutes(2));
    const last = minutes.at(-1) ?? 0;
    const at = (later: number) => silenceOf(minutes, last + MINUTE_MS + later, 5);
    expect(at(25 * MINUTE_MS)).toMatchObject({ isSilent: false, usualMs: 5 * MINUTE_MS });
    expect(at(25 * MINUTE_MS + 1)).toMatchObject({ isSilent: true, since: last + MINUTE_MS });
  });

  it("that sleeps at night is not silent at night, and is soon missed by day", () => {
    const night = Date.UTC(2026, 10, 20, 4);
    expect(silenceOf(past(night, byDay), night, 5)?.isSilent).toBe(false);
    const morning = Date.UTC(2026, 10, 20, 8, 20);
    const until = Date.UTC(2026, 10, 19, 20);
    expect(silenceOf(past(until, byDay), morning, 5)?.isSilent).toBe(false);
    expect(silenceOf(past(NOON - HOUR_MS, byDay), NOON, 5)?.isSilent).toBe(true);
  });

  it("that was out once still has its usual gap", () => {
    const out = (at: number) =>
      at >= NOON - 3 * DAY_MS - 4 * HOUR_MS && at < NOON - 3 * DAY_MS + HOUR_MS;
    const minutes = past(NOON - HOUR_MS, (at) => everyMinutes(2)(at) && !out(at));
    expect(silenceOf(minutes, NOON, 5)).toMatchObject({ isSilent: true, usualMs: 5 * MINUTE_MS });
  });

  it("of which too little is known is never called silent", () => {
    expect(silenceOf([], NOON, 5)).toBeNull();
    const young = past(NOON, everyMinutes(2)).filter((at) => at > NOON - 6 * DAY_MS);
    expect(silenceOf(young, NOON + DAY_MS / 2, 5)).toBeNull();
    expect(silenceOf(past(NOON, everyMinutes(12 * 60)), NOON + DAY_MS, 5)).toBeNull();
  });

  it("that is silent stays so until it speaks, at the same time of day", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 50 }), (gap, more) => {
        const minutes = past(NOON, everyMinutes(gap));
        const first = silenceOf(minutes, NOON + 3 * HOUR_MS, 5);
        const later = silenceOf(minutes, NOON + 3 * HOUR_MS + more * MINUTE_MS, 5);
        if (first?.isSilent === true) expect(later?.isSilent).toBe(true);
        const spoken = silenceOf(
          [...minutes, NOON + 3 * HOUR_MS - MINUTE_MS],
          NOON + 3 * HOUR_MS,
          5,
        );
        expect(spoken?.isSilent).toBe(false);
      }),
      { numRuns: 50 },
    );
  });
});
