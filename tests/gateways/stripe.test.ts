import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError, Permanent, Transient } from "../../src/domain/errors.js";
import type { Gateway, GatewayPage } from "../../src/domain/gateway.js";
import type { LedgerKey } from "../../src/domain/ledger.js";
import { Secret } from "../../src/domain/secret.js";
import { MINUTE_MS, SECOND_MS } from "../../src/domain/time.js";
import { livemodeOf } from "../../src/gateways/stripe/client.js";
import { stripeGateway } from "../../src/gateways/stripe/index.js";
import { API_KEY, type Bench, bench, START_MS } from "../emulators/stripe/receiver.js";
import { stillClock } from "../support/fakes.js";

let b: Bench;
let gateway: Gateway;
const clock = stillClock();
beforeEach(async () => {
  b = await bench();
  gateway = open(b);
});
afterEach(() => b.close());

const open = ({ emulator }: Bench, apiKey = API_KEY, timeoutMs = 5_000): Gateway =>
  stripeGateway(
    {
      apiKey: new Secret("STRIPE_API_KEY", apiKey),
      apiUrl: emulator.url,
      callsPerSecond: 10_000,
      timeoutMs,
    },
    clock,
  );

const keyOf = (externalId: string, o: Partial<LedgerKey> = {}): LedgerKey => ({
  kind: "payment",
  account: "",
  livemode: false,
  externalId,
  ...o,
});
const range = { account: "", from: START_MS - MINUTE_MS, to: START_MS + MINUTE_MS };

async function failureOf(call: Promise<unknown>): Promise<AppError> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

const pay = (o: object = {}) =>
  b.stripe.paymentIntents.create({
    amount: 129_900,
    currency: "thb",
    payment_method: "pm_card_visa",
    confirm: true,
    return_url: "https://example.com/",
    ...o,
  });

describe("fetchObject", () => {
  it("gives the object as Stripe has it, at the time of Stripe's own clock", async () => {
    const intent = await pay();
    const fetched = await gateway.fetchObject(keyOf(intent.id));
    expect(fetched).toMatchObject({
      object: { id: intent.id, status: "succeeded", amount: 129_900 },
      occurredAt: START_MS,
    });
    const charge = keyOf(String(intent.latest_charge), { kind: "charge" });
    expect(await gateway.fetchObject(charge)).toMatchObject({ object: { object: "charge" } });
  });

  it("is no later than the answer by more than the call took", async () => {
    const intent = await pay();
    let now = 0;
    const ticking = { now: () => (now += 700) };
    const slow = stripeGateway(
      {
        apiKey: new Secret("STRIPE_API_KEY", API_KEY),
        apiUrl: b.emulator.url,
        callsPerSecond: 10_000,
      },
      ticking,
    );
    const fetched = await slow.fetchObject(keyOf(intent.id));
    expect(fetched?.occurredAt).toBe(START_MS - 700);
  });

  it("is null for what Stripe does not have, and never for the other mode's", async () => {
    expect(await gateway.fetchObject(keyOf("pi_none"))).toBeNull();
    const other = await failureOf(gateway.fetchObject(keyOf("pi_none", { livemode: true })));
    expect(other).toBeInstanceOf(Permanent);
    expect(other).toMatchObject({ code: "gateway_refused" });
    expect(gateway.sees(false)).toBe(true);
    expect(gateway.sees(true)).toBe(false);
  });

  it.each([
    [429, { retryAfterSeconds: 7 }],
    [500, {}],
    [503, {}],
    [409, {}],
  ])("a %i is for later", async (status, o) => {
    b.emulator.fault({ kind: "status", status, ...o });
    const failure = await failureOf(gateway.fetchObject(keyOf("pi_x")));
    expect(failure).toBeInstanceOf(Transient);
    expect(failure.code).toBe("gateway_unavailable");
    expect((failure as Transient).retryAfterSeconds).toBe(
      "retryAfterSeconds" in o ? o.retryAfterSeconds : undefined,
    );
  });

  it("after a 429 nothing is asked before its time", async () => {
    b.emulator.fault({ kind: "status", status: 429, retryAfterSeconds: 30 });
    await failureOf(gateway.fetchObject(keyOf("pi_x")));
    const asked = b.emulator.requests().length;
    expect(await failureOf(gateway.fetchObject(keyOf("pi_x")))).toMatchObject({
      code: "gateway_unavailable",
      retryAfterSeconds: 30,
    });
    expect(b.emulator.requests()).toHaveLength(asked);
    clock.advance(30 * SECOND_MS);
    expect(await gateway.fetchObject(keyOf("pi_x"))).toBeNull();
  });

  it.each([
    [404, "{}"],
    [200, "<html></html>"],
    [502, "<html></html>"],
  ])("an answer that is not Stripe's (%i %s) is for later", async (status, body) => {
    const proxy = createServer((_request, response) => response.writeHead(status).end(body));
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const { port } = proxy.address() as AddressInfo;
    const behind = stripeGateway(
      {
        apiKey: new Secret("STRIPE_API_KEY", API_KEY),
        apiUrl: `http://127.0.0.1:${port}`,
        callsPerSecond: 10_000,
      },
      clock,
    );
    const failure = await failureOf(behind.fetchObject(keyOf("pi_x")));
    proxy.closeAllConnections();
    proxy.close();
    expect(failure).toBeInstanceOf(Transient);
  });

  it("no answer in time and a cut connection are for later", async () => {
    const hasty = open(b, API_KEY, 100);
    b.emulator.fault({ kind: "hang" });
    expect(await failureOf(hasty.fetchObject(keyOf("pi_x")))).toBeInstanceOf(Transient);
    b.emulator.fault({ kind: "drop", when: "before" });
    expect(await failureOf(gateway.fetchObject(keyOf("pi_x")))).toBeInstanceOf(Transient);
  });

  it("a key that Stripe refuses is for a person, and is not in the error", async () => {
    const revoked = open(b, "sk_test_revoked_1234567890");
    const failure = await failureOf(revoked.fetchObject(keyOf("pi_x")));
    expect(failure).toBeInstanceOf(Permanent);
    expect(failure).toMatchObject({ code: "gateway_refused", detail: "Stripe answered 401" });
    expect(JSON.stringify([failure.message, failure.detail])).not.toContain("7890");
  });
});

describe("lists", () => {
  const all = async <Item>(page: (next: string | null) => Promise<GatewayPage<Item>>) => {
    const found: Item[] = [];
    let next: string | null = null;
    do {
      const got: GatewayPage<Item> = await page(next);
      found.push(...got.items);
      next = got.next;
    } while (next !== null);
    return found;
  };

  it("go through all pages, newest first, and hold to the range", async () => {
    for (let n = 0; n < 120; n += 1) {
      await b.stripe.paymentIntents.create({ amount: 100 + n, currency: "thb" });
    }
    const found = await all((next) => gateway.listObjects("payment", range, next));
    expect(found).toHaveLength(120);
    expect(found[0]).toMatchObject({ object: { amount: 219 }, occurredAt: START_MS });
    const before = { account: "", from: START_MS - MINUTE_MS, to: START_MS };
    expect(await all((next) => gateway.listObjects("payment", before, next))).toEqual([]);
  });

  it("undelivered events come with their bodies as they would be delivered", async () => {
    b.receiver.status = 500;
    await pay();
    await b.emulator.idle();
    const missed = await all((next) => gateway.listUndelivered(range, next));
    const events = b.emulator.events();
    expect(missed.map(({ externalId }) => externalId).sort()).toEqual(
      events.map(({ id }) => id).sort(),
    );
    const succeeded = missed.find(({ type }) => type === "payment_intent.succeeded");
    expect(succeeded).toMatchObject({
      occurredAt: START_MS,
      body: { object: "event", data: { object: { status: "succeeded" } } },
    });
  });
});

describe("acts", () => {
  it("refund and cancel once, however often they are asked for under one key", async () => {
    const paid = await pay();
    const ask = { amountMinor: 9_900, reason: "asked for by the customer", idempotencyKey: "r1" };
    const first = await gateway.refundPayment(keyOf(paid.id), ask);
    const again = await gateway.refundPayment(keyOf(paid.id), ask);
    expect(first.object).toMatchObject({ object: "refund", amount: 9_900 });
    expect(again.object).toMatchObject({ id: (first.object as { id: string }).id });
    const rest = { amountMinor: null, reason: "the rest", idempotencyKey: "r2" };
    expect((await gateway.refundPayment(keyOf(paid.id), rest)).object).toMatchObject({
      amount: 120_000,
    });
    const open = await b.stripe.paymentIntents.create({ amount: 100, currency: "thb" });
    const cancel = { reason: "duplicate", idempotencyKey: "c1" };
    const canceled = await gateway.cancelPayment(keyOf(open.id), cancel);
    expect(canceled.object).toMatchObject({ status: "canceled", cancellation_reason: "duplicate" });
    expect(await gateway.cancelPayment(keyOf(open.id), cancel)).toMatchObject({
      object: { status: "canceled" },
    });
  });

  it("what Stripe does not do is refused for a person", async () => {
    const paid = await pay();
    const cancel = { reason: "duplicate", idempotencyKey: "c2" };
    expect(await failureOf(gateway.cancelPayment(keyOf(paid.id), cancel))).toMatchObject({
      code: "gateway_refused",
      detail: expect.stringContaining("payment_intent_unexpected_state"),
    });
  });
});

it.each([
  ["sk_test_abc", false],
  ["rk_live_abc", true],
  ["whsec_abc", null],
])("the mode of %s is known", (key, livemode) => {
  expect(livemodeOf(new Secret("STRIPE_API_KEY", key))).toBe(livemode);
});
