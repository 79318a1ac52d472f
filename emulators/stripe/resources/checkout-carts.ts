import type Stripe from "stripe";
import { parameterInvalid, parameterMissing } from "../errors.js";
import type { Input } from "../form.js";
import type { Actor, Cart, LineItemRow } from "../rows.js";
import type { World } from "../world.js";
import type { PriceRow } from "./billing-rows.js";
import { createPrice, priceNamed } from "./prices.js";

const ITEMS_MAX = 100;

interface Chosen {
  item: LineItemRow;
  price: PriceRow;
}

/** A price that is only part of its line: it is not kept. */
function inlinePrice(world: World, data: Input): { price: PriceRow; name: string } {
  data.accept(["currency", "unit_amount", "product_data"]);
  const product = data.child("product_data");
  if (product === undefined) throw parameterMissing(data.param("product_data"));
  product.accept(["name", "description", "metadata"]);
  const unit = data.requiredInteger("unit_amount");
  const name = product.requiredText("name");
  const price: PriceRow = {
    id: world.kit.ids("price_"),
    object: "price",
    active: false,
    billing_scheme: "per_unit",
    created: world.now(),
    currency: data.requiredText("currency").toLowerCase(),
    custom_unit_amount: null,
    livemode: world.livemode,
    lookup_key: null,
    metadata: {},
    nickname: null,
    product: world.kit.ids("prod_"),
    recurring: null,
    tax_behavior: "unspecified",
    tiers_mode: null,
    transform_quantity: null,
    type: "one_time",
    unit_amount: unit,
    unit_amount_decimal: String(unit),
  };
  return { price, name };
}

function priceOf(
  world: World,
  actor: Actor,
  input: Input,
  recurring: boolean,
): { price: PriceRow; name: string } {
  const id = input.text("price");
  const data = input.child("price_data");
  if (!id && data === undefined) throw parameterMissing(input.param("price_data"));
  if (!recurring && data !== undefined) return inlinePrice(world, data);
  const price =
    data === undefined
      ? priceNamed(world, id ?? "", input.param("price"))
      : createPrice(world, actor, data);
  if (recurring !== (price.recurring !== null)) {
    const message = `The price ${price.id} ${recurring ? "is not" : "is"} recurring.`;
    throw parameterInvalid(input.param("price"), message);
  }
  return { price, name: world.tables.products.get(String(price.product))?.name ?? "" };
}

function lineItem(world: World, actor: Actor, input: Input, recurring: boolean): Chosen {
  input.accept(["price", "price_data", "quantity"]);
  const { price, name } = priceOf(world, actor, input, recurring);
  const quantity = input.integer("quantity") ?? 1;
  const total = (price.unit_amount ?? 0) * quantity;
  const item: LineItemRow = {
    id: world.kit.ids("li_"),
    object: "item",
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: total,
    amount_tax: 0,
    amount_total: total,
    currency: price.currency,
    description: name,
    metadata: {},
    price: { ...price },
    quantity,
  };
  return { item, price };
}

/** What a session of a mode is about. */
export function readCart(
  world: World,
  actor: Actor,
  input: Input,
  mode: Stripe.Checkout.Session.Mode,
): Cart {
  const lines = input.children("line_items");
  if (lines.length === 0 && mode !== "setup") throw parameterMissing("line_items");
  if (lines.length > ITEMS_MAX) {
    throw parameterInvalid("line_items", `No more than ${ITEMS_MAX} line items are allowed.`);
  }
  const recurring = mode === "subscription";
  const chosen = lines.map((line) => lineItem(world, actor, line, recurring));
  const intent = input.child("payment_intent_data");
  intent?.accept(["metadata", "description", "receipt_email"]);
  const subscription = input.child("subscription_data");
  subscription?.accept(["metadata", "trial_period_days", "description"]);
  return {
    items: chosen.map(({ item }) => item),
    intent: {
      metadata: intent?.metadata() ?? {},
      description: intent?.text("description") ?? null,
      receiptEmail: intent?.text("receipt_email") ?? null,
    },
    ...(recurring
      ? {
          subscription: {
            items: chosen.map(({ item, price }) => ({ price, quantity: item.quantity ?? 1 })),
            metadata: subscription?.metadata() ?? {},
            description: subscription?.text("description") ?? null,
            trialDays: subscription?.integer("trial_period_days") ?? 0,
          },
        }
      : {}),
  };
}
