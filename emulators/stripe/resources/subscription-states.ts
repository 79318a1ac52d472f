import type Stripe from "stripe";
import { parameterInvalid, parameterMissing, resourceMissing } from "../errors.js";
import { type Actor, NOBODY } from "../rows.js";
import type { World } from "../world.js";
import {
  type InvoiceRow,
  type LineRow,
  listRow,
  type SubscriptionRow,
  subscriptionOf,
} from "./billing-rows.js";
import { idOf } from "./intent-states.js";
import { emptySubscription } from "./invoice-defaults.js";
import {
  createInvoice,
  finalizeInvoice,
  keepInvoice,
  markUncollectible,
  payInvoice,
  voidInvoice,
} from "./invoice-states.js";
import { endOf, itemsOf, lineOf, type WantedItem } from "./subscription-items.js";

export interface SubscriptionFields {
  customer: string;
  items: WantedItem[];
  /** Unix seconds. */
  trialEnd: number | null;
  method: string | null;
  /** False: the first invoice waits for a payment by its own intent. */
  payNow: boolean;
  collection: Stripe.Subscription.CollectionMethod;
  metadata: Stripe.Metadata;
  description: string | null;
  cancelAt: number | null;
  cancelAtPeriodEnd: boolean;
  /** What becomes of a trial that ends without a payment method. */
  missingMethod: "create_invoice" | "pause" | "cancel";
}

export function subscriptionNamed(
  world: World,
  id: string,
  param = "subscription",
): SubscriptionRow {
  const subscription = world.tables.subscriptions.get(id);
  if (subscription === undefined) throw resourceMissing("subscription", id, param);
  return subscription;
}

export const keepSubscription = (
  world: World,
  before: SubscriptionRow,
  changes: Partial<SubscriptionRow>,
) => world.tables.subscriptions.put(before.id, { ...before, ...changes });

/** Changes it and says so. */
export function changeSubscription(
  world: World,
  actor: Actor,
  before: SubscriptionRow,
  changes: Partial<SubscriptionRow>,
  type = "customer.subscription.updated",
): SubscriptionRow {
  const after = keepSubscription(world, before, changes);
  world.emit(actor, type, after, before);
  return after;
}

/** A subscription with its first invoice, which is paid at once when it can be. */
export function createSubscription(
  world: World,
  actor: Actor,
  fields: SubscriptionFields,
): SubscriptionRow {
  const [first] = fields.items;
  if (first === undefined) throw parameterMissing("items");
  const id = world.kit.ids("sub_");
  const start = world.now();
  const { trialEnd } = fields;
  const period = { start, end: trialEnd ?? endOf(start, fields.items) };
  const byHand = fields.collection === "send_invoice";
  const begun: SubscriptionRow = {
    ...emptySubscription,
    id,
    billing_cycle_anchor: trialEnd ?? start,
    cancel_at: fields.cancelAtPeriodEnd ? period.end : fields.cancelAt,
    cancel_at_period_end: fields.cancelAtPeriodEnd,
    canceled_at: fields.cancelAtPeriodEnd || fields.cancelAt !== null ? start : null,
    cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
    collection_method: fields.collection,
    created: start,
    currency: first.price.currency,
    customer: fields.customer,
    days_until_due: byHand ? 30 : null,
    default_payment_method: fields.method,
    description: fields.description,
    ended_at: null,
    items: listRow(
      `/v1/subscription_items?subscription=${id}`,
      itemsOf(world, id, fields.items, period),
    ),
    latest_invoice: null,
    livemode: world.livemode,
    metadata: fields.metadata,
    pause_collection: null,
    pending_update: null,
    start_date: start,
    status: trialEnd !== null ? "trialing" : byHand ? "active" : "incomplete",
    trial_end: trialEnd,
    trial_settings: {
      end_behavior: { billing_cycle_anchor: null, missing_payment_method: fields.missingMethod },
    },
    trial_start: trialEnd === null ? null : start,
  };
  keepSubscription(world, begun, {});
  const invoice = billFor(world, actor, begun, "subscription_create", trialEnd !== null);
  const created = keepSubscription(world, begun, { latest_invoice: invoice.id });
  world.emit(actor, "customer.subscription.created", created);
  collect(world, actor, created, invoice, fields.payNow);
  return subscriptionNamed(world, id);
}

/** A draft for the items as they are now. */
function billFor(
  world: World,
  actor: Actor,
  subscription: SubscriptionRow,
  reason: Stripe.Invoice.BillingReason,
  free = false,
): InvoiceRow {
  const lines = subscription.items.data.map((item) => {
    const amount = free ? 0 : (item.price.unit_amount ?? 0) * (item.quantity ?? 1);
    return lineOf(world, subscription, item, amount, false);
  });
  return draftFor(world, actor, subscription, reason, lines);
}

export function draftFor(
  world: World,
  actor: Actor,
  subscription: SubscriptionRow,
  reason: Stripe.Invoice.BillingReason,
  lines: Omit<LineRow, "id" | "invoice">[],
): InvoiceRow {
  const byHand = subscription.collection_method === "send_invoice";
  const days = subscription.days_until_due ?? 0;
  return createInvoice(world, actor, {
    customer: subscription.customer,
    currency: subscription.currency,
    reason,
    parent: {
      quote_details: null,
      subscription_details: { metadata: subscription.metadata, subscription: subscription.id },
      type: "subscription_details",
    },
    lines,
    collection: subscription.collection_method,
    dueDate: byHand ? world.now() + days * 24 * 60 * 60 : null,
    method: idOf(subscription.default_payment_method),
    metadata: {},
    description: null,
    period: { start: world.now(), end: world.now() },
  });
}

/** Finalizes a draft and charges it, as far as the subscription lets it. */
export function collect(
  world: World,
  actor: Actor,
  subscription: SubscriptionRow,
  draft: InvoiceRow,
  payNow = true,
): void {
  const pause = subscription.pause_collection?.behavior;
  if (pause === "keep_as_draft") {
    keepInvoice(world, draft, { auto_advance: false });
    return;
  }
  const open = finalizeInvoice(world, actor, draft);
  if (open.status !== "open") return;
  if (pause === "void") voidInvoice(world, actor, open);
  else if (pause === "mark_uncollectible") markUncollectible(world, actor, open);
  else if (payNow && open.collection_method !== "send_invoice") payInvoice(world, actor, open);
}

/** An invoice was paid or could not be: its subscription follows it. */
export const followInvoice: World["invoiceSettled"] = (world, actor, invoice) =>
  invoice.status === "paid"
    ? invoicePaid(world, actor, invoice)
    : invoiceFailed(world, actor, invoice);

/** An invoice of a subscription was paid: the newest one puts the subscription right again. */
function invoicePaid(world: World, actor: Actor, invoice: InvoiceRow): void {
  const subscription = world.tables.subscriptions.get(subscriptionOf(invoice) ?? "");
  if (subscription?.latest_invoice !== invoice.id) return;
  if (!["incomplete", "past_due", "unpaid"].includes(subscription.status)) return;
  changeSubscription(world, actor, subscription, { status: "active" });
}

/** A renewal could not be charged. A first invoice leaves the subscription incomplete, a change of plan as it was. */
function invoiceFailed(world: World, actor: Actor, invoice: InvoiceRow): void {
  const subscription = world.tables.subscriptions.get(subscriptionOf(invoice) ?? "");
  if (subscription?.status !== "active" || invoice.billing_reason !== "subscription_cycle") return;
  changeSubscription(world, actor, subscription, { status: "past_due" });
}

export function endSubscription(
  world: World,
  actor: Actor,
  before: SubscriptionRow,
  reason: Stripe.Subscription.CancellationDetails.Reason | null,
): SubscriptionRow {
  if (before.ended_at !== null) {
    throw parameterInvalid("id", `${before.id} is ${before.status}: it has ended`);
  }
  const details = before.cancellation_details;
  const ended = keepSubscription(world, before, {
    canceled_at: before.canceled_at ?? world.now(),
    cancellation_details: {
      comment: details?.comment ?? null,
      feedback: details?.feedback ?? null,
      feedback_option: details?.feedback_option ?? null,
      reason,
    },
    ended_at: world.now(),
    pending_update: null,
    status: "canceled",
  });
  world.emit(actor, "customer.subscription.deleted", ended);
  return ended;
}

/** The end of a period or of a trial: the next period begins and is charged, or the subscription ends or pauses. */
export function renewSubscription(world: World, id: string): SubscriptionRow {
  const before = subscriptionNamed(world, id, "id");
  if (!["active", "trialing", "past_due", "unpaid"].includes(before.status)) {
    throw parameterInvalid("id", `${id} is ${before.status}: it does not renew`);
  }
  const end = before.items.data[0]?.current_period_end ?? world.now();
  const over = before.cancel_at !== null && before.cancel_at <= Math.max(end, world.now());
  if (over) return endSubscription(world, NOBODY, before, "cancellation_requested");
  const trialOver = before.status === "trialing";
  if (trialOver && before.default_payment_method === null) {
    const missing = before.trial_settings?.end_behavior.missing_payment_method;
    if (missing === "cancel") return endSubscription(world, NOBODY, before, null);
    if (missing === "pause") {
      const type = "customer.subscription.paused";
      return changeSubscription(world, NOBODY, before, { status: "paused" }, type);
    }
  }
  return nextPeriod(world, NOBODY, before, end, trialOver ? { status: "active" } : {});
}

/** A paused subscription goes on, with a period that begins now. */
export function resumeSubscription(
  world: World,
  actor: Actor,
  before: SubscriptionRow,
): SubscriptionRow {
  if (before.status !== "paused") {
    throw parameterInvalid("id", `${before.id} is ${before.status}: it is not paused`);
  }
  const type = "customer.subscription.resumed";
  return nextPeriod(world, actor, before, world.now(), { status: "active" }, type);
}

function nextPeriod(
  world: World,
  actor: Actor,
  before: SubscriptionRow,
  start: number,
  changes: Partial<SubscriptionRow>,
  type?: string,
): SubscriptionRow {
  const period = { start, end: endOf(start, before.items.data) };
  const items = before.items.data.map((item) => ({
    ...item,
    current_period_end: period.end,
    current_period_start: period.start,
  }));
  const moved = { ...before, ...changes, items: { ...before.items, data: items } };
  const draft = billFor(world, actor, moved, "subscription_cycle");
  const after = changeSubscription(
    world,
    actor,
    before,
    { ...moved, latest_invoice: draft.id },
    type,
  );
  collect(world, actor, after, draft);
  return subscriptionNamed(world, before.id);
}
