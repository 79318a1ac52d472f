import type { LedgerState, Said } from "../../../domain/ledger.js";
import { at, isObject, type JsonObject } from "../../read.js";
import {
  failureOf,
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

/** The words with `source` are those before 2019-02-11. */
const PAYMENT_STATES: Readonly<Record<string, LedgerState<"payment">>> = {
  requires_payment_method: "pending",
  requires_source: "pending",
  requires_confirmation: "pending",
  requires_action: "action_required",
  requires_source_action: "action_required",
  processing: "processing",
  requires_capture: "authorized",
  canceled: "canceled",
  succeeded: "succeeded",
};

/**
 * A payment intent. There is no status of failure: a try that failed leaves its error, and asks for another method.
 * Its latest charge is no link, because a further try makes another one.
 *
 * @throws Permanent `unexpected_shape`
 */
export function readPayment(intent: JsonObject): Said<"payment"> {
  const error = intent.last_payment_error;
  const state = stateOf(PAYMENT_STATES, intent.status);
  const asksAnew = state === "pending" && intent.status !== "requires_confirmation";
  const amountMinor = needMinor(intent.amount, "payment_intent.amount");
  const received = state === "succeeded" ? amountMinor : 0;
  return {
    state: asksAnew && isObject(error) ? "failed" : state,
    amountMinor,
    currency: needCurrency(intent.currency, "payment_intent.currency"),
    links: linksOf({
      customerRef: refOf(intent.customer, "payment_intent.customer"),
      invoiceRef: refOf(intent.invoice, "payment_intent.invoice"),
    }),
    details: {
      receivedMinor: minorOr(intent.amount_received, "payment_intent.amount_received", received),
      failure: isObject(error)
        ? failureOf([error.decline_code, error.code, error.type], error.message)
        : null,
      ...payerOfIntent(intent),
    },
    bornAt: timeOf(intent.created, "payment_intent.created"),
  };
}

/** An intent knows its receipt's address only; who paid is on its charge, in the list that it had before 2022-11-15. */
function payerOfIntent(intent: JsonObject) {
  const charge = isObject(intent.latest_charge) ? intent.latest_charge : listOf(intent.charges)[0];
  const billing = at(charge, "billing_details");
  return payerOf({
    emails: [intent.receipt_email, at(billing, "email"), at(charge, "receipt_email")],
    name: at(billing, "name"),
    metadata: metadataOf(intent.metadata),
  });
}

/**
 * A charge, which belongs to its intent, or is a payment of its own.
 *
 * @throws Permanent `unexpected_shape`
 */
export function readCharge(charge: JsonObject): Said<"charge"> {
  const amountMinor = needMinor(charge.amount, "charge.amount");
  const captured = charge.captured === true ? amountMinor : 0;
  const billing = charge.billing_details;
  const state = stateOfCharge(charge);
  return {
    state,
    amountMinor,
    currency: needCurrency(charge.currency, "charge.currency"),
    links: linksOf({
      customerRef: refOf(charge.customer, "charge.customer"),
      paymentRef:
        refOf(charge.payment_intent, "charge.payment_intent") ?? refOf(charge.id, "charge.id"),
      invoiceRef: refOf(charge.invoice, "charge.invoice"),
    }),
    details: {
      ...payerOf({
        emails: [at(billing, "email"), charge.receipt_email],
        name: at(billing, "name"),
        metadata: metadataOf(charge.metadata),
      }),
      capturedMinor: minorOr(charge.amount_captured, "charge.amount_captured", captured),
      refundedMinor: minorOr(charge.amount_refunded, "charge.amount_refunded", 0),
      failure:
        state === "failed"
          ? failureOf([at(charge.outcome, "reason"), charge.failure_code], charge.failure_message)
          : null,
    },
    bornAt: timeOf(charge.created, "charge.created"),
  };
}

/** An authorisation that nobody captured in time, or that was canceled, is marked as refunded. */
function stateOfCharge(charge: JsonObject): LedgerState<"charge"> {
  const succeeded =
    charge.captured !== false ? "succeeded" : charge.refunded === true ? "expired" : "authorized";
  return stateOf({ pending: "pending", failed: "failed", succeeded }, charge.status);
}
