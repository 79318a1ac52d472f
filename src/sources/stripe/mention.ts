import type { LedgerKey, LedgerKind } from "../../domain/ledger.js";
import { type Instant, isoOf } from "../../domain/time.js";

/** What a thin event calls its object. */
const NAMES: Readonly<Record<LedgerKind, string>> = {
  payment: "payment_intent",
  charge: "charge",
  refund: "refund",
  dispute: "dispute",
  fraud_warning: "radar.early_fraud_warning",
  invoice: "invoice",
  invoice_payment: "invoice_payment",
  subscription: "subscription",
  customer: "customer",
  checkout: "checkout.session",
};

/**
 * An event as the vendor would send one of an object that has changed, without anything of the object in it: it is
 * fetched when the event is worked on.
 *
 * @param id names the event; the same id is the same event.
 */
export function mention(key: LedgerKey, { id, at }: { id: string; at: Instant }): object {
  const name = NAMES[key.kind];
  return {
    object: "v2.core.event",
    id,
    type: `v1.${name}.updated`,
    created: isoOf(at),
    livemode: key.livemode,
    ...(key.account === "" ? {} : { context: key.account }),
    related_object: { id: key.externalId, type: name },
  };
}

/** The page of a payment, or of a dispute of none that is known, in the vendor's dashboard. */
export function pageOf({ kind, account, livemode, externalId }: LedgerKey): string {
  const parts = [
    ...(account === "" ? [] : [account]),
    ...(livemode ? [] : ["test"]),
    kind === "dispute" ? "disputes" : "payments",
    externalId,
  ];
  return `https://dashboard.stripe.com/${parts.map(encodeURIComponent).join("/")}`;
}

/** How the vendor's ids begin; a charge's and a refund's differ by how was paid. */
const PREFIXES: Readonly<Record<string, LedgerKind>> = {
  pi: "payment",
  ch: "charge",
  py: "charge",
  re: "refund",
  pyr: "refund",
  dp: "dispute",
  du: "dispute",
  issfr: "fraud_warning",
  in: "invoice",
  inpay: "invoice_payment",
  sub: "subscription",
  cus: "customer",
  cs: "checkout",
};

/** What an id is of; null when the ledger keeps nothing of the kind. */
export function kindOfId(externalId: string): LedgerKind | null {
  const prefix = externalId.split("_")[0] ?? "";
  return Object.hasOwn(PREFIXES, prefix) ? (PREFIXES[prefix] ?? null) : null;
}
