import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Bench, bench, refusal } from "./receiver.js";

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const pay = (method = "pm_card_visa") =>
  b.stripe.paymentIntents.create({
    amount: 1999,
    currency: "eur",
    payment_method: method,
    confirm: true,
    metadata: { user: "u_1", ชื่อ: "ไทย" },
  });

describe("payment intents", () => {
  it("succeed with a charge, and say so in events whose objects agree with a later read", async () => {
    const intent = await pay();
    expect(intent).toMatchObject({
      status: "succeeded",
      amount_received: 1999,
      metadata: { user: "u_1", ชื่อ: "ไทย" },
    });
    expect("charges" in intent).toBe(false);
    expect((await b.delivered()).sort()).toEqual([
      "charge.succeeded",
      "payment_intent.created",
      "payment_intent.succeeded",
    ]);
    const events = await b.stripe.events.list({ type: "payment_intent.succeeded" });
    const read = await b.stripe.paymentIntents.retrieve(intent.id);
    expect(events.data[0]?.data.object).toEqual({ ...read, lastResponse: undefined });
  });

  it("expand their charge and customer", async () => {
    const customer = await b.stripe.customers.create({ email: "a@example.com" });
    const made = await b.stripe.paymentIntents.create({
      amount: 500,
      currency: "thb",
      customer: customer.id,
      payment_method: "pm_card_visa",
      confirm: true,
      expand: ["latest_charge.customer"],
    });
    expect(made.latest_charge).toMatchObject({
      object: "charge",
      paid: true,
      customer: { id: customer.id, email: "a@example.com" },
    });
    const failure = await refusal(
      b.stripe.paymentIntents.retrieve(made.id, { expand: ["amount"] }),
    );
    expect(failure.message).toBe("This property cannot be expanded (amount).");
    const list = await b.stripe.paymentIntents.list({ expand: ["data.customer"] });
    expect(list.data[0]?.customer).toMatchObject({ email: "a@example.com" });
  });

  it("declined: 402 with the intent, a failed charge and payment_failed; another card then pays", async () => {
    const failure = await refusal(pay("pm_card_chargeDeclined"));
    expect(failure).toMatchObject({
      type: "StripeCardError",
      statusCode: 402,
      code: "card_declined",
      decline_code: "generic_decline",
    });
    const id = failure.payment_intent?.id ?? "";
    expect(failure.payment_intent).toMatchObject({
      status: "requires_payment_method",
      last_payment_error: { code: "card_declined", charge: failure.charge },
    });
    expect((await b.delivered()).sort()).toEqual([
      "charge.failed",
      "payment_intent.created",
      "payment_intent.payment_failed",
    ]);
    const paid = await b.stripe.paymentIntents.confirm(id, { payment_method: "pm_card_visa" });
    expect(paid).toMatchObject({ status: "succeeded", last_payment_error: null });
    const charges = await b.stripe.charges.list({ payment_intent: id });
    expect(charges.data.map((c) => c.status)).toEqual(["succeeded", "failed"]);
  });

  it("authorise, capture a part, and refuse a second capture", async () => {
    const held = await b.stripe.paymentIntents.create({
      amount: 1000,
      currency: "usd",
      capture_method: "manual",
      payment_method: "pm_card_visa",
      confirm: true,
    });
    expect(held).toMatchObject({
      status: "requires_capture",
      amount_capturable: 1000,
      amount_received: 0,
    });
    const done = await b.stripe.paymentIntents.capture(held.id, { amount_to_capture: 700 });
    expect(done).toMatchObject({ status: "succeeded", amount_received: 700, amount_capturable: 0 });
    const failure = await refusal(b.stripe.paymentIntents.capture(held.id));
    expect(failure).toMatchObject({ statusCode: 400, code: "payment_intent_unexpected_state" });
    expect(await b.delivered()).toContain("payment_intent.amount_capturable_updated");
  });

  it("cancelled once, with a reason; an authorised one gives its charge back", async () => {
    const open = await b.stripe.paymentIntents.create({ amount: 100, currency: "usd" });
    const gone = await b.stripe.paymentIntents.cancel(open.id, {
      cancellation_reason: "abandoned",
    });
    expect(gone).toMatchObject({ status: "canceled", cancellation_reason: "abandoned" });
    expect(await refusal(b.stripe.paymentIntents.cancel(open.id))).toMatchObject({
      statusCode: 400,
    });
    const held = await b.stripe.paymentIntents.create({
      amount: 100,
      currency: "usd",
      capture_method: "manual",
      payment_method: "pm_card_visa",
      confirm: true,
    });
    await b.stripe.paymentIntents.cancel(held.id);
    expect(await b.delivered()).toEqual(
      expect.arrayContaining(["payment_intent.canceled", "charge.refunded"]),
    );
  });

  it("wait for a bank or an authentication until somebody settles them", async () => {
    const slow = await pay("pm_usBankAccount_success");
    expect(slow.status).toBe("processing");
    b.emulator.settle(slow.id, "failed");
    expect((await b.stripe.paymentIntents.retrieve(slow.id)).status).toBe(
      "requires_payment_method",
    );
    const asked = await pay("pm_card_authenticationRequired");
    expect(asked.status).toBe("requires_action");
    b.emulator.settle(asked.id, "succeeded");
    expect((await b.stripe.paymentIntents.retrieve(asked.id)).status).toBe("succeeded");
    expect(await b.delivered()).toEqual(
      expect.arrayContaining([
        "payment_intent.processing",
        "charge.pending",
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
      ]),
    );
  });

  it("updated without an event, as in the real API", async () => {
    const made = await b.stripe.paymentIntents.create({
      amount: 100,
      currency: "usd",
      metadata: { a: "1", b: "2" },
    });
    const after = await b.stripe.paymentIntents.update(made.id, {
      metadata: { a: "", c: "3" },
      amount: 200,
    });
    expect(after).toMatchObject({ amount: 200, metadata: { b: "2", c: "3" } });
    expect(await b.delivered()).toEqual(["payment_intent.created"]);
  });
});

describe("refunds", () => {
  it("partial, then full, with amounts before; more than the rest is refused", async () => {
    const intent = await pay();
    await b.stripe.refunds.create({ payment_intent: intent.id, amount: 500 });
    const events = await b.stripe.events.list({ type: "charge.refunded" });
    expect(events.data[0]?.data).toMatchObject({
      object: { amount_refunded: 500, refunded: false },
      previous_attributes: { amount_refunded: 0 },
    });
    const failure = await refusal(
      b.stripe.refunds.create({ payment_intent: intent.id, amount: 1500 }),
    );
    expect(failure.message).toContain("greater than unrefunded amount");
    await b.stripe.refunds.create({ payment_intent: intent.id });
    const again = await refusal(b.stripe.refunds.create({ payment_intent: intent.id }));
    expect(again.code).toBe("charge_already_refunded");
    const listed = await b.stripe.refunds.list({ payment_intent: intent.id });
    expect(listed.data.map((r) => r.amount)).toEqual([1499, 500]);
  });

  it("pending ones are settled later, and a failed one comes back off the charge", async () => {
    const intent = await pay("pm_card_pendingRefund");
    const first = await b.stripe.refunds.create({ payment_intent: intent.id, amount: 300 });
    const second = await b.stripe.refunds.create({ payment_intent: intent.id, amount: 200 });
    expect(first.status).toBe("pending");
    b.emulator.settle(first.id, "succeeded");
    b.emulator.settle(second.id, "failed");
    const charge = await b.stripe.charges.retrieve(String(first.charge), { expand: ["refunds"] });
    expect(charge.amount_refunded).toBe(300);
    expect(charge.refunds?.data.map((r) => r.status)).toEqual(["failed", "succeeded"]);
    expect(await b.delivered()).toEqual(
      expect.arrayContaining(["refund.updated", "refund.failed"]),
    );
  });
});

describe("customers", () => {
  it("created, updated with what was before, deleted, and then gone from the list", async () => {
    const made = await b.stripe.customers.create({ email: "a@example.com", name: "A" });
    await b.stripe.customers.update(made.id, { email: "b@example.com" });
    const [updated] = (await b.stripe.events.list({ type: "customer.updated" })).data;
    expect(updated?.data.previous_attributes).toEqual({ email: "a@example.com" });
    expect((await b.stripe.customers.list({ email: "b@example.com" })).data).toHaveLength(1);
    await b.stripe.customers.del(made.id);
    expect(await b.stripe.customers.retrieve(made.id)).toMatchObject({ deleted: true });
    expect((await b.stripe.customers.list()).data).toEqual([]);
  });
});
