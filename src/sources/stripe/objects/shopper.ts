import type { LedgerDetails, LedgerState, Said } from "../../../domain/ledger.js";
import { at, type JsonObject } from "../../read.js";
import {
  currencyOf,
  linksOf,
  metadataOf,
  minorOr,
  needCurrency,
  payerOf,
  refOf,
  stateOf,
  timeOf,
} from "./fields.js";

const CHECKOUT_STATES: Readonly<Record<string, LedgerState<"checkout">>> = {
  open: "open",
  expired: "expired",
  complete: "complete",
};

/** Of a customer who was deleted nothing but the id is sure to be left. @throws Permanent `unexpected_shape` */
export function readCustomer(customer: JsonObject): Said<"customer"> {
  return {
    state: customer.deleted === true ? "deleted" : "active",
    amountMinor: null,
    currency: currencyOf(customer.currency, "customer.currency"),
    links: linksOf({}),
    details: payerOf({
      emails: [customer.email],
      name: customer.name,
      locales: [at(customer.preferred_locales, 0)],
      metadata: metadataOf(customer.metadata),
    }),
    bornAt: timeOf(customer.created, "customer.created"),
  };
}

/**
 * A checkout session. One that is complete is not always paid: a delayed method brings the money later.
 *
 * @throws Permanent `unexpected_shape`
 */
export function readCheckout(session: JsonObject): Said<"checkout"> {
  const who = session.customer_details;
  const amountMinor = minorOr(session.amount_total, "checkout.session.amount_total", null);
  const paid =
    session.payment_status === "paid" || session.payment_status === "no_payment_required";
  return {
    state: stateOf(CHECKOUT_STATES, session.status),
    amountMinor,
    currency:
      amountMinor === null
        ? currencyOf(session.currency, "checkout.session.currency")
        : needCurrency(session.currency, "checkout.session.currency"),
    links: linksOf({
      customerRef: refOf(session.customer, "checkout.session.customer"),
      paymentRef: refOf(session.payment_intent, "checkout.session.payment_intent"),
      invoiceRef: refOf(session.invoice, "checkout.session.invoice"),
      subscriptionRef: refOf(session.subscription, "checkout.session.subscription"),
    }),
    details: {
      ...payerOf({
        emails: [at(who, "email"), session.customer_email],
        name: at(who, "name"),
        locales: [session.locale],
        clientRef: session.client_reference_id,
        metadata: metadataOf(session.metadata),
      }),
      mode: modeOf(session),
      paid,
    },
    bornAt: timeOf(session.created, "checkout.session.created"),
  };
}

/** A mode that we do not know yet is told by what the session made. */
function modeOf(session: JsonObject): LedgerDetails["checkout"]["mode"] {
  const { mode } = session;
  if (mode === "payment" || mode === "subscription" || mode === "setup") return mode;
  if (session.subscription != null) return "subscription";
  return session.payment_intent != null ? "payment" : "setup";
}
