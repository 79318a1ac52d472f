import Stripe from "stripe";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { API_KEY, type Bench, bench, clientOf, refusal, SECRET, START_MS } from "./receiver.js";

const OLD = "2024-06-20";
const OLDEST = "2020-08-27";

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

/** A paid subscription; what it led to, by id. */
async function subscribed() {
  const customer = await b.stripe.customers.create({ email: "a@example.com" });
  const price = await b.stripe.prices.create({
    currency: "thb",
    unit_amount: 29900,
    recurring: { interval: "month" },
    product_data: { name: "Pro" },
  });
  return b.stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    default_payment_method: "pm_card_visa",
    metadata: { user: "u_1" },
    expand: ["latest_invoice"],
  });
}

const raw = async (path: string, version: string) => {
  const headers = { authorization: `Bearer ${API_KEY}`, "stripe-version": version };
  const response = await b.emulator.fetch(b.emulator.url + path, { headers });
  expect(response.headers.get("date")).toBe(new Date(b.emulator.now()).toUTCString());
  return (await response.json()) as Record<string, unknown>;
};

describe("versions before basil", () => {
  it("have the subscription on the invoice, the period on the subscription, and back links", async () => {
    const { id, latest_invoice: invoice } = await subscribed();
    const invoiceId = (invoice as Stripe.Invoice).id;
    const old = await raw(`/v1/invoices/${invoiceId}`, OLD);
    expect(old).toMatchObject({
      subscription: id,
      subscription_details: { metadata: { user: "u_1" } },
      paid: true,
      payment_intent: expect.stringMatching(/^pi_/),
      charge: expect.stringMatching(/^ch_/),
      lines: { data: [{ type: "subscription", subscription: id, price: { unit_amount: 29900 } }] },
    });
    expect(old).not.toHaveProperty("parent");
    const fresh = await raw(`/v1/invoices/${invoiceId}`, "2025-03-31.basil");
    for (const gone of ["subscription", "paid", "payment_intent", "charge"]) {
      expect(fresh).not.toHaveProperty(gone);
    }
    const subscription = await raw(`/v1/subscriptions/${id}`, OLD);
    expect(subscription.current_period_start).toBe(START_MS / 1000);
    expect(JSON.stringify(subscription.items)).not.toContain("current_period");
    const intent = await raw(`/v1/payment_intents/${String(old.payment_intent)}`, OLD);
    expect(intent).toMatchObject({ invoice: invoiceId, latest_charge: old.charge });
    const oldest = await raw(`/v1/payment_intents/${String(old.payment_intent)}`, OLDEST);
    expect(oldest).toMatchObject({ charges: { data: [{ id: old.charge, invoice: invoiceId }] } });
    expect(oldest).not.toHaveProperty("latest_charge");
  });

  it("are what an endpoint of such a version is sent, also of what was before", async () => {
    b.emulator.setWebhook({ url: b.receiver.url, secret: SECRET, apiVersion: OLD });
    const { id } = await subscribed();
    b.emulator.advance(31 * 24 * 60 * 60 * 1000);
    b.emulator.act({ do: "renew", id });
    await b.delivered();
    const events = b.receiver.received.map(({ body }) => JSON.parse(body) as Stripe.Event);
    expect(new Set(events.map((event) => event.api_version))).toEqual(new Set([OLD]));
    const renewed = events.filter((e) => e.type === "customer.subscription.updated").at(-1);
    expect(renewed?.data.previous_attributes).toEqual({
      current_period_start: START_MS / 1000,
      current_period_end: expect.any(Number),
      latest_invoice: expect.any(String),
    });
    const paid = events.find((event) => event.type === "invoice.paid");
    expect(paid?.data.object).toMatchObject({ subscription: id, paid: true });
    const [stored] = b.emulator.events().filter(({ type }) => type === "invoice.paid");
    const payload = b.emulator.payloadOf(stored?.id ?? "", { apiVersion: "2025-03-31.basil" });
    expect(payload).toMatchObject({
      data: { object: { parent: { subscription_details: { subscription: id } } } },
    });
  });
});

describe("thin events", () => {
  it("are signed, name their object, and lead to it by the SDK", async () => {
    b.emulator.setWebhook({
      url: b.receiver.url,
      secret: SECRET,
      thin: true,
      enabledEvents: ["v1.payment_intent.succeeded"],
    });
    const made = await b.stripe.paymentIntents.create({
      amount: 500,
      currency: "usd",
      payment_method: "pm_card_visa",
      confirm: true,
    });
    await b.emulator.idle();
    expect(b.receiver.received).toHaveLength(1);
    const { body, signature } = b.receiver.received[0] ?? { body: "", signature: "" };
    const args = [body, signature, SECRET, 300, undefined, START_MS] as const;
    const notification = b.stripe.parseEventNotification(...args);
    expect(notification).toMatchObject({
      object: "v2.core.event",
      type: "v1.payment_intent.succeeded",
      created: new Date(START_MS).toISOString(),
      related_object: { id: made.id, type: "payment_intent" },
    });
    expect(body).not.toContain('"amount"');
    const fetched = await b.stripe.v2.core.events.retrieve(notification.id);
    const snapshot = await b.stripe.events.retrieve(fetched.snapshot_event ?? "");
    expect(snapshot.data.object).toMatchObject({ id: made.id, status: "succeeded" });
  });
});

describe("accounts and modes", () => {
  it("see nothing of each other, and their events say whose they are", async () => {
    const account = { stripeAccount: "acct_1" };
    const theirs = await b.stripe.customers.create({ name: "theirs" }, account);
    const ours = await b.stripe.customers.create({ name: "ours" });
    expect((await b.stripe.customers.list()).data.map(({ id }) => id)).toEqual([ours.id]);
    expect((await b.stripe.customers.list({}, account)).data.map(({ id }) => id)).toEqual([
      theirs.id,
    ]);
    expect((await refusal(b.stripe.customers.retrieve(theirs.id))).statusCode).toBe(404);
    await b.delivered();
    const sent = b.receiver.received.map(({ body }) => JSON.parse(body) as Stripe.Event);
    const accounts = new Map(sent.map((e) => [(e.data.object as { id: string }).id, e.account]));
    expect(accounts).toEqual(
      new Map([
        [theirs.id, "acct_1"],
        [ours.id, undefined],
      ]),
    );
    expect(b.emulator.objects("customers", { account: "acct_1" })).toHaveLength(1);
  });

  it("follow the key that a request shows", async () => {
    const both = await bench({ apiKeys: ["sk_live_signalbox"] });
    const live = clientOf(both.emulator, "sk_live_signalbox");
    const made = await live.customers.create({});
    expect(made.livemode).toBe(true);
    expect((await both.stripe.customers.list()).data).toEqual([]);
    expect((await live.events.list()).data[0]?.livemode).toBe(true);
    expect(await both.delivered()).toEqual([]);
    both.emulator.setWebhook({ url: both.receiver.url, secret: SECRET, livemode: true });
    await live.customers.create({});
    expect(await both.delivered()).toEqual(["customer.created"]);
    await both.close();
  });
});

it("answers an SDK that brings its own fetch, faults included", async () => {
  const httpClient = Stripe.createFetchHttpClient(b.emulator.fetch);
  const stripe = new Stripe(API_KEY, { httpClient, maxNetworkRetries: 0 });
  expect((await stripe.customers.create({ name: "A" })).name).toBe("A");
  b.emulator.fault({ kind: "status", status: 500 });
  expect((await refusal(stripe.customers.list())).statusCode).toBe(500);
  b.emulator.fault({ kind: "drop", times: "always" });
  expect((await refusal(stripe.customers.list())).type).toBe("StripeConnectionError");
});
