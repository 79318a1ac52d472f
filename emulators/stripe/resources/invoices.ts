import { parameterInvalid, resourceMissing } from "../errors.js";
import type { Input } from "../form.js";
import { LIST_PARAMS, listOf, pageOf } from "../lists.js";
import type { Actor } from "../rows.js";
import type { Route, World } from "../world.js";
import { type InvoiceRow, type LineRow, listRow, subscriptionOf } from "./billing-rows.js";
import { customerNamed } from "./customers.js";
import {
  createInvoice,
  deleteInvoice,
  finalizeInvoice,
  invoiceNamed,
  keepInvoice,
  markUncollectible,
  paid,
  payInvoice,
  totalsOf,
  voidInvoice,
} from "./invoice-states.js";
import { refusal } from "./payment-intents.js";
import { subscriptionNamed } from "./subscription-states.js";

const DAY_S = 24 * 60 * 60;

function create(world: World, actor: Actor, input: Input): InvoiceRow {
  const customer = input.requiredText("customer");
  customerNamed(world, customer);
  const id = input.text("subscription") ?? null;
  const subscription = id === null ? null : subscriptionNamed(world, id);
  const collection =
    input.oneOf("collection_method", ["charge_automatically", "send_invoice"]) ??
    "charge_automatically";
  const days = input.integer("days_until_due") ?? 30;
  const metadata = subscription?.metadata ?? {};
  const details = id === null ? null : { metadata, subscription: id };
  const invoice = createInvoice(world, actor, {
    customer,
    currency: input.text("currency")?.toLowerCase() ?? subscription?.currency ?? "thb",
    reason: "manual",
    parent: details && {
      quote_details: null,
      subscription_details: details,
      type: "subscription_details",
    },
    lines: [],
    collection,
    dueDate: collection === "send_invoice" ? world.now() + days * DAY_S : null,
    method: input.text("default_payment_method") ?? null,
    metadata: input.metadata(),
    description: input.text("description") ?? null,
    period: { start: world.now(), end: world.now() },
  });
  return keepInvoice(world, invoice, { auto_advance: input.flag("auto_advance") ?? false });
}

/** POST /v1/invoiceitems, for a draft that is named: its line is the item. */
function addItem(world: World, actor: Actor, input: Input): object {
  const draft = invoiceNamed(world, input.requiredText("invoice"));
  if (draft.status !== "draft") throw parameterInvalid("invoice", "The invoice is no draft.");
  const id = world.kit.ids("ii_");
  const amount = input.requiredInteger("amount");
  const currency = input.text("currency")?.toLowerCase() ?? draft.currency;
  const line: LineRow = {
    id: world.kit.ids("il_"),
    object: "line_item",
    amount,
    currency,
    description: input.text("description") ?? null,
    discount_amounts: [],
    discountable: true,
    discounts: [],
    invoice: draft.id,
    livemode: world.livemode,
    metadata: input.metadata(),
    parent: {
      invoice_item_details: {
        invoice_item: id,
        proration: false,
        proration_details: { credited_items: null },
        subscription: subscriptionOf(draft),
      },
      subscription_item_details: null,
      type: "invoice_item_details",
    },
    period: { end: world.now(), start: world.now() },
    pretax_credit_amounts: [],
    pricing: null,
    quantity: 1,
    quantity_decimal: "1",
    subscription: null,
    subtotal: amount,
    taxes: [],
  };
  const lines = [...draft.lines.data, line];
  const changes = { currency, lines: listRow(draft.lines.url, lines), ...totalsOf(lines) };
  const after = keepInvoice(world, draft, changes);
  world.emit(actor, "invoice.updated", after, draft);
  const { description, metadata, livemode, period } = line;
  const head = { id, object: "invoiceitem", amount, currency, customer: draft.customer };
  return { ...head, date: world.now(), description, invoice: draft.id, livemode, metadata, period };
}

function pay(world: World, actor: Actor, before: InvoiceRow, input: Input): InvoiceRow {
  if (input.flag("paid_out_of_band") === true) {
    if (before.status !== "open") throw parameterInvalid("invoice", "The invoice is not open.");
    return paid(world, actor, before, true);
  }
  const ready = before.status === "draft" ? finalizeInvoice(world, actor, before) : before;
  if (ready.status === "paid") return ready;
  const after = payInvoice(world, actor, ready, input.text("payment_method") ?? null);
  if (after.status === "paid") return after;
  throw declined(world, after);
}

function declined(world: World, invoice: InvoiceRow): Error {
  const where = { field: "invoice", value: invoice.id };
  for (const { payment } of world.tables.invoicePayments.newestFirst({ where })) {
    const intent = world.tables.paymentIntents.get(String(payment.payment_intent));
    if (intent?.last_payment_error) return refusal(intent);
  }
  return parameterInvalid(
    "invoice",
    "The invoice could not be paid.",
    "invoice_payment_intent_requires_action",
  );
}

function update(world: World, actor: Actor, before: InvoiceRow, input: Input): InvoiceRow {
  const description = input.text("description");
  const method = input.text("default_payment_method");
  const advance = input.flag("auto_advance");
  const after = keepInvoice(world, before, {
    metadata: input.metadata(before.metadata ?? {}),
    ...(description === undefined ? {} : { description }),
    ...(method === undefined ? {} : { default_payment_method: method }),
    ...(advance === undefined ? {} : { auto_advance: advance }),
  });
  if (JSON.stringify(after) !== JSON.stringify(before)) {
    world.emit(actor, "invoice.updated", after, before);
  }
  return after;
}

const UPDATE_PARAMS = [
  "description",
  "metadata",
  "default_payment_method",
  "auto_advance",
  "expand",
];

/** POST /v1/invoices/:id/<verb>. */
const verb = (
  world: World,
  name: string,
  accepts: string[],
  run: (before: InvoiceRow, actor: Actor, input: Input) => object,
): Route => ({
  method: "POST",
  path: `/v1/invoices/:id/${name}`,
  accepts: [...accepts, "expand"],
  run: ({ id, actor, input }) => run(invoiceNamed(world, id), actor, input),
});

export const invoiceRoutes = (world: World): Route[] => [
  {
    method: "POST",
    path: "/v1/invoices",
    accepts: [
      ...UPDATE_PARAMS,
      "customer",
      "subscription",
      "collection_method",
      "days_until_due",
      "currency",
    ],
    run: ({ input, actor }) => create(world, actor, input),
  },
  {
    method: "POST",
    path: "/v1/invoiceitems",
    accepts: ["customer", "invoice", "amount", "currency", "description", "metadata", "expand"],
    run: ({ input, actor }) => addItem(world, actor, input),
  },
  {
    method: "GET",
    path: "/v1/invoices",
    accepts: [...LIST_PARAMS, "customer", "subscription", "status"],
    run: ({ input }) => {
      const subscription = input.text("subscription") ?? null;
      return listOf("/v1/invoices", "invoice", input, world.tables.invoices, {
        by: ["customer", "status"],
        matches: (row) => subscription === null || subscriptionOf(row) === subscription,
      });
    },
  },
  {
    method: "GET",
    path: "/v1/invoices/:id",
    accepts: ["expand"],
    run: ({ id }) => invoiceNamed(world, id),
  },
  {
    method: "GET",
    path: "/v1/invoices/:id/lines",
    accepts: LIST_PARAMS,
    run: ({ id, input }) =>
      pageOf(`/v1/invoices/${id}/lines`, "line_item", input, invoiceNamed(world, id).lines.data),
  },
  {
    method: "POST",
    path: "/v1/invoices/:id",
    accepts: UPDATE_PARAMS,
    run: ({ id, input, actor }) => update(world, actor, invoiceNamed(world, id), input),
  },
  {
    method: "DELETE",
    path: "/v1/invoices/:id",
    accepts: [],
    run: ({ id, actor }) => deleteInvoice(world, actor, invoiceNamed(world, id)),
  },
  verb(world, "finalize", ["auto_advance"], (before, actor) =>
    finalizeInvoice(world, actor, before),
  ),
  verb(world, "pay", ["payment_method", "paid_out_of_band"], (before, actor, input) =>
    pay(world, actor, before, input),
  ),
  verb(world, "void", [], (before, actor) => voidInvoice(world, actor, before)),
  verb(world, "mark_uncollectible", [], (before, actor) => markUncollectible(world, actor, before)),
  verb(world, "send", [], (before, actor) => {
    const open = before.status === "draft" ? finalizeInvoice(world, actor, before) : before;
    world.emit(actor, "invoice.sent", open);
    return open;
  }),
];

export const invoicePaymentRoutes = (world: World): Route[] => [
  {
    method: "GET",
    path: "/v1/invoice_payments",
    accepts: [...LIST_PARAMS, "invoice", "payment", "status"],
    run: ({ input }) => {
      const payment = input.child("payment");
      payment?.accept(["type", "payment_intent"]);
      const intent = payment?.text("payment_intent") ?? null;
      return listOf(
        "/v1/invoice_payments",
        "invoice_payment",
        input,
        world.tables.invoicePayments,
        {
          by: ["invoice", "status"],
          matches: (row) => intent === null || row.payment.payment_intent === intent,
        },
      );
    },
  },
  {
    method: "GET",
    path: "/v1/invoice_payments/:id",
    accepts: ["expand"],
    run: ({ id }) => {
      const payment = world.tables.invoicePayments.get(id);
      if (payment === undefined) throw resourceMissing("invoice_payment", id, "id");
      return payment;
    },
  },
];
