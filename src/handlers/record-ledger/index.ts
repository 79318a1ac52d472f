import type { LedgerSaid, ObjectSaid } from "../../domain/facts.js";
import { type LedgerKind, type LedgerObject, linksOf } from "../../domain/ledger.js";
import type { Payment } from "../../domain/payment.js";
import { forEach, type Reads, read } from "../../store/load.js";
import { defineHandler, type LoadContext } from "../handler.js";
import { buyerIn } from "./buyer.js";
import { decideLedger, type LedgerRows } from "./decide.js";
import { keyText } from "./join.js";

/** A subscription that is billed each day has two objects more each day: years of it are read as a whole. */
const BESIDE_ROWS_MAX = 2_000;

const OF_OBJECT = "t.account = ? AND t.livemode = ? AND t.external_id = ?";

/**
 * What a word is joined to: its object, the objects that stand beside it, and what they make together.
 *
 * @param isNarrow without what only objects that are here already can lead to: see `isEnough`.
 */
function readsOf(word: ObjectSaid, n: number, { policy }: LoadContext, isNarrow: boolean): Reads {
  const { kind, account, livemode, externalId } = word.object;
  const { paymentRef, invoiceRef, subscriptionRef, customerRef } = linksOf(word);
  const mode = [account, livemode];
  const idOf = (of: LedgerKind, ref: string) =>
    keyText({ kind: of, account, livemode, externalId: ref });
  const reads: Reads = {};
  // A payment stands among its own objects, as a subscription does among its own.
  if (kind !== "payment" && kind !== "subscription") {
    const key = [kind, ...mode, externalId];
    reads[`object${n}`] = read("ledgerObject", `t.kind = ? AND ${OF_OBJECT}`, key);
  }
  const user = buyerIn(word.said.details, policy.payments).userRef;
  const ofUser = "t.account = ? AND t.livemode = ?";
  if (user !== null && (paymentRef ?? subscriptionRef ?? invoiceRef) !== null) {
    reads[`entitlementsSaid${n}`] = read("entitlement", `${ofUser} AND t.user_ref = ?`, [
      ...mode,
      user,
    ]);
  }
  if (paymentRef !== null) {
    const key = [...mode, paymentRef];
    const isOf = "t.account = ? AND t.livemode = ? AND t.payment_ref = ?";
    reads[`payment${n}`] = read("payment", OF_OBJECT, key);
    reads[`ofPayment${n}`] = read("ledgerObject", isOf, key, { rowsMax: BESIDE_ROWS_MAX });
    const [where, params] = [`${ofUser} AND t.user_ref = o.ref`, [...key, ...mode]];
    if (!isNarrow || user === null) {
      reads[`entitlementsOfPayment${n}`] = read("entitlement", where, params, { each: PAYERS });
    }
    if (!isNarrow) {
      reads[`entitlementsGiven${n}`] = read("entitlement", where, params, { each: HOLDERS });
    }
  }
  if (invoiceRef !== null) {
    const key = [...mode, invoiceRef];
    reads[`versionOfInvoice${n}`] = read("subscriptionVersion", "t.id = ?", [
      idOf("invoice", invoiceRef),
    ]);
    reads[`paying${n}`] = read("payment", `${ofUser} AND t.invoice_ref = ?`, key);
  }
  if (customerRef !== null && (subscriptionRef !== null || kind === "customer")) {
    const key = idOf("customer", customerRef);
    reads[`versionOfCustomer${n}`] = read("subscriptionVersion", "t.id = ?", [key]);
  }
  if (subscriptionRef !== null && customerRef !== null) {
    const where = `t.kind = 'customer' AND ${OF_OBJECT}`;
    reads[`customer${n}`] = read("ledgerObject", where, [...mode, customerRef]);
  }
  if (paymentRef !== null && (subscriptionRef ?? invoiceRef) !== null) {
    const named = [...mode, paymentRef, idOf("subscription", "")];
    const each = SUBSCRIPTIONS_OF.payment;
    reads[`versionOfPaid${n}`] = read("subscriptionVersion", "t.id = ? || o.ref", named, { each });
  }
  return isNarrow ? reads : { ...reads, ...readsOfSubscriptions(word, n) };
}

/** Who has named a user beside the objects of a payment: for the rows that hang on the user. */
const PAYERS = `SELECT DISTINCT u.user_ref AS ref FROM ledger_object u
  WHERE u.account = ? AND u.livemode = ? AND u.payment_ref = ?`;

/** Who has what a payment gave: whom a person gave it to need be named by no object. */
const HOLDERS = `SELECT h.user_ref AS ref FROM ${forEach(
  `SELECT p.id FROM payment p WHERE p.account = ? AND p.livemode = ? AND p.external_id = ?`,
  "SELECT e.user_ref FROM entitlement e WHERE e.payment_id = o.id",
  "h",
)}`;

/** The subscriptions of a word: each statement gives their names, as `ref`. */
const SUBSCRIPTIONS_OF = {
  subscription: "SELECT ? AS ref",
  customer: `SELECT s.external_id AS ref FROM ledger_object s WHERE s.kind = 'subscription'
    AND s.account = ? AND s.livemode = ? AND s.customer_ref = ?`,
  invoice: `SELECT i.subscription_ref AS ref FROM ledger_object i WHERE i.kind = 'invoice'
    AND i.account = ? AND i.livemode = ? AND i.external_id = ?`,
  payment: `SELECT DISTINCT i.subscription_ref AS ref FROM ${forEach(
    `SELECT p.account, p.livemode, p.invoice_ref FROM ledger_object p
      WHERE p.account = ? AND p.livemode = ? AND p.payment_ref = ?`,
    `SELECT i.subscription_ref FROM ledger_object i WHERE i.kind = 'invoice'
      AND i.account = o.account AND i.livemode = o.livemode AND i.external_id = o.invoice_ref`,
    "i",
  )}`,
} as const;
type Way = keyof typeof SUBSCRIPTIONS_OF;

/** How a word leads to subscriptions: by their name, else by what it has in common with them. */
function wayToSubscriptions(word: ObjectSaid): { ref: string; by: Way } | null {
  const { paymentRef, invoiceRef, subscriptionRef, customerRef } = linksOf(word);
  if (subscriptionRef !== null) return { ref: subscriptionRef, by: "subscription" };
  if (invoiceRef !== null) return { ref: invoiceRef, by: "invoice" };
  if (paymentRef !== null) return { ref: paymentRef, by: "payment" };
  if (word.object.kind !== "customer" || customerRef === null) return null;
  return { ref: customerRef, by: "customer" };
}

/** A subscription is never read alone: all that stands beside it, and what has paid its invoices, come with it. */
function readsOfSubscriptions(word: ObjectSaid, n: number): Reads {
  const way = wayToSubscriptions(word);
  if (way === null) return {};
  const { account, livemode } = word.object;
  const mode = [account, livemode];
  const name = keyText({ kind: "subscription", account, livemode, externalId: "" });
  const key = way.by === "subscription" ? [way.ref] : [...mode, way.ref];
  const each = SUBSCRIPTIONS_OF[way.by];
  const beside = (what: string): string =>
    `SELECT DISTINCT b.ref FROM ${forEach(
      each,
      `SELECT ${what} AS ref FROM ledger_object b
      WHERE b.account = ? AND b.livemode = ? AND b.subscription_ref = o.ref`,
      "b",
    )}`;
  const ofMode = "t.account = ? AND t.livemode = ?";
  const besideKey = [...key, ...mode, ...mode];
  const rowsMax = BESIDE_ROWS_MAX;
  return {
    [`ofSubscription${n}`]: read(
      "ledgerObject",
      `${ofMode} AND t.subscription_ref = o.ref`,
      [...key, ...mode],
      { each, rowsMax },
    ),
    [`entitlementsOfSubscription${n}`]: read(
      "entitlement",
      `${ofMode} AND t.user_ref = o.ref`,
      besideKey,
      { each: beside("b.user_ref") },
    ),
    [`version${n}`]: read("subscriptionVersion", "t.id = ? || o.ref", [...key, name], { each }),
    [`settling${n}`]: read("payment", `${ofMode} AND t.invoice_ref = o.ref`, besideKey, {
      each: beside("CASE b.kind WHEN 'invoice' THEN b.external_id END"),
      rowsMax,
    }),
  };
}

/** The rows of one table, whichever read found them, each once. */
function gather(rows: Record<string, unknown[]>, fact: LedgerSaid): LedgerRows {
  const found = (names: readonly string[]) => {
    const all = fact.words.flatMap((_, n) => names.flatMap((name) => rows[`${name}${n}`] ?? []));
    return [...new Map(all.map((row) => [(row as { id: string }).id, row])).values()];
  };
  return {
    objects: found(["object", "ofPayment", "ofSubscription", "customer"]),
    payments: found(["payment", "paying", "settling"]),
    versions: found(["version", "versionOfInvoice", "versionOfCustomer", "versionOfPaid"]),
    entitlements: found([
      "entitlementsSaid",
      "entitlementsOfPayment",
      "entitlementsGiven",
      "entitlementsOfSubscription",
    ]),
  } as LedgerRows;
}

/** Such a word most often needs nothing of subscriptions, which have their payments by their invoices. */
const isOfPayment = (word: ObjectSaid): boolean => wayToSubscriptions(word)?.by === "payment";

/**
 * A payment's objects lead to no subscription, and to no user but the one that the word itself names; and nobody has
 * decided by hand who has what it gives.
 */
function isEnough(
  word: ObjectSaid,
  beside: readonly LedgerObject[],
  payments: readonly Payment[],
  { policy }: LoadContext,
): boolean {
  if (payments.some(({ override }) => override !== null)) return false;
  const user = buyerIn(word.said.details, policy.payments).userRef;
  return beside.every(
    ({ invoiceRef, userRef }) =>
      invoiceRef === null && (user === null || userRef === null || userRef === user),
  );
}

/** Joins what the source says of its objects into the ledger, and makes of it payments, entitlements and notices. */
export const recordLedger = defineHandler({
  id: "record-ledger",
  reactsTo: ["ledger.said"],
  load: ({ words }, context): Reads =>
    Object.assign({}, ...words.map((word, n) => readsOf(word, n, context, isOfPayment(word)))),
  loadMore({ words }, rows, context) {
    const isAll = words.every((word, n) => {
      const beside = (rows[`ofPayment${n}`] ?? []) as LedgerObject[];
      const payments = (rows[`payment${n}`] ?? []) as Payment[];
      return !isOfPayment(word) || isEnough(word, beside, payments, context);
    });
    if (isAll) return null;
    return Object.assign({}, ...words.map((word, n) => readsOf(word, n, context, false)));
  },
  decide: (fact, rows, context) => decideLedger(fact.words, gather(rows, fact), context),
});
