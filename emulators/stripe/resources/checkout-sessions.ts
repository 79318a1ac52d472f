import type Stripe from "stripe";
import { parameterInvalid, parameterMissing, resourceMissing, unexpectedState } from "../errors.js";
import type { Input } from "../form.js";
import { LIST_PARAMS, listOf, pageOf } from "../lists.js";
import { type Actor, type Cart, NOBODY } from "../rows.js";
import type { Route, World } from "../world.js";
import { readCart } from "./checkout-carts.js";
import { emptySession } from "./checkout-defaults.js";
import { type Outcome, setUp, subscribe } from "./checkout-modes.js";
import { createCustomer, customerNamed } from "./customers.js";
import { attempt, createIntent, settleIntent } from "./intent-states.js";
import { resolvePaymentMethod } from "./payment-methods.js";

const DAY_S = 24 * 60 * 60;

const CREATE_PARAMS = [
  "mode",
  "line_items",
  "success_url",
  "cancel_url",
  "customer",
  "customer_creation",
  "customer_email",
  "client_reference_id",
  "metadata",
  "payment_intent_data",
  "subscription_data",
  "currency",
  "payment_method_types",
  "expires_at",
  "locale",
  "expand",
];

export function sessionNamed(world: World, id: string): Stripe.Checkout.Session {
  const session = world.tables.sessions.get(id);
  if (session === undefined) throw resourceMissing("checkout.session", id, "session");
  return session;
}

function expiryOf(world: World, input: Input): number {
  const expiresAt = input.integer("expires_at");
  if (expiresAt === undefined) return world.now() + DAY_S;
  if (expiresAt < world.now() + 30 * 60 || expiresAt > world.now() + DAY_S) {
    throw parameterInvalid(
      "expires_at",
      "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
    );
  }
  return expiresAt;
}

function create(world: World, actor: Actor, input: Input): Stripe.Checkout.Session {
  const mode = input.oneOf("mode", ["payment", "subscription", "setup"]);
  if (mode === undefined) throw parameterMissing("mode");
  const customer = input.text("customer") ?? null;
  if (customer !== null) customerNamed(world, customer);
  const cart = readCart(world, actor, input, mode);
  const currencies = new Set(cart.items.map((item) => item.currency));
  if (currencies.size > 1) {
    throw parameterInvalid("line_items", "All line items must have the same currency.");
  }
  const setup = mode === "setup";
  const items = cart.items.reduce((sum, item) => sum + item.amount_total, 0);
  const total = setup ? null : cart.subscription?.trialDays ? 0 : items;
  const id = world.kit.ids(world.livemode ? "cs_live_" : "cs_test_");
  const session: Stripe.Checkout.Session = {
    ...emptySession(),
    id,
    amount_subtotal: total,
    amount_total: total,
    cancel_url: input.text("cancel_url") ?? null,
    client_reference_id: input.text("client_reference_id") ?? null,
    created: world.now(),
    currency: cart.items[0]?.currency ?? input.text("currency") ?? null,
    customer,
    customer_creation:
      input.oneOf("customer_creation", ["always", "if_required"]) ??
      (customer ? null : mode === "subscription" ? "always" : "if_required"),
    customer_email: input.text("customer_email") ?? null,
    expires_at: expiryOf(world, input),
    livemode: world.livemode,
    locale: (input.text("locale") ?? null) as Stripe.Checkout.Session.Locale | null,
    metadata: input.metadata(),
    mode,
    payment_method_types: input.texts("payment_method_types") ?? ["card"],
    success_url: input.text("success_url") ?? null,
    url: `${world.kit.baseUrl}/c/pay/${id}`,
  };
  world.tables.carts.put(id, cart);
  return world.tables.sessions.put(id, session);
}

function keep(
  world: World,
  session: Stripe.Checkout.Session,
  changes: Partial<Stripe.Checkout.Session>,
) {
  return world.tables.sessions.put(session.id, { ...session, ...changes });
}

export interface Shopper {
  email?: string | undefined;
  name?: string | undefined;
  /** `pm_card_visa` unless said; a declining one leaves the session open, a bank one pays days later. */
  paymentMethod?: string | undefined;
}

/**
 * What the shopper does on the hosted page. Of one purchase come payment_intent.created, charge.*, payment_intent.* and,
 * unless the card was declined, checkout.session.completed.
 * @throws when the session is not open.
 */
export function completeSession(
  world: World,
  id: string,
  shopper: Shopper,
): Stripe.Checkout.Session {
  const session = sessionNamed(world, id);
  if (session.status !== "open") throw notOpen(session);
  const known =
    typeof session.customer === "string" ? customerNamed(world, session.customer) : null;
  const email = shopper.email ?? session.customer_email ?? known?.email ?? null;
  if (email === null) throw parameterMissing("email");
  const name = shopper.name ?? known?.name ?? null;
  const customer = known?.id ?? createdFor(world, session, email, name);
  const method = resolvePaymentMethod(world, shopper.paymentMethod ?? "pm_card_visa", customer);
  const billed = world.tables.paymentMethods.put(method.id, {
    ...method,
    billing_details: { ...method.billing_details, email, name },
  });
  const cart = world.tables.carts.get(id);
  const outcome = concluded(world, session, cart, customer, billed);
  if (outcome.payment_status === undefined) return keep(world, session, { customer, ...outcome });
  const completed = keep(world, session, {
    customer,
    ...outcome,
    customer_details: {
      address: null,
      business_name: null,
      email,
      individual_name: null,
      name,
      phone: null,
      tax_exempt: "none",
      tax_ids: [],
    },
    status: "complete",
    url: null,
  });
  world.emit(NOBODY, "checkout.session.completed", completed);
  return completed;
}

/** What the session leads to, by its mode. Without a payment status it stays open: the card was declined. */
function concluded(
  world: World,
  session: Stripe.Checkout.Session,
  cart: Cart | undefined,
  customer: string | null,
  method: Stripe.PaymentMethod,
): Outcome {
  if (session.mode === "setup") return setUp(world, customer, method);
  if (session.mode === "subscription" && customer !== null && cart?.subscription !== undefined) {
    return subscribe(world, cart.subscription, session.amount_total ?? 0, customer, method);
  }
  const known = world.tables.paymentIntents.get(String(session.payment_intent));
  const intent =
    known ??
    createIntent(world, NOBODY, {
      amount: session.amount_total ?? 0,
      currency: session.currency ?? "usd",
      customer,
      description: cart?.intent.description ?? null,
      metadata: cart?.intent.metadata ?? {},
      receiptEmail: cart?.intent.receiptEmail ?? null,
      captureMethod: "automatic_async",
      methodTypes: session.payment_method_types,
      automatic: false,
      statementDescriptor: null,
    });
  const tried = attempt(world, NOBODY, intent, method);
  if (tried.status === "succeeded") return { payment_intent: tried.id, payment_status: "paid" };
  if (tried.status === "processing") return { payment_intent: tried.id, payment_status: "unpaid" };
  return { payment_intent: tried.id };
}

function createdFor(
  world: World,
  session: Stripe.Checkout.Session,
  email: string,
  name: string | null,
): string | null {
  if (session.customer_creation !== "always") return null;
  return createCustomer(world, NOBODY, { email, name, description: null, metadata: {} }).id;
}

/** A bank's late word on a completed but unpaid session: settles its intent, which the session follows. */
export function settleSession(
  world: World,
  id: string,
  outcome: "succeeded" | "failed",
): Stripe.Checkout.Session {
  const session = sessionNamed(world, id);
  if (session.status !== "complete" || typeof session.payment_intent !== "string")
    throw notOpen(session);
  settleIntent(world, session.payment_intent, outcome);
  return sessionNamed(world, id);
}

/** A completed session whose payment was on its way learns how it went. */
export function followPayment(world: World, actor: Actor, intent: Stripe.PaymentIntent): void {
  if (intent.status !== "succeeded" && intent.status !== "requires_payment_method") return;
  const where = { field: "payment_intent", value: intent.id };
  for (const session of [...world.tables.sessions.newestFirst({ where })]) {
    if (session.status !== "complete" || session.payment_status !== "unpaid") continue;
    const paid = intent.status === "succeeded";
    const settled = keep(world, session, { payment_status: paid ? "paid" : "unpaid" });
    const type = `checkout.session.async_payment_${paid ? "succeeded" : "failed"}`;
    world.emit(actor, type, settled);
  }
}

function expire(
  world: World,
  actor: Actor,
  session: Stripe.Checkout.Session,
): Stripe.Checkout.Session {
  if (session.status !== "open") throw notOpen(session);
  const expired = keep(world, session, { status: "expired", url: null });
  world.emit(actor, "checkout.session.expired", expired);
  return expired;
}

/** Sessions whose time is over, by the emulator's clock. */
export function expireSessions(world: World): void {
  const now = world.now();
  const open = world.tables.sessions.oldestFirst({ where: { field: "status", value: "open" } });
  // Looked at first, expired then: an index is not changed while it is read.
  for (const session of [...open].filter((row) => row.expires_at <= now)) {
    expire(world, NOBODY, session);
  }
}

const notOpen = (session: Stripe.Checkout.Session) =>
  unexpectedState(
    "checkout_session_unexpected_state",
    `This Checkout Session has a status of ${session.status} and a payment status of ${session.payment_status}.`,
  );

export const checkoutSessionRoutes = (world: World): Route[] => [
  {
    method: "POST",
    path: "/v1/checkout/sessions",
    accepts: CREATE_PARAMS,
    run: ({ input, actor }) => create(world, actor, input),
  },
  {
    method: "GET",
    path: "/v1/checkout/sessions",
    accepts: [...LIST_PARAMS, "customer", "payment_intent", "status", "subscription"],
    run: ({ input }) =>
      listOf("/v1/checkout/sessions", "checkout.session", input, world.tables.sessions, {
        by: ["payment_intent", "subscription", "customer", "status"],
      }),
  },
  {
    method: "GET",
    path: "/v1/checkout/sessions/:id",
    accepts: ["expand"],
    run: ({ id }) => sessionNamed(world, id),
  },
  {
    method: "POST",
    path: "/v1/checkout/sessions/:id",
    accepts: ["metadata", "expand"],
    run: ({ id, input }) => {
      const session = sessionNamed(world, id);
      return keep(world, session, { metadata: input.metadata(session.metadata ?? {}) });
    },
  },
  {
    method: "POST",
    path: "/v1/checkout/sessions/:id/expire",
    accepts: ["expand"],
    run: ({ id, actor }) => expire(world, actor, sessionNamed(world, id)),
  },
  {
    method: "GET",
    path: "/v1/checkout/sessions/:id/line_items",
    accepts: LIST_PARAMS,
    run: ({ id, input }) => {
      sessionNamed(world, id);
      const items = world.tables.carts.get(id)?.items ?? [];
      return pageOf(`/v1/checkout/sessions/${id}/line_items`, "item", input, items);
    },
  },
];
