import {
  decideEntitlements,
  type Entitlement,
  type EntitlementDecision,
  type Grant,
  type Origin,
  originKey,
  originOf,
} from "../../domain/entitlement.js";
import type { LedgerDetails, LedgerObject } from "../../domain/ledger.js";
import { isFullyRefunded, type Payment } from "../../domain/payment.js";
import { DAY_MS, type Instant } from "../../domain/time.js";
import { monthsOf, type PaymentPolicy, packageOfItems } from "../../policy/payments.js";
import type { HandlerContext } from "../handler.js";
import { buyerIn } from "./buyer.js";
import type { JoinedObjects } from "./join.js";

export interface Touched {
  payments: readonly Payment[];
  subscriptions: readonly LedgerObject[];
  joined: JoinedObjects;
  /** What has paid the invoices of the subscriptions; nothing where there are none. */
  settling?: readonly Payment[];
  /** Those of the users, as they were read. */
  entitlements: readonly Entitlement[];
}

/** What grants are decided with. */
export type GrantContext = Pick<HandlerContext, "now" | "ids" | "policy">;

/** Grants, moves, revokes and lengthens what the touched payments and subscriptions entitle their users to. */
export function decideGrants(touched: Touched, ctx: GrantContext): EntitlementDecision {
  const given: readonly { origin: Origin; grant: Grant | null }[] = [
    ...touched.payments.map((payment) => ({
      origin: { paymentId: payment.id },
      grant: grantOfPayment(payment, ctx.policy.payments),
    })),
    ...touched.subscriptions.map((subscription) => ({
      origin: { subscriptionId: subscription.id },
      grant: grantOfSubscription(subscription, touched, ctx.policy.payments),
    })),
  ];
  const grants = given.flatMap(({ grant }) => (grant === null ? [] : [grant]));
  const had = new Set(touched.entitlements.map((row) => originKey(originOf(row))));
  const withdrawn = given
    .filter(({ origin, grant }) => grant === null && had.has(originKey(origin)))
    .map(({ origin }) => origin);
  if (grants.length + withdrawn.length === 0) return NOTHING;
  return decideEntitlements({ grants, withdrawn, rows: touched.entitlements }, ctx);
}

const NOTHING: EntitlementDecision = { inserts: [], updates: [], expects: [], changes: [] };

/** What a payment or subscription gives now, as far as it was decided on. */
export function givenBy(
  origin: Origin,
  { inserts, updates, expects }: EntitlementDecision,
): Entitlement | null {
  const changed = updates.map(({ before, patch }) => ({ ...before, ...patch }));
  const key = originKey(origin);
  const given = [...inserts, ...changed, ...expects].find(
    (row) => originKey(originOf(row)) === key,
  );
  return given ?? null;
}

/** What a payment gives: as a person has decided, else as the policy does; null is nothing, and to nobody. */
export function grantOfPayment(payment: Payment, policy: PaymentPolicy): Grant | null {
  const { override, paidAt } = payment;
  if (override?.kind === "grant") {
    const { userRef, at } = override;
    const paid = { ...payment, userRef, packageRef: override.packageRef, paidAt: paidAt ?? at };
    const grant = grantByPolicy({ ...paid, invoiceRef: null }, policy);
    return grant === null ? null : { ...grant, revoked: null };
  }
  const grant = grantByPolicy(payment, policy);
  if (override === null || grant === null) return grant;
  return { ...grant, revoked: grant.revoked ?? "corrected" };
}

/** What a payment buys, while "paid" and "who" are known; an invoice's payment buys nothing by itself. */
function grantByPolicy(payment: Payment, policy: PaymentPolicy): Grant | null {
  const { id, account, livemode, externalId, userRef, paidAt } = payment;
  if (userRef === null || paidAt === null || payment.invoiceRef !== null) return null;
  const packageRef = payment.packageRef ?? policy.defaultPackage;
  return {
    origin: { paymentId: id },
    originRef: externalId,
    account,
    livemode,
    userRef,
    packageRef,
    paidAt,
    months: monthsOf(packageRef, policy),
    endsAt: null,
    revoked: whyRevoked(payment, policy),
  };
}

/** `at_period_end` is `keep` for what has no further period. */
function whyRevoked(payment: Payment, policy: PaymentPolicy): string | null {
  const { refundedMinor, disputeState } = payment;
  const isFull = isFullyRefunded(payment);
  if (isFull && policy.fullRefund === "revoke") return "refunded";
  if (!isFull && refundedMinor > 0 && policy.partialRefund === "revoke") return "partly_refunded";
  if (disputeState === "lost" && policy.lostDispute === "revoke") return "dispute_lost";
  const isOpen = disputeState === "needs_response" || disputeState === "under_review";
  if (isOpen && policy.openDispute === "revoke") return "disputed";
  return null;
}

/** What a subscription gives: its paid period and, while a payment is awaited, the policy's days of grace. */
function grantOfSubscription(
  subscription: LedgerObject,
  { joined: { objects }, settling = [] }: Pick<Touched, "joined" | "settling">,
  policy: PaymentPolicy,
): Grant | null {
  const { id, account, livemode, externalId, state, bornAt, asOf } = subscription;
  const details = subscription.details as LedgerDetails["subscription"];
  const beside = objects
    .filter((one) => one.subscriptionRef === externalId && one.account === account)
    .sort((a, b) => (a.externalId < b.externalId ? -1 : 1));
  const buyers = beside.map((one) => buyerIn(one.details, policy));
  const paid = paidPeriods(beside, settling, policy);
  const own = buyerIn(details, policy);
  const userRef = own.userRef ?? buyers.find((one) => one.userRef !== null)?.userRef ?? null;
  if (userRef === null || state === "incomplete" || state === "incomplete_expired") return null;
  const isEnded = state === "canceled";
  const canceled = isEnded && policy.canceledSubscription === "revoke" ? "canceled" : null;
  const end = endOf(state, details, paid.until, policy);
  return {
    origin: { subscriptionId: id },
    originRef: externalId,
    account,
    livemode,
    userRef,
    packageRef:
      own.packageRef ??
      packageOfItems(details.items, policy) ??
      buyers.find((one) => one.packageRef !== null)?.packageRef ??
      policy.defaultPackage,
    paidAt: bornAt ?? asOf,
    months: null,
    endsAt: paid.cutAt === null ? end : Math.min(end ?? paid.cutAt, paid.cutAt),
    revoked: canceled ?? paid.takenBack,
  };
}

interface PaidPeriods {
  /** What the invoices whose money is kept reach to; null: none is, or none says. */
  until: Instant | null;
  /** Where access ends because the money for what comes after was taken back. */
  cutAt: Instant | null;
  /** Why nothing of it is left, from the beginning of the last period that was paid for. */
  takenBack: string | null;
}

/** An invoice counts as paid while the policy would keep what its payment alone had bought. */
function paidPeriods(
  beside: readonly LedgerObject[],
  settling: readonly Payment[],
  policy: PaymentPolicy,
): PaidPeriods {
  const periods = beside.flatMap((invoice) => {
    if (invoice.kind !== "invoice" || invoice.state !== "paid") return [];
    const { periodStart, periodEnd } = invoice.details as LedgerDetails["invoice"];
    if (periodEnd === null) return [];
    return [{ start: periodStart, end: periodEnd, taken: whyTaken(invoice, settling, policy) }];
  });
  const ends = periods.filter(({ taken }) => taken === null).map(({ end }) => end);
  const until = ends.length === 0 ? null : Math.max(...ends);
  const [last] = periods
    .filter(({ taken, end }) => taken !== null && (until === null || end > until))
    .sort((a, b) => b.end - a.end || (b.start ?? 0) - (a.start ?? 0));
  if (last === undefined) return { until, cutAt: null, takenBack: null };
  // What was paid before it is used up when it begins; an earlier bill that reaches into it still gives its part.
  const isNothingLeft = until === null || (last.start !== null && until <= last.start);
  if (isNothingLeft) return { until, cutAt: null, takenBack: last.taken };
  return { until, cutAt: until, takenBack: null };
}

/** Why none of what was paid of an invoice is kept; null where some of it is, or nothing is known to have been paid. */
function whyTaken(
  { externalId, account, livemode }: LedgerObject,
  settling: readonly Payment[],
  policy: PaymentPolicy,
): string | null {
  const reasons = settling
    .filter(
      (one) =>
        one.invoiceRef === externalId &&
        one.account === account &&
        one.livemode === livemode &&
        one.state === "succeeded",
    )
    .map((one) => whyRevoked(one, policy));
  return reasons.includes(null) ? null : (reasons.sort()[0] ?? null);
}

/** `paidUntil` is what a paid invoice reaches to: the period of a subscription runs on while its payment fails. */
function endOf(
  state: string,
  { periodStart, periodEnd, trialEnd, cancelAt, endedAt }: LedgerDetails["subscription"],
  paidUntil: Instant | null,
  { graceDays }: PaymentPolicy,
): Instant | null {
  const end = periodEnd ?? trialEnd;
  if (state === "trialing" || state === "active" || state === "unknown") {
    if (end === null) return cancelAt;
    return cancelAt === null ? end + graceDays * DAY_MS : Math.min(end, cancelAt);
  }
  const paid = paidUntil ?? (state === "canceled" ? endedAt : periodStart) ?? end;
  const kept = paid === null || end === null ? paid : Math.min(paid, end);
  return state === "past_due" && kept !== null ? kept + graceDays * DAY_MS : kept;
}
