import type { LedgerSaid, ObjectSaid } from "../../domain/facts.js";
import { linksOf } from "../../domain/ledger.js";
import { type Reads, read } from "../../store/load.js";
import { defineHandler, type LoadContext } from "../handler.js";
import { buyerIn } from "./buyer.js";
import { decideLedger, type LedgerRows } from "./decide.js";
import { keyText } from "./join.js";

/** A subscription that is billed each day has two objects more each day: years of it are read as a whole. */
const BESIDE_ROWS_MAX = 2_000;

const OF_OBJECT = "t.account = ? AND t.livemode = ? AND t.external_id = ?";

/** Who has named a user beside the objects of one payment or subscription: for the rows that hang on the user. */
const namedBeside = (link: "payment_ref" | "subscription_ref"): string =>
  `JOIN (SELECT DISTINCT o.user_ref FROM ledger_object o
    WHERE o.account = ? AND o.livemode = ? AND o.${link} = ? AND o.user_ref IS NOT NULL) o ON o.user_ref = t.user_ref`;

/** What a word is joined to: its object, the objects that stand beside it, and what they make together. */
function readsOf(word: ObjectSaid, n: number, { policy }: LoadContext): Reads {
  const { kind, account, livemode, externalId } = word.object;
  const { paymentRef, subscriptionRef, customerRef } = linksOf(word);
  const mode = [account, livemode];
  const reads: Reads = {};
  // A payment stands among its own objects, as a subscription does among its own.
  if (kind !== "payment" && kind !== "subscription") {
    const key = [kind, ...mode, externalId];
    reads[`object${n}`] = read("ledgerObject", `t.kind = ? AND ${OF_OBJECT}`, key);
  }
  const user = buyerIn(word.said.details, policy).userRef;
  const ofUser = "t.account = ? AND t.livemode = ?";
  if (user !== null && (paymentRef !== null || subscriptionRef !== null)) {
    reads[`entitlementsSaid${n}`] = read("entitlement", `${ofUser} AND t.user_ref = ?`, [
      ...mode,
      user,
    ]);
  }
  for (const [name, link, ref] of [
    ["Payment", "payment_ref", paymentRef],
    ["Subscription", "subscription_ref", subscriptionRef],
  ] as const) {
    if (ref === null) continue;
    const beside = [...mode, ref];
    reads[`of${name}${n}`] = read(
      "ledgerObject",
      `t.account = ? AND t.livemode = ? AND t.${link} = ?`,
      beside,
      { rowsMax: BESIDE_ROWS_MAX },
    );
    reads[`entitlementsOf${name}${n}`] = read("entitlement", ofUser, [...beside, ...mode], {
      join: namedBeside(link),
    });
  }
  if (paymentRef !== null) reads[`payment${n}`] = read("payment", OF_OBJECT, [...mode, paymentRef]);
  if (subscriptionRef !== null) {
    const key = { kind: "subscription" as const, account, livemode, externalId: subscriptionRef };
    reads[`version${n}`] = read("subscriptionVersion", "t.id = ?", [keyText(key)]);
  }
  if (subscriptionRef !== null && customerRef !== null) {
    reads[`customer${n}`] = read("ledgerObject", `t.kind = 'customer' AND ${OF_OBJECT}`, [
      ...mode,
      customerRef,
    ]);
  }
  return reads;
}

/** The rows of one table, whichever read found them, each once. */
function gather(rows: Record<string, unknown[]>, fact: LedgerSaid): LedgerRows {
  const found = (names: readonly string[]) => {
    const all = fact.words.flatMap((_, n) => names.flatMap((name) => rows[`${name}${n}`] ?? []));
    return [...new Map(all.map((row) => [(row as { id: string }).id, row])).values()];
  };
  return {
    objects: found(["object", "ofPayment", "ofSubscription", "customer"]),
    payments: found(["payment"]),
    versions: found(["version"]),
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
