import type { LedgerDetails, LedgerState, Said } from "../../../domain/ledger.js";
import type { Instant } from "../../../domain/time.js";
import { at, type JsonObject } from "../../read.js";
import {
  countOf,
  currencyOf,
  linksOf,
  listOf,
  metadataOf,
  refOf,
  stateOf,
  timeOf,
} from "./fields.js";

/** The vendor allows 20 (https://docs.stripe.com/api/subscriptions/create). */
const ITEMS_MAX = 100;

const STATES: Readonly<Record<string, LedgerState<"subscription">>> = {
  incomplete: "incomplete",
  incomplete_expired: "incomplete_expired",
  trialing: "trialing",
  active: "active",
  past_due: "past_due",
  unpaid: "unpaid",
  paused: "paused",
  canceled: "canceled",
};

/**
 * A subscription of either shape: since 2025-03-31 its periods stand in its items, which may differ.
 * Its latest invoice is no link, because each period makes another one.
 *
 * @throws Permanent `unexpected_shape`
 */
export function readSubscription(subscription: JsonObject): Said<"subscription"> {
  const given = listOf(subscription.items).slice(0, ITEMS_MAX);
  const items = given.length > 0 ? given : planOf(subscription);
  const { periodStart, periodEnd } = periodOf(subscription, items);
  const atPeriodEnd = subscription.cancel_at_period_end === true ? periodEnd : null;
  const [first] = items;
  return {
    state: stateOf(STATES, subscription.status),
    amountMinor: at(subscription.items, "has_more") === true ? null : priceOf(items),
    currency: currencyOf(
      subscription.currency ?? at(first?.price, "currency") ?? at(first?.plan, "currency"),
      "subscription.currency",
    ),
    links: linksOf({ customerRef: refOf(subscription.customer, "subscription.customer") }),
    details: {
      metadata: metadataOf(subscription.metadata),
      periodStart,
      periodEnd,
      trialEnd: timeOf(subscription.trial_end, "subscription.trial_end"),
      cancelAt: timeOf(subscription.cancel_at, "subscription.cancel_at") ?? atPeriodEnd,
      endedAt: timeOf(subscription.ended_at, "subscription.ended_at"),
      items: items.map(readItem),
    },
    bornAt: timeOf(subscription.created, "subscription.created"),
  };
}

/** The oldest shape of all had one plan and no items. */
function planOf({ plan, quantity }: JsonObject): JsonObject[] {
  return plan == null ? [] : [{ plan, quantity }];
}

/** A price was called a plan before 2020; newer shapes carry both. What is metered has no quantity. */
function readItem(item: JsonObject): LedgerDetails["subscription"]["items"][number] {
  const price = item.price ?? item.plan;
  return {
    price: refOf(price, "subscription.items.price"),
    product: refOf(at(price, "product"), "subscription.items.price.product"),
    quantity: countOf(item.quantity, "subscription.items.quantity", 1),
  };
}

/** What each period costs before discounts; null where that is not said, or depends on what is used. */
function priceOf(items: readonly JsonObject[]): number | null {
  let sum: number | null = null;
  for (const item of items) {
    const price = item.price ?? item.plan;
    const unit = at(price, "unit_amount") ?? at(price, "amount"); // null where it goes by tiers
    const isMetered = at(at(price, "recurring"), "usage_type") === "metered";
    const { quantity } = item;
    if (isMetered || typeof unit !== "number" || typeof quantity !== "number") return null;
    sum = (sum ?? 0) + unit * quantity;
  }
  return Number.isSafeInteger(sum) ? sum : null;
}

function periodOf(subscription: JsonObject, items: readonly JsonObject[]) {
  let periodStart: Instant | null = null;
  let periodEnd: Instant | null = null;
  for (const from of items) {
    const start = timeOf(from.current_period_start, "subscription.items.current_period_start");
    const end = timeOf(from.current_period_end, "subscription.items.current_period_end");
    periodStart = start === null ? periodStart : Math.min(start, periodStart ?? start);
    periodEnd = end === null ? periodEnd : Math.max(end, periodEnd ?? end);
  }
  const { current_period_start: start, current_period_end: end } = subscription;
  return {
    periodStart: periodStart ?? timeOf(start, "subscription.current_period_start"),
    periodEnd: periodEnd ?? timeOf(end, "subscription.current_period_end"),
  };
}
