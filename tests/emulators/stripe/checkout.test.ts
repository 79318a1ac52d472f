import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Bench, bench, refusal } from "./receiver.js";

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const open = () =>
  b.stripe.checkout.sessions.create({
    mode: "payment",
    success_url: "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
    client_reference_id: "user_7",
    metadata: { plan: "pro" },
    payment_intent_data: { metadata: { plan: "pro" } },
    line_items: [
      {
        quantity: 2,
        price_data: { currency: "thb", unit_amount: 25000, product_data: { name: "คอร์ส" } },
      },
      {
        price_data: { currency: "thb", unit_amount: 100, product_data: { name: "Fee" } },
        quantity: 1,
      },
    ],
  });

describe("checkout sessions", () => {
  it("paid by card: one intent, one session completed, both agreeing", async () => {
    const session = await open();
    expect(session).toMatchObject({
      status: "open",
      payment_status: "unpaid",
      payment_intent: null,
      amount_total: 50100,
    });
    b.emulator.completeCheckout(session.id, { email: "somchai@example.com", name: "สมชาย" });
    const done = await b.stripe.checkout.sessions.retrieve(session.id, {
      expand: ["payment_intent", "line_items"],
    });
    expect(done).toMatchObject({
      status: "complete",
      payment_status: "paid",
      url: null,
      customer: null,
      client_reference_id: "user_7",
      customer_details: { email: "somchai@example.com", name: "สมชาย" },
      payment_intent: { status: "succeeded", amount: 50100, metadata: { plan: "pro" } },
    });
    expect(done.line_items?.data.map((item) => item.description)).toEqual(["คอร์ส", "Fee"]);
    expect((await b.delivered()).sort()).toEqual([
      "charge.succeeded",
      "checkout.session.completed",
      "payment_intent.created",
      "payment_intent.succeeded",
    ]);
  });

  it("paid by bank: completed unpaid, and the money's fate days later", async () => {
    const session = await open();
    b.emulator.completeCheckout(session.id, {
      email: "a@example.com",
      paymentMethod: "pm_usBankAccount_success",
    });
    expect(await b.stripe.checkout.sessions.retrieve(session.id)).toMatchObject({
      status: "complete",
      payment_status: "unpaid",
    });
    b.emulator.settle(session.id, "succeeded");
    expect((await b.stripe.checkout.sessions.retrieve(session.id)).payment_status).toBe("paid");
    const other = await open();
    b.emulator.completeCheckout(other.id, {
      email: "a@example.com",
      paymentMethod: "pm_usBankAccount_success",
    });
    b.emulator.settle(other.id, "failed");
    const types = await b.delivered();
    expect(types).toContain("checkout.session.async_payment_succeeded");
    expect(types).toContain("checkout.session.async_payment_failed");
  });

  it("declined: the session stays open and the next card pays the same intent", async () => {
    const session = await open();
    b.emulator.completeCheckout(session.id, {
      email: "a@example.com",
      paymentMethod: "pm_card_chargeDeclined",
    });
    const tried = await b.stripe.checkout.sessions.retrieve(session.id);
    expect(tried.status).toBe("open");
    b.emulator.completeCheckout(session.id, { email: "a@example.com" });
    const done = await b.stripe.checkout.sessions.retrieve(session.id);
    expect(done).toMatchObject({ status: "complete", payment_intent: tried.payment_intent });
  });

  it("expired by hand or by time, once", async () => {
    const first = await open();
    await b.stripe.checkout.sessions.expire(first.id);
    expect((await refusal(b.stripe.checkout.sessions.expire(first.id))).statusCode).toBe(400);
    const second = await open();
    b.emulator.advance(24 * 60 * 60 * 1000);
    expect((await b.stripe.checkout.sessions.retrieve(second.id)).status).toBe("expired");
    expect((await b.delivered()).filter((t) => t === "checkout.session.expired")).toHaveLength(2);
  });

  it("a person can pay on the page that the session's url leads to", async () => {
    const session = await open();
    const page = await fetch(session.url ?? "");
    expect(await page.text()).toContain("คอร์ส × 2");
    const paid = await fetch(session.url ?? "", {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ email: "a@example.com", payment_method: "pm_card_visa" }),
    });
    expect(paid.headers.get("location")).toBe(`https://shop.example/done?session=${session.id}`);
    expect(await b.delivered()).toContain("checkout.session.completed");
  });

  it("in mode subscription begins one, with its customer and first invoice", async () => {
    const recurring = { interval: "year" } as const;
    const product_data = { name: "Pro" };
    const price_data = { currency: "thb", unit_amount: 290000, recurring, product_data };
    const session = await b.stripe.checkout.sessions.create({
      mode: "subscription",
      line_items: [{ price_data, quantity: 1 }],
      subscription_data: { metadata: { user: "u_1" } },
    });
    const pay = (paymentMethod: string) =>
      b.emulator.completeCheckout(session.id, { email: "a@example.com", paymentMethod });
    pay("pm_card_chargeDeclined");
    expect((await b.stripe.checkout.sessions.retrieve(session.id)).status).toBe("open");
    pay("pm_card_visa");
    const done = await b.stripe.checkout.sessions.retrieve(session.id, {
      expand: ["subscription.latest_invoice", "customer"],
    });
    expect(done).toMatchObject({
      status: "complete",
      payment_status: "paid",
      payment_intent: null,
      customer: { email: "a@example.com" },
      subscription: {
        status: "active",
        metadata: { user: "u_1" },
        latest_invoice: { status: "paid", amount_paid: 290000 },
      },
    });
    const types = await b.delivered();
    expect(types).toContain("customer.subscription.created");
    expect(types).toContain("invoice.paid");
  });

  it("in mode setup keeps a payment method and asks for no money", async () => {
    const session = await b.stripe.checkout.sessions.create({ mode: "setup", currency: "thb" });
    b.emulator.completeCheckout(session.id, { email: "a@example.com" });
    const done = await b.stripe.checkout.sessions.retrieve(session.id, {
      expand: ["setup_intent"],
    });
    expect(done).toMatchObject({
      payment_status: "no_payment_required",
      amount_total: null,
      setup_intent: { status: "succeeded" },
    });
    const unknown = b.stripe.checkout.sessions.create({ mode: "donation" as "payment" });
    expect(await refusal(unknown)).toMatchObject({ statusCode: 400, param: "mode" });
  });

  it("follows its intent, also when the bank speaks of that one", async () => {
    const session = await open();
    const done = b.emulator.completeCheckout(session.id, {
      email: "a@example.com",
      paymentMethod: "pm_usBankAccount_success",
    }) as { payment_intent: string };
    b.emulator.act({ do: "settle", id: done.payment_intent, outcome: "succeeded" });
    expect((await b.stripe.checkout.sessions.retrieve(session.id)).payment_status).toBe("paid");
    expect(await b.delivered()).toContain("checkout.session.async_payment_succeeded");
  });
});
