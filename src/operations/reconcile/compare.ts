import { createHash } from "node:crypto";
import { canonicalJson } from "../../domain/canonical-json.js";
import type { LedgerKind, LedgerObject, Links, Said } from "../../domain/ledger.js";
import { DERIVED_FIELDS, type DerivedPayment, type Payment } from "../../domain/payment.js";
import type { DiscrepancyKind, Proposal, Side } from "../../domain/reconciliation.js";

type Content = Pick<LedgerObject, "state" | "amountMinor" | "currency" | "details" | "bornAt">;

const LINKS = [
  "customerRef",
  "paymentRef",
  "chargeRef",
  "invoiceRef",
  "subscriptionRef",
] as const satisfies readonly (keyof Links)[];

const textOf = ({ state, amountMinor, currency, details, bornAt }: Content): string =>
  canonicalJson([state, amountMinor, currency, details, bornAt]);

const hashOf = (content: Content): string =>
  createHash("sha256").update(textOf(content)).digest("base64url");

const linksOf = (from: Links): Links => ({
  customerRef: from.customerRef,
  paymentRef: from.paymentRef,
  chargeRef: from.chargeRef,
  invoiceRef: from.invoiceRef,
  subscriptionRef: from.subscriptionRef,
});

/** What the source says, to be held against rows of ours now and later. */
export function theirSide({ links, ...said }: Said): Side {
  const { state, amountMinor, currency } = said;
  return { state, amountMinor, currency, links: linksOf(links), hash: hashOf(said) };
}

export function ourSide(row: LedgerObject): Side {
  const { state, amountMinor, currency } = row;
  return { state, amountMinor, currency, links: linksOf(row), hash: hashOf(row) };
}

/** The same as both sides in agreement, without their making: most objects of a page are as they should be. */
export const isAsSaid = (row: LedgerObject, { links, ...said }: Said): boolean =>
  textOf(row) === textOf(said) && linksAgree(row, links);

/** A link that the source leaves out may be known here from another word. */
const linksAgree = (ours: Links, theirs: Links): boolean =>
  LINKS.every((link) => theirs[link] === null || ours[link] === theirs[link]);

/** True when the row is what the source said. */
export function agrees(ours: Side | null, theirs: Side | null): boolean {
  if (ours === null || theirs === null) return ours === theirs;
  if (ours.hash !== theirs.hash) return false;
  return ours.links === undefined || theirs.links === undefined
    ? true
    : linksAgree(ours.links, theirs.links);
}

/** How the two sides of an object differ, by what matters most; null when they agree. */
export function differenceOf(
  kind: LedgerKind,
  ours: Side | null,
  theirs: Side | null,
): DiscrepancyKind | null {
  if (agrees(ours, theirs)) return null;
  if (ours === null) return "missing_here";
  if (theirs === null) return "missing_there";
  if (kind === "refund") return "refund";
  if (kind === "dispute") return "dispute";
  if (ours.currency !== theirs.currency) return "currency";
  if (ours.amountMinor !== theirs.amountMinor) return "amount";
  if (ours.state !== theirs.state) return "state";
  return "details";
}

/** Who is written to and why a try failed are no part of the money, and may be erased on request. */
const BESIDE_THE_MONEY: ReadonlySet<keyof DerivedPayment> = new Set([
  "stateAsOf",
  "email",
  "name",
  "locale",
  "failureCode",
  "failureMessage",
  "bornAt",
]);
const COMPARED = DERIVED_FIELDS.filter((field) => !BESIDE_THE_MONEY.has(field));

/** The fields in which a payment is not what its own objects make it; all of them where there is no row. */
export function alteredFields(payment: Payment | null, derived: DerivedPayment): string[] {
  if (payment === null) return ["row"];
  return COMPARED.filter((field) => (payment[field] ?? null) !== (derived[field] ?? null));
}

export const paymentSide = (
  { state, amountMinor, currency }: Pick<Payment, "state" | "amountMinor" | "currency">,
  fields?: readonly string[],
): Side => ({ state, amountMinor, currency, ...(fields === undefined ? {} : { fields }) });

/** What a person may do about it, where it does not heal by itself. */
export function proposalFor(
  difference: DiscrepancyKind,
  kind: LedgerKind,
  ours: Side | null,
): Proposal {
  if (difference === "missing_there") {
    return kind === "payment" && ours?.state === "succeeded"
      ? {
          kind: "revoke",
          words:
            "The source has no such payment: take back what was given for it, and find out who wrote it.",
        }
      : { kind: "none", words: "The source has no such object: find out who wrote it here." };
  }
  if (difference === "altered_here") {
    return { kind: "adopt", words: "Derive the payment from its objects anew." };
  }
  return { kind: "adopt", words: "Take over what the source says of it." };
}
