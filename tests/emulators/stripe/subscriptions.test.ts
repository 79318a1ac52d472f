import { beforeEach, describe, expect, it } from "vitest";
import { newWorld } from "./world.js";

const MONTH_MS = 31 * 24 * 60 * 60 * 1000;

let w: ReturnType<typeof newWorld>;
let customer: string;
let price: string;
beforeEach(() => {
  w = newWorld();
  customer = w.post("/v1/customers", { email: "a@example.com" }).id;
  price = w.post("/v1/prices", {
    currency: "thb",
    unit_amount: 29900,
    recurring: { interval: "month" },
    product_data: { name: "Pro" },
  }).id;
  w.news();
});

type Params = Parameters<typeof w.post>[1];

const subscribe = (method: string | null, params: Params = {}) =>
  w.post("/v1/subscriptions", {
    customer,
    items: [{ price }],
    metadata: { user: "u_1" },
    ...(method === null ? {} : { default_payment_method: method }),
    ...params,
  });
const read = (id: string) => w.get(`/v1/subscriptions/${id}`);
const latestInvoice = (id: string) => w.get(`/v1/invoices/${String(read(id).latest_invoice)}`);
const renew = (id: string) => {
  w.world.advance(MONTH_MS);
  return w.world.act({ do: "renew", id });
};

describe("subscriptions", () => {
  it("paid at once begin incomplete and are active in the same second", () => {
    const made = subscribe("pm_card_visa");
    expect(made).toMatchObject({ status: "active", customer, metadata: { user: "u_1" } });
    expect(w.news()).toEqual([
      "invoice.created",
      "customer.subscription.created",
      "payment_intent.created",
      "invoice.finalized",
      "charge.succeeded",
      "payment_intent.succeeded",
      "invoice_payment.paid",
      "invoice.updated",
      "invoice.paid",
      "invoice.payment_succeeded",
      "customer.subscription.updated",
    ]);
    const events = w.world.events();
    const created = events.find(({ type }) => type === "customer.subscription.created");
    const updated = events.find(({ type }) => type === "customer.subscription.updated");
    expect(created?.data.object).toMatchObject({ status: "incomplete" });
    expect(updated?.data.previous_attributes).toEqual({ status: "incomplete" });
    expect(created?.created).toBe(updated?.created);
    expect(latestInvoice(made.id)).toMatchObject({
      status: "paid",
      amount_paid: 29900,
      billing_reason: "subscription_create",
      parent: { subscription_details: { subscription: made.id, metadata: { user: "u_1" } } },
    });
    const payments = w.get("/v1/invoice_payments", { invoice: String(made.latest_invoice) });
    expect(payments.data).toMatchObject([{ status: "paid", amount_paid: 29900 }]);
  });

  it("renew, fall behind, are paid after all, and are given up in the end", () => {
    const { id } = subscribe("pm_card_visa");
    const before = read(id).items as { data: { current_period_end: number }[] };
    renew(id);
    expect(read(id).items).toMatchObject({
      data: [{ current_period_start: before.data[0]?.current_period_end }],
    });
    w.post(`/v1/subscriptions/${id}`, { default_payment_method: "pm_card_chargeDeclined" });
    w.news();
    renew(id);
    expect(read(id).status).toBe("past_due");
    expect(w.news()).toEqual(
      expect.arrayContaining(["invoice.payment_failed", "customer.subscription.updated"]),
    );
    const invoice = latestInvoice(id);
    expect(invoice).toMatchObject({ status: "open", attempt_count: 1 });
    w.post(`/v1/invoices/${invoice.id}/pay`, { payment_method: "pm_card_visa" });
    expect(read(id).status).toBe("active");
    renew(id);
    w.world.act({ do: "end_dunning", id, outcome: "unpaid" });
    expect(read(id).status).toBe("unpaid");
    w.post(`/v1/invoices/${latestInvoice(id).id}/pay`, { payment_method: "pm_card_visa" });
    expect(read(id).status).toBe("active");
    renew(id);
    w.world.act({ do: "end_dunning", id, outcome: "canceled" });
    expect(read(id)).toMatchObject({
      status: "canceled",
      cancellation_details: { reason: "payment_failed" },
    });
  });

  it("whose first payment fails are incomplete, and expire or are paid by their intent", () => {
    const { id } = subscribe("pm_card_chargeDeclined");
    expect(read(id).status).toBe("incomplete");
    w.world.act({ do: "expire_incomplete", id });
    expect(read(id).status).toBe("incomplete_expired");
    expect(latestInvoice(id).status).toBe("void");
    const other = subscribe("pm_card_authenticationRequired");
    expect(w.news()).toContain("invoice.payment_action_required");
    const payments = w.get("/v1/invoice_payments", { invoice: String(other.latest_invoice) });
    const [payment] = payments.data as { payment: { payment_intent: string } }[];
    w.world.act({ do: "settle", id: payment?.payment.payment_intent ?? "", outcome: "succeeded" });
    expect(read(other.id).status).toBe("active");
  });

  it("on trial pay nothing; at its end they are charged, paused or canceled", () => {
    const trial = (missing: string) =>
      subscribe(null, {
        trial_period_days: 14,
        trial_settings: { end_behavior: { missing_payment_method: missing } },
      }).id;
    const charged = subscribe("pm_card_visa", { trial_period_days: 14 }).id;
    expect(read(charged).status).toBe("trialing");
    expect(latestInvoice(charged)).toMatchObject({ status: "paid", total: 0 });
    const [paused, canceled] = [trial("pause"), trial("cancel")];
    w.world.advance(14 * 24 * 60 * 60 * 1000);
    w.news();
    w.world.act({ do: "renew", id: charged });
    expect(latestInvoice(charged)).toMatchObject({ status: "paid", total: 29900 });
    w.world.act({ do: "renew", id: paused });
    w.world.act({ do: "renew", id: canceled });
    expect([charged, paused, canceled].map((id) => read(id).status)).toEqual([
      "active",
      "paused",
      "canceled",
    ]);
    w.post(`/v1/subscriptions/${paused}`, { default_payment_method: "pm_card_visa" });
    w.post(`/v1/subscriptions/${paused}/resume`);
    expect(read(paused).status).toBe("active");
    const types = w.news();
    expect(types).toContain("customer.subscription.paused");
    expect(types).toContain("customer.subscription.resumed");
    expect(types).toContain("customer.subscription.deleted");
  });

  it("planned to end go on until then; ended they stay ended", () => {
    const { id } = subscribe("pm_card_visa");
    w.post(`/v1/subscriptions/${id}`, { cancel_at_period_end: true });
    expect(read(id)).toMatchObject({ status: "active", cancel_at_period_end: true });
    w.post(`/v1/subscriptions/${id}`, { cancel_at_period_end: false });
    expect(read(id)).toMatchObject({ cancel_at: null, canceled_at: null });
    w.post(`/v1/subscriptions/${id}`, { cancel_at_period_end: true });
    expect(renew(id)).toMatchObject({ status: "canceled" });
    const other = subscribe("pm_card_visa").id;
    w.world.call("DELETE", `/v1/subscriptions/${other}`);
    expect(() => w.world.call("DELETE", `/v1/subscriptions/${other}`)).toThrow(/has ended/);
    expect((w.get("/v1/subscriptions").data as object[]).length).toBe(0);
    expect((w.get("/v1/subscriptions", { status: "all" }).data as object[]).length).toBe(2);
  });

  it("a change that is not paid is pending, and is applied or expires", () => {
    const dearer = w.post("/v1/prices", {
      currency: "thb",
      unit_amount: 99900,
      recurring: { interval: "month" },
      product_data: { name: "Team" },
    }).id;
    const upgrade = (id: string) =>
      w.post(`/v1/subscriptions/${id}`, {
        items: [{ price: dearer }],
        payment_behavior: "pending_if_incomplete",
        proration_behavior: "always_invoice",
      });
    const { id } = subscribe("pm_card_visa");
    expect(upgrade(id)).toMatchObject({ items: { data: [{ price: { id: dearer } }] } });
    const late = [1, 2].map(() => {
      const made = subscribe("pm_card_visa").id;
      w.post(`/v1/subscriptions/${made}`, { default_payment_method: "pm_card_chargeDeclined" });
      expect(upgrade(made)).toMatchObject({
        status: "active",
        pending_update: { trial_end: null },
      });
      return made;
    });
    w.world.act({ do: "settle_pending_update", id: late[0] ?? "", outcome: "applied" });
    w.world.act({ do: "settle_pending_update", id: late[1] ?? "", outcome: "expired" });
    expect(late.map((made) => read(made))).toMatchObject([
      { pending_update: null, items: { data: [{ price: { id: dearer } }] } },
      { pending_update: null, items: { data: [{ price: { id: price } }] } },
    ]);
    expect(w.news()).toEqual(
      expect.arrayContaining([
        "customer.subscription.pending_update_applied",
        "customer.subscription.pending_update_expired",
      ]),
    );
  });

  it("whose collection is paused make invoices that nobody has to pay", () => {
    const { id } = subscribe("pm_card_visa");
    const states = ["keep_as_draft", "void", "mark_uncollectible"].map((behavior) => {
      w.post(`/v1/subscriptions/${id}`, { pause_collection: { behavior } });
      renew(id);
      return latestInvoice(id).status;
    });
    expect(states).toEqual(["draft", "void", "uncollectible"]);
    w.post(`/v1/subscriptions/${id}`, { pause_collection: "" });
    renew(id);
    expect(latestInvoice(id).status).toBe("paid");
  });
});

describe("invoices by hand", () => {
  const draft = () => {
    const { id } = w.post("/v1/invoices", { customer, collection_method: "send_invoice" });
    w.post("/v1/invoiceitems", { customer, invoice: id, amount: 5000, currency: "thb" });
    return id;
  };

  it("are drafted, finalized, and paid, voided, given up or deleted", () => {
    const [paid, voided, lost, deleted] = [draft(), draft(), draft(), draft()];
    for (const id of [paid, voided, lost]) w.post(`/v1/invoices/${id}/finalize`);
    w.post(`/v1/invoices/${paid}/pay`, { paid_out_of_band: true });
    w.post(`/v1/invoices/${voided}/void`);
    w.post(`/v1/invoices/${lost}/mark_uncollectible`);
    w.world.call("DELETE", `/v1/invoices/${deleted}`);
    const states = [paid, voided, lost].map((id) => w.get(`/v1/invoices/${id}`).status);
    expect(states).toEqual(["paid", "void", "uncollectible"]);
    expect(() => w.get(`/v1/invoices/${deleted}`)).toThrow(/No such invoice/);
    expect(() => w.post(`/v1/invoices/${paid}/void`)).toThrow(/is paid/);
    expect(w.news()).toEqual(
      expect.arrayContaining([
        "invoice.finalized",
        "invoice.paid",
        "invoice.voided",
        "invoice.marked_uncollectible",
        "invoice.deleted",
        "payment_intent.canceled",
      ]),
    );
    expect(w.get("/v1/invoices", { customer, status: "void" }).data).toMatchObject([
      { id: voided },
    ]);
  });

  it("tell of what time does to them", () => {
    const id = draft();
    w.news();
    w.world.act({ do: "tell", id, type: "invoice.overdue" });
    expect(w.news()).toEqual(["invoice.overdue"]);
  });
});
