import { describe, expect, it } from "vitest";
import { loadSample } from "../../../cli/samples/index.js";
import { stripe } from "../../../src/sources/stripe/index.js";
import { factsOf, identityOf, NOW, outcomeOf, payload, RECEIVED_AT } from "../kit.js";

const OURS = { account: "", livemode: false, externalId: "pi_sample_purchase" };
const MONEY = { amountMinor: 199_900, currency: "THB" };
const SOMCHAI = {
  userRef: "user_sample_1",
  packageRef: "pro-monthly",
  email: "somchai@example.com",
  locale: "th",
};

/** An event of the type about the object, with nothing else worth a look. */
const event = (type: string, object: unknown, more: object = {}) => ({
  headers: {},
  body: { id: "evt_1", object: "event", type, created: NOW / 1000, data: { object }, ...more },
});
const facts = (type: string, object: unknown, more: object = {}) =>
  factsOf(stripe, event(type, object, more));
const intent = { id: "pi_1", amount: 500, currency: "thb" };
const session = { payment_intent: "pi_1", mode: "payment", amount_total: 500, currency: "thb" };

describe("stripe: payments", () => {
  it("reads a payment that succeeded", () => {
    expect(factsOf(stripe, loadSample("stripe", "payment-succeeded"))).toEqual([
      {
        kind: "payment.succeeded",
        payment: OURS,
        money: MONEY,
        buyer: { ...SOMCHAI, name: null },
        occurredAt: NOW,
      },
    ]);
  });

  it("reads the finished checkout of the same purchase as the same payment", () => {
    expect(factsOf(stripe, loadSample("stripe", "checkout-completed"))).toEqual([
      {
        kind: "payment.checkout_completed",
        payment: OURS,
        money: MONEY,
        buyer: { ...SOMCHAI, name: "สมชาย ใจดี" },
        paid: true,
        occurredAt: NOW,
      },
    ]);
  });

  it("reads a refund as one of that payment, with all that was refunded so far", () => {
    expect(factsOf(stripe, loadSample("stripe", "charge-refunded"))).toMatchObject([
      { kind: "payment.refunded", payment: OURS, money: MONEY, refundedMinor: 199_900 },
    ]);
    expect(
      facts("charge.refunded", { id: "ch_1", amount: 500, amount_refunded: 20, currency: "thb" }),
    ).toMatchObject([{ payment: { externalId: "ch_1" }, refundedMinor: 20 }]);
  });

  it("reads why a payment failed, by the most exact code there is", () => {
    expect(factsOf(stripe, loadSample("stripe", "payment-failed"))).toMatchObject([
      {
        kind: "payment.failed",
        failure: { code: "insufficient_funds", message: "Your card has insufficient funds." },
      },
    ]);
    const codeOf = (last_payment_error: unknown) =>
      facts("payment_intent.payment_failed", { ...intent, last_payment_error });
    expect(codeOf({ code: "c", type: "t" })).toMatchObject([{ failure: { code: "c" } }]);
    expect(codeOf({ type: "t" })).toMatchObject([{ failure: { code: "t" } }]);
    expect(codeOf(null)).toMatchObject([
      { failure: { code: "unknown", message: "The gateway gave no reason." } },
    ]);
  });

  it("reads a payment that was canceled", () => {
    expect(factsOf(stripe, loadSample("stripe", "payment-canceled"))).toMatchObject([
      { kind: "payment.canceled", payment: { externalId: "pi_sample_canceled" }, money: MONEY },
    ]);
  });

  it("takes what was received, and what was asked where that is not told", () => {
    const amountOf = (object: object) => facts("payment_intent.succeeded", object);
    expect(amountOf({ ...intent, amount_received: 300 })).toMatchObject([
      { money: { amountMinor: 300 } },
    ]);
    expect(amountOf(intent)).toMatchObject([{ money: { amountMinor: 500 } }]);
  });

  it("reads the shape before 2022-11-15, in live mode, of a connected account", () => {
    expect(factsOf(stripe, payload("stripe", "intent-before-2022-11-15"))).toEqual([
      {
        kind: "payment.succeeded",
        payment: { account: "acct_vector", livemode: true, externalId: "pi_vector_old" },
        money: { amountMinor: 5_000, currency: "JPY" },
        buyer: {
          userRef: "u-7",
          packageRef: "team",
          email: "hanako@example.com",
          name: "山田 花子",
          locale: null,
        },
        occurredAt: NOW,
      },
    ]);
  });
});

describe("stripe: checkouts", () => {
  it("is paid at once, or once a delayed method has paid", () => {
    const paid = (type: string, payment_status: string) =>
      facts(`checkout.session.${type}`, { ...session, payment_status });
    expect(paid("completed", "paid")).toMatchObject([{ paid: true }]);
    expect(paid("completed", "unpaid")).toMatchObject([{ paid: false }]);
    expect(paid("async_payment_succeeded", "paid")).toMatchObject([{ paid: true }]);
    expect(paid("async_payment_failed", "unpaid")).toEqual([]);
  });

  it("is no payment without a payment intent, or for a subscription", () => {
    expect(facts("checkout.session.completed", { ...session, payment_intent: null })).toEqual([]);
    expect(facts("checkout.session.completed", { ...session, mode: "setup" })).toEqual([]);
    expect(factsOf(stripe, payload("stripe", "checkout-subscription"))).toEqual([]);
  });

  it("reads an expanded reference, and who bought where metadata does not say", () => {
    const expanded = {
      ...session,
      payment_intent: { id: "pi_9" },
      client_reference_id: "u-9",
      customer_email: "typed@example.com",
      locale: "auto",
    };
    expect(facts("checkout.session.completed", expanded)).toMatchObject([
      {
        payment: { externalId: "pi_9" },
        buyer: { userRef: "u-9", email: "typed@example.com", locale: null, packageRef: null },
      },
    ]);
  });
});

describe("stripe: buyers", () => {
  it("takes a locale only where it is one", () => {
    const localeOf = (metadata: object) =>
      facts("checkout.session.completed", { ...session, metadata, locale: "en-GB" });
    expect(localeOf({ locale: "th_TH" })).toMatchObject([{ buyer: { locale: "th-TH" } }]);
    expect(localeOf({ language: "klingon!" })).toMatchObject([{ buyer: { locale: "en-GB" } }]);
  });

  it("takes an address only where it looks like one", () => {
    const receipt_email = "not an address";
    expect(facts("payment_intent.succeeded", { ...intent, receipt_email })).toMatchObject([
      { buyer: { email: null } },
    ]);
  });
});

describe("stripe: shapes that cannot be", () => {
  const codeOf = (type: string, object: unknown) => outcomeOf(() => facts(type, object));

  it("become dead letters that name the field", () => {
    const { id: _id, ...nameless } = intent;
    expect(() => facts("payment_intent.succeeded", nameless)).toThrow(
      "data.object.id must be a string",
    );
    expect(codeOf("payment_intent.canceled", nameless)).toBe("unexpected_shape");
    expect(codeOf("payment_intent.succeeded", null)).toBe("unexpected_shape");
    for (const amount of [undefined, null, "500", 5.5, 2 ** 60]) {
      expect(codeOf("payment_intent.payment_failed", { ...intent, amount })).toBe(
        "unexpected_shape",
      );
    }
    for (const currency of [undefined, "", "baht", 5]) {
      expect(codeOf("payment_intent.succeeded", { ...intent, currency })).toBe("unexpected_shape");
    }
  });

  it("take the door's time where the event has none", () => {
    expect(facts("payment_intent.succeeded", intent, { created: "soon" })).toMatchObject([
      { occurredAt: RECEIVED_AT },
    ]);
  });
});

describe("stripe: identity", () => {
  it("is the event's id, type and time", async () => {
    expect(await identityOf(stripe, loadSample("stripe", "payment-succeeded"))).toEqual({
      eventKey: "evt_sample_payment_succeeded",
      type: "payment_intent.succeeded",
      occurredAt: NOW,
    });
  });

  it("is scoped by the connected account", async () => {
    const { eventKey } = await identityOf(stripe, payload("stripe", "intent-before-2022-11-15"));
    expect(eventKey).toBe("acct_vector:evt_vector_old");
  });

  it("of a thin event is never that of its snapshot, which has the money", async () => {
    const thin = payload("stripe", "thin-event");
    expect(await identityOf(stripe, thin)).toEqual({
      eventKey: "thin:evt_vector_snapshot",
      type: "v1.payment_intent.succeeded",
      occurredAt: NOW,
    });
    expect(factsOf(stripe, thin)).toEqual([]);
    const { snapshot_event: _snapshot, ...alone } = thin.body;
    const own = await identityOf(stripe, { headers: {}, body: alone });
    expect(own.eventKey).toBe("thin:evt_thin_vector");
  });

  it("without an id is that of the bytes, under its type", async () => {
    const { eventKey, type } = await identityOf(stripe, { headers: {}, body: { type: "a.b" } });
    expect(eventKey).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(type).toBe("a.b");
  });
});
