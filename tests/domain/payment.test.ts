import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entitledBy } from "../../src/domain/entitlement.js";
import type { PaymentFact } from "../../src/domain/facts.js";
import { blankPayment, joinPayment, type Payment } from "../../src/domain/payment.js";

const T = Date.UTC(2026, 10, 21);
const base = {
  payment: { account: "", livemode: true, externalId: "pay_ext" },
  money: { amountMinor: 1000, currency: "THB" },
};
const nobody = { userRef: null, packageRef: null, email: null, name: null, locale: null };

/** The history of one intent: tries that fail, one that succeeds, the checkout around it, refunds after. */
const history = fc
  .record({
    fails: fc.integer({ min: 0, max: 3 }),
    succeeds: fc.boolean(),
    checkout: fc.boolean(),
    delayed: fc.boolean(),
    canceled: fc.boolean(),
    amounts: fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 8, maxLength: 8 }),
    checkoutCurrency: fc.constantFrom("THB", "USD"),
    refunds: fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 3 }),
  })
  .map((history): PaymentFact[] => {
    const { fails, succeeds, canceled, checkout, delayed, amounts, refunds } = history;
    const facts: PaymentFact[] = [];
    let at = T;
    const next = () => {
      at += 1000;
      return at;
    };
    // The intent's amount may be changed between tries; the checkout may name another currency.
    const money = (i: number) => ({ amountMinor: amounts[i] ?? 1, currency: "THB" });
    const buyer = { ...nobody, userRef: "u_intent", email: "intent@example.com" };
    for (let i = 0; i < fails; i += 1) {
      const failure = { code: `declined_${i}`, message: "no" };
      const kind = "payment.failed" as const;
      facts.push({ ...base, money: money(i), kind, failure, buyer, occurredAt: next() });
    }
    if (canceled && !succeeds) {
      facts.push({ ...base, kind: "payment.canceled", buyer, occurredAt: next() });
    }
    if (succeeds) facts.push({ ...base, kind: "payment.succeeded", buyer, occurredAt: next() });
    if (checkout) {
      const who = { ...nobody, userRef: "u_checkout", packageRef: "ADVANCED", locale: "th" };
      const paid = succeeds && !delayed;
      const kind = "payment.checkout_completed" as const;
      const asked = { ...money(7), currency: history.checkoutCurrency };
      facts.push({ ...base, money: asked, kind, paid, buyer: who, occurredAt: next() });
    }
    let refundedMinor = 0;
    for (const part of succeeds ? refunds : []) {
      refundedMinor = Math.min(1000, refundedMinor + part);
      const kind = "payment.refunded" as const;
      facts.push({ ...base, kind, refundedMinor, buyer: nobody, occurredAt: next() });
    }
    return facts;
  });

function join(facts: readonly PaymentFact[]): Payment | null {
  const [first] = facts;
  if (first === undefined) return null;
  return facts.reduce(joinPayment, blankPayment("pay_1", first, T));
}

describe("joining payment facts", () => {
  it("ends in the same payment and entitlement in whatever order they come, and however often", () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), (facts, chance) => {
        const numbers = chance[Symbol.iterator]();
        const doubled = [...facts, ...facts.filter(() => (numbers.next().value ?? 0) % 3 === 0)];
        const shuffled = doubled
          .map((fact) => ({ fact, key: numbers.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ fact }) => fact);
        const [ordered, mixed] = [join(facts), join(shuffled)];
        expect(mixed).toEqual(ordered);
        if (ordered !== null && mixed !== null) {
          expect(entitledBy(mixed)).toEqual(entitledBy(ordered));
        }
      }),
      { numRuns: 2_000, verbose: 1 }, // a failure prints its seed
    );
  });

  it("never lets a late failure undo a success", () => {
    const succeeded: PaymentFact = {
      ...base,
      kind: "payment.succeeded",
      buyer: nobody,
      occurredAt: T,
    };
    const failure = { code: "late", message: "no" };
    const failed: PaymentFact = {
      ...base,
      kind: "payment.failed",
      failure,
      buyer: nobody,
      occurredAt: T + 9,
    };
    expect(join([succeeded, failed])).toMatchObject({ state: "succeeded", failureCode: null });
  });

  it("entitles to nothing while who is unknown, or while the money is still to come", () => {
    const paid: PaymentFact = { ...base, kind: "payment.succeeded", buyer: nobody, occurredAt: T };
    const who = { ...nobody, userRef: "u1" };
    const kind = "payment.checkout_completed" as const;
    const pending: PaymentFact = { ...base, kind, paid: false, buyer: who, occurredAt: T };
    for (const facts of [[paid], [pending]]) {
      const payment = join(facts);
      expect(payment && entitledBy(payment)).toBeNull();
    }
    const both = join([pending, paid]);
    expect(both && entitledBy(both)).toEqual({
      userRef: "u1",
      packageRef: "standard",
      status: "active",
    });
  });
});
