import type Stripe from "stripe";
import { resourceMissing, unexpectedState } from "../errors.js";
import type { Actor } from "../rows.js";
import type { World } from "../world.js";
import {
  type InvoicePaymentRow,
  type InvoiceRow,
  type LineRow,
  listRow,
  subscriptionOf,
} from "./billing-rows.js";
import { customerNamed } from "./customers.js";
import { attempt, canceledIntent, createIntent, idOf } from "./intent-states.js";
import { emptyInvoice } from "./invoice-defaults.js";
import { resolvePaymentMethod } from "./payment-methods.js";

/** When a payment that failed is said to be tried again; it is tried when a control or the API says so. */
const RETRY_S = 3 * 24 * 60 * 60;

export interface InvoiceFields {
  customer: string;
  currency: string;
  reason: Stripe.Invoice.BillingReason;
  parent: Stripe.Invoice.Parent | null;
  lines: Omit<LineRow, "id" | "invoice">[];
  collection: Stripe.Invoice.CollectionMethod;
  dueDate: number | null;
  method: string | null;
  metadata: Stripe.Metadata;
  description: string | null;
  period: { start: number; end: number };
}

export function invoiceNamed(world: World, id: string, param = "invoice"): InvoiceRow {
  const invoice = world.tables.invoices.get(id);
  if (invoice === undefined) throw resourceMissing("invoice", id, param);
  return invoice;
}

export const keepInvoice = (world: World, before: InvoiceRow, changes: Partial<InvoiceRow>) =>
  world.tables.invoices.put(before.id, { ...before, ...changes });

/** A draft, stored and told. */
export function createInvoice(world: World, actor: Actor, fields: InvoiceFields): InvoiceRow {
  const id = world.kit.ids("in_");
  const customer = customerNamed(world, fields.customer);
  const lines = fields.lines.map((line) => ({ id: world.kit.ids("il_"), ...line, invoice: id }));
  const invoice: InvoiceRow = {
    ...emptyInvoice,
    id,
    ...totalsOf(lines),
    amount_paid: 0,
    attempt_count: 0,
    attempted: false,
    auto_advance: true,
    billing_reason: fields.reason,
    collection_method: fields.collection,
    created: world.now(),
    currency: fields.currency,
    customer: fields.customer,
    customer_email: customer.email,
    customer_name: customer.name ?? null,
    default_payment_method: fields.method,
    description: fields.description,
    due_date: fields.dueDate,
    effective_at: null,
    hosted_invoice_url: null,
    lines: listRow(`/v1/invoices/${id}/lines`, lines),
    livemode: world.livemode,
    metadata: fields.metadata,
    next_payment_attempt: null,
    number: null,
    parent: fields.parent,
    period_end: fields.period.end,
    period_start: fields.period.start,
    status: "draft",
    status_transitions: {
      finalized_at: null,
      marked_uncollectible_at: null,
      paid_at: null,
      voided_at: null,
    },
  };
  world.tables.invoices.put(id, invoice);
  world.emit(actor, "invoice.created", invoice);
  return invoice;
}

export function totalsOf(lines: Pick<LineRow, "amount">[]) {
  const total = lines.reduce((sum, line) => sum + line.amount, 0);
  const due = Math.max(0, total);
  return {
    amount_due: due,
    amount_remaining: due,
    subtotal: total,
    subtotal_excluding_tax: total,
    total,
    total_excluding_tax: total,
  };
}

function refuse(invoice: InvoiceRow, what: string): never {
  throw unexpectedState(
    "invoice_not_editable",
    `This invoice is ${invoice.status}: it cannot be ${what}.`,
  );
}

/** Gives it its number and, when something is due, a payment intent. */
export function finalizeInvoice(world: World, actor: Actor, before: InvoiceRow): InvoiceRow {
  if (before.status !== "draft") refuse(before, "finalized");
  const customer = customerNamed(world, before.customer);
  const sequence = customer.next_invoice_sequence ?? 1;
  world.tables.customers.put(customer.id, { ...customer, next_invoice_sequence: sequence + 1 });
  const number = `${customer.id.slice(-8).toUpperCase()}-${String(sequence).padStart(4, "0")}`;
  const { status_transitions: transitions } = before;
  const open = keepInvoice(world, before, {
    effective_at: world.now(),
    hosted_invoice_url: `${world.kit.baseUrl}/i/${before.id}`,
    number,
    status: "open",
    status_transitions: { ...transitions, finalized_at: world.now() },
  });
  if (open.amount_due > 0) askFor(world, actor, open);
  world.emit(actor, "invoice.finalized", open, before);
  return open.amount_due > 0 ? open : paid(world, actor, open);
}

function askFor(world: World, actor: Actor, invoice: InvoiceRow): void {
  const intent = createIntent(world, actor, {
    amount: invoice.amount_due,
    currency: invoice.currency,
    customer: invoice.customer,
    description: subscriptionOf(invoice) === null ? null : "Subscription payment",
    metadata: {},
    receiptEmail: null,
    captureMethod: "automatic",
    methodTypes: ["card"],
    automatic: false,
    statementDescriptor: null,
  });
  const payment: InvoicePaymentRow = {
    id: world.kit.ids("inpay_"),
    object: "invoice_payment",
    amount_paid: null,
    amount_requested: invoice.amount_due,
    created: world.now(),
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    livemode: world.livemode,
    payment: { payment_intent: intent.id, type: "payment_intent" },
    status: "open",
    status_transitions: { canceled_at: null, paid_at: null },
  };
  world.tables.invoicePayments.put(payment.id, payment);
}

/** The payment that an invoice asks for by default. */
export function paymentOf(world: World, invoice: string): InvoicePaymentRow | undefined {
  const where = { field: "invoice", value: invoice };
  for (const payment of world.tables.invoicePayments.newestFirst({ where })) return payment;
  return undefined;
}

/** Charges what is due; how that went is in the invoice. @param method a payment method; nothing: the invoice's own. */
export function payInvoice(
  world: World,
  actor: Actor,
  before: InvoiceRow,
  method: string | null = null,
): InvoiceRow {
  if (before.status !== "open" && before.status !== "uncollectible") refuse(before, "paid");
  const named = method ?? idOf(before.default_payment_method);
  const intentId = idOf(paymentOf(world, before.id)?.payment.payment_intent ?? null);
  const intent = intentId === null ? undefined : world.tables.paymentIntents.get(intentId);
  if (intent === undefined) return paid(world, actor, before);
  if (named === null) {
    failed(world, actor, before);
    return invoiceNamed(world, before.id);
  }
  attempt(world, actor, intent, resolvePaymentMethod(world, named, before.customer));
  return invoiceNamed(world, before.id);
}

/** Paid outside of Stripe, or nothing was due. */
export function paid(world: World, actor: Actor, before: InvoiceRow, outside = false): InvoiceRow {
  const payment = paymentOf(world, before.id);
  if (payment !== undefined) closePayment(world, actor, payment, outside);
  const { status_transitions: transitions } = before;
  const after = keepInvoice(world, before, {
    amount_paid: before.amount_due,
    amount_remaining: 0,
    attempted: true,
    auto_advance: false,
    next_payment_attempt: null,
    status: "paid",
    status_transitions: { ...transitions, paid_at: world.now() },
  });
  world.emit(actor, "invoice.updated", after, before);
  world.emit(actor, "invoice.paid", after);
  if (!outside) world.emit(actor, "invoice.payment_succeeded", after);
  world.invoiceSettled(world, actor, after);
  return after;
}

function closePayment(
  world: World,
  actor: Actor,
  payment: InvoicePaymentRow,
  outside: boolean,
): void {
  const changes = outside
    ? { status: "canceled", status_transitions: { canceled_at: world.now(), paid_at: null } }
    : {
        amount_paid: payment.amount_requested,
        status: "paid",
        status_transitions: { canceled_at: null, paid_at: world.now() },
      };
  const after = world.tables.invoicePayments.put(payment.id, { ...payment, ...changes });
  if (!outside) world.emit(actor, "invoice_payment.paid", after);
  else cancelIntentOf(world, actor, payment);
}

function cancelIntentOf(world: World, actor: Actor, payment: InvoicePaymentRow): void {
  const id = idOf(payment.payment.payment_intent ?? null);
  const intent = id === null ? undefined : world.tables.paymentIntents.get(id);
  if (intent === undefined || ["succeeded", "canceled"].includes(intent.status)) return;
  canceledIntent(world, actor, intent, "void_invoice");
}

function failed(world: World, actor: Actor, before: InvoiceRow, asked = false): void {
  const first = before.billing_reason === "subscription_create";
  const after = keepInvoice(world, before, {
    attempt_count: before.attempt_count + 1,
    attempted: true,
    next_payment_attempt: first || asked ? null : world.now() + RETRY_S,
  });
  world.emit(actor, "invoice.updated", after, before);
  if (asked) world.emit(actor, "invoice.payment_action_required", after);
  world.emit(actor, "invoice.payment_failed", after);
  world.invoiceSettled(world, actor, after);
}

/** Follows a payment intent that belongs to an invoice; others are left alone. */
export function followIntent(world: World, actor: Actor, intent: Stripe.PaymentIntent): void {
  const where = { field: "payment.payment_intent", value: intent.id };
  for (const payment of [...world.tables.invoicePayments.newestFirst({ where })]) {
    const invoice = world.tables.invoices.get(payment.invoice);
    if (invoice === undefined || !["open", "uncollectible"].includes(invoice.status ?? "")) return;
    if (intent.status === "succeeded") paid(world, actor, invoice);
    else if (intent.status === "requires_action") failed(world, actor, invoice, true);
    else if (intent.status === "requires_payment_method") failed(world, actor, invoice);
  }
}

export function voidInvoice(world: World, actor: Actor, before: InvoiceRow): InvoiceRow {
  if (before.status !== "open" && before.status !== "uncollectible") refuse(before, "voided");
  const payment = paymentOf(world, before.id);
  if (payment !== undefined) closePayment(world, actor, payment, true);
  const { status_transitions: transitions } = before;
  const after = keepInvoice(world, before, {
    auto_advance: false,
    next_payment_attempt: null,
    status: "void",
    status_transitions: { ...transitions, voided_at: world.now() },
  });
  world.emit(actor, "invoice.voided", after, before);
  return after;
}

export function markUncollectible(world: World, actor: Actor, before: InvoiceRow): InvoiceRow {
  if (before.status !== "open") refuse(before, "marked uncollectible");
  const { status_transitions: transitions } = before;
  const after = keepInvoice(world, before, {
    auto_advance: false,
    next_payment_attempt: null,
    status: "uncollectible",
    status_transitions: { ...transitions, marked_uncollectible_at: world.now() },
  });
  world.emit(actor, "invoice.marked_uncollectible", after, before);
  return after;
}

export function deleteInvoice(world: World, actor: Actor, before: InvoiceRow): object {
  if (before.status !== "draft") refuse(before, "deleted");
  world.tables.invoices.remove(before.id);
  world.emit(actor, "invoice.deleted", before);
  return { id: before.id, object: "invoice", deleted: true };
}
