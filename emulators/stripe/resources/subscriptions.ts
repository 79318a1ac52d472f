import type Stripe from "stripe";
import { parameterInvalid, parameterMissing } from "../errors.js";
import type { Input } from "../form.js";
import { LIST_PARAMS, listOf } from "../lists.js";
import type { Actor } from "../rows.js";
import type { Route, World } from "../world.js";
import type { SubscriptionRow } from "./billing-rows.js";
import { customerNamed } from "./customers.js";
import { resolvePaymentMethod } from "./payment-methods.js";
import { createPrice, priceNamed } from "./prices.js";
import { changeWhenPaid } from "./subscription-changes.js";
import { itemsOf, type WantedItem } from "./subscription-items.js";
import {
  changeSubscription,
  createSubscription,
  endSubscription,
  resumeSubscription,
  subscriptionNamed,
} from "./subscription-states.js";

const DAY_S = 24 * 60 * 60;
const UPDATE_PARAMS = [
  "items",
  "metadata",
  "description",
  "default_payment_method",
  "cancel_at",
  "cancel_at_period_end",
  "payment_behavior",
  "proration_behavior",
  "trial_end",
  "expand",
];
const BEHAVIORS = ["allow_incomplete", "default_incomplete", "pending_if_incomplete"] as const;

function wantedItems(world: World, actor: Actor, input: Input): WantedItem[] {
  return input.children("items").map((item) => {
    item.accept(["id", "price", "price_data", "quantity"]);
    const data = item.child("price_data");
    const price =
      data === undefined
        ? priceNamed(world, item.requiredText("price"), item.param("price"))
        : createPrice(world, actor, data);
    if (price.recurring === null) {
      throw parameterInvalid(item.param("price"), `The price ${price.id} is not recurring.`);
    }
    const id = item.text("id");
    return { price, quantity: item.integer("quantity") ?? 1, ...(id ? { id } : {}) };
  });
}

/** The id of the payment method that a parameter names; null when it is unset. */
function methodOf(world: World, input: Input, customer: string): string | null | undefined {
  const named = input.text("default_payment_method");
  return named ? resolvePaymentMethod(world, named, customer).id : named;
}

function trialEndOf(world: World, input: Input): number | null {
  const days = input.integer("trial_period_days");
  if (days !== undefined) return days === 0 ? null : world.now() + days * DAY_S;
  return input.integer("trial_end") ?? null;
}

function create(world: World, actor: Actor, input: Input): SubscriptionRow {
  const customer = input.requiredText("customer");
  customerNamed(world, customer);
  const items = wantedItems(world, actor, input);
  if (items.length === 0) throw parameterMissing("items");
  const settings = input.child("trial_settings")?.child("end_behavior");
  return createSubscription(world, actor, {
    customer,
    items,
    trialEnd: trialEndOf(world, input),
    method: methodOf(world, input, customer) ?? null,
    payNow: input.oneOf("payment_behavior", BEHAVIORS) !== "default_incomplete",
    collection:
      input.oneOf("collection_method", ["charge_automatically", "send_invoice"]) ??
      "charge_automatically",
    metadata: input.metadata(),
    description: input.text("description") ?? null,
    cancelAt: input.integer("cancel_at") ?? null,
    cancelAtPeriodEnd: input.flag("cancel_at_period_end") ?? false,
    missingMethod:
      settings?.oneOf("missing_payment_method", ["create_invoice", "pause", "cancel"]) ??
      "create_invoice",
  });
}

/** Plans to end, or no longer; `canceled_at` is when that was decided. */
function cancellation(world: World, before: SubscriptionRow, input: Input) {
  if (!input.has("cancel_at_period_end") && !input.has("cancel_at")) return {};
  const atEnd = input.flag("cancel_at_period_end") ?? before.cancel_at_period_end;
  const periodEnd = before.items.data[0]?.current_period_end ?? null;
  const cancelAt = atEnd ? periodEnd : (input.integer("cancel_at") ?? null);
  const details = before.cancellation_details;
  const reason = cancelAt === null ? null : ("cancellation_requested" as const);
  return {
    cancel_at: cancelAt,
    cancel_at_period_end: atEnd,
    canceled_at: cancelAt === null ? null : (before.canceled_at ?? world.now()),
    cancellation_details: {
      comment: details?.comment ?? null,
      feedback: details?.feedback ?? null,
      feedback_option: null,
      reason,
    },
  };
}

function pauseOf(input: Input): Pick<Stripe.Subscription, "pause_collection"> | object {
  if (!input.has("pause_collection")) return {};
  const pause = input.child("pause_collection");
  if (pause === undefined) return { pause_collection: null };
  const behavior = pause.oneOf("behavior", ["keep_as_draft", "mark_uncollectible", "void"]);
  if (behavior === undefined) throw parameterMissing(pause.param("behavior"));
  return { pause_collection: { behavior, resumes_at: pause.integer("resumes_at") ?? null } };
}

function update(world: World, actor: Actor, id: string, input: Input): SubscriptionRow {
  const before = subscriptionNamed(world, id, "id");
  if (before.ended_at !== null) throw parameterInvalid("id", "The subscription has ended.");
  const wanted = wantedItems(world, actor, input);
  const current = before.items.data[0];
  const period = {
    start: current?.current_period_start ?? world.now(),
    end: current?.current_period_end ?? world.now(),
  };
  const items = itemsOf(world, id, wanted, period);
  if (items.length > 0 && input.oneOf("payment_behavior", BEHAVIORS) === "pending_if_incomplete") {
    return changeWhenPaid(world, actor, before, items);
  }
  const method = methodOf(world, input, before.customer);
  const description = input.text("description");
  const trialEnd = input.integer("trial_end");
  const after = {
    ...before,
    ...cancellation(world, before, input),
    ...pauseOf(input),
    ...(method === undefined ? {} : { default_payment_method: method }),
    ...(description === undefined ? {} : { description }),
    ...(trialEnd === undefined ? {} : { trial_end: trialEnd, status: "trialing" as const }),
    ...(items.length === 0 ? {} : { items: { ...before.items, data: items } }),
    metadata: input.metadata(before.metadata),
  };
  if (JSON.stringify(after) === JSON.stringify(before)) return before;
  return changeSubscription(world, actor, before, after);
}

export const subscriptionRoutes = (world: World): Route[] => [
  {
    method: "POST",
    path: "/v1/subscriptions",
    accepts: [
      ...UPDATE_PARAMS,
      "customer",
      "trial_period_days",
      "trial_settings",
      "collection_method",
    ],
    run: ({ input, actor }) => create(world, actor, input),
  },
  {
    method: "GET",
    path: "/v1/subscriptions",
    accepts: [...LIST_PARAMS, "customer", "status", "price"],
    run: ({ input }) => {
      // Without a status the canceled ones are left out; "all" is every one.
      const status = input.text("status") ?? null;
      const price = input.text("price") ?? null;
      return listOf("/v1/subscriptions", "subscription", input, world.tables.subscriptions, {
        by: ["customer"],
        matches: (row) =>
          (status === "all" || (status === null ? row.status !== "canceled" : isIn(row, status))) &&
          (price === null || row.items.data.some((item) => item.price.id === price)),
      });
    },
  },
  {
    method: "GET",
    path: "/v1/subscriptions/:id",
    accepts: ["expand"],
    run: ({ id }) => subscriptionNamed(world, id, "id"),
  },
  {
    method: "POST",
    path: "/v1/subscriptions/:id",
    accepts: [...UPDATE_PARAMS, "pause_collection"],
    run: ({ id, input, actor }) => update(world, actor, id, input),
  },
  {
    method: "DELETE",
    path: "/v1/subscriptions/:id",
    accepts: ["invoice_now", "prorate", "expand"],
    run: ({ id, actor }) =>
      endSubscription(world, actor, subscriptionNamed(world, id, "id"), "cancellation_requested"),
  },
  {
    method: "POST",
    path: "/v1/subscriptions/:id/resume",
    accepts: ["billing_cycle_anchor", "proration_behavior", "expand"],
    run: ({ id, actor }) => resumeSubscription(world, actor, subscriptionNamed(world, id, "id")),
  },
];

const isIn = (row: SubscriptionRow, status: string): boolean =>
  status === "ended" ? row.ended_at !== null : row.status === status;
