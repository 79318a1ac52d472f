import type { World } from "../world.js";
import {
  type LineRow,
  movedBy,
  type PriceRow,
  type SubscriptionItemRow,
  type SubscriptionRow,
} from "./billing-rows.js";

export interface WantedItem {
  price: PriceRow;
  quantity: number;
  /** The item that it replaces. */
  id?: string;
}

export function itemsOf(
  world: World,
  subscription: string,
  wanted: WantedItem[],
  period: { start: number; end: number },
): SubscriptionItemRow[] {
  return wanted.map(({ price, quantity, id }) => ({
    id: id ?? world.kit.ids("si_"),
    object: "subscription_item",
    billing_thresholds: null,
    created: world.now(),
    current_period_end: period.end,
    current_period_start: period.start,
    current_trial: null,
    discounts: [],
    metadata: {},
    plan: planOf(price),
    price,
    quantity,
    subscription,
    tax_rates: [],
  }));
}

/** The older name of a recurring price, still part of every item. */
const planOf = (price: PriceRow): object => ({
  id: price.id,
  object: "plan",
  active: price.active,
  amount: price.unit_amount,
  amount_decimal: price.unit_amount_decimal,
  billing_scheme: price.billing_scheme,
  created: price.created,
  currency: price.currency,
  interval: price.recurring?.interval ?? "month",
  interval_count: price.recurring?.interval_count ?? 1,
  livemode: price.livemode,
  metadata: price.metadata,
  meter: null,
  nickname: price.nickname,
  product: price.product,
  tiers_mode: null,
  transform_usage: null,
  trial_period_days: null,
  usage_type: "licensed",
});

/** When a period of these items that begins at `start` is over. */
export const endOf = (start: number, [first]: { price: PriceRow }[]): number =>
  movedBy(
    start,
    first?.price.recurring?.interval ?? "month",
    first?.price.recurring?.interval_count ?? 1,
  );

/** What one item costs, as a line of an invoice. */
export function lineOf(
  world: World,
  subscription: SubscriptionRow,
  item: SubscriptionItemRow,
  amount: number,
  proration: boolean,
): Omit<LineRow, "id" | "invoice"> {
  const product = item.price.product;
  return {
    object: "line_item",
    amount,
    currency: subscription.currency,
    description: proration
      ? "Change of plan"
      : `${item.quantity ?? 1} × ${item.price.nickname ?? "plan"}`,
    discount_amounts: [],
    discountable: true,
    discounts: [],
    livemode: world.livemode,
    metadata: {},
    parent: {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration,
        proration_details: { credited_items: null },
        subscription: subscription.id,
        subscription_item: item.id,
      },
      type: "subscription_item_details",
    },
    period: { end: item.current_period_end, start: item.current_period_start },
    pretax_credit_amounts: [],
    pricing: {
      price_details: {
        price: item.price.id,
        product: typeof product === "string" ? product : product.id,
      },
      type: "price_details",
      unit_amount_decimal: item.price.unit_amount_decimal,
    },
    quantity: item.quantity ?? 1,
    quantity_decimal: String(item.quantity ?? 1),
    subscription: subscription.id,
    subtotal: amount,
    taxes: [],
  };
}
