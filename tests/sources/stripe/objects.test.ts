import { describe, expect, it } from "vitest";
import { Permanent } from "../../../src/domain/errors.js";
import type { LedgerKey, LedgerKind } from "../../../src/domain/ledger.js";
import { readObject } from "../../../src/sources/stripe/objects/index.js";
import { NOW } from "../kit.js";
import * as make from "./shapes.js";
import { SHAPES, T } from "./shapes.js";

const DAY_MS = 86_400_000;
const keyOf = (kind: LedgerKind, externalId: string, more: Partial<LedgerKey> = {}): LedgerKey => ({
  kind,
  account: "",
  livemode: false,
  externalId,
  ...more,
});
/** What the object says of itself, read as if it had been fetched. */
const said = (kind: LedgerKind, object: Record<string, unknown>) =>
  readObject(keyOf(kind, String(object.id)), object, NOW).said;
const MALEE = {
  email: "malee@example.com",
  name: "มาลี รุ่งเรือง",
  locale: "th",
  clientRef: null,
  metadata: { userId: "u-51", package: "atelier-6m", locale: "th" },
};
const NO_LINKS = {
  customerRef: null,
  paymentRef: null,
  chargeRef: null,
  invoiceRef: null,
  subscriptionRef: null,
};

describe("stripe objects: both shapes say the same, but for what the new one leaves out", () => {
  const KINDS: readonly [LedgerKind, (typeof make)["intent"], object][] = [
    ["payment", make.intent, { name: "มาลี รุ่งเรือง" }], // whose charge stood in it
    ["charge", make.charge, {}],
    ["refund", make.refund, {}],
    ["dispute", make.dispute, {}],
    ["fraud_warning", make.fraudWarning, {}],
    ["invoice", make.invoice, {}],
    ["invoice_payment", make.invoicePayment, {}],
    ["subscription", make.subscription, {}],
    ["customer", make.customer, {}],
    ["checkout", make.session, {}],
  ];
  it.each(KINDS)("%s", (kind, build, onlyOld) => {
    const before = said(kind, build("old"));
    const since = said(kind, build("new"));
    const { links, ...content } = since;
    expect(before).toMatchObject({ ...content, details: { ...content.details, ...onlyOld } });
    for (const [name, ref] of Object.entries(links)) {
      if (ref !== null) expect(before.links).toMatchObject({ [name]: ref });
    }
  });

  it.each(KINDS)("%s with its references expanded", (kind, build) => {
    const plain = build("new");
    const expandable = ["customer", "charge", "payment_intent", "invoice", "subscription"];
    const expanded = Object.fromEntries(
      Object.entries(plain).map(([name, value]) =>
        expandable.includes(name) && typeof value === "string"
          ? [name, { id: value, object: name }]
          : [name, value],
      ),
    );
    expect(said(kind, expanded)).toEqual(said(kind, plain));
  });
});

describe("stripe objects: payments and charges", () => {
  it("a payment", () => {
    expect(said("payment", make.intent("new"))).toEqual({
      state: "succeeded",
      amountMinor: 120_000,
      currency: "THB",
      links: { ...NO_LINKS, customerRef: "cus_1" },
      details: { ...MALEE, name: null, receivedMinor: 120_000, failure: null },
      bornAt: NOW - 120_000,
    });
    expect(said("payment", make.intent("old")).links).toMatchObject({ invoiceRef: "in_1" });
  });

  it("the payer of a payment is on its charge, if that is in it", () => {
    const latest_charge = make.charge("new");
    const expanded = make.intent("new", { latest_charge, receipt_email: null });
    expect(said("payment", expanded).details).toMatchObject(MALEE);
  });

  it("takes what was received, and what was asked where that is not told", () => {
    const receivedOf = (over: object) =>
      said("payment", make.intent("new", { ...over })).details as { receivedMinor: number };
    expect(receivedOf({ amount_received: 300 }).receivedMinor).toBe(300);
    expect(receivedOf({ amount_received: undefined }).receivedMinor).toBe(120_000);
    const open = { amount_received: undefined, status: "processing" };
    expect(receivedOf(open).receivedMinor).toBe(0);
  });

  it("why a payment failed, by the most exact code there is", () => {
    const failureOf = (last_payment_error: unknown) =>
      said("payment", make.intent("new", { status: "requires_source", last_payment_error }));
    const error = { type: "card_error", code: "card_declined", decline_code: "lost_card" };
    expect(failureOf({ ...error, message: "No\nway." })).toMatchObject({
      state: "failed",
      details: { failure: { code: "lost_card", message: "No way." } },
    });
    expect(failureOf({ code: "c", type: "t" })).toMatchObject({
      details: { failure: { code: "c", message: "The gateway gave no reason." } },
    });
    expect(failureOf({})).toMatchObject({
      state: "failed",
      details: { failure: { code: "unknown" } },
    });
    expect(failureOf(null)).toMatchObject({ state: "pending", details: { failure: null } });
  });

  it("a try that goes on has not failed, whatever became of the one before", () => {
    const stateOf = (status: string) =>
      said("payment", make.intent("new", { status, last_payment_error: { code: "c" } })).state;
    expect(stateOf("requires_confirmation")).toBe("pending");
    expect(stateOf("requires_action")).toBe("action_required");
    expect(stateOf("requires_source_action")).toBe("action_required");
    expect(stateOf("processing")).toBe("processing");
    expect(stateOf("canceled")).toBe("canceled");
  });

  it("a charge, as part of its payment or as one of its own", () => {
    expect(said("charge", make.charge("new", { amount_refunded: 20 }))).toEqual({
      state: "succeeded",
      amountMinor: 120_000,
      currency: "THB",
      links: { ...NO_LINKS, customerRef: "cus_1", paymentRef: "pi_1" },
      details: { ...MALEE, capturedMinor: 120_000, refundedMinor: 20, failure: null },
      bornAt: NOW - 90_000,
    });
    const alone = make.charge("old", { payment_intent: null, amount_captured: undefined });
    expect(said("charge", alone)).toMatchObject({
      links: { paymentRef: "ch_1", invoiceRef: "in_1" },
      details: { capturedMinor: 120_000 },
    });
    const failed = { status: "failed", failure_code: "card_declined", failure_message: "No." };
    expect(said("charge", make.charge("new", failed)).details).toMatchObject({
      failure: { code: "card_declined", message: "No." },
    });
  });
});

describe("stripe objects: refunds, disputes, fraud warnings", () => {
  it("a refund and why it failed", () => {
    const over = { status: "failed", failure_reason: "lost_or_stolen_card" };
    expect(said("refund", make.refund("new", over))).toEqual({
      state: "failed",
      amountMinor: 30_000,
      currency: "THB",
      links: { ...NO_LINKS, paymentRef: "pi_1", chargeRef: "ch_1" },
      details: { reason: "requested_by_customer", failureReason: "lost_or_stolen_card" },
      bornAt: NOW - 50_000,
    });
  });

  it("belong to their payment: the intent, or the charge that has none", () => {
    for (const [kind, build] of [
      ["refund", make.refund],
      ["dispute", make.dispute],
      ["fraud_warning", make.fraudWarning],
    ] as const) {
      const refOf = (over: object) =>
        said(kind, build("new", { payment_intent: null, ...over })).links.paymentRef;
      expect(refOf({})).toBe("ch_1");
      expect(refOf({ charge: { id: "ch_1", payment_intent: "pi_4" } })).toBe("pi_4");
      expect(refOf({ charge: null })).toBe(null);
    }
  });

  it("a dispute and until when it may be answered", () => {
    expect(said("dispute", make.dispute("new"))).toMatchObject({
      state: "needs_response",
      links: { paymentRef: "pi_1", chargeRef: "ch_1" },
      details: { reason: "fraudulent", answerBy: NOW + 7 * DAY_MS },
    });
    for (const evidence_details of [null, { due_by: null }, { due_by: 0 }]) {
      expect(said("dispute", make.dispute("new", { evidence_details })).details).toMatchObject({
        answerBy: null,
      });
    }
  });

  it("a fraud warning", () => {
    expect(said("fraud_warning", make.fraudWarning("new"))).toMatchObject({
      amountMinor: null,
      details: { fraudType: "made_with_stolen_card" },
    });
    const odd = make.fraudWarning("new", { actionable: "perhaps" });
    expect(said("fraud_warning", odd).state).toBe("unknown");
  });
});

describe("stripe objects: invoices", () => {
  it("an invoice, with the metadata of its subscription beneath its own", () => {
    expect(said("invoice", make.invoice("new"))).toEqual({
      state: "paid",
      amountMinor: 45_000,
      currency: "EUR",
      links: { ...NO_LINKS, customerRef: "cus_1", subscriptionRef: "sub_1" },
      details: {
        email: "jo@example.com",
        name: "Jo Vermeer",
        locale: null,
        clientRef: null,
        metadata: { plan: "studio", userId: "u-77" },
        number: "AB-0001",
        paidMinor: 45_000,
        dueMinor: 45_000,
        reason: "renewal",
        attempts: 1,
        nextAttemptAt: null,
        url: "https://invoice.example.com/i/1",
        periodStart: NOW,
        periodEnd: NOW + 31 * DAY_MS,
      },
      bornAt: NOW - 60_000,
    });
  });

  it("names its payment: in the old shape its own, in the new one from the list, if asked for", () => {
    expect(said("invoice", make.invoice("old")).links).toMatchObject({
      paymentRef: "pi_9",
      chargeRef: "ch_9",
    });
    const open = make.invoice("old", { status: "open" }); // whose charge may be a try that failed
    expect(said("invoice", open).links).toMatchObject({ paymentRef: "pi_9", chargeRef: null });
    const payments = (payment: object) => ({
      payments: { object: "list", data: [{ is_default: false }, { is_default: true, payment }] },
    });
    const byIntent = payments({ type: "payment_intent", payment_intent: "pi_9" });
    expect(said("invoice", make.invoice("new", byIntent)).links.paymentRef).toBe("pi_9");
    const byCharge = payments({ type: "charge", charge: "ch_9" });
    expect(said("invoice", make.invoice("new", byCharge)).links).toMatchObject({
      paymentRef: "ch_9",
      chargeRef: "ch_9",
    });
  });

  it("is of no subscription where it names none", () => {
    for (const over of [
      { parent: null },
      { parent: { type: "quote_details", quote_details: { quote: "qt_1" } } },
    ]) {
      const { links, details } = said("invoice", make.invoice("new", over));
      expect(links.subscriptionRef).toBe(null);
      expect(details).toMatchObject({ metadata: { userId: "u-77" } });
    }
  });

  it("was made for a reason, in our words", () => {
    const reasonOf = (billing_reason: unknown) =>
      said("invoice", make.invoice("new", { billing_reason })).details;
    expect(reasonOf("subscription_create")).toMatchObject({ reason: "start" });
    expect(reasonOf("subscription_update")).toMatchObject({ reason: "change" });
    expect(reasonOf("manual")).toMatchObject({ reason: "other" });
    expect(reasonOf(null)).toMatchObject({ reason: "other" });
  });

  it("tries again when it says, and is paid where it says", () => {
    const over = { attempt_count: 3, next_payment_attempt: T + 60, lines: null };
    const url = { hosted_invoice_url: "javascript:alert(1)" };
    expect(said("invoice", make.invoice("new", { ...over, ...url })).details).toMatchObject({
      attempts: 3,
      nextAttemptAt: NOW + 60_000,
      url: null,
      periodStart: null,
      periodEnd: null,
    });
  });

  it("that was deleted may have nothing left but its id", () => {
    const bare = { id: "in_1", object: "invoice", deleted: true };
    expect(said("invoice", bare)).toMatchObject({
      state: "deleted",
      amountMinor: null,
      currency: null,
    });
  });

  it("a payment of an invoice is the link between the two", () => {
    expect(said("invoice_payment", make.invoicePayment("new"))).toEqual({
      state: "paid",
      amountMinor: 45_000,
      currency: "EUR",
      links: { ...NO_LINKS, paymentRef: "pi_9", invoiceRef: "in_1" },
      details: {},
      bornAt: NOW - 10_000,
    });
    const open = { amount_paid: null, status: "open", payment: { type: "charge", charge: "ch_9" } };
    expect(said("invoice_payment", make.invoicePayment("new", open))).toMatchObject({
      state: "open",
      amountMinor: 45_000,
      links: { paymentRef: "ch_9", chargeRef: "ch_9" },
    });
  });
});

describe("stripe objects: subscriptions", () => {
  it("a subscription", () => {
    expect(said("subscription", make.subscription("new"))).toEqual({
      state: "active",
      amountMinor: null,
      currency: "EUR",
      links: { ...NO_LINKS, customerRef: "cus_1" },
      details: {
        metadata: { plan: "studio" },
        periodStart: NOW,
        periodEnd: NOW + 31 * DAY_MS,
        trialEnd: null,
        cancelAt: null,
        endedAt: null,
        items: [{ price: "price_1", product: "prod_1", quantity: 2 }],
      },
      bornAt: NOW - 40 * DAY_MS,
    });
  });

  it.each([
    [
      "the sum of its items",
      [
        [500, 2],
        [250, 1],
      ],
      1250,
    ],
    [
      "unknown where a price goes by tiers",
      [
        [500, 2],
        [null, 1],
      ],
      null,
    ],
    ["unknown where what is used is counted", [[500, undefined]], null],
    ["unknown where a price is no number of the smallest unit", [[0.5, 1]], null],
  ] as const)("costs each period: %s", (_, prices, amountMinor) => {
    const data = prices.map(([unit_amount, quantity]) => ({
      price: { id: "price_1", unit_amount },
      quantity,
    }));
    const items = { object: "list", data };
    expect(said("subscription", make.subscription("new", { items })).amountMinor).toBe(amountMinor);
    const page = { ...items, has_more: true };
    expect(said("subscription", make.subscription("new", { items: page })).amountMinor).toBe(null);
  });

  it("lasts from the first item's beginning to the last one's end", () => {
    const item = (from: number, to: number) => ({
      current_period_start: T + from,
      current_period_end: T + to,
      price: "price_2",
    });
    const items = { object: "list", data: [item(5, 20), item(0, 10), { price: "price_3" }] };
    expect(said("subscription", make.subscription("new", { items })).details).toMatchObject({
      periodStart: NOW,
      periodEnd: NOW + 20_000,
      items: [{ price: "price_2", product: null, quantity: 1 }, {}, { price: "price_3" }],
    });
  });

  it("ends when it says, or with its period", () => {
    const cancelAtOf = (over: object) =>
      said("subscription", make.subscription("new", { ...over })).details;
    expect(cancelAtOf({ cancel_at: T + 9 })).toMatchObject({ cancelAt: NOW + 9_000 });
    expect(cancelAtOf({ cancel_at_period_end: true })).toMatchObject({
      cancelAt: NOW + 31 * DAY_MS,
    });
    expect(cancelAtOf({ trial_end: T + 5, ended_at: T + 7 })).toMatchObject({
      trialEnd: NOW + 5_000,
      endedAt: NOW + 7_000,
    });
  });

  it("of the oldest shape has a plan instead of items", () => {
    const plan = { id: "plan_1", currency: "jpy", product: { id: "prod_3" } };
    const over = { items: undefined, plan, quantity: 4, currency: undefined };
    expect(said("subscription", make.subscription("old", over))).toMatchObject({
      currency: "JPY",
      details: {
        items: [{ price: "plan_1", product: "prod_3", quantity: 4 }],
        periodEnd: NOW + 31 * DAY_MS,
      },
    });
  });
});

describe("stripe objects: customers and checkouts", () => {
  it("a customer, also one of whom only the id is left", () => {
    expect(said("customer", make.customer("new", { currency: "eur" }))).toEqual({
      state: "active",
      amountMinor: null,
      currency: "EUR",
      links: NO_LINKS,
      details: {
        email: "jo@example.com",
        name: "Jo Vermeer",
        locale: "nl-BE",
        clientRef: null,
        metadata: {},
      },
      bornAt: NOW - 100 * DAY_MS,
    });
    expect(said("customer", { id: "cus_1", object: "customer", deleted: true })).toMatchObject({
      state: "deleted",
      details: { email: null, metadata: {} },
    });
  });

  it("a checkout", () => {
    expect(said("checkout", make.session("new"))).toEqual({
      state: "complete",
      amountMinor: 120_000,
      currency: "THB",
      links: { ...NO_LINKS, paymentRef: "pi_1" },
      details: { ...MALEE, clientRef: "order-8", mode: "payment", paid: true },
      bornAt: NOW - 200_000,
    });
  });

  it("a checkout that began a subscription, or took no money", () => {
    const begun = { payment_intent: null, mode: "subscription", subscription: "sub_1" };
    expect(said("checkout", make.session("new", { ...begun, invoice: "in_1" }))).toMatchObject({
      links: { paymentRef: null, subscriptionRef: "sub_1", invoiceRef: "in_1" },
      details: { mode: "subscription" },
    });
    const free = { amount_total: null, currency: null, payment_status: "no_payment_required" };
    const setup = { ...free, payment_intent: null, mode: "setup" };
    expect(said("checkout", make.session("new", setup))).toMatchObject({
      amountMinor: null,
      currency: null,
      details: { mode: "setup", paid: true },
    });
    const modeOf = (over: object) =>
      said("checkout", make.session("new", { mode: "rental", ...over })).details;
    expect(modeOf({})).toMatchObject({ mode: "payment" });
    expect(modeOf({ subscription: "sub_1" })).toMatchObject({ mode: "subscription" });
    expect(modeOf({ payment_intent: null })).toMatchObject({ mode: "setup" });
  });

  it("take a locale and an address only where they are that", () => {
    const detailsOf = (over: object) => said("checkout", make.session("new", { ...over })).details;
    expect(detailsOf({ metadata: { locale: "th_TH" } })).toMatchObject({ locale: "th-TH" });
    expect(detailsOf({ metadata: { language: "klingon!" }, locale: "en-GB" })).toMatchObject({
      locale: "en-GB",
    });
    expect(detailsOf({ metadata: {} })).toMatchObject({ locale: null }); // auto
    const typed = { customer_details: { email: "not an address" }, customer_email: "a@b.example" };
    expect(detailsOf(typed)).toMatchObject({ email: "a@b.example", name: null });
  });

  it("keep metadata as texts, and not without bound", () => {
    const metadataOf = (metadata: unknown) =>
      (said("customer", make.customer("new", { metadata })).details as { metadata: object })
        .metadata;
    expect(metadataOf({ a: 5, b: true, c: null, d: {}, e: " ", f: "x\u0000" })).toEqual({
      a: "5",
      b: "true",
      f: "x\uFFFD",
    });
    expect(metadataOf({ long: "🧵".repeat(501) })).toEqual({ long: "🧵".repeat(500) });
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`key${i}`, "v"]));
    expect(Object.keys(metadataOf(many))).toHaveLength(50);
    expect(metadataOf(["a"])).toEqual({});
  });
});

describe("stripe objects: what the gateway fetched", () => {
  const codeOf = (key: LedgerKey, object: unknown): unknown => {
    try {
      return readObject(key, object, NOW).kind;
    } catch (error) {
      return error instanceof Permanent ? error.code : error;
    }
  };

  it("is a word with the fetch's own authority, under the key that was asked for", () => {
    for (const shape of SHAPES) {
      const key = keyOf("charge", "ch_1", { account: "acct_3" });
      expect(readObject(key, make.charge(shape), NOW + 5)).toMatchObject({
        kind: "charge.said",
        object: key,
        authority: "fetched",
        occurredAt: NOW + 5,
      });
    }
    const live = keyOf("refund", "re_1", { livemode: true });
    expect(codeOf(live, make.refund("new"))).toBe("refund.said"); // which names no mode
  });

  it("is refused when it is another object, of another mode, kind or id, or no object at all", () => {
    const asked = keyOf("charge", "ch_1");
    expect(codeOf(asked, make.charge("new", { id: "ch_2" }))).toBe("unexpected_shape");
    expect(codeOf(asked, make.charge("new", { livemode: true }))).toBe("unexpected_shape");
    expect(codeOf(asked, make.refund("new", { id: "ch_1" }))).toBe("unexpected_shape");
    expect(codeOf(asked, null)).toBe("unexpected_shape");
    expect(codeOf(asked, make.charge("new", { currency: "baht" }))).toBe("unexpected_shape");
  });
});
