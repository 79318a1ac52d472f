import type { LedgerSaid, ObjectSaid } from "../../domain/facts.js";
import { type LedgerKind, linksOf } from "../../domain/ledger.js";
import { type Reads, read } from "../../store/load.js";
import { defineHandler, type LoadContext } from "../handler.js";
import { buyerIn } from "./buyer.js";
import { decideLedger, type LedgerRows } from "./decide.js";
import { keyText } from "./join.js";

/** A subscription that is billed each day has two objects more each day: years of it are read as a whole. */
const BESIDE_ROWS_MAX = 2_000;

const OF_OBJECT = "t.account = ? AND t.livemode = ? AND t.external_id = ?";

/** Who has named a user beside the objects of one payment or subscription: for the rows that hang on the user. */
const namedBeside = (link: "payment_ref" | "subscription_ref", isOf: string): string =>
  `JOIN (SELECT DISTINCT o.user_ref FROM ledger_object o
    WHERE o.account = ? AND o.livemode = ? AND o.${link} ${isOf} AND o.user_ref IS NOT NULL) o ON o.user_ref = t.user_ref`;

const OF_INVOICE = `JOIN ledger_object i ON i.kind = 'invoice' AND i.external_id = t.invoice_ref
    AND i.account = t.account AND i.livemode = t.livemode`;

/** What a word is joined to: its object, the objects that stand beside it, and what they make together. */
function readsOf(word: ObjectSaid, n: number, { policy }: LoadContext): Reads {
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
    const join = namedBeside("payment_ref", "= ?");
    reads[`payment${n}`] = read("payment", OF_OBJECT, key);
    reads[`ofPayment${n}`] = read("ledgerObject", isOf, key, { rowsMax: BESIDE_ROWS_MAX });
    reads[`entitlementsOfPayment${n}`] = read("entitlement", ofUser, [...key, ...mode], { join });
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
    const named = [idOf("subscription", ""), ...mode, paymentRef];
    reads[`versionOfPaid${n}`] = read("subscriptionVersion", versionsOf("payment"), named);
  }
  return { ...reads, ...readsOfSubscriptions(word, n) };
}

/** The subscriptions of a word that does not name them: each statement gives their names, as `ref`. */
const SUBSCRIPTIONS_OF = {
  customer: `SELECT s.external_id AS ref FROM ledger_object s WHERE s.kind = 'subscription'
    AND s.account = ? AND s.livemode = ? AND s.customer_ref = ?`,
  invoice: `SELECT i.subscription_ref AS ref FROM ledger_object i WHERE i.kind = 'invoice'
    AND i.account = ? AND i.livemode = ? AND i.external_id = ?`,
  payment: `SELECT i.subscription_ref AS ref FROM ledger_object p
    JOIN ledger_object i ON i.external_id = p.invoice_ref AND i.kind = 'invoice'
      AND i.account = p.account AND i.livemode = p.livemode
    WHERE p.account = ? AND p.livemode = ? AND p.payment_ref = ?`,
} as const;
type Way = keyof typeof SUBSCRIPTIONS_OF;

/** Their versions: of the beginning that the ids of all have, and of what the way begins at. */
const versionsOf = (way: Way): string =>
  `t.id IN (SELECT ? || s.ref FROM (${SUBSCRIPTIONS_OF[way]}) s)`;

/** How a word leads to subscriptions: by their name, else by what it has in common with them. */
function wayToSubscriptions(word: ObjectSaid): { ref: string; by: Way | null } | null {
  const { paymentRef, invoiceRef, subscriptionRef, customerRef } = linksOf(word);
  if (subscriptionRef !== null) return { ref: subscriptionRef, by: null };
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
  const key = way.by === null ? [way.ref] : [...mode, way.ref];
  const isOf = way.by === null ? "= ?" : `IN (${SUBSCRIPTIONS_OF[way.by]})`;
  const versions = way.by === null ? "t.id = ? || ?" : versionsOf(way.by);
  const ofMode = "t.account = ? AND t.livemode = ?";
  const rowsMax = BESIDE_ROWS_MAX;
  return {
    [`ofSubscription${n}`]: read(
      "ledgerObject",
      `${ofMode} AND t.subscription_ref ${isOf}`,
      [...mode, ...key],
      { rowsMax },
    ),
    [`entitlementsOfSubscription${n}`]: read("entitlement", ofMode, [...mode, ...key, ...mode], {
      join: namedBeside("subscription_ref", isOf),
    }),
    [`version${n}`]: read("subscriptionVersion", versions, [name, ...key]),
    [`settling${n}`]: read(
      "payment",
      `i.account = ? AND i.livemode = ? AND i.subscription_ref ${isOf}`,
      [...mode, ...key],
      { join: OF_INVOICE, rowsMax },
    ),
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
      "entitlementsOfSubscription",
    ]),
  } as LedgerRows;
}

/** Joins what the source says of its objects into the ledger, and makes of it payments, entitlements and notices. */
export const recordLedger = defineHandler({
  id: "record-ledger",
  reactsTo: ["ledger.said"],
  load: (fact, context): Reads =>
    Object.assign({}, ...fact.words.map((word, n) => readsOf(word, n, context))),
  decide: (fact, rows, context) => decideLedger(fact.words, gather(rows, fact), context),
});
