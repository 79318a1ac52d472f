import { describe, expect, it } from "vitest";
import { HOUR_MS, MINUTE_MS } from "../../src/domain/time.js";
import {
  type BalanceState,
  beginOf,
  type Judged,
  judgeBalance,
  type Look,
} from "../../src/policy/balance.js";
import { stretchText } from "../../src/policy/zone.js";

const AT = Date.UTC(2026, 10, 21, 10, 0);

/** A look every five minutes, each with what the one before remembers. */
function looks(...given: Partial<Look>[]): Judged[] {
  let state: BalanceState | undefined;
  return given.map((one, n) => {
    const at = AT + n * 5 * MINUTE_MS;
    const to = at - 15 * MINUTE_MS;
    const from = beginOf(state, to);
    const even = { at, from, to, acknowledged: 10, arrived: 10, waiting: 0 };
    const judged = judgeBalance(state, { ...even, ...one });
    state = judged.state;
    return judged;
  });
}
const found = (judged: readonly Judged[]) => judged.map(({ finding }) => finding);
const times = (n: number, one: Partial<Look>): Partial<Look>[] => Array(n).fill(one);

describe("what the door acknowledged, held against what arrived", () => {
  it("is lost when it is missing at two looks and does not wait; one look is no proof", () => {
    expect(found(looks({ arrived: 9 }, {}))).toEqual([null, null]);
    expect(found(looks({ arrived: 9 }, { arrived: 9 }))).toEqual([null, "there"]);
    expect(looks({ arrived: 9 }, { arrived: 9 }).at(-1)).toMatchObject({ missing: 1, lost: 1 });
  });

  it("is not lost while it may wait, or while nobody can count what waits", () => {
    expect(found(looks(...times(4, { arrived: 7, waiting: 3 })))).toEqual(Array(4).fill(null));
    expect(found(looks(...times(4, { arrived: 7, waiting: null })))).toEqual(Array(4).fill(null));
    const some = looks({ arrived: 7, waiting: 1 }, { arrived: 7, waiting: 1 });
    expect(some.at(-1)).toMatchObject({ finding: "there", missing: 3, lost: 2 });
  });

  it("more messages than deliveries are no finding", () => {
    expect(looks({ arrived: 25 })[0]).toMatchObject({ missing: 0, lost: 0, finding: null });
  });

  it("is over only when nothing was missing for twenty minutes, whatever made up for it meanwhile", () => {
    const flapping = looks(
      ...times(3, { arrived: 9 }),
      ...times(3, {}),
      { arrived: 9 },
      ...times(5, {}),
    );
    expect(found(flapping)).toEqual([
      ...[null, "there", "there"],
      ...[null, null, null],
      null,
      ...[null, null, null, null, "over"],
    ]);
  });

  it("what waits no more, and has waited since it was missed first, is told as soon as it is seen", () => {
    const judged = looks({ arrived: 9 }, { arrived: 9, waiting: 1 }, { arrived: 9 });
    expect(found(judged)).toEqual([null, null, "there"]);
  });
});

describe("the window", () => {
  it("is an hour, and stays open at its beginning while something waits, six hours at most", () => {
    expect(beginOf(undefined, AT)).toBe(AT - HOUR_MS);
    const waits = looks({}, ...times(30, { arrived: 9, waiting: 1 })).at(-1)?.state;
    expect(waits?.from).toBe(AT + 5 * MINUTE_MS - 15 * MINUTE_MS - HOUR_MS);
    expect(beginOf(waits, AT + 2 * HOUR_MS)).toBe(waits?.from);
    expect(beginOf(waits, AT + 30 * HOUR_MS)).toBe(AT + 24 * HOUR_MS);
  });

  it("goes on an hour after what is in it was found to be lost, so that later deliveries can end it", () => {
    const lost = looks(...times(14, { arrived: 9 }));
    expect(lost[11]?.state.from).toBe(AT - 15 * MINUTE_MS - HOUR_MS);
    expect(lost[12]?.state.from).toBe(AT + 12 * 5 * MINUTE_MS - 15 * MINUTE_MS);
    expect(found(lost.slice(1))).toEqual(Array(13).fill("there"));
  });

  it("is told as the zone's clock shows it, with both days where it crosses midnight", () => {
    const [from, to] = [Date.UTC(2026, 10, 21, 7, 45), Date.UTC(2026, 10, 21, 8, 45)];
    expect(stretchText(from, to, "Asia/Bangkok")).toBe("2026-11-21 14:45–15:45 Asia/Bangkok");
    expect(stretchText(from, to + 9 * HOUR_MS, "Asia/Bangkok")).toBe(
      "2026-11-21 14:45 – 2026-11-22 00:45 Asia/Bangkok",
    );
  });
});
