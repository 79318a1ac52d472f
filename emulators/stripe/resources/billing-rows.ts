import type Stripe from "stripe";

/** Objects as they are on the wire, where decimals are strings. */
export type PriceRow = Omit<Stripe.Price, "unit_amount_decimal" | "deleted"> & {
  unit_amount_decimal: string | null;
};

export interface ListRow<Row> {
  object: "list";
  data: Row[];
  has_more: false;
  total_count: number;
  url: string;
}

export const listRow = <Row>(url: string, data: Row[]): ListRow<Row> => ({
  object: "list",
  data,
  has_more: false,
  total_count: data.length,
  url,
});

export type SubscriptionItemRow = Omit<Stripe.SubscriptionItem, "price" | "plan" | "deleted"> & {
  price: PriceRow;
  plan: object;
};

export type SubscriptionRow = Omit<Stripe.Subscription, "items" | "customer" | "latest_invoice"> & {
  customer: string;
  latest_invoice: string | null;
  items: ListRow<SubscriptionItemRow>;
};

export type LineRow = Omit<Stripe.InvoiceLineItem, "pricing" | "quantity_decimal"> & {
  pricing: object | null;
  quantity_decimal: string | null;
};

export type InvoiceRow = Omit<Stripe.Invoice, "lines" | "payments" | "deleted" | "customer"> & {
  customer: string;
  lines: ListRow<LineRow>;
};

export type InvoicePaymentRow = Omit<Stripe.InvoicePayment, "invoice"> & { invoice: string };

/** The subscription that an invoice is for, or null. */
export function subscriptionOf(invoice: InvoiceRow): string | null {
  const subscription = invoice.parent?.subscription_details?.subscription ?? null;
  return typeof subscription === "string" ? subscription : (subscription?.id ?? null);
}

type Interval = Stripe.Price.Recurring.Interval;

/** A moment moved by whole days, weeks, months or years, in UTC; the last day of a short month stands for a later one. */
export function movedBy(unix: number, interval: Interval, count: number): number {
  const days = interval === "day" ? count : interval === "week" ? 7 * count : 0;
  if (days !== 0) return unix + days * 24 * 60 * 60;
  const months = interval === "year" ? 12 * count : count;
  const at = new Date(unix * 1000);
  const day = at.getUTCDate();
  at.setUTCDate(1);
  at.setUTCMonth(at.getUTCMonth() + months);
  const last = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate();
  at.setUTCDate(Math.min(day, last));
  return Math.floor(at.getTime() / 1000);
}
