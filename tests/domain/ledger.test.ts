import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AnyWord,
  joinWord,
  LEDGER_STATES,
  type LedgerKind,
  type LedgerObject,
  rankOf,
} from "../../src/domain/ledger.js";

const NOW = Date.UTC(2026, 10, 21, 8);
const KINDS = Object.keys(LEDGER_STATES) as LedgerKind[];

/** A moment of an object's life at its source: whole seconds, so that two changes may share one. */
interface Moment {
  second: number;
  state: string;
  amountMinor: number;
}

const wordOf = (kind: LedgerKind, moment: Moment): AnyWord =>
  ({
    object: { kind, account: "", livemode: false, externalId: "x_1" },
    said: {
      state: moment.state,
      amountMinor: moment.amountMinor,
      currency: "THB",
      links: {
        customerRef: null,
        paymentRef: null,
        chargeRef: null,
        invoiceRef: null,
        subscriptionRef: null,
      },
      details: {},
      bornAt: NOW,
    },
    occurredAt: NOW + moment.second * 1_000,
    authority: "event",
  }) as unknown as AnyWord;

/** Lives as sources allow them: time goes on or stands, and a final state is not left for a lower one. */
const lives = fc.constantFrom(...KINDS).chain((kind) => {
  const states = Object.keys(LEDGER_STATES[kind]);
  return fc
    .array(
      fc.record({
        state: fc.constantFrom(...states),
        pause: fc.integer({ min: 0, max: 2 }),
        amountMinor: fc.integer({ min: 1, max: 3 }),
      }),
      { minLength: 1, maxLength: 8 },
    )
    .map((steps) => {
      let second = 0;
      let state = "";
      const life: Moment[] = [];
      for (const step of steps) {
        second += step.pause;
        const [rank, before] = [rankOf(kind, step.state), rankOf(kind, state)];
        const isLeft = rank < before || (rank === before && rank > 0 && step.state !== state);
        if (state === "" || !isLeft) state = step.state;
        life.push({ second, state, amountMinor: step.amountMinor });
      }
      return { kind, life };
    });
});

/** Joins as the engine does: what is in doubt is asked of the source, whose answer is its last moment. */
function joinAll(kind: LedgerKind, told: readonly Moment[], truth: Moment): LedgerObject {
  let row: LedgerObject | null = null;
  const ids = { id: "obj_1", now: NOW };
  for (const moment of told) {
    const word = wordOf(kind, moment);
    let joined = joinWord(row, word, ids);
    if (joined.kind === "doubt") {
      const occurredAt = Math.max(word.occurredAt, NOW + truth.second * 1_000);
      const after: number | null = row?.version ?? null;
      joined = joinWord(
        row,
        { ...wordOf(kind, truth), occurredAt, after, authority: "fetched" },
        ids,
      );
    }
    if (joined.kind === "doubt") throw new Error("what was fetched is never in doubt");
    if (joined.kind !== "joined") continue;
    const version: number = row === null ? 0 : joined.row.version + 1;
    row = { ...joined.row, version };
  }
  if (row === null) throw new Error("a life has a moment");
  return row;
}

describe("words on one object, in any order and any number", () => {
  it("end in the last moment of its life", () => {
    const property = fc.property(lives, fc.infiniteStream(fc.nat()), ({ kind, life }, dice) => {
      const told = [...life, ...life.filter(() => (dice.next().value ?? 0) % 3 === 0)]
        .map((moment) => ({ moment, at: dice.next().value ?? 0 }))
        .sort((a, b) => a.at - b.at)
        .map(({ moment }) => moment);
      const truth = life.at(-1) as Moment;
      const row = joinAll(kind, told, truth);
      expect({ state: row.state, amountMinor: row.amountMinor }).toEqual({
        state: truth.state,
        amountMinor: truth.amountMinor,
      });
    });
    fc.assert(property, { numRuns: 3_000, verbose: 1 }); // a failure prints its seed and path
  });

  it("know when a final state was first said, whichever word came first", () => {
    const life = [
      { second: 0, state: "pending", amountMinor: 1 },
      { second: 5, state: "succeeded", amountMinor: 1 },
      { second: 9, state: "succeeded", amountMinor: 2 },
    ];
    for (const told of [life, [...life].reverse()]) {
      const row = joinAll("payment", told, life[2] as Moment);
      expect([row.stateAsOf, row.asOf, row.amountMinor]).toEqual([NOW + 5_000, NOW + 9_000, 2]);
    }
  });
});

describe("a doubt", () => {
  const first = joinWord(
    null,
    wordOf("subscription", { second: 1, state: "active", amountMinor: 1 }),
    {
      id: "obj_1",
      now: NOW,
    },
  );
  const row = first.kind === "joined" ? first.row : null;
  const join = (moment: Moment, more: Partial<AnyWord> = {}) =>
    joinWord(row, { ...wordOf("subscription", moment), ...more } as AnyWord, { id: "", now: NOW });

  it("is two words of one moment, and a final state that is said of a time before", () => {
    const same = join({ second: 1, state: "past_due", amountMinor: 1 });
    expect(same).toEqual({ kind: "doubt", why: "past_due is said at the moment of active" });
    const before = join({ second: 0, state: "canceled", amountMinor: 1 });
    expect(before).toEqual({ kind: "doubt", why: "canceled is said before active" });
  });

  it("is no doubt where the one is final and the other is not: what is final came last", () => {
    expect(join({ second: 1, state: "canceled", amountMinor: 1 })).toMatchObject({
      kind: "joined",
      row: { state: "canceled" },
    });
  });

  it("is settled by what was fetched after the row was read, and not by what was fetched before it moved", () => {
    const moment = { second: 1, state: "past_due", amountMinor: 1 };
    const fetched = { authority: "fetched" as const };
    expect(join(moment, { ...fetched, after: 0 })).toMatchObject({ row: { state: "past_due" } });
    expect(join(moment, { ...fetched, after: 7 }).kind).toBe("doubt");
  });

  it("ends in the same word whichever comes first, where nobody can be asked", () => {
    const words = ["active", "past_due"].map((state) =>
      wordOf("subscription", { second: 1, state, amountMinor: 1 }),
    );
    const ends = [words, [...words].reverse()].map((told) => {
      let last: LedgerObject | null = null;
      for (const word of told) {
        const joined = joinWord(last, { ...word, alone: true } as AnyWord, { id: "o", now: NOW });
        if (joined.kind === "joined") last = joined.row;
      }
      return last?.state;
    });
    expect(new Set(ends).size).toBe(1);
  });
});
