import {
  isKind,
  LEDGER_STATES,
  type LedgerObject,
  type LedgerState,
  type ObjectOf,
  type Payer,
} from "./ledger.js";
import type { Instant } from "./time.js";

export type PaymentState = LedgerState<"payment">;
export const PAYMENT_STATES: readonly string[] = [...Object.keys(LEDGER_STATES.payment), "unknown"];

/** What the policy reads from the metadata of a payer. */
export interface Buyer {
  /** The platform's own name for the user. */
  userRef: string | null;
  /** What was bought, in the platform's words. */
  packageRef: string | null;
  /** The platform's own order: one is paid once. */
  orderRef: string | null;
  /** BCP 47. */
  locale: string | null;
}

/**
 * One payment of one buyer, derived from what the source said last of the payment itself and of the charges, refunds,
 * disputes and checkouts that name it. Nothing is added up from events, so their order and number do not matter.
 */
export interface Payment {
  id: string;
  account: string;
  livemode: boolean;
  externalId: string;
  state: PaymentState;
  /** The first word of a final state; of any other the last one. */
  stateAsOf: Instant;
  amountMinor: number;
  /** What has come in, before refunds; less than the amount after a partial capture. */
  receivedMinor: number;
  /** The refunds that have not failed. */
  refundedMinor: number;
  /** Under dispute, or lost by one. */
  disputedMinor: number;
  /** Of its worst dispute. */
  disputeState: LedgerState<"dispute"> | null;
  /** ISO 4217, upper case; empty while nobody has named it. */
  currency: string;
  userRef: string | null;
  packageRef: string | null;
  orderRef: string | null;
  email: string | null;
  name: string | null;
  locale: string | null;
  customerRef: string | null;
  /** An invoice's payment pays what the invoice is for, and buys nothing by itself. */
  invoiceRef: string | null;
  paidAt: Instant | null;
  failureCode: string | null;
  failureMessage: string | null;
  bornAt: Instant | null;
  /** Transitions that the payer was told of: each is told once. */
  told: readonly string[];
  /** What a person has decided about what it gives; null: the policy decides. */
  override: Override | null;
  createdAt: Instant;
  updatedAt: Instant;
  version: number;
}

/** A correction by hand of what a payment gives. It stands, whatever is heard of the payment later, until another one. */
export type Override = { correctionId: string; at: Instant } & (
  | { kind: "grant"; userRef: string; packageRef: string }
  | { kind: "revoke" }
);

/** What is derived; the rest of the row is its identity and its history. */
export type DerivedPayment = Omit<
  Payment,
  | "id"
  | "account"
  | "livemode"
  | "externalId"
  | "told"
  | "override"
  | "createdAt"
  | "updatedAt"
  | "version"
>;

/** Each field that is derived: one that is forgotten here is a type error. */
const DERIVED: Readonly<Record<keyof DerivedPayment, true>> = {
  state: true,
  stateAsOf: true,
  amountMinor: true,
  receivedMinor: true,
  refundedMinor: true,
  disputedMinor: true,
  disputeState: true,
  currency: true,
  userRef: true,
  packageRef: true,
  orderRef: true,
  email: true,
  name: true,
  locale: true,
  customerRef: true,
  invoiceRef: true,
  paidAt: true,
  failureCode: true,
  failureMessage: true,
  bornAt: true,
};
export const DERIVED_FIELDS = Object.keys(DERIVED) as readonly (keyof DerivedPayment)[];

const sum = (amounts: readonly (number | null)[]): number =>
  amounts.reduce<number>((total, amount) => total + (amount ?? 0), 0);

const DISPUTES_WORST_FIRST: readonly LedgerState<"dispute">[] = [
  "lost",
  "needs_response",
  "under_review",
  "unknown",
  "warning_needs_response",
  "warning",
  "prevented",
  "won",
  "warning_closed",
];
/** Money that such a dispute has taken away, for now or for good. */
const DISPUTES_THAT_TAKE: ReadonlySet<string> = new Set(["lost", "needs_response", "under_review"]);

/**
 * The payment as its objects make it; the same in whatever order they are given.
 *
 * @param objects all that is known of one payment, its own word among them when it has come.
 * @param buyerOf what the platform's policy reads from metadata.
 */
export function derivePayment(
  objects: readonly LedgerObject[],
  buyerOf: (payer: Payer) => Buyer,
): DerivedPayment {
  const sorted = [...objects].sort((a, b) => (a.externalId < b.externalId ? -1 : 1));
  const own = sorted.filter(isKind("payment"))[0] ?? null;
  const charges = sorted.filter(isKind("charge"));
  const checkouts = sorted.filter(isKind("checkout"));
  const refunds = sorted.filter(isKind("refund"));
  const disputes = sorted.filter(isKind("dispute"));
  const paid = charges.filter(({ state }) => state === "succeeded");
  const stood = stateOf(own, charges, checkouts, refunds.length + disputes.length > 0, sorted);
  const { state } = stood;
  const speaker = own ?? paid[0] ?? charges[0] ?? checkouts[0] ?? refunds[0] ?? disputes[0];
  const worst = disputes
    .map((dispute) => dispute.state)
    .sort((a, b) => DISPUTES_WORST_FIRST.indexOf(a) - DISPUTES_WORST_FIRST.indexOf(b))[0];
  const failure =
    state === "failed"
      ? (own ?? charges.find((c) => c.details.failure !== null))?.details.failure
      : null;
  return {
    amountMinor: speaker?.amountMinor ?? 0,
    receivedMinor: receivedOf(state, own, paid, checkouts),
    refundedMinor: refundedOf(refunds, charges),
    disputedMinor: sum(
      disputes.filter((d) => DISPUTES_THAT_TAKE.has(d.state)).map((d) => d.amountMinor),
    ),
    disputeState: worst ?? null,
    currency: speaker?.currency ?? "",
    customerRef: firstOf(sorted, ({ customerRef }) => customerRef),
    invoiceRef: firstOf(sorted, ({ invoiceRef }) => invoiceRef),
    failureCode: failure?.code ?? null,
    failureMessage: failure?.message ?? null,
    bornAt: own?.bornAt ?? speaker?.bornAt ?? null,
    ...stood,
    ...buyerFrom([...checkouts, ...(own === null ? [] : [own]), ...charges], buyerOf),
  };
}

interface StateFound {
  state: PaymentState;
  stateAsOf: Instant;
  /** When it was paid, as the best witness says; null while only its consequences are known. */
  paidAt: Instant | null;
}

const firstOfAll = (times: readonly Instant[]): Instant => Math.min(...times);
const stateTimes = (objects: readonly LedgerObject[]): Instant =>
  firstOfAll(objects.map(({ stateAsOf }) => stateAsOf));

const found = (state: PaymentState, stateAsOf: Instant, paidAt: Instant | null): StateFound => ({
  state,
  stateAsOf,
  paidAt,
});

/** Money that came in proves the payment, whatever its own word still says. */
function stateOf(
  own: ObjectOf<"payment"> | null,
  charges: readonly ObjectOf<"charge">[],
  checkouts: readonly ObjectOf<"checkout">[],
  isReturned: boolean,
  all: readonly LedgerObject[],
): StateFound {
  const bought = checkouts.filter(({ details, state }) => details.paid && state === "complete");
  if (own?.state === "succeeded") return found("succeeded", own.stateAsOf, own.stateAsOf);
  if (bought.length > 0) return found("succeeded", stateTimes(bought), stateTimes(bought));
  const paid = charges.filter(({ state }) => state === "succeeded");
  if (paid.length > 0) {
    // The first that we hear of a charge may be its refund; when it was made it says itself.
    const paidAt = firstOfAll(paid.map(({ bornAt, stateAsOf }) => bornAt ?? stateAsOf));
    return found("succeeded", stateTimes(paid), paidAt);
  }
  if (own !== null) return found(own.state, own.stateAsOf, null);
  if (isReturned) return found("succeeded", stateTimes(all), null); // only what was paid is refunded or disputed
  const last = [...charges].sort((a, b) => b.stateAsOf - a.stateAsOf)[0];
  if (last !== undefined) return found(CHARGE_STATES[last.state], last.stateAsOf, null);
  const complete = checkouts.find(({ state }) => state === "complete");
  if (complete !== undefined) return found("processing", complete.stateAsOf, null);
  return found("pending", stateTimes(all), null);
}

const CHARGE_STATES: Readonly<Record<LedgerState<"charge">, PaymentState>> = {
  pending: "processing",
  authorized: "authorized",
  failed: "failed",
  expired: "canceled",
  succeeded: "succeeded",
  unknown: "unknown",
};

function receivedOf(
  state: PaymentState,
  own: ObjectOf<"payment"> | null,
  paid: readonly ObjectOf<"charge">[],
  checkouts: readonly ObjectOf<"checkout">[],
): number {
  if (state !== "succeeded") return own?.details.receivedMinor ?? 0;
  if (own?.state === "succeeded") return own.details.receivedMinor;
  if (paid.length > 0) return sum(paid.map(({ details }) => details.capturedMinor));
  return checkouts.find(({ details }) => details.paid)?.amountMinor ?? 0;
}

const isGone = ({ state }: ObjectOf<"refund">): boolean =>
  state === "failed" || state === "canceled";

/**
 * The refunds that stand. The charge's own figure counts while it is the larger, because refunds are still to come; one
 * that has failed comes off it by another word, which may be late, so that from then on the refunds alone are asked.
 */
function refundedOf(
  refunds: readonly ObjectOf<"refund">[],
  charges: readonly ObjectOf<"charge">[],
): number {
  const standing = sum(refunds.filter((one) => !isGone(one)).map(({ amountMinor }) => amountMinor));
  if (refunds.some(isGone)) return standing;
  return Math.max(standing, ...charges.map(({ details }) => details.refundedMinor));
}

/** The checkout's word on the buyer goes before the payment's own, and that before the charge's. */
function buyerFrom(
  speakers: readonly (LedgerObject & { details: Payer })[],
  buyerOf: (payer: Payer) => Buyer,
): Buyer & Pick<Payer, "email" | "name"> {
  const said = speakers.map(({ details }) => ({
    email: details.email,
    name: details.name,
    ...buyerOf(details),
  }));
  const pick = (field: keyof (typeof said)[number]): string | null =>
    firstOf(said, (one) => one[field]);
  return {
    userRef: pick("userRef"),
    packageRef: pick("packageRef"),
    orderRef: pick("orderRef"),
    email: pick("email"),
    name: pick("name"),
    locale: pick("locale"),
  };
}

function firstOf<T, V>(list: readonly T[], pick: (one: T) => V | null): V | null {
  for (const one of list) {
    const value = pick(one);
    if (value !== null) return value;
  }
  return null;
}

/** True when all of the money went back. */
export function isFullyRefunded({
  receivedMinor,
  refundedMinor,
}: Pick<Payment, "receivedMinor" | "refundedMinor">): boolean {
  return refundedMinor > 0 && refundedMinor >= receivedMinor;
}
