import type { PaymentFact } from "./facts.js";
import type { Instant } from "./time.js";

/** `succeeded` and `canceled` are terminal; `pending` and `failed` may alternate (a try, another try). */
export type PaymentState = "pending" | "failed" | "canceled" | "succeeded";

export interface Payment {
  id: string;
  account: string;
  livemode: boolean;
  externalId: string;
  state: PaymentState;
  /** When the source said so; a later word wins where nothing is terminal. */
  stateAsOf: Instant;
  amountMinor: number;
  /** When the payment itself named its money; 0 while only a checkout or a refund has. */
  moneyAsOf: Instant;
  currency: string;
  refundedMinor: number;
  userRef: string | null;
  packageRef: string | null;
  email: string | null;
  name: string | null;
  locale: string | null;
  paidAt: Instant | null;
  failureCode: string | null;
  failureMessage: string | null;
  createdAt: Instant;
  updatedAt: Instant;
  version: number;
}

const TERMINAL_RANK: Readonly<Record<PaymentState, number>> = {
  pending: 0,
  failed: 0,
  canceled: 1,
  succeeded: 2,
};

function stateOf(fact: PaymentFact): PaymentState | null {
  switch (fact.kind) {
    case "payment.succeeded":
      return "succeeded";
    case "payment.failed":
      return "failed";
    case "payment.canceled":
      return "canceled";
    case "payment.checkout_completed":
      return fact.paid ? "succeeded" : "pending";
    case "payment.refunded":
      return "succeeded"; // only what was paid can be refunded
  }
}

/** True when the fact's state replaces the row's: a higher terminal state, or a later word. */
function wins(before: Payment, state: PaymentState, asOf: Instant): boolean {
  const [theirs, ours] = [TERMINAL_RANK[state], TERMINAL_RANK[before.state]];
  if (theirs !== ours) return theirs > ours;
  if (theirs > 0) return false;
  if (asOf !== before.stateAsOf) return asOf > before.stateAsOf;
  return state === "failed" && before.state === "pending"; // same second: the stronger word
}

/** A payment that no fact was joined into yet; lives only between load and decide. */
export function blankPayment(id: string, fact: PaymentFact, now: Instant): Payment {
  return {
    id,
    ...fact.payment,
    state: "pending",
    stateAsOf: 0,
    amountMinor: fact.money.amountMinor,
    moneyAsOf: 0,
    currency: fact.money.currency,
    refundedMinor: 0,
    userRef: null,
    packageRef: null,
    email: null,
    name: null,
    locale: null,
    paidAt: null,
    failureCode: null,
    failureMessage: null,
    createdAt: now,
    updatedAt: now,
    version: 0,
  };
}

/**
 * Joins a fact into the payment. The result is the same in whatever order the facts come:
 * terminal states form a lattice, refunds only grow, the checkout's word on the buyer beats the payment's own.
 */
export function joinPayment(before: Payment, fact: PaymentFact): Payment {
  const next: Payment = { ...before };
  const state = stateOf(fact);
  if (state !== null && wins(before, state, fact.occurredAt)) {
    next.state = state;
    next.stateAsOf = fact.occurredAt;
    next.failureCode = fact.kind === "payment.failed" ? fact.failure.code : null;
    next.failureMessage = fact.kind === "payment.failed" ? fact.failure.message : null;
  }
  if (state === next.state && TERMINAL_RANK[next.state] > 0) {
    next.stateAsOf = Math.min(next.stateAsOf, fact.occurredAt); // the first word of it, whoever comes first
  }
  if (saysPaid(fact) && (fact.kind === "payment.succeeded" || before.paidAt === null)) {
    next.paidAt = fact.occurredAt; // a refund proves that it was paid, and not when
  }
  joinMoney(next, before, fact);
  if (fact.kind === "payment.refunded") {
    next.refundedMinor = Math.max(before.refundedMinor, fact.refundedMinor);
  }
  const checkout = fact.kind === "payment.checkout_completed";
  for (const field of ["userRef", "packageRef", "email", "name", "locale"] as const) {
    const said = fact.buyer[field];
    if (said !== null && (checkout || before[field] === null)) next[field] = said;
  }
  return next;
}

function saysPaid(fact: PaymentFact): boolean {
  return (
    fact.kind === "payment.succeeded" || (fact.kind === "payment.checkout_completed" && fact.paid)
  );
}

/** The payment's own latest word on its money; until it speaks the checkout's, then a refund's. */
function joinMoney(next: Payment, before: Payment, fact: PaymentFact): void {
  const own = fact.kind !== "payment.checkout_completed" && fact.kind !== "payment.refunded";
  const speaks = own
    ? fact.occurredAt > before.moneyAsOf
    : fact.kind === "payment.checkout_completed" && before.moneyAsOf === 0;
  if (!speaks) return;
  next.amountMinor = fact.money.amountMinor;
  next.currency = fact.money.currency;
  if (own) next.moneyAsOf = fact.occurredAt;
}

/** True when all of the money went back. */
export function isFullyRefunded(payment: Payment): boolean {
  return payment.refundedMinor > 0 && payment.refundedMinor >= payment.amountMinor;
}
