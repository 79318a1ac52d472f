import type { InvoiceRow } from "./resources/billing-rows.js";
import type { World } from "./world.js";

/** Versions from these days on have the newer shape; only the date of a version's name counts. */
const BASIL = "2025-03-31";
const LATEST_CHARGE = "2022-11-15";

type Fields = Record<string, unknown>;

const isBefore = (version: string, day: string): boolean => version.slice(0, 10) < day;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * An object, a list or an answer in the shape of an API version; objects are kept in the newest one. Events inside stay as
 * they are: each has a version of its own.
 * @see https://docs.stripe.com/changelog/basil
 */
export function presented(world: World, value: object, version: string): object {
  return isBefore(version, BASIL) ? (older(world, value, version) as object) : value;
}

function older(world: World, value: unknown, version: string): unknown {
  if (Array.isArray(value)) return value.map((item) => older(world, item, version));
  if (!isFields(value) || value.object === "event") return value;
  const copy: Fields = {};
  for (const [name, field] of Object.entries(value)) copy[name] = older(world, field, version);
  switch (value.object) {
    case "invoice":
      return olderInvoice(world, value as unknown as InvoiceRow, copy);
    case "line_item":
      return olderLine(world, copy);
    case "subscription":
      return olderSubscription(copy);
    case "payment_intent":
      return olderIntent(world, copy, version);
    case "charge":
      return olderCharge(world, copy, version);
    default:
      return copy;
  }
}

function olderInvoice(world: World, invoice: InvoiceRow, copy: Fields): Fields {
  const { parent, amount_overpaid: _, total_taxes: _taxes, ...rest } = copy;
  const details = isFields(parent) ? parent.subscription_details : null;
  const quote = isFields(parent) && isFields(parent.quote_details) ? parent.quote_details : null;
  const subscription = isFields(details) ? details.subscription : null;
  const intent = invoice.status === "draft" ? null : intentOf(world, invoice.id);
  const charge = intent === null ? null : world.tables.paymentIntents.get(intent)?.latest_charge;
  const outside = invoice.status === "paid" && paidOutside(world, invoice.id);
  return {
    ...rest,
    charge: invoice.attempted && !outside ? (charge ?? null) : null,
    paid: invoice.status === "paid",
    paid_out_of_band: outside,
    payment_intent: intent,
    quote: quote?.quote ?? null,
    subscription,
    subscription_details: isFields(details) ? { metadata: details.metadata } : { metadata: null },
    tax: null,
    total_tax_amounts: [],
  };
}

function paymentsOf(world: World, invoice: string) {
  const where = { field: "invoice", value: invoice };
  return [...world.tables.invoicePayments.newestFirst({ where })];
}

function intentOf(world: World, invoice: string): string | null {
  const [payment] = paymentsOf(world, invoice);
  return payment === undefined ? null : String(payment.payment.payment_intent);
}

const paidOutside = (world: World, invoice: string): boolean =>
  paymentsOf(world, invoice).some(({ status }) => status === "canceled");

function olderLine(world: World, copy: Fields): Fields {
  const { parent, pricing, taxes: _, ...rest } = copy;
  const of = isFields(parent) ? parent : {};
  const item = isFields(of.subscription_item_details) ? of.subscription_item_details : null;
  const byHand = isFields(of.invoice_item_details) ? of.invoice_item_details : null;
  const details = isFields(pricing) && isFields(pricing.price_details) ? pricing.price_details : {};
  const price = world.tables.prices.get(String(details.price)) ?? null;
  return {
    ...rest,
    ...(byHand === null ? {} : { invoice_item: byHand.invoice_item }),
    price,
    proration: (item ?? byHand)?.proration ?? false,
    proration_details: (item ?? byHand)?.proration_details ?? null,
    subscription: (item ?? byHand)?.subscription ?? null,
    ...(item === null ? {} : { subscription_item: item.subscription_item }),
    tax_amounts: [],
    tax_rates: [],
    type: item === null ? "invoiceitem" : "subscription",
  };
}

/** The items of a list of subscription items, without their periods, and the first one's period. */
function withoutPeriods(list: unknown): { list: unknown; period: Fields } {
  if (!isFields(list) || !Array.isArray(list.data)) return { list, period: {} };
  const items: unknown[] = list.data;
  const [first] = items;
  const data = items.map((item) => {
    if (!isFields(item)) return item;
    const { current_period_end: _end, current_period_start: _start, ...rest } = item;
    return rest;
  });
  const { current_period_end, current_period_start } = isFields(first) ? first : {};
  const period = { current_period_end, current_period_start };
  return { list: { ...list, data }, period };
}

function olderSubscription(copy: Fields): Fields {
  const { list, period } = withoutPeriods(copy.items);
  const [first] = isFields(list) && Array.isArray(list.data) ? (list.data as unknown[]) : [];
  const { plan = null, quantity = null } = isFields(first) ? first : {};
  return { ...copy, ...period, items: list, plan, quantity };
}

function olderIntent(world: World, copy: Fields, version: string): Fields {
  const invoice = invoiceOf(world, String(copy.id));
  if (!isBefore(version, LATEST_CHARGE)) return { ...copy, invoice };
  const { latest_charge: latest, ...rest } = copy;
  const id = isFields(latest) ? latest.id : latest;
  const charge = world.tables.charges.get(String(id));
  const data = charge === undefined ? [] : [older(world, charge, version)];
  const url = `/v1/charges?payment_intent=${String(copy.id)}`;
  const charges = { object: "list", data, has_more: false, total_count: data.length, url };
  return { ...rest, charges, invoice };
}

function olderCharge(world: World, copy: Fields, version: string): Fields {
  const invoice = copy.payment_intent ? invoiceOf(world, idIn(copy.payment_intent)) : null;
  if (!isBefore(version, LATEST_CHARGE) || "refunds" in copy) return { ...copy, invoice };
  const where = { field: "charge", value: String(copy.id) };
  const data = [...world.tables.refunds.newestFirst({ where })];
  const url = `/v1/charges/${String(copy.id)}/refunds`;
  const refunds = { object: "list", data, has_more: false, total_count: data.length, url };
  return { ...copy, invoice, refunds };
}

const idIn = (value: unknown): string => String(isFields(value) ? value.id : value);

function invoiceOf(world: World, intent: string): string | null {
  const where = { field: "payment.payment_intent", value: intent };
  for (const { invoice } of world.tables.invoicePayments.newestFirst({ where })) return invoice;
  return null;
}

/** What an event says was before, in the shape of a version. @param after the event's object, in the newest shape. */
export function presentedBefore(after: unknown, before: Fields, version: string): Fields {
  if (!isBefore(version, BASIL) || !isFields(after)) return before;
  if (after.object === "invoice" && after.status === "paid" && "status" in before) {
    return { ...before, paid: false };
  }
  if (after.object !== "subscription" || !("items" in before)) return before;
  const { items, ...rest } = before;
  const was = withoutPeriods(items);
  const is = withoutPeriods(after.items);
  const moved = Object.entries(was.period).filter(([name, value]) => is.period[name] !== value);
  const same = JSON.stringify(dataOf(was.list)) === JSON.stringify(dataOf(is.list));
  return { ...rest, ...Object.fromEntries(moved), ...(same ? {} : { items: was.list }) };
}

const dataOf = (list: unknown): unknown => (isFields(list) ? list.data : undefined);
