import type Stripe from "stripe";
import type { LedgerKind } from "../../domain/ledger.js";

type Answer<T> = Promise<Stripe.Response<T>>;

export interface ListParams {
  limit: number;
  created: { gte: number; lt: number };
  starting_after?: string;
}

/** What the SDK's resources have in common, as far as we use them. */
export interface Resource {
  retrieve(id: string, params: object, options: Stripe.RequestOptions): Answer<object>;
  list(params: ListParams, options: Stripe.RequestOptions): Answer<Stripe.ApiList<object>>;
}

/** Where each kind of object is kept at Stripe. Canceled subscriptions are listed only when all are asked for. */
export const RESOURCES: Readonly<Record<LedgerKind, (stripe: Stripe) => Resource>> = Object.freeze({
  payment: (stripe) => stripe.paymentIntents,
  charge: (stripe) => stripe.charges,
  refund: (stripe) => stripe.refunds,
  dispute: (stripe) => stripe.disputes,
  fraud_warning: (stripe) => stripe.radar.earlyFraudWarnings,
  invoice: (stripe) => stripe.invoices,
  invoice_payment: (stripe) => stripe.invoicePayments,
  subscription: (stripe) => ({
    retrieve: (id, params, options) => stripe.subscriptions.retrieve(id, params, options),
    list: (params, options) => stripe.subscriptions.list({ ...params, status: "all" }, options),
  }),
  customer: (stripe) => stripe.customers,
  checkout: (stripe) => stripe.checkout.sessions,
});
