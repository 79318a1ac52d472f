import type Stripe from "stripe";
import { parameterMissing, resourceMissing } from "../errors.js";
import type { Input } from "../form.js";
import { LIST_PARAMS, listOf } from "../lists.js";
import type { Actor } from "../rows.js";
import type { Route, World } from "../world.js";
import type { PriceRow } from "./billing-rows.js";

const INTERVALS = ["day", "week", "month", "year"] as const;

export function priceNamed(world: World, id: string, param = "price"): PriceRow {
  const price = world.tables.prices.get(id);
  if (price === undefined) throw resourceMissing("price", id, param, param === "id" ? 404 : 400);
  return price;
}

function createProduct(world: World, actor: Actor, input: Input): Stripe.Product {
  const product: Stripe.Product = {
    id: world.kit.ids("prod_"),
    object: "product",
    active: input.flag("active") ?? true,
    created: world.now(),
    default_price: null,
    description: input.text("description") ?? null,
    images: [],
    livemode: world.livemode,
    marketing_features: [],
    metadata: input.metadata(),
    name: input.requiredText("name"),
    package_dimensions: null,
    shippable: null,
    tax_details: null,
    type: "service",
    updated: world.now(),
    url: null,
  };
  world.tables.products.put(product.id, product);
  world.emit(actor, "product.created", product);
  return product;
}

function productOf(world: World, actor: Actor, input: Input): string {
  const id = input.text("product");
  if (id) {
    if (world.tables.products.get(id) === undefined) {
      throw resourceMissing("product", id, input.param("product"), 400);
    }
    return id;
  }
  const data = input.child("product_data");
  if (data === undefined) throw parameterMissing(input.param("product"));
  data.accept(["name", "description", "metadata"]);
  return createProduct(world, actor, data).id;
}

function recurringOf(input: Input): Stripe.Price.Recurring | null {
  const recurring = input.child("recurring");
  if (recurring === undefined) return null;
  recurring.accept(["interval", "interval_count"]);
  const interval = recurring.oneOf("interval", INTERVALS);
  if (interval === undefined) throw parameterMissing(recurring.param("interval"));
  return {
    interval,
    interval_count: recurring.integer("interval_count") ?? 1,
    meter: null,
    trial_period_days: null,
    usage_type: "licensed",
  };
}

/** A price by the parameters of POST /v1/prices or of `price_data`. */
export function createPrice(world: World, actor: Actor, input: Input): PriceRow {
  const amount = input.requiredInteger("unit_amount");
  const recurring = recurringOf(input);
  const price: PriceRow = {
    id: world.kit.ids("price_"),
    object: "price",
    active: true,
    billing_scheme: "per_unit",
    created: world.now(),
    currency: input.requiredText("currency").toLowerCase(),
    custom_unit_amount: null,
    livemode: world.livemode,
    lookup_key: input.text("lookup_key") ?? null,
    metadata: input.metadata(),
    nickname: input.text("nickname") ?? null,
    product: productOf(world, actor, input),
    recurring,
    tax_behavior: "unspecified",
    tiers_mode: null,
    transform_quantity: null,
    type: recurring === null ? "one_time" : "recurring",
    unit_amount: amount,
    unit_amount_decimal: String(amount),
  };
  world.tables.prices.put(price.id, price);
  world.emit(actor, "price.created", price);
  return price;
}

export const productRoutes = (world: World): Route[] => [
  {
    method: "POST",
    path: "/v1/products",
    accepts: ["name", "description", "metadata", "active", "expand"],
    run: ({ input, actor }) => createProduct(world, actor, input),
  },
  {
    method: "GET",
    path: "/v1/products",
    accepts: LIST_PARAMS,
    run: ({ input }) => listOf("/v1/products", "product", input, world.tables.products),
  },
  {
    method: "GET",
    path: "/v1/products/:id",
    accepts: ["expand"],
    run: ({ id }) => {
      const product = world.tables.products.get(id);
      if (product === undefined) throw resourceMissing("product", id, "id");
      return product;
    },
  },
  {
    method: "POST",
    path: "/v1/prices",
    accepts: [
      "currency",
      "unit_amount",
      "recurring",
      "product",
      "product_data",
      "metadata",
      "nickname",
      "lookup_key",
      "expand",
    ],
    run: ({ input, actor }) => createPrice(world, actor, input),
  },
  {
    method: "GET",
    path: "/v1/prices",
    accepts: [...LIST_PARAMS, "product"],
    run: ({ input }) =>
      listOf("/v1/prices", "price", input, world.tables.prices, { by: ["product"] }),
  },
  {
    method: "GET",
    path: "/v1/prices/:id",
    accepts: ["expand"],
    run: ({ id }) => priceNamed(world, id, "id"),
  },
];
