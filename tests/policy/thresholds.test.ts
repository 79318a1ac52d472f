import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAY_MS, type Instant, MINUTE_MS } from "../../src/domain/time.js";
import type { Threshold } from "../../src/policy/schema.js";
import { type Crossing, evaluate, LOOKBACK_MS, titleOf } from "../../src/policy/thresholds.js";

const START = Date.UTC(2026, 10, 21, 9);
const at = (minute: number): Instant => START + minute * MINUTE_MS;

const ERRORS: Threshold = {
  id: "errors",
  metric: "error_rate_percent",
  above: 5,
  forMinutes: 3,
  clear: 4,
  clearForMinutes: 2,
  samplesMin: 1,
  during: "always",
  because: "more than 5 % fail",
};
const PAYMENTS: Threshold = {
  id: "payments",
  metric: "payment_success_percent",
  below: 90,
  forMinutes: 2,
  clear: 95,
  clearForMinutes: 3,
  samplesMin: 1,
  during: "always",
  because: "payments fail",
};

/** A value a minute; undefined is a minute without a word. */
function seriesOf(values: readonly (number | undefined)[], samples = 10) {
  return values.flatMap((value, i) =>
    value === undefined ? [] : [{ minute: at(i), value, samples }],
  );
}

const look = (
  threshold: Threshold,
  values: readonly (number | undefined)[],
  open: boolean,
  samples = 10,
): Crossing | null => evaluate(threshold, seriesOf(values, samples), { open }, at(values.length));

/** Minute by minute, as the job looks; the alert follows at once. */
function play(threshold: Threshold, values: readonly (number | undefined)[]) {
  let open = false;
  const crossings: (Crossing & { minute: number })[] = [];
  for (let i = 1; i <= values.length; i += 1) {
    const crossing = look(threshold, values.slice(0, i), open);
    if (crossing === null) continue;
    crossings.push({ ...crossing, minute: i });
    open = crossing.kind === "raised";
  }
  return crossings;
}

describe("a threshold", () => {
  it.each([
    ["not for long enough", [0, 6, 6], false, null],
    ["for long enough", [0, 6, 7, 8], false, "raised"],
    ["at its very bound", [5, 5, 5, 5], false, null],
    ["broken off in between", [6, 6, 5, 6, 6], false, null],
    ["with a minute unknown in between", [6, undefined, 6, 6], false, "raised"],
    ["unknown for longer than it waits", [6, 6, ...Array(6).fill(undefined), 6], false, null],
    ["beyond it long ago, and no word since", [6, 6, 6, ...Array(7).fill(undefined)], false, null],
    ["good for long enough", [9, 4, 3], true, "resolved"],
    ["good, but not for long enough", [9, 9, 4], true, null],
    ["between the two", [9, 4.5, 4.5, 4.5], true, null],
    ["good, then between the two, then good", [9, 4, 4.5, 4], true, null],
    ["no word at all, which is not good", [9, undefined, undefined, undefined], true, null],
    ["good minutes with unknown ones between", [9, 4, undefined, 4], true, "resolved"],
    ["nothing known", [], false, null],
    ["nothing known of an open one", [], true, null],
  ] as const)("above: %s", (_name, values, open, expected) => {
    expect(look(ERRORS, values, open)?.kind ?? null).toBe(expected);
  });

  it("below: the other way round", () => {
    expect(look(PAYMENTS, [100, 89, 88], false)).toEqual({
      kind: "raised",
      at: at(3),
      value: 88,
      minutes: 2,
    });
    expect(look(PAYMENTS, [90, 90, 90], false)).toBeNull();
    expect(look(PAYMENTS, [10, 95, 96, 97], true)?.kind).toBe("resolved");
    expect(look(PAYMENTS, [10, 95, 94, 97], true)).toBeNull();
  });

  it("once is enough where it says 0 minutes", () => {
    const once = { ...ERRORS, forMinutes: 0 };
    expect(look(once, [0, 6], false)).toMatchObject({ kind: "raised", at: at(2), minutes: 1 });
  });

  it("concludes nothing from too few observations, and waits until there are enough", () => {
    const many = { ...ERRORS, samplesMin: 20 };
    expect(look(many, [6, 6, 6], false, 5)).toBeNull();
    expect(look(many, [6, 6, 6, 6], false, 5)).toMatchObject({ kind: "raised", at: at(4) });
  });

  it("is the same crossing as long as it lasts, whenever it is looked at", () => {
    for (let later = 3; later < 170; later += 1) {
      expect(look(ERRORS, Array(later).fill(9), false)?.at).toBe(at(3));
    }
  });

  it("that lasts for longer than is looked back is one crossing a day", () => {
    const series = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ({ minute: at(from + i), value: 9, samples: 9 }));
    const ats = new Set<number>();
    for (let now = 200; now < 200 + 24 * 60; now += 7) {
      const back = now - LOOKBACK_MS / MINUTE_MS;
      const crossing = evaluate(ERRORS, series(back - 5, now), { open: false }, at(now));
      expect(crossing?.kind).toBe("raised");
      expect(crossing?.at).toBeLessThanOrEqual(at(now));
      ats.add(crossing?.at ?? 0);
    }
    expect([...ats]).toEqual([...ats].map((one) => Math.floor(one / DAY_MS) * DAY_MS));
    expect(ats.size).toBe(2);
  });

  it("leaves the minute out that is not over yet", () => {
    const series = seriesOf([9, 9, 9]);
    expect(evaluate(ERRORS, series, { open: false }, at(3) - 1)).toBeNull();
    expect(evaluate(ERRORS, series, { open: false }, at(3))?.kind).toBe("raised");
  });

  it("says the number, its unit, for how long and what is wanted", () => {
    const raised: Crossing = { kind: "raised", at: 0, value: 82, minutes: 5 };
    expect(titleOf(PAYMENTS, "", raised)).toBe("Payment success 82 % for 5 min, wanted over 90 %");
    const slow = { ...ERRORS, metric: "latency_p95_ms" as const, above: 2_000 };
    expect(titleOf(slow, "web", { ...raised, value: 3_456.789 })).toBe(
      "p95 of response time of web 3,456.79 ms for 5 min, wanted under 2,000 ms",
    );
    expect(titleOf(ERRORS, "web", { ...raised, kind: "resolved", value: 0.5 })).toBe(
      "Error rate of web is 0.5 % again, wanted under 5 %",
    );
  });
});

const value = fc.double({ min: 0, max: 10, noNaN: true });
const minutesWith = (one: fc.Arbitrary<number>) =>
  fc.array(fc.option(one, { nil: undefined, freq: 5 }), { maxLength: 60 });
const threshold = fc
  .record({
    forMinutes: fc.integer({ min: 0, max: 8 }),
    clearForMinutes: fc.integer({ min: 0, max: 8 }),
    clear: fc.double({ min: 1, max: 5, noNaN: true }),
    samplesMin: fc.integer({ min: 1, max: 60 }),
  })
  .map((given): Threshold => ({ ...ERRORS, ...given }));

describe("any threshold", () => {
  it("does not flap while what it measures hovers between its two bounds", () => {
    fc.assert(
      fc.property(
        threshold,
        minutesWith(fc.double({ min: 0, max: 1, noNaN: true })),
        (t, shares) => {
          const between = shares.map((share) =>
            share === undefined ? undefined : t.clear + (5 - t.clear) * share * 0.999 + 1e-9,
          );
          const hovering = between.filter((v) => v === undefined || (v > t.clear && v <= 5));
          expect(look(t, hovering, false)).toBeNull();
          expect(look(t, hovering, true)).toBeNull();
        },
      ),
    );
  });

  it("raises and ends by turns, and each only after so many minutes of its own kind", () => {
    fc.assert(
      fc.property(threshold, minutesWith(value), (t, values) => {
        let after = 0;
        for (const [i, crossing] of play(t, values).entries()) {
          expect(crossing.kind).toBe(i % 2 === 0 ? "raised" : "resolved");
          const since = values.slice(after, crossing.minute).filter((v) => v !== undefined);
          const need = Math.max(1, crossing.kind === "raised" ? t.forMinutes : t.clearForMinutes);
          const own = (v: number) => (crossing.kind === "raised" ? v > 5 : v <= t.clear);
          if (crossing.kind === "resolved") {
            expect(since.filter(own).length).toBeGreaterThanOrEqual(need);
          }
          expect(
            values
              .slice(0, crossing.minute)
              .filter((v) => v !== undefined)
              .slice(-need)
              .every(own),
          ).toBe(true);
          after = crossing.minute;
        }
      }),
    );
  });

  it("is monotone: what is raised stays raised if it had been worse, what is over if it had been better", () => {
    const pairs = fc.array(fc.tuple(value, fc.double({ min: 0, max: 5, noNaN: true })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(threshold, pairs, (t, given) => {
        const better = given.map(([low]) => low);
        const worse = given.map(([low, more]) => low + more);
        if (look(t, better, false) !== null) expect(look(t, worse, false)).not.toBeNull();
        if (look(t, worse, true) !== null) expect(look(t, better, true)).not.toBeNull();
      }),
    );
  });

  it("is never over for want of a word: a good minute that is not known makes it no better", () => {
    fc.assert(
      fc.property(threshold, minutesWith(value), fc.func(fc.boolean()), (t, values, drops) => {
        const known = values.map((v, i) =>
          v !== undefined && v <= t.clear && drops(i) ? undefined : v,
        );
        if (look(t, known, true) !== null) expect(look(t, values, true)).not.toBeNull();
      }),
    );
  });
});
