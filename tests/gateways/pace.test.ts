import { describe, expect, it } from "vitest";
import { createPace } from "../../src/gateways/pace.js";
import { stillClock } from "../support/fakes.js";

describe("pace", () => {
  it("gives a few turns at once, and after that so many a second", async () => {
    const clock = stillClock();
    const pace = createPace(20, clock);
    for (let turn = 0; turn < 5; turn += 1) expect(await pace.turn(0)).toBeNull();
    expect(await pace.turn(0)).toBe(50);
    clock.advance(50);
    expect(await pace.turn(0)).toBeNull();
    expect(await pace.turn(0)).toBe(50);
    let turns = 0;
    for (let ms = 0; ms < 10_000; ms += 10) {
      clock.advance(10);
      if ((await pace.turn(0)) === null) turns += 1;
    }
    expect(turns).toBe(200);
  });

  it("gives none while the vendor wants rest, and no burst beyond its own after it", async () => {
    const clock = stillClock();
    const pace = createPace(10, clock);
    pace.rest(3_000);
    expect(await pace.turn(100)).toBe(3_000);
    clock.advance(3_000);
    let turns = 0;
    while ((await pace.turn(0)) === null) turns += 1;
    expect(turns).toBe(5);
  });

  it("waits for its turn where the wait is short enough", async () => {
    const began = performance.now();
    const pace = createPace(100, { now: () => Math.floor(performance.now()) });
    await Promise.all(Array.from({ length: 15 }, () => pace.turn(1_000)));
    expect(performance.now() - began).toBeGreaterThanOrEqual(90);
  });
});
