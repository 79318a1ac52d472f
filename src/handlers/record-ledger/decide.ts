import type { Entitlement } from "../../domain/entitlement.js";
import type { ObjectSaid } from "../../domain/facts.js";
import {
  type LedgerKind,
  type LedgerObject,
  linksOf,
  type SubscriptionVersion,
} from "../../domain/ledger.js";
import { DERIVED_FIELDS, derivePayment, type Payment } from "../../domain/payment.js";
import { type Plan, PlanBuilder } from "../../domain/plan.js";
import { planEntitlements } from "../entitlement-plan.js";
import type { Doubts, HandlerContext } from "../handler.js";
import { buyerIn } from "./buyer.js";
import { decideGrants, givenBy } from "./grants.js";
import { type JoinedObjects, joinWords, keyText } from "./join.js";
import { type Told, tellOfPayment, tellOfSubscription } from "./notices.js";

export interface LedgerRows {
  /** The objects that are spoken of, and all that stand beside them. */
  objects: readonly LedgerObject[];
  /** Those that are spoken of, and those of the invoices that are, or whose subscription is. */
  payments: readonly Payment[];
  /** Of the subscriptions that are touched, and of invoices and customers whose subscriptions were still to be found. */
  versions: readonly SubscriptionVersion[];
  entitlements: readonly Entitlement[];
}

/**
 * Joins the words of one event, derives what they make (a payment from all of its objects, what a user is entitled to
 * from payments and subscriptions), and tells people of each transition once. Doubts come back before anything is decided.
 */
export function decideLedger(
  words: readonly ObjectSaid[],
  rows: LedgerRows,
  ctx: HandlerContext,
): Plan | Doubts {
  const joined = joinWords(words, rows.objects, ctx);
  if ("doubts" in joined) return joined;
  const plan = new PlanBuilder(ctx);
  const payments = paymentsOf(joined, rows.payments, ctx);
  const names = namesOf(joined, payments);
  const subscriptions = subscriptionsOf(joined, names);
  const derived = new Set(payments.map(({ id }) => id));
  const settling = [...payments, ...rows.payments.filter(({ id }) => !derived.has(id))];
  const touched = { payments, subscriptions, joined, settling, entitlements: rows.entitlements };
  const grants = decideGrants(touched, ctx);
  const told = [
    ...payments.flatMap((one) =>
      tellOfPayment(one, givenBy({ paymentId: one.id }, grants), joined.objects, ctx),
    ),
    ...subscriptions
      .filter((one) => isTold(one, joined))
      .flatMap((one) =>
        tellOfSubscription(one, givenBy({ subscriptionId: one.id }, grants), joined.objects, ctx),
      ),
  ];
  writeObjects(plan, joined, told, ctx);
  writePayments(plan, payments, rows.payments, told);
  writeVersions(plan, versionsOf(joined, names), rows.versions);
  touchPayments(plan, joined, settling.slice(payments.length));
  for (const { notice } of told) plan.notify(notice);
  planEntitlements(plan, grants, ctx);
  for (const { id, override } of payments) {
    if (override === null) continue;
    plan.because(`what ${id} gives was decided by ${override.correctionId}: ${override.kind}`);
  }
  return plan.build();
}

/** The payments that are spoken of, as their objects make them now. */
function paymentsOf(
  { objects, spoken }: JoinedObjects,
  rows: readonly Payment[],
  ctx: HandlerContext,
): Payment[] {
  const refs = new Map(
    spoken.flatMap(({ object, word }) => {
      const { account, livemode, paymentRef } = object;
      // What a word does not link to was not read with it: an invoice may come without the payment that its row knows.
      if (paymentRef === null || linksOf(word).paymentRef !== paymentRef) return [];
      const key = { kind: "payment" as const, account, livemode, externalId: paymentRef };
      return [[keyText(key), key] as const];
    }),
  );
  return [...refs.values()].map(({ account, livemode, externalId }) => {
    const isOf = (one: LedgerObject): boolean =>
      one.account === account && one.livemode === livemode && one.paymentRef === externalId;
    const derived = derivePayment(objects.filter(isOf), (payer) =>
      buyerIn(payer, ctx.policy.payments),
    );
    const before = rows.find(
      (row) =>
        row.account === account && row.livemode === livemode && row.externalId === externalId,
    );
    const id = before?.id ?? ctx.ids.next("payment");
    const kept = before ?? { told: [], override: null, createdAt: ctx.now, version: 0 };
    return { id, account, livemode, externalId, ...kept, ...derived, updatedAt: ctx.now };
  });
}

/** The names of the subscriptions that are touched, known or not: by a word, by its invoice, by the invoice that is paid. */
function namesOf({ objects, spoken }: JoinedObjects, payments: readonly Payment[]): Set<string> {
  const names = new Set<string>();
  const invoices = new Set<string>();
  for (const { word } of spoken) {
    const { account, livemode } = word.object;
    const { subscriptionRef, invoiceRef } = linksOf(word);
    if (subscriptionRef !== null) {
      names.add(keyText({ kind: "subscription", account, livemode, externalId: subscriptionRef }));
    } else if (invoiceRef !== null) {
      invoices.add(keyText({ kind: "invoice", account, livemode, externalId: invoiceRef }));
    }
  }
  for (const { account, livemode, invoiceRef } of payments) {
    if (invoiceRef === null) continue;
    invoices.add(keyText({ kind: "invoice", account, livemode, externalId: invoiceRef }));
  }
  for (const one of objects) {
    const { kind, account, livemode, subscriptionRef } = one;
    if (kind !== "invoice" || subscriptionRef === null || !invoices.has(keyText(one))) continue;
    names.add(keyText({ kind: "subscription", account, livemode, externalId: subscriptionRef }));
  }
  return names;
}

/** The subscriptions that are touched and known, those of a customer that is spoken of among them. */
function subscriptionsOf(
  { objects, spoken }: JoinedObjects,
  names: ReadonlySet<string>,
): LedgerObject[] {
  const customers = new Set(spoken.map(({ word }) => keyText(word.object)));
  const isOf = (one: LedgerObject): boolean =>
    names.has(keyText(one)) ||
    (one.customerRef !== null &&
      customers.has(keyText({ ...one, kind: "customer", externalId: one.customerRef })));
  return objects.filter((one) => one.kind === "subscription" && isOf(one));
}

/** Its customer, who is written to, was read with a word that names the one or the other; with a refund's it was not. */
const isTold = (one: LedgerObject, { spoken }: JoinedObjects): boolean =>
  spoken.some(({ word }) => {
    const { subscriptionRef, customerRef } = linksOf(word);
    const isCustomer = word.object.kind === "customer" && customerRef === one.customerRef;
    return subscriptionRef === one.externalId || isCustomer;
  });

const toldOf = (id: string, told: readonly Told[]): string[] =>
  told.filter(({ subject }) => subject === id).map(({ transition }) => transition);

function writeObjects(
  plan: PlanBuilder,
  { objects, before, spoken }: JoinedObjects,
  told: readonly Told[],
  ctx: HandlerContext,
): void {
  const changed = new Set(spoken.filter((one) => one.changed).map(({ object }) => object.id));
  const read = new Set(spoken.map(({ object }) => object.id));
  for (const object of objects) {
    const newlyTold = toldOf(object.id, told);
    const row = {
      ...object,
      userRef: buyerIn(object.details, ctx.policy.payments).userRef,
      told: [...object.told, ...newlyTold],
    };
    const was = before.get(object.id);
    // The policy may read another user than the policy of the day that wrote it: rows are found by who stands here.
    const renamed = was !== undefined && was.userRef !== row.userRef;
    if (was === undefined) plan.insert("ledgerObject", row);
    else if (changed.has(object.id) || newlyTold.length > 0 || renamed)
      plan.update("ledgerObject", was, row);
    else if (read.has(object.id)) plan.expect("ledgerObject", was);
  }
  for (const { word, object, changed: isNew } of spoken) {
    const verb = isNew ? "recorded" : "confirmed";
    const was = before.get(object.id)?.state ?? null;
    if (object.kind !== "payment") {
      plan.audit(`${object.kind}.${verb}`, object.id, { before: was, after: object.state });
    }
    const by = word.authority === "fetched" ? "as fetched from its source" : "as the event says";
    const known = was === null ? "the first that is known of it" : `it was ${was}`;
    plan.because(`${object.kind} ${object.externalId} is ${object.state}, ${by}; ${known}`);
  }
}

/**
 * Written with every word that touches a subscription, even before the subscription itself is known: of two workers that
 * add an object each, the second finds that this row has moved, and loads again. Where one of them makes the way by which
 * the other would have found the subscription, they meet at the invoice, or at the customer, which is that way.
 */
function versionsOf({ spoken, before }: JoinedObjects, names: ReadonlySet<string>): Set<string> {
  const known = new Map([...before.values()].map((one) => [keyText(one), one]));
  const ids = new Set(names);
  for (const { word } of spoken) {
    const { kind, account, livemode } = word.object;
    const { subscriptionRef, invoiceRef, customerRef } = linksOf(word);
    const idOf = (of: LedgerKind, ref: string): string =>
      keyText({ kind: of, account, livemode, externalId: ref });
    if (invoiceRef !== null) {
      const id = idOf("invoice", invoiceRef);
      if ((known.get(id)?.subscriptionRef ?? null) === null) ids.add(id);
    }
    if (customerRef !== null && (subscriptionRef !== null || kind === "customer")) {
      const id = idOf("customer", customerRef);
      const details = known.get(id)?.details;
      const isReached = details !== undefined && "email" in details && details.email !== null;
      if (kind === "customer" || !isReached) ids.add(id);
    }
  }
  return ids;
}

function writeVersions(
  plan: PlanBuilder,
  ids: ReadonlySet<string>,
  rows: readonly SubscriptionVersion[],
): void {
  for (const id of ids) {
    const before = rows.find((row) => row.id === id);
    if (before === undefined) plan.insert("subscriptionVersion", { id, version: 0 });
    else plan.update("subscriptionVersion", before, {});
  }
}

/** A worker on a refund that did not yet find the subscription of its payment's invoice meets here the word that names it. */
function touchPayments(
  plan: PlanBuilder,
  { spoken, before }: JoinedObjects,
  others: readonly Payment[],
): void {
  for (const payment of others) {
    const names = spoken.some(
      ({ object: { id, kind, account, livemode, externalId, subscriptionRef } }) =>
        kind === "invoice" &&
        account === payment.account &&
        livemode === payment.livemode &&
        externalId === payment.invoiceRef &&
        subscriptionRef !== null &&
        (before.get(id)?.subscriptionRef ?? null) === null,
    );
    if (names) plan.update("payment", payment, {});
  }
}

/**
 * A payment is written whenever one of its objects was, even if nothing of it changed: two workers that add an object
 * each did not see the other's, and the row's version is what tells the second one.
 */
function writePayments(
  plan: PlanBuilder,
  payments: readonly Payment[],
  rows: readonly Payment[],
  told: readonly Told[],
): void {
  for (const payment of payments) {
    const before = rows.find(({ id }) => id === payment.id) ?? null;
    const row = { ...payment, told: [...payment.told, ...toldOf(payment.id, told)] };
    if (before === null) plan.insert("payment", row);
    else plan.update("payment", before, row);
    const changed =
      before === null || DERIVED_FIELDS.some((field) => before[field] !== payment[field]);
    const { state, refundedMinor, disputedMinor } = payment;
    plan
      .audit(`payment.${changed ? "recorded" : "confirmed"}`, payment.id, {
        before: before?.state ?? null,
        after: state,
        refundedMinor,
        disputedMinor,
      })
      .because(`payment ${payment.id} goes from ${before?.state ?? "nothing"} to ${state}`);
  }
}
