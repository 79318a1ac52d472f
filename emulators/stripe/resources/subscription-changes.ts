import type Stripe from "stripe";
import { parameterInvalid, parameterMissing } from "../errors.js";
import { type Actor, NOBODY } from "../rows.js";
import type { World } from "../world.js";
import type { PriceRow, SubscriptionItemRow, SubscriptionRow } from "./billing-rows.js";
import { invoiceNamed, keepInvoice, payInvoice, voidInvoice } from "./invoice-states.js";
import { lineOf } from "./subscription-items.js";
import {
  changeSubscription,
  collect,
  draftFor,
  endSubscription,
  keepSubscription,
  subscriptionNamed,
} from "./subscription-states.js";

/** Nobody paid the first invoice in time. */
export function expireIncomplete(world: World, id: string): SubscriptionRow {
  const before = subscriptionNamed(world, id, "id");
  if (before.status !== "incomplete") {
    throw parameterInvalid("id", `${id} is ${before.status}: it cannot expire`);
  }
  const invoice = world.tables.invoices.get(before.latest_invoice ?? "");
  if (invoice?.status === "open") voidInvoice(world, NOBODY, invoice);
  return changeSubscription(world, NOBODY, before, {
    ended_at: world.now(),
    status: "incomplete_expired",
  });
}

/** The last try to charge a renewal has failed: what the account's settings say happens. */
export function endDunning(
  world: World,
  id: string,
  outcome: "canceled" | "unpaid",
): SubscriptionRow {
  const before = subscriptionNamed(world, id, "id");
  if (before.status !== "past_due") {
    throw parameterInvalid("id", `${id} is ${before.status}: nothing is overdue`);
  }
  const invoice = world.tables.invoices.get(before.latest_invoice ?? "");
  if (invoice?.status === "open") {
    const after = keepInvoice(world, invoice, { auto_advance: false, next_payment_attempt: null });
    world.emit(NOBODY, "invoice.updated", after, invoice);
  }
  if (outcome === "canceled") return endSubscription(world, NOBODY, before, "payment_failed");
  return changeSubscription(world, NOBODY, before, { status: "unpaid" });
}

const total = (items: { price: PriceRow; quantity?: number }[]): number =>
  items.reduce((sum, { price, quantity }) => sum + (price.unit_amount ?? 0) * (quantity ?? 1), 0);

const PENDING_S = 23 * 60 * 60;

/** Other items from now on, once their difference is paid; until then the change is pending. */
export function changeWhenPaid(
  world: World,
  actor: Actor,
  before: SubscriptionRow,
  items: SubscriptionItemRow[],
): SubscriptionRow {
  const [first] = items;
  if (first === undefined) throw parameterMissing("items");
  const due = Math.max(0, total(items) - total(before.items.data));
  const line = lineOf(world, before, first, due, true);
  const draft = draftFor(world, actor, before, "subscription_update", [line]);
  const waiting = keepSubscription(world, before, { latest_invoice: draft.id });
  collect(world, actor, waiting, draft);
  if (invoiceNamed(world, draft.id).status === "paid") {
    return changeSubscription(world, actor, before, {
      latest_invoice: draft.id,
      items: { ...before.items, data: items },
    });
  }
  return changeSubscription(world, actor, before, {
    latest_invoice: draft.id,
    pending_update: {
      billing_cycle_anchor: null,
      cancel_at_period_end: null,
      discount: null,
      discounts: null,
      expires_at: world.now() + PENDING_S,
      metadata: null,
      // The wire has prices whose decimals are strings; the types have them parsed.
      subscription_items: items as unknown as Stripe.SubscriptionItem[],
      trial_end: null,
      trial_from_plan: null,
    },
  });
}

/** A pending change was paid after all, or its time ran out. */
export function settlePendingUpdate(
  world: World,
  id: string,
  outcome: "applied" | "expired",
): SubscriptionRow {
  const before = subscriptionNamed(world, id, "id");
  const items = before.pending_update?.subscription_items;
  if (!items) throw parameterInvalid("id", `${id} has no pending update`);
  const invoice = world.tables.invoices.get(before.latest_invoice ?? "");
  if (outcome === "expired") {
    if (invoice?.status === "open") voidInvoice(world, NOBODY, invoice);
    const type = "customer.subscription.pending_update_expired";
    return changeSubscription(world, NOBODY, before, { pending_update: null }, type);
  }
  if (invoice?.status === "open") payInvoice(world, NOBODY, invoice, "pm_card_visa");
  const data = items as unknown as SubscriptionItemRow[];
  const type = "customer.subscription.pending_update_applied";
  const changes = { pending_update: null, items: { ...before.items, data } };
  return changeSubscription(world, NOBODY, before, changes, type);
}
