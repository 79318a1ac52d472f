import type Stripe from "stripe";
import { parameterInvalid, StripeFailure, unexpectedState } from "../errors.js";
import type { Input } from "../form.js";
import { LIST_PARAMS, listOf } from "../lists.js";
import { type Actor, NOBODY } from "../rows.js";
import type { Route, World } from "../world.js";
import { captureCharge, chargeNamed } from "./charges.js";
import { customerNamed } from "./customers.js";
import {
  attempt,
  canceledIntent,
  createIntent,
  idOf,
  intentNamed,
  keepIntent,
  succeed,
} from "./intent-states.js";
import { resolvePaymentMethod } from "./payment-methods.js";
import { releaseCharge } from "./refunds.js";

const CURRENCY = /^[a-z]{3}$/;
const UPDATE_PARAMS = [
  "amount",
  "currency",
  "customer",
  "description",
  "metadata",
  "payment_method",
  "payment_method_types",
  "receipt_email",
  "statement_descriptor",
  "expand",
];
const CREATE_PARAMS = [
  ...UPDATE_PARAMS,
  "automatic_payment_methods",
  "capture_method",
  "confirm",
  "off_session",
  "return_url",
];
const CONFIRMABLE = ["requires_payment_method", "requires_confirmation", "requires_action"];
const CANCELLABLE = [...CONFIRMABLE, "requires_capture"];

/** The 402 of a declined confirmation; the decline itself is already stored and told. */
export function refusal(intent: Stripe.PaymentIntent): StripeFailure {
  const error = intent.last_payment_error;
  return new StripeFailure(402, {
    type: "card_error",
    code: error?.code ?? "card_declined",
    message: error?.message ?? "Your card was declined.",
    ...(error?.decline_code === undefined ? {} : { decline_code: error.decline_code }),
    ...(error?.charge === undefined ? {} : { charge: error.charge }),
    ...(error?.doc_url === undefined ? {} : { doc_url: error.doc_url }),
    payment_intent: intent,
    payment_method: error?.payment_method,
  });
}

function confirm(world: World, actor: Actor, intent: Stripe.PaymentIntent, input: Input) {
  if (!CONFIRMABLE.includes(intent.status)) {
    throw unexpectedState(
      "payment_intent_unexpected_state",
      `You cannot confirm this PaymentIntent because it has a status of ${intent.status}.`,
      { payment_intent: intent },
    );
  }
  const named = input.text("payment_method") ?? idOf(intent.payment_method);
  if (named === null) {
    throw unexpectedState(
      "payment_intent_unexpected_state",
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
      { payment_intent: intent },
    );
  }
  const method = resolvePaymentMethod(world, named, idOf(intent.customer));
  const receiptEmail = input.text("receipt_email");
  const ready = receiptEmail === undefined ? intent : { ...intent, receipt_email: receiptEmail };
  const tried = attempt(world, actor, ready, method);
  if (tried.last_payment_error !== null) throw refusal(tried);
  return tried;
}

function amountOf(input: Input): number | undefined {
  const amount = input.integer("amount");
  if (amount !== undefined && amount < 1) {
    throw parameterInvalid(
      "amount",
      "This value must be greater than or equal to 1.",
      "parameter_invalid_integer",
    );
  }
  return amount;
}

function currencyOf(input: Input): string | undefined {
  const currency = input.text("currency")?.toLowerCase();
  if (currency !== undefined && !CURRENCY.test(currency)) {
    throw parameterInvalid("currency", `Invalid currency: ${currency}.`);
  }
  return currency;
}

function create(world: World, actor: Actor, input: Input): Stripe.PaymentIntent {
  input.requiredInteger("amount");
  input.requiredText("currency");
  const customer = input.text("customer") ?? null;
  if (customer !== null) customerNamed(world, customer);
  const named = input.text("payment_method") ?? null;
  const method = named === null ? null : resolvePaymentMethod(world, named, customer);
  const types = input.texts("payment_method_types");
  const automatic =
    input.child("automatic_payment_methods")?.flag("enabled") ?? types === undefined;
  const confirming = input.flag("confirm") ?? false;
  const created = createIntent(world, actor, {
    amount: amountOf(input) ?? 0,
    currency: currencyOf(input) ?? "",
    customer,
    description: input.text("description") ?? null,
    metadata: input.metadata(),
    receiptEmail: input.text("receipt_email") ?? null,
    captureMethod:
      input.oneOf("capture_method", ["automatic", "automatic_async", "manual"]) ??
      "automatic_async",
    methodTypes: types ?? ["card"],
    automatic,
    statementDescriptor: input.text("statement_descriptor") ?? null,
  });
  if (method === null) return confirming ? confirm(world, actor, created, input) : created;
  const ready = keepIntent(world, created, {
    payment_method: method.id,
    status: "requires_confirmation",
  });
  if (!confirming) return ready;
  const tried = attempt(world, actor, ready, method);
  if (tried.last_payment_error !== null) throw refusal(tried);
  return tried;
}

function update(world: World, id: string, input: Input): Stripe.PaymentIntent {
  const intent = intentNamed(world, id, "intent");
  const paymentChange = ["amount", "currency", "payment_method"].find((name) => input.has(name));
  if (paymentChange !== undefined && !CONFIRMABLE.includes(intent.status)) {
    throw unexpectedState(
      "payment_intent_unexpected_state",
      `This PaymentIntent's ${paymentChange} could not be updated because it has a status of ${intent.status}.`,
      { payment_intent: intent },
    );
  }
  const customer = input.text("customer");
  if (customer) customerNamed(world, customer);
  const named = input.text("payment_method");
  const method = named ? resolvePaymentMethod(world, named, idOf(intent.customer)) : undefined;
  const changes = {
    amount: amountOf(input),
    currency: currencyOf(input),
    customer,
    description: input.text("description"),
    receipt_email: input.text("receipt_email"),
    statement_descriptor: input.text("statement_descriptor"),
    payment_method_types: input.texts("payment_method_types"),
    payment_method: method?.id,
    status: method === undefined ? undefined : "requires_confirmation",
  };
  const set = Object.fromEntries(
    Object.entries(changes).filter(([, value]) => value !== undefined),
  );
  return keepIntent(world, intent, { ...set, metadata: input.metadata(intent.metadata) });
}

function cancel(world: World, actor: Actor, id: string, input: Input): Stripe.PaymentIntent {
  const intent = intentNamed(world, id, "intent");
  if (!CANCELLABLE.includes(intent.status)) {
    throw unexpectedState(
      "payment_intent_unexpected_state",
      `You cannot cancel this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, requires_action, processing.`,
      { payment_intent: intent },
    );
  }
  const reasons = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"] as const;
  const reason = input.oneOf("cancellation_reason", reasons) ?? null;
  if (intent.status === "requires_capture") {
    releaseCharge(world, actor, chargeNamed(world, idOf(intent.latest_charge) ?? ""));
  }
  return canceledIntent(world, actor, intent, reason);
}

/** Nobody captured in time: the bank lets the money go. */
export function expireIntent(world: World, id: string): Stripe.PaymentIntent {
  const intent = intentNamed(world, id, "intent");
  if (intent.status !== "requires_capture") {
    throw parameterInvalid("id", `${id} is ${intent.status}: nothing is held`);
  }
  const charge = chargeNamed(world, idOf(intent.latest_charge) ?? "");
  releaseCharge(world, NOBODY, charge, "charge.expired");
  return canceledIntent(world, NOBODY, intent, "expired");
}

function capture(world: World, actor: Actor, id: string, input: Input): Stripe.PaymentIntent {
  const intent = intentNamed(world, id, "intent");
  if (intent.status !== "requires_capture") {
    throw unexpectedState(
      "payment_intent_unexpected_state",
      `This PaymentIntent could not be captured because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.`,
      { payment_intent: intent },
    );
  }
  const amount = input.integer("amount_to_capture") ?? intent.amount_capturable;
  if (amount < 1 || amount > intent.amount_capturable) {
    throw parameterInvalid(
      "amount_to_capture",
      `The amount to capture must be between 1 and ${intent.amount_capturable}.`,
      "amount_too_large",
    );
  }
  const charge = idOf(intent.latest_charge) ?? "";
  captureCharge(world, actor, charge, amount);
  return succeed(world, actor, intent, charge, amount);
}

export const paymentIntentRoutes = (world: World): Route[] => [
  {
    method: "POST",
    path: "/v1/payment_intents",
    accepts: CREATE_PARAMS,
    run: ({ input, actor }) => create(world, actor, input),
  },
  {
    method: "GET",
    path: "/v1/payment_intents",
    accepts: [...LIST_PARAMS, "customer"],
    run: ({ input }) =>
      listOf("/v1/payment_intents", "payment_intent", input, world.tables.paymentIntents, {
        by: ["customer"],
      }),
  },
  {
    method: "GET",
    path: "/v1/payment_intents/:id",
    accepts: ["expand"],
    run: ({ id }) => intentNamed(world, id, "intent"),
  },
  {
    method: "POST",
    path: "/v1/payment_intents/:id",
    accepts: UPDATE_PARAMS,
    run: ({ id, input }) => update(world, id, input),
  },
  {
    method: "POST",
    path: "/v1/payment_intents/:id/confirm",
    accepts: ["payment_method", "receipt_email", "return_url", "off_session", "expand"],
    run: ({ id, input, actor }) => confirm(world, actor, intentNamed(world, id, "intent"), input),
  },
  {
    method: "POST",
    path: "/v1/payment_intents/:id/cancel",
    accepts: ["cancellation_reason", "expand"],
    run: ({ id, input, actor }) => cancel(world, actor, id, input),
  },
  {
    method: "POST",
    path: "/v1/payment_intents/:id/capture",
    accepts: ["amount_to_capture", "expand"],
    run: ({ id, input, actor }) => capture(world, actor, id, input),
  },
];
