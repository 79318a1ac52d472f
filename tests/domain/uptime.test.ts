import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAY_MS, MINUTE_MS } from "../../src/domain/time.js";
import {
  lastDays,
  merged,
  responseTimes,
  type Span,
  uptimeIn,
  uptimeOf,
  without,
} from "../../src/domain/uptime.js";

const minutes = (from: number, to: number): Span => ({
  from: from * MINUTE_MS,
  to: to * MINUTE_MS,
});
const down = (from: number, to: number | null) => ({
  startedAt: from * MINUTE_MS,
  endedAt: to === null ? null : to * MINUTE_MS,
});

const LENGTH = 200;
const stretch = fc
  .tuple(fc.integer({ min: -50, max: LENGTH + 50 }), fc.integer({ min: 0, max: 80 }))
  .map(([from, long]) => [from, from + long] as const);
const stretches = fc.array(stretch, { maxLength: 8 });

/** Minute by minute, as nobody would do it. */
function naive(
  outages: readonly (readonly [number, number])[],
  off: readonly (readonly [number, number])[],
) {
  const isIn = (list: readonly (readonly [number, number])[], minute: number) =>
    list.some(([from, to]) => from <= minute && minute < to);
  let [watched, bad, runs] = [0, 0, 0];
  let before = false;
  for (let minute = 0; minute < LENGTH; minute += 1) {
    const isDown = !isIn(off, minute) && isIn(outages, minute);
    if (!isIn(off, minute)) watched += 1;
    if (isDown) bad += 1;
    if (isDown && !before) runs += 1;
    before = isDown;
  }
  return { watched, bad, runs };
}

describe("uptime", () => {
  it("is what a look at each minute would say, with overlaps and maintenances of any kind", () => {
    fc.assert(
      fc.property(stretches, stretches, (outages, off) => {
        const expected = naive(outages, off);
        const got = uptimeOf(
          outages.map(([from, to]) => down(from, to)),
          off.map(([from, to]) => minutes(from, to)),
          minutes(0, LENGTH),
        );
        expect(got.watchedMs).toBe(expected.watched * MINUTE_MS);
        expect(got.downMs).toBe(expected.bad * MINUTE_MS);
        expect(got.outages).toBe(expected.runs);
        if (expected.watched === 0) expect(got.percent).toBeNull();
        else {
          const percent = (100 * (expected.watched - expected.bad)) / expected.watched;
          expect(got.percent).toBeCloseTo(percent, 9);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("of parts of a window is that of the minutes in them", () => {
    fc.assert(
      fc.property(stretches, stretches, stretches, (outages, off, parts) => {
        const inParts = (minute: number) =>
          parts.some(([from, to]) => from <= minute && minute < to);
        const spans = parts.map(([from, to]) => minutes(from, to));
        const got = uptimeIn(
          outages.map(([from, to]) => down(from, to)),
          off.map(([from, to]) => minutes(from, to)),
          spans,
        );
        const isIn = (list: readonly (readonly [number, number])[], m: number) =>
          list.some(([from, to]) => from <= m && m < to);
        let [watched, bad] = [0, 0];
        for (let m = -60; m < LENGTH + 200; m += 1) {
          if (!inParts(m) || isIn(off, m)) continue;
          watched += 1;
          if (isIn(outages, m)) bad += 1;
        }
        expect([got.watchedMs, got.downMs]).toEqual([watched * MINUTE_MS, bad * MINUTE_MS]);
      }),
    );
  });

  it("counts what lasts until now, and leaves maintenance out of both sides", () => {
    const window = minutes(0, 100);
    expect(uptimeOf([down(90, null)], [], window)).toMatchObject({ percent: 90, outages: 1 });
    expect(uptimeOf([down(90, null)], [minutes(80, 100)], window)).toMatchObject({
      percent: 100,
      watchedMs: 80 * MINUTE_MS,
    });
    expect(uptimeOf([down(0, 60), down(50, 70)], [], window)).toMatchObject({ outages: 1 });
    expect(uptimeOf([down(10, 30)], [minutes(15, 20)], window)).toMatchObject({ outages: 2 });
    expect(uptimeOf([], [window], window).percent).toBeNull();
  });

  it("is of the last days until now", () => {
    expect(lastDays(7, 10 * DAY_MS)).toEqual({ from: 3 * DAY_MS, to: 10 * DAY_MS });
  });
});

describe("spans", () => {
  it("are merged where they touch, and what is without others is in none of them", () => {
    expect(merged([minutes(5, 9), minutes(1, 5), minutes(20, 20), minutes(11, 12)])).toEqual([
      minutes(1, 9),
      minutes(11, 12),
    ]);
    expect(without([minutes(0, 10)], [minutes(2, 3), minutes(5, 20)])).toEqual([
      minutes(0, 2),
      minutes(3, 5),
    ]);
  });
});

describe("response times", () => {
  it("are means of those that came so far, from the first symptom or from when it was known", () => {
    const at = (minute: number) => minute * MINUTE_MS;
    const one = {
      firstSymptomAt: at(0),
      detectedAt: at(2),
      acknowledgedAt: at(6),
      resolvedAt: at(30),
    };
    const open = {
      firstSymptomAt: at(100),
      detectedAt: at(104),
      acknowledgedAt: null,
      resolvedAt: null,
    };
    const ahead = { ...one, firstSymptomAt: at(5), detectedAt: at(5) - 1, acknowledgedAt: null };
    expect(responseTimes([one, open])).toEqual({
      incidents: 2,
      detectMinutes: 3,
      respondMinutes: 4,
      recoverMinutes: 30,
    });
    expect(responseTimes([])).toEqual({
      incidents: 0,
      detectMinutes: null,
      respondMinutes: null,
      recoverMinutes: null,
    });
    expect(responseTimes([ahead]).detectMinutes).toBe(0);
  });
});
