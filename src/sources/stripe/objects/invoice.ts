import type { LedgerDetails, LedgerState, Links, Said } from "../../../domain/ledger.js";
import type { Instant } from "../../../domain/time.js";
import { at, type JsonObject, shortText, webUrl } from "../../read.js";
import {
  countOf,
  currencyOf,
  linksOf,
  listOf,
  metadataOf,
  minorOr,
  needCurrency,
  needMinor,
  payerOf,
  refOf,
  stateOf,
  timeOf,
} from "./fields.js";

const INVOICE_STATES: Readonly<Record<string, LedgerState<"invoice">>> = {
  draft: "draft",
  open: "open",
  paid: "paid",
  uncollectible: "uncollectible",
  void: "void",
};

const PAYMENT_STATES: Readonly<Record<string, LedgerState<"invoice_payment">>> = {
  open: "open",
  paid: "paid",
  canceled: "canceled",
};

type Reason = LedgerDetails["invoice"]["reason"];
const REASONS: ReadonlyMap<unknown, Reason> = new Map<unknown, Reason>([
  ["subscription_create", "start"],
  ["subscription_cycle", "renewal"],
  ["subscription_update", "change"],
]);

/**
 * An invoice of either shape: since 2025-03-31 its subscription stands under `parent`, and its payments in a list
 * that is left out unless it was asked for. Of one that was deleted nothing but the id is sure to be left.
 *
 * @throws Permanent `unexpected_shape`
 */
export function readInvoice(invoice: JsonObject): Said<"invoice"> {
  const deleted = invoice.deleted === true;
  const { total, currency } = invoice;
  return {
    state: deleted ? "deleted" : stateOf(INVOICE_STATES, invoice.status),
    amountMinor: deleted
      ? minorOr(total, "invoice.total", null)
      : needMinor(total, "invoice.total"),
    currency: deleted
      ? currencyOf(currency, "invoice.currency")
      : needCurrency(currency, "invoice.currency"),
    links: linksOfInvoice(invoice),
    details: {
      ...payerOf({
        emails: [invoice.customer_email],
        name: invoice.customer_name,
        metadata: metadataOf({
          ...metadataOf(subscriptionOf(invoice, "metadata")),
          ...metadataOf(invoice.metadata),
        }),
      }),
      number: shortText(invoice.number),
      paidMinor: minorOr(invoice.amount_paid, "invoice.amount_paid", 0),
      dueMinor: minorOr(invoice.amount_due, "invoice.amount_due", 0),
      reason: REASONS.get(invoice.billing_reason) ?? "other",
      attempts: countOf(invoice.attempt_count, "invoice.attempt_count", 0),
      nextAttemptAt: timeOf(invoice.next_payment_attempt, "invoice.next_payment_attempt"),
      url: webUrl(invoice.hosted_invoice_url),
      ...servicePeriodOf(invoice),
    },
    bornAt: timeOf(invoice.created, "invoice.created"),
  };
}

/** What the invoice says of its subscription, in either shape. */
function subscriptionOf(invoice: JsonObject, field: "subscription" | "metadata"): unknown {
  return (
    at(invoice.parent, "subscription_details", field) ?? at(invoice.subscription_details, field)
  );
}

/** Before 2025-03-31 the invoice names its latest charge, which is the one that paid only once it is paid. */
function linksOfInvoice(invoice: JsonObject): Links {
  const isDefault = (payment: JsonObject) => payment.is_default === true;
  const payment = listOf(invoice.payments).find(isDefault)?.payment;
  const chargeRef =
    refOf(at(payment, "charge"), "invoice.payments.charge") ??
    (invoice.status === "paid" ? refOf(invoice.charge, "invoice.charge") : null);
  return linksOf({
    customerRef: refOf(invoice.customer, "invoice.customer"),
    paymentRef:
      refOf(at(payment, "payment_intent"), "invoice.payments.payment_intent") ??
      refOf(invoice.payment_intent, "invoice.payment_intent") ??
      chargeRef,
    chargeRef,
    subscriptionRef: refOf(
      subscriptionOf(invoice, "subscription") ?? invoice.subscription,
      "invoice.subscription",
    ),
  });
}

/** The invoice's own `period_*` is when its items were gathered; what they pay for stands in its lines. */
function servicePeriodOf(invoice: JsonObject) {
  let periodStart: Instant | null = null;
  let periodEnd: Instant | null = null;
  for (const line of listOf(invoice.lines)) {
    const start = timeOf(at(line.period, "start"), "invoice.lines.period.start");
    const end = timeOf(at(line.period, "end"), "invoice.lines.period.end");
    periodStart = start === null ? periodStart : Math.min(start, periodStart ?? start);
    periodEnd = end === null ? periodEnd : Math.max(end, periodEnd ?? end);
  }
  return { periodStart, periodEnd };
}

/**
 * What was paid of an invoice, and how: since 2025-03-31 the only link from one to the other.
 *
 * @throws Permanent `unexpected_shape`
 */
export function readInvoicePayment(given: JsonObject): Said<"invoice_payment"> {
  const chargeRef = refOf(at(given.payment, "charge"), "invoice_payment.payment.charge");
  const asked = minorOr(given.amount_requested, "invoice_payment.amount_requested", null);
  const intent = at(given.payment, "payment_intent");
  return {
    state: stateOf(PAYMENT_STATES, given.status),
    amountMinor: minorOr(given.amount_paid, "invoice_payment.amount_paid", asked),
    currency: needCurrency(given.currency, "invoice_payment.currency"),
    links: linksOf({
      paymentRef: refOf(intent, "invoice_payment.payment.payment_intent") ?? chargeRef,
      chargeRef,
      invoiceRef: refOf(given.invoice, "invoice_payment.invoice"),
    }),
    details: {},
    bornAt: timeOf(given.created, "invoice_payment.created"),
  };
}
