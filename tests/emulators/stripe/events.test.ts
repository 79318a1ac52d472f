import Stripe from "stripe";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { API_KEY, type Bench, bench, refusal, SECRET, START_MS } from "./receiver.js";

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const customers = async (count: number) => {
  for (let i = 0; i < count; i++) await b.stripe.customers.create({ name: `c${i}` });
};

const verify = (at: number, secret: string) => {
  const { body, signature } = b.receiver.received[at] ?? { body: "", signature: "" };
  return b.stripe.webhooks.constructEvent(body, signature, secret, 300, undefined, START_MS);
};

describe("deliveries", () => {
  it("are signed as stripe-node verifies, in the real envelope", async () => {
    const customer = await b.stripe.customers.create({ name: "ณัฐ" });
    await b.delivered();
    const event = verify(0, SECRET);
    expect(event).toEqual({
      id: expect.stringMatching(/^evt_/),
      object: "event",
      api_version: "2026-10-28.endive",
      created: START_MS / 1000,
      data: { object: expect.objectContaining({ id: customer.id, name: "ณัฐ" }) },
      livemode: false,
      pending_webhooks: 1,
      request: { id: customer.lastResponse.requestId, idempotency_key: expect.anything() },
      type: "customer.created",
    });
    expect((await b.stripe.events.retrieve(event.id)).pending_webhooks).toBe(0);
  });

  it("are signed with every live secret during a rotation", async () => {
    b.emulator.setWebhook({ url: b.receiver.url, secret: ["whsec_new", SECRET] });
    await customers(1);
    await b.delivered();
    expect(b.receiver.received[0]?.signature.match(/v1=/g)).toHaveLength(2);
    expect(verify(0, "whsec_new").id).toBe(verify(0, SECRET).id);
    expect(() => verify(0, "whsec_other")).toThrow(Stripe.errors.StripeSignatureVerificationError);
  });

  it("are retried with growing waits until a 2xx, and stay undelivered until then", async () => {
    b.receiver.status = 500;
    await customers(1);
    expect(await b.delivered()).toHaveLength(1);
    b.emulator.advance(4_999);
    expect(await b.delivered()).toHaveLength(1);
    b.emulator.advance(1);
    expect(await b.delivered()).toHaveLength(2);
    b.emulator.advance(5_000);
    expect(await b.delivered()).toHaveLength(2);
    expect((await b.stripe.events.list({ delivery_success: false })).data).toHaveLength(1);
    b.receiver.status = 200;
    b.emulator.advance(15_000);
    expect(await b.delivered()).toHaveLength(3);
    expect((await b.stripe.events.list({ delivery_success: false })).data).toEqual([]);
    expect(new Set(b.receiver.received.map((r) => JSON.parse(r.body).id)).size).toBe(1);
    expect(verifyTime(2)).toBe(START_MS / 1000 + 25);
  });

  const verifyTime = (at: number) =>
    Number(/t=(\d+)/.exec(b.receiver.received[at]?.signature ?? "")?.[1]);

  it("end as failed after three days", async () => {
    b.receiver.status = 503;
    await customers(1);
    for (let i = 0; i < 20; i++) {
      b.emulator.advance(12 * 60 * 60 * 1000);
      await b.emulator.idle();
    }
    expect(b.emulator.deliveries().map((d) => [d.state, d.lastResult])).toEqual([["failed", 503]]);
    expect(b.receiver.received.length).toBeLessThan(20);
  });

  it("dropped ones never come, but are listed; resent ones come again", async () => {
    b.emulator.dropDeliveries(1, ["customer.created"]);
    await customers(2);
    expect(await b.delivered()).toEqual(["customer.created"]);
    const missed = await b.stripe.events.list({ delivery_success: false });
    expect(missed.data).toHaveLength(1);
    b.emulator.resend(missed.data[0]?.id ?? "");
    expect(await b.delivered()).toHaveLength(2);
  });

  it("go to the endpoints that want the type, made through the API", async () => {
    const endpoint = await b.stripe.webhookEndpoints.create({
      url: `${b.receiver.url}/second`,
      enabled_events: ["customer.deleted"],
    });
    expect(endpoint.secret).toMatch(/^whsec_/);
    const customer = await b.stripe.customers.create({});
    await b.stripe.customers.del(customer.id);
    expect((await b.delivered()).sort()).toEqual([
      "customer.created",
      "customer.deleted",
      "customer.deleted",
    ]);
    const read = await b.stripe.webhookEndpoints.retrieve(endpoint.id);
    expect(read).not.toHaveProperty("secret");
    expect(read).not.toHaveProperty("secrets");
    await b.stripe.webhookEndpoints.del(endpoint.id);
    expect((await b.stripe.webhookEndpoints.list()).data).toHaveLength(1);
  });

  it("an object altered silently tells nobody", async () => {
    const customer = await b.stripe.customers.create({ name: "A" });
    b.emulator.alter(customer.id, { name: "B" });
    expect(await b.stripe.customers.retrieve(customer.id)).toMatchObject({ name: "B" });
    expect(await b.delivered()).toEqual(["customer.created"]);
  });
});

describe("the list of events", () => {
  it("pages newest first, both ways, and through the SDK's iterator", async () => {
    await customers(5);
    const first = await b.stripe.events.list({ limit: 2 });
    expect(first.has_more).toBe(true);
    const second = await b.stripe.events.list({
      limit: 2,
      starting_after: first.data[1]?.id ?? "",
    });
    const third = await b.stripe.events.list({
      limit: 2,
      starting_after: second.data[1]?.id ?? "",
    });
    expect(third).toMatchObject({ has_more: false, data: [{ data: { object: { name: "c0" } } }] });
    const back = await b.stripe.events.list({ limit: 2, ending_before: third.data[0]?.id ?? "" });
    expect(back.data.map((e) => e.id)).toEqual(second.data.map((e) => e.id));
    expect(back.has_more).toBe(true);
    const all: string[] = [];
    for await (const event of b.stripe.events.list({ limit: 2 })) all.push(event.id);
    expect(new Set(all).size).toBe(5);
    expect((await refusal(b.stripe.events.list({ starting_after: "evt_none" }))).code).toBe(
      "resource_missing",
    );
  });

  it("filters by time and by types, and forgets after 30 days", async () => {
    await customers(1);
    b.emulator.advance(60_000);
    await b.stripe.paymentIntents.create({ amount: 1, currency: "usd" });
    const since = START_MS / 1000 + 60;
    expect((await b.stripe.events.list({ created: { gte: since } })).data).toHaveLength(1);
    expect((await b.stripe.events.list({ created: { lt: since } })).data).toHaveLength(1);
    expect((await b.stripe.events.list({ created: since })).data).toHaveLength(1);
    const types = ["customer.created", "charge.failed"];
    expect((await b.stripe.events.list({ types })).data).toHaveLength(1);
    expect((await b.stripe.events.list({ type: "payment_intent.*" })).data).toHaveLength(1);
    b.emulator.advance(30 * 24 * 60 * 60 * 1000);
    expect((await b.stripe.events.list()).data).toEqual([]);
  });
});

it("livemode follows the key", async () => {
  const live = await bench({ apiKey: "sk_live_1" });
  const client = new Stripe("sk_live_1", {
    host: "127.0.0.1",
    port: live.emulator.port,
    protocol: "http",
  });
  expect(await client.customers.create({})).toMatchObject({ livemode: true });
  expect(API_KEY).not.toContain("live");
  await live.close();
});
