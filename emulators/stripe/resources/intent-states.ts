import type Stripe from "stripe";
import { parameterInvalid, resourceMissing } from "../errors.js";
import { type Actor, NOBODY } from "../rows.js";
import type { World } from "../world.js";
import { chargeNamed, createCharge, settleCharge } from "./charges.js";
import { behaviourOf, resolvePaymentMethod } from "./payment-methods.js";

export interface IntentFields {
  amount: number;
  currency: string;
  customer: string | null;
  description: string | null;
  metadata: Stripe.Metadata;
  receiptEmail: string | null;
  captureMethod: Stripe.PaymentIntent.CaptureMethod;
  methodTypes: string[];
  automatic: boolean;
  statementDescriptor: string | null;
}

/** A new intent without a payment method, stored and told. */
export function createIntent(
  world: World,
  actor: Actor,
  fields: IntentFields,
): Stripe.PaymentIntent {
  const id = world.kit.ids("pi_");
  const intent: Stripe.PaymentIntent = {
    id,
    object: "payment_intent",
    allowed_payment_method_types: null,
    amount: fields.amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: fields.automatic
      ? { allow_redirects: "always", enabled: true }
      : null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: fields.captureMethod,
    client_secret: `${id}_secret_${world.kit.ids("")}`,
    confirmation_method: "automatic",
    created: world.now(),
    currency: fields.currency,
    customer: fields.customer,
    customer_account: null,
    description: fields.description,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: world.livemode,
    managed_payments: null,
    metadata: fields.metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: fields.methodTypes,
    payment_record: null,
    processing: null,
    receipt_email: fields.receiptEmail,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: fields.statementDescriptor,
    statement_descriptor_suffix: null,
    status: "requires_payment_method",
    transfer_data: null,
    transfer_group: null,
  };
  world.tables.paymentIntents.put(id, intent);
  world.emit(actor, "payment_intent.created", intent);
  return intent;
}

export function intentNamed(
  world: World,
  id: string,
  param = "payment_intent",
): Stripe.PaymentIntent {
  const intent = world.tables.paymentIntents.get(id);
  const status = param === "intent" ? 404 : 400;
  if (intent === undefined) throw resourceMissing("payment_intent", id, param, status);
  return intent;
}

export function keepIntent(
  world: World,
  intent: Stripe.PaymentIntent,
  changes: Partial<Stripe.PaymentIntent>,
) {
  return world.tables.paymentIntents.put(intent.id, { ...intent, ...changes });
}

/**
 * Tries to charge an intent. A decline is not thrown: it is in `last_payment_error`, for the caller to say.
 */
export function attempt(
  world: World,
  actor: Actor,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
): Stripe.PaymentIntent {
  const behaviour = behaviourOf(world, method.id);
  const ready = { payment_method: method.id, last_payment_error: null, next_action: null };
  switch (behaviour.charge) {
    case "needs_action": {
      const waiting = keepIntent(world, intent, {
        ...ready,
        status: "requires_action",
        next_action: {
          type: "use_stripe_sdk",
          use_stripe_sdk: { type: "three_d_secure_redirect" },
        },
      });
      world.emit(actor, "payment_intent.requires_action", waiting);
      world.settled(world, actor, waiting);
      return waiting;
    }
    case "takes_days": {
      const charge = createCharge(world, actor, intent, method, "pending", behaviour);
      const waiting = keepIntent(world, intent, {
        ...ready,
        status: "processing",
        latest_charge: charge.id,
      });
      world.emit(actor, "payment_intent.processing", waiting);
      world.settled(world, actor, waiting);
      return waiting;
    }
    case "declines":
      return fail(
        world,
        actor,
        intent,
        method,
        createCharge(world, actor, intent, method, "failed", behaviour),
      );
    case "succeeds":
      return charged(world, actor, { ...intent, ...ready }, method);
  }
}

function charged(
  world: World,
  actor: Actor,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
): Stripe.PaymentIntent {
  const manual = intent.capture_method === "manual";
  const behaviour = behaviourOf(world, method.id);
  const result = manual ? "authorized" : "succeeded";
  const charge = createCharge(world, actor, intent, method, result, behaviour);
  return manual
    ? hold(world, actor, intent, charge.id)
    : succeed(world, actor, intent, charge.id, intent.amount);
}

function hold(world: World, actor: Actor, intent: Stripe.PaymentIntent, charge: string) {
  const held = keepIntent(world, intent, {
    status: "requires_capture",
    amount_capturable: intent.amount,
    latest_charge: charge,
    next_action: null,
  });
  world.emit(actor, "payment_intent.amount_capturable_updated", held);
  return held;
}

export function succeed(
  world: World,
  actor: Actor,
  intent: Stripe.PaymentIntent,
  charge: string,
  amount: number,
) {
  const succeeded = keepIntent(world, intent, {
    status: "succeeded",
    amount_capturable: 0,
    amount_received: amount,
    latest_charge: charge,
    next_action: null,
  });
  world.emit(actor, "payment_intent.succeeded", succeeded);
  world.settled(world, actor, succeeded);
  return succeeded;
}

function fail(
  world: World,
  actor: Actor,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
  charge: Stripe.Charge | null,
): Stripe.PaymentIntent {
  const decline = behaviourOf(world, method.id).decline;
  const code = charge?.failure_code ?? "payment_intent_authentication_failure";
  const failed = keepIntent(world, intent, {
    status: "requires_payment_method",
    payment_method: null,
    next_action: null,
    latest_charge: charge?.id ?? intent.latest_charge,
    last_payment_error: {
      ...(charge === null ? {} : { charge: charge.id }),
      code: code as Stripe.PaymentIntent.LastPaymentError.Code,
      ...(decline === undefined ? {} : { decline_code: decline.declineCode }),
      doc_url: `https://docs.stripe.com/error-codes/${code.replaceAll("_", "-")}`,
      message: charge?.failure_message ?? "The provided PaymentMethod has failed authentication.",
      payment_method: method,
      type: charge === null ? "invalid_request_error" : "card_error",
    },
  });
  world.emit(actor, "payment_intent.payment_failed", failed);
  world.settled(world, actor, failed);
  return failed;
}

export function canceledIntent(
  world: World,
  actor: Actor,
  intent: Stripe.PaymentIntent,
  reason: Stripe.PaymentIntent.CancellationReason | null,
): Stripe.PaymentIntent {
  const canceled = keepIntent(world, intent, {
    status: "canceled",
    canceled_at: world.now(),
    cancellation_reason: reason,
    amount_capturable: 0,
    next_action: null,
  });
  world.emit(actor, "payment_intent.canceled", canceled);
  return canceled;
}

/** What a bank or the shopper's authentication decided, later: for `processing` and `requires_action`. */
export function settleIntent(
  world: World,
  id: string,
  outcome: "succeeded" | "failed",
): Stripe.PaymentIntent {
  const intent = intentNamed(world, id, "intent");
  const method = resolvePaymentMethod(world, idOf(intent.payment_method) ?? "", null);
  const behaviour = behaviourOf(world, method.id);
  if (intent.status === "requires_action") {
    return outcome === "succeeded"
      ? charged(world, NOBODY, intent, method)
      : fail(world, NOBODY, intent, method, null);
  }
  if (intent.status !== "processing") {
    throw parameterInvalid("id", `${id} is ${intent.status}: nothing to settle`);
  }
  const pending = chargeNamed(world, idOf(intent.latest_charge) ?? "");
  const charge = settleCharge(world, NOBODY, pending, outcome, behaviour);
  return outcome === "succeeded"
    ? succeed(world, NOBODY, intent, charge.id, intent.amount)
    : fail(world, NOBODY, intent, method, charge);
}

/** Part of a bank transfer has arrived; the rest is still waited for, until there is none. */
export function fundIntent(world: World, id: string, amount: number): Stripe.PaymentIntent {
  const intent = intentNamed(world, id, "intent");
  if (intent.status !== "requires_action") {
    throw parameterInvalid("id", `${id} is ${intent.status}: it waits for no transfer`);
  }
  const waiting = intent.next_action?.display_bank_transfer_instructions?.amount_remaining;
  const remaining = (waiting ?? intent.amount) - amount;
  if (amount < 1 || remaining < 0) {
    throw parameterInvalid("amount", `no more than ${waiting ?? intent.amount} is waited for`);
  }
  if (remaining === 0) return settleIntent(world, id, "succeeded");
  const funded = keepIntent(world, intent, {
    next_action: {
      type: "display_bank_transfer_instructions",
      display_bank_transfer_instructions: {
        amount_remaining: remaining,
        currency: intent.currency,
        hosted_instructions_url: null,
        reference: null,
        type: "eu_bank_transfer",
      },
    },
  });
  world.emit(NOBODY, "payment_intent.partially_funded", funded);
  return funded;
}

export const idOf = (reference: string | { id: string } | null): string | null =>
  typeof reference === "object" ? (reference?.id ?? null) : reference;
