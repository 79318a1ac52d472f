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

  it("refuses a mode that it does not emulate", async () => {
    const failure = await refusal(b.stripe.checkout.sessions.create({ mode: "subscription" }));
    expect(failure).toMatchObject({ statusCode: 400, param: "mode" });
  });
});
