import { NOW } from "../kit.js";

/** Invented objects as Stripe writes them: before 2022-11-15 with all lists inside, and since 2025-03-31.basil. */
export type Shape = "old" | "new";
export const SHAPES: readonly Shape[] = ["old", "new"];
export const API_VERSIONS = { old: "2022-08-01", new: "2026-07-29.dahlia" } as const;

type Fields = Record<string, unknown>;

/** Seconds at which all of it plays. */
export const T = NOW / 1000;
const DAY = 86_400;
const list = (...data: unknown[]) => ({ object: "list", data, has_more: false, url: "/v1/x" });
const METADATA = { userId: "u-51", package: "atelier-6m", locale: "th" };
const BILLING = { address: null, email: "malee@example.com", name: "มาลี รุ่งเรือง", phone: null };

export const refund = (_shape: Shape, over: Fields = {}): Fields => ({
  id: "re_1",
  object: "refund",
  amount: 30_000,
  charge: "ch_1",
  created: T - 50,
  currency: "thb",
  metadata: {},
  payment_intent: "pi_1",
  reason: "requested_by_customer",
  status: "succeeded",
  ...over,
});

export const charge = (shape: Shape, over: Fields = {}): Fields => ({
  id: "ch_1",
  object: "charge",
  amount: 120_000,
  amount_captured: 120_000,
  amount_refunded: 0,
  billing_details: BILLING,
  captured: true,
  created: T - 90,
  currency: "thb",
  customer: "cus_1",
  failure_code: null,
  failure_message: null,
  livemode: false,
  metadata: METADATA,
  outcome: { network_status: "approved_by_network", reason: null, type: "authorized" },
  payment_intent: "pi_1",
  receipt_email: null,
  refunded: false,
  status: "succeeded",
  ...(shape === "old" ? { invoice: "in_1", refunds: list() } : {}),
  ...over,
});

/** An old one with its charge in it. */
export const intent = (shape: Shape, over: Fields = {}): Fields => ({
  id: "pi_1",
  object: "payment_intent",
  amount: 120_000,
  amount_capturable: 0,
  amount_received: 120_000,
  created: T - 120,
  currency: "thb",
  customer: "cus_1",
  last_payment_error: null,
  livemode: false,
  metadata: METADATA,
  receipt_email: "malee@example.com",
  status: "succeeded",
  ...(shape === "old"
    ? { charges: list(charge("old")), invoice: "in_1" }
    : { latest_charge: "ch_1" }),
  ...over,
});

export const dispute = (_shape: Shape, over: Fields = {}): Fields => ({
  id: "du_1",
  object: "dispute",
  amount: 120_000,
  charge: "ch_1",
  created: T - 20,
  currency: "thb",
  evidence_details: { due_by: T + 7 * DAY, has_evidence: false, past_due: false },
  livemode: false,
  payment_intent: "pi_1",
  reason: "fraudulent",
  status: "needs_response",
  ...over,
});

export const fraudWarning = (_shape: Shape, over: Fields = {}): Fields => ({
  id: "issfr_1",
  object: "radar.early_fraud_warning",
  actionable: true,
  charge: "ch_1",
  created: T - 30,
  fraud_type: "made_with_stolen_card",
  livemode: false,
  payment_intent: "pi_1",
  ...over,
});

export function invoice(shape: Shape, over: Fields = {}): Fields {
  const period = (from: number, to: number) => ({ start: T + from * DAY, end: T + to * DAY });
  const own = { plan: "studio", userId: "u-of-the-subscription" };
  return {
    id: "in_1",
    object: "invoice",
    amount_due: 45_000,
    amount_paid: 45_000,
    amount_remaining: 0,
    attempt_count: 1,
    billing_reason: "subscription_cycle",
    created: T - 60,
    currency: "eur",
    customer: "cus_1",
    customer_email: "jo@example.com",
    customer_name: "Jo Vermeer",
    hosted_invoice_url: "https://invoice.example.com/i/1",
    lines: list(
      { id: "il_2", object: "line_item", amount: 5_000, period: period(5, 30) },
      { id: "il_1", object: "line_item", amount: 40_000, period: period(0, 31) },
    ),
    livemode: false,
    metadata: { userId: "u-77" },
    next_payment_attempt: null,
    number: "AB-0001",
    period_start: T - 31 * DAY,
    period_end: T,
    status: "paid",
    total: 45_000,
    ...(shape === "old"
      ? {
          charge: "ch_9",
          paid: true,
          payment_intent: "pi_9",
          subscription: "sub_1",
          subscription_details: { metadata: own },
        }
      : {
          parent: {
            type: "subscription_details",
            quote_details: null,
            subscription_details: { metadata: own, subscription: "sub_1" },
          },
        }),
    ...over,
  };
}

export const invoicePayment = (_shape: Shape, over: Fields = {}): Fields => ({
  id: "inpay_1",
  object: "invoice_payment",
  amount_paid: 45_000,
  amount_requested: 45_000,
  created: T - 10,
  currency: "eur",
  invoice: "in_1",
  is_default: true,
  livemode: false,
  payment: { type: "payment_intent", payment_intent: "pi_9" },
  status: "paid",
  ...over,
});

export function subscription(shape: Shape, over: Fields = {}): Fields {
  const period = { current_period_start: T, current_period_end: T + 31 * DAY };
  const item = {
    id: "si_1",
    object: "subscription_item",
    price: { id: "price_1", object: "price", currency: "eur", product: "prod_1" },
    quantity: 2,
  };
  return {
    id: "sub_1",
    object: "subscription",
    cancel_at: null,
    cancel_at_period_end: false,
    created: T - 40 * DAY,
    currency: "eur",
    customer: "cus_1",
    ended_at: null,
    items: list(shape === "old" ? item : { ...item, ...period }),
    livemode: false,
    latest_invoice: "in_1",
    metadata: { plan: "studio" },
    status: "active",
    trial_end: null,
    ...(shape === "old" ? period : {}),
    ...over,
  };
}

export const customer = (_shape: Shape, over: Fields = {}): Fields => ({
  id: "cus_1",
  object: "customer",
  created: T - 100 * DAY,
  currency: null,
  email: "jo@example.com",
  livemode: false,
  metadata: {},
  name: "Jo Vermeer",
  preferred_locales: ["nl-BE"],
  ...over,
});

export const session = (_shape: Shape, over: Fields = {}): Fields => ({
  id: "cs_test_1",
  object: "checkout.session",
  amount_total: 120_000,
  client_reference_id: "order-8",
  created: T - 200,
  currency: "thb",
  customer: null,
  customer_details: { email: "malee@example.com", name: "มาลี รุ่งเรือง" },
  customer_email: null,
  invoice: null,
  livemode: false,
  locale: "auto",
  metadata: METADATA,
  mode: "payment",
  payment_intent: "pi_1",
  payment_status: "paid",
  status: "complete",
  subscription: null,
  ...over,
});

/** An event of the type about the object, as it would arrive. */
export const event = (type: string, object: unknown, more: Fields = {}): Fields => ({
  id: "evt_1",
  object: "event",
  api_version: API_VERSIONS.new,
  created: T,
  data: { object },
  livemode: false,
  pending_webhooks: 1,
  request: null,
  type,
  ...more,
});

/** A thin event about the object of this name and id. */
export const thinEvent = (type: string, relatedType: string, id: string, more: Fields = {}) => ({
  id: "evt_thin_1",
  object: "v2.core.event",
  type,
  created: new Date(NOW).toISOString(),
  livemode: false,
  reason: null,
  related_object: { id, type: relatedType, url: `/v1/x/${id}` },
  ...more,
});
