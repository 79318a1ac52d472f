import type { Shape } from "./shapes.js";
import * as make from "./shapes.js";

type Make = (shape: Shape, over?: Record<string, unknown>) => Record<string, unknown>;
/** An event's type, the object it carries, and what that comes to: `payment succeeded`. */
type Row = [type: string, make: Make, over: Record<string, unknown>, expected: string];

const FAILED = {
  status: "requires_payment_method",
  amount_received: 0,
  last_payment_error: { type: "card_error", code: "card_declined", message: "No." },
};
const UNCAPTURED = { captured: false, amount_captured: 0 };

/** Every type that Stripe sends of what the ledger keeps, each with its object in the state that it has then. */
export const EVENT_TYPES: readonly Row[] = [
  ["checkout.session.completed", make.session, {}, "checkout complete"],
  [
    "checkout.session.completed",
    make.session,
    { payment_status: "unpaid" }, // a delayed method
    "checkout complete",
  ],
  ["checkout.session.async_payment_succeeded", make.session, {}, "checkout complete"],
  [
    "checkout.session.async_payment_failed",
    make.session,
    { payment_status: "unpaid" },
    "checkout complete",
  ],
  [
    "checkout.session.expired",
    make.session,
    { payment_status: "unpaid", status: "expired" },
    "checkout expired",
  ],

  ["payment_intent.created", make.intent, { status: "requires_payment_method" }, "payment pending"],
  ["payment_intent.created", make.intent, { status: "requires_confirmation" }, "payment pending"],
  ["payment_intent.processing", make.intent, { status: "processing" }, "payment processing"],
  [
    "payment_intent.requires_action",
    make.intent,
    { status: "requires_action" },
    "payment action_required",
  ],
  [
    "payment_intent.amount_capturable_updated",
    make.intent,
    { status: "requires_capture" },
    "payment authorized",
  ],
  [
    "payment_intent.partially_funded",
    make.intent,
    { status: "requires_action" },
    "payment action_required",
  ],
  ["payment_intent.succeeded", make.intent, {}, "payment succeeded"],
  ["payment_intent.payment_failed", make.intent, FAILED, "payment failed"],
  ["payment_intent.canceled", make.intent, { status: "canceled" }, "payment canceled"],
  ["payment_intent.not_made_up_yet", make.intent, { status: "levitating" }, "payment unknown"],

  ["charge.succeeded", make.charge, {}, "charge succeeded"],
  ["charge.succeeded", make.charge, UNCAPTURED, "charge authorized"],
  ["charge.failed", make.charge, { status: "failed", ...UNCAPTURED }, "charge failed"],
  ["charge.pending", make.charge, { status: "pending" }, "charge pending"],
  ["charge.captured", make.charge, {}, "charge succeeded"],
  ["charge.expired", make.charge, { ...UNCAPTURED, refunded: true }, "charge expired"],
  ["charge.updated", make.charge, {}, "charge succeeded"],
  ["charge.refunded", make.charge, { amount_refunded: 30_000 }, "charge succeeded"],
  ["charge.refund.updated", make.refund, { status: "pending" }, "refund pending"],

  ["refund.created", make.refund, { status: "requires_action" }, "refund action_required"],
  ["refund.updated", make.refund, {}, "refund succeeded"],
  ["refund.updated", make.refund, { status: "canceled" }, "refund canceled"],
  ["refund.failed", make.refund, { status: "failed" }, "refund failed"],
  ["refund.updated", make.refund, { status: null }, "refund unknown"],

  ["charge.dispute.created", make.dispute, {}, "dispute needs_response"],
  [
    "charge.dispute.created",
    make.dispute,
    { status: "warning_needs_response" },
    "dispute warning_needs_response",
  ],
  ["charge.dispute.updated", make.dispute, { status: "under_review" }, "dispute under_review"],
  ["charge.dispute.updated", make.dispute, { status: "warning_under_review" }, "dispute warning"],
  ["charge.dispute.closed", make.dispute, { status: "warning_closed" }, "dispute warning_closed"],
  ["charge.dispute.closed", make.dispute, { status: "won" }, "dispute won"],
  ["charge.dispute.closed", make.dispute, { status: "lost" }, "dispute lost"],
  ["charge.dispute.closed", make.dispute, { status: "prevented" }, "dispute prevented"],
  ["charge.dispute.funds_withdrawn", make.dispute, {}, "dispute needs_response"],
  ["charge.dispute.funds_reinstated", make.dispute, { status: "won" }, "dispute won"],

  ["radar.early_fraud_warning.created", make.fraudWarning, {}, "fraud_warning actionable"],
  [
    "radar.early_fraud_warning.updated",
    make.fraudWarning,
    { actionable: false },
    "fraud_warning closed",
  ],

  ["invoice.created", make.invoice, { status: "draft" }, "invoice draft"],
  ["invoice.finalized", make.invoice, { status: "open" }, "invoice open"],
  ["invoice.finalization_failed", make.invoice, { status: "draft" }, "invoice draft"],
  ["invoice.sent", make.invoice, { status: "open" }, "invoice open"],
  ["invoice.updated", make.invoice, { status: "open" }, "invoice open"],
  ["invoice.paid", make.invoice, {}, "invoice paid"],
  ["invoice.payment_succeeded", make.invoice, {}, "invoice paid"],
  ["invoice.payment_failed", make.invoice, { status: "open" }, "invoice open"],
  ["invoice.payment_action_required", make.invoice, { status: "open" }, "invoice open"],
  ["invoice.payment_attempt_required", make.invoice, { status: "open" }, "invoice open"],
  ["invoice.overdue", make.invoice, { status: "open" }, "invoice open"],
  ["invoice.overpaid", make.invoice, {}, "invoice paid"],
  ["invoice.will_be_due", make.invoice, { status: "open" }, "invoice open"],
  [
    "invoice.marked_uncollectible",
    make.invoice,
    { status: "uncollectible" },
    "invoice uncollectible",
  ],
  ["invoice.voided", make.invoice, { status: "void" }, "invoice void"],
  ["invoice.deleted", make.invoice, { status: "draft" }, "invoice deleted"],
  ["invoice_payment.paid", make.invoicePayment, {}, "invoice_payment paid"],

  [
    "customer.subscription.created",
    make.subscription,
    { status: "incomplete" },
    "subscription incomplete",
  ],
  ["customer.subscription.updated", make.subscription, {}, "subscription active"],
  [
    "customer.subscription.updated",
    make.subscription,
    { status: "past_due" },
    "subscription past_due",
  ],
  ["customer.subscription.updated", make.subscription, { status: "unpaid" }, "subscription unpaid"],
  [
    "customer.subscription.updated",
    make.subscription,
    { status: "incomplete_expired" },
    "subscription incomplete_expired",
  ],
  [
    "customer.subscription.deleted",
    make.subscription,
    { status: "canceled" },
    "subscription canceled",
  ],
  ["customer.subscription.paused", make.subscription, { status: "paused" }, "subscription paused"],
  ["customer.subscription.resumed", make.subscription, {}, "subscription active"],
  [
    "customer.subscription.trial_will_end",
    make.subscription,
    { status: "trialing" },
    "subscription trialing",
  ],
  ["customer.subscription.pending_update_applied", make.subscription, {}, "subscription active"],
  ["customer.subscription.pending_update_expired", make.subscription, {}, "subscription active"],

  ["customer.created", make.customer, {}, "customer active"],
  ["customer.updated", make.customer, {}, "customer active"],
  ["customer.deleted", make.customer, {}, "customer deleted"],
];
