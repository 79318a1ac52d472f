import type Stripe from "stripe";
import { type Cart, NOBODY } from "../rows.js";
import type { World } from "../world.js";
import { behaviourOf } from "./payment-methods.js";
import { createSubscription } from "./subscription-states.js";

const DAY_S = 24 * 60 * 60;

/** What a session's completion leaves in it. */
export type Outcome = Partial<
  Pick<
    Stripe.Checkout.Session,
    "payment_intent" | "payment_status" | "subscription" | "invoice" | "setup_intent"
  >
>;

/** A subscription begun on the hosted page. A declined card begins none. */
export function subscribe(
  world: World,
  wanted: NonNullable<Cart["subscription"]>,
  due: number,
  customer: string,
  method: Stripe.PaymentMethod,
): Outcome {
  if (behaviourOf(world, method.id).charge === "declines") return {};
  const begun = createSubscription(world, NOBODY, {
    customer,
    items: wanted.items,
    trialEnd: wanted.trialDays === 0 ? null : world.now() + wanted.trialDays * DAY_S,
    method: method.id,
    payNow: true,
    collection: "charge_automatically",
    metadata: wanted.metadata,
    description: wanted.description,
    cancelAt: null,
    cancelAtPeriodEnd: false,
    missingMethod: "create_invoice",
  });
  const paid = begun.status === "active";
  const status = due === 0 ? "no_payment_required" : paid ? "paid" : "unpaid";
  return { invoice: begun.latest_invoice, payment_status: status, subscription: begun.id };
}

/** A payment method kept for later. */
export function setUp(
  world: World,
  customer: string | null,
  method: Stripe.PaymentMethod,
): Outcome {
  const id = world.kit.ids("seti_");
  const begun: Stripe.SetupIntent = {
    id,
    object: "setup_intent",
    allowed_payment_method_types: null,
    application: null,
    automatic_payment_methods: null,
    cancellation_reason: null,
    client_secret: `${id}_secret_${world.kit.ids("")}`,
    created: world.now(),
    customer,
    description: null,
    excluded_payment_method_types: null,
    last_setup_error: null,
    latest_attempt: null,
    livemode: world.livemode,
    mandate: null,
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: [method.type],
    single_use_mandate: null,
    status: "requires_payment_method",
    usage: "off_session",
  };
  world.tables.setupIntents.put(id, begun);
  world.emit(NOBODY, "setup_intent.created", begun);
  const done: Stripe.SetupIntent = { ...begun, payment_method: method.id, status: "succeeded" };
  world.tables.setupIntents.put(id, done);
  world.emit(NOBODY, "setup_intent.succeeded", done);
  return { payment_status: "no_payment_required", setup_intent: id };
}
