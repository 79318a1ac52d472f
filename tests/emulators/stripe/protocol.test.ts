import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { API_KEY, type Bench, bench, clientOf, refusal, START_MS } from "./receiver.js";

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const raw = (path: string, init: RequestInit = {}) =>
  fetch(b.emulator.url + path, {
    ...init,
    headers: { authorization: `Bearer ${API_KEY}`, ...init.headers },
  });

describe("errors", () => {
  it("a wrong or missing key is 401, in Stripe's words", async () => {
    const failure = await refusal(clientOf(b.emulator, "sk_test_wrong_key_1234").customers.list());
    expect(failure).toMatchObject({ type: "StripeAuthenticationError", statusCode: 401 });
    expect(failure.message).toMatch(/^Invalid API Key provided: sk_test_\*+1234$/);
    expect((await fetch(`${b.emulator.url}/v1/customers`)).status).toBe(401);
    const basic = Buffer.from(`${API_KEY}:`).toString("base64");
    expect(
      (await raw("/v1/customers", { headers: { authorization: `Basic ${basic}` } })).status,
    ).toBe(200);
  });

  it("unknown routes, objects and parameters are refused with an error object", async () => {
    const unknown = await raw("/v1/unicorns");
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({
      error: {
        type: "invalid_request_error",
        message: expect.stringContaining("Unrecognized request URL (GET: /v1/unicorns)"),
      },
    });
    expect(await refusal(b.stripe.paymentIntents.retrieve("pi_none"))).toMatchObject({
      statusCode: 404,
      code: "resource_missing",
      param: "intent",
    });
    expect(
      await refusal(
        b.stripe.paymentIntents.create({ amount: 1, currency: "usd", customer: "cus_none" }),
      ),
    ).toMatchObject({
      statusCode: 400,
      code: "resource_missing",
      param: "customer",
    });
    const body = new URLSearchParams({ amount: "1x", currency: "usd" });
    const integer = await raw("/v1/payment_intents", { method: "POST", body });
    expect(await integer.json()).toMatchObject({
      error: { code: "parameter_invalid_integer", param: "amount" },
    });
    const extra = await raw("/v1/payment_intents", {
      method: "POST",
      body: new URLSearchParams({ amuont: "1" }),
    });
    expect(await extra.json()).toMatchObject({
      error: { code: "parameter_unknown", param: "amuont" },
    });
    const missing = await raw("/v1/payment_intents", {
      method: "POST",
      body: new URLSearchParams({ amount: "1" }),
    });
    expect(await missing.json()).toMatchObject({
      error: { code: "parameter_missing", param: "currency" },
    });
  });

  it("every answer carries Request-Id, Stripe-Version and the emulator's Date", async () => {
    const response = await raw("/v1/events", { headers: { "stripe-version": "2025-03-31.basil" } });
    expect(response.headers.get("request-id")).toMatch(/^req_/);
    expect(response.headers.get("stripe-version")).toBe("2025-03-31.basil");
    expect(response.headers.get("date")).toBe(new Date(START_MS).toUTCString());
  });
});

describe("faults", () => {
  it("the next requests answer 429, 500 or 409 with Stripe's bodies, then all is well again", async () => {
    b.emulator.fault({ kind: "status", status: 429, retryAfterSeconds: 1 });
    b.emulator.fault({ kind: "status", status: 500 });
    b.emulator.fault({ kind: "status", status: 409 });
    expect(await refusal(b.stripe.events.list())).toMatchObject({
      type: "StripeRateLimitError",
      code: "rate_limit",
    });
    expect(await refusal(b.stripe.events.list())).toMatchObject({
      type: "StripeAPIError",
      statusCode: 500,
    });
    expect(await refusal(b.stripe.events.list())).toMatchObject({
      statusCode: 409,
      code: "lock_timeout",
    });
    expect((await b.stripe.events.list()).data).toEqual([]);
  });

  it("hang and drop: the client sees a connection error; dropped after the work, the work is done", async () => {
    b.emulator.fault({ kind: "hang", path: "/v1/events" });
    const slow = b.stripe.events.list({}, { timeout: 100 });
    expect(await refusal(slow)).toMatchObject({ type: "StripeConnectionError" });
    // stripe-node tries once more after a cut connection, whatever maxNetworkRetries says.
    b.emulator.fault({ kind: "drop", when: "after", times: 2 });
    const made = b.stripe.customers.create({ email: "a@example.com" }, { idempotencyKey: "key_1" });
    expect(await refusal(made)).toMatchObject({ type: "StripeConnectionError" });
    const again = await b.stripe.customers.create(
      { email: "a@example.com" },
      { idempotencyKey: "key_1" },
    );
    expect(again.lastResponse.headers["idempotent-replayed"]).toBe("true");
    expect((await b.stripe.customers.list()).data).toHaveLength(1);
    expect(b.emulator.requests().map((r) => r.fault)).toEqual(["hang", "drop", "drop", null, null]);
  });

  it("can be asked for over HTTP, and nonsense is refused", async () => {
    const post = (body: object) =>
      fetch(`${b.emulator.url}/_emulator/faults`, { method: "POST", body: JSON.stringify(body) });
    expect((await post({ kind: "explode" })).status).toBe(400);
    expect((await post({ kind: "status", status: 500, times: "always" })).status).toBe(200);
    expect((await refusal(b.stripe.events.list())).statusCode).toBe(500);
    await fetch(`${b.emulator.url}/_emulator/faults`, { method: "DELETE" });
    expect((await b.stripe.events.list()).data).toEqual([]);
  });
});

describe("idempotency keys", () => {
  it("replay the same answer, refuse other parameters, and are forgotten after 24 hours", async () => {
    const key = { idempotencyKey: "order_1" };
    const first = await b.stripe.paymentIntents.create({ amount: 100, currency: "usd" }, key);
    const second = await b.stripe.paymentIntents.create({ amount: 100, currency: "usd" }, key);
    expect(second.id).toBe(first.id);
    expect(second.lastResponse.headers["idempotent-replayed"]).toBe("true");
    const failure = await refusal(
      b.stripe.paymentIntents.create({ amount: 200, currency: "usd" }, key),
    );
    expect(failure).toMatchObject({ type: "StripeIdempotencyError", statusCode: 400 });
    const [event] = (await b.stripe.events.list()).data;
    expect(event?.request).toEqual({
      id: first.lastResponse.requestId,
      idempotency_key: "order_1",
    });
    b.emulator.advance(24 * 60 * 60 * 1000);
    expect(
      (await b.stripe.paymentIntents.create({ amount: 200, currency: "usd" }, key)).id,
    ).not.toBe(first.id);
  });

  it("a decline is replayed as a decline", async () => {
    const decline = () =>
      refusal(
        b.stripe.paymentIntents.create(
          { amount: 100, currency: "usd", payment_method: "pm_card_chargeDeclined", confirm: true },
          { idempotencyKey: "order_2" },
        ),
      );
    const [first, second] = [await decline(), await decline()];
    expect(second.payment_intent?.id).toBe(first.payment_intent?.id);
    expect((await b.stripe.charges.list()).data).toHaveLength(1);
  });

  it("409 while the first request of a key is still running", async () => {
    b.emulator.fault({ kind: "delay", delayMs: 1_500 });
    const create = () => b.stripe.customers.create({ name: "A" }, { idempotencyKey: "slow" });
    const first = create();
    await vi.waitFor(() => expect(b.emulator.requests()).toHaveLength(1));
    expect(await refusal(create())).toMatchObject({
      statusCode: 409,
      code: "idempotency_key_in_use",
    });
    expect((await first).name).toBe("A");
  });
});
