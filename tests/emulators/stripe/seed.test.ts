import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Bench, bench, refusal, START_MS } from "./receiver.js";

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const START_S = START_MS / 1000;
const DAY_S = 24 * 60 * 60;

const control = (path: string, body: object) =>
  fetch(`${b.emulator.url}/_emulator/${path}`, { method: "POST", body: JSON.stringify(body) });

async function collect<T>(list: AsyncIterable<T>): Promise<T[]> {
  const rows: T[] = [];
  for await (const row of list) rows.push(row);
  return rows;
}

describe("seeding", () => {
  it("makes payments of the past with their events, and sends nothing", async () => {
    const from = START_S - 10 * DAY_S;
    const order = { payments: 400, from, to: START_S, undelivered: 0.05, disputedShare: 0 };
    const answer = await control("seed", { ...order, refundedShare: 0.2, failedShare: 0.1 });
    const summary = (await answer.json()) as Record<string, number> & { undelivered: string[] };
    expect(summary.succeeded).toBeGreaterThan(300);
    const intents = await collect(b.stripe.paymentIntents.list({ limit: 100 }));
    expect(intents).toHaveLength(400);
    expect(intents.filter((i) => i.status === "succeeded")).toHaveLength(summary.succeeded ?? 0);
    expect(new Set(intents.map((i) => i.metadata.order_id)).size).toBe(400);
    expect(intents.map((i) => i.created)).toEqual(
      intents.map((i) => i.created).sort((x, y) => y - x),
    );
    expect(Math.min(...intents.map((i) => i.created))).toBe(from);
    const charges = await collect(b.stripe.charges.list({ limit: 100 }));
    const refunds = await collect(b.stripe.refunds.list({ limit: 100 }));
    expect(refunds).toHaveLength(summary.refunded ?? 0);
    for (const charge of charges) {
      const paidBack = refunds
        .filter((r) => r.charge === charge.id && r.status === "succeeded")
        .reduce((sum, r) => sum + r.amount, 0);
      expect(charge.amount_refunded).toBe(paidBack);
    }
    expect(await b.delivered()).toEqual([]);
  });

  it("counts the share that was not delivered as that, until it is delivered", async () => {
    const { undelivered } = b.emulator.seed({ payments: 200, undelivered: 0.1 });
    expect(undelivered.length).toBeGreaterThan(5);
    const missed = await collect(b.stripe.events.list({ delivery_success: false, limit: 100 }));
    const intentOf = (object: object & { id?: string; payment_intent?: unknown }) =>
      object.payment_intent ?? object.id;
    expect(new Set(missed.map((e) => intentOf(e.data.object)))).toEqual(new Set(undelivered));
    const { sent } = b.emulator.deliver({ undelivered: true });
    expect(sent).toBe(missed.length);
    expect(await b.delivered()).toHaveLength(sent);
    expect((await b.stripe.events.list({ delivery_success: false })).data).toEqual([]);
  });

  it("makes the same payments for the same seed, and others for another", async () => {
    const amounts = async (seed: number) => {
      b.emulator.reset();
      b.emulator.seed({ payments: 30, seed });
      const intents = await collect(b.stripe.paymentIntents.list({ limit: 100 }));
      return intents.map((i) => [i.amount, i.currency, i.created, i.status]);
    };
    const first = await amounts(7);
    expect(await amounts(7)).toEqual(first);
    expect(await amounts(8)).not.toEqual(first);
  });

  it("holds thousands of payments, and pages through them by time", async () => {
    b.emulator.seed({ payments: 5_000, from: START_S - 5_000, to: START_S });
    const between = { gte: START_S - 2_000, lt: START_S - 1_000 };
    const ids = (await collect(b.stripe.paymentIntents.list({ limit: 100, created: between }))).map(
      (intent) => intent.id,
    );
    expect(new Set(ids).size).toBe(1000);
    const [charge] = (await b.stripe.charges.list({ payment_intent: ids[500] ?? "" })).data;
    expect(charge?.payment_intent).toBe(ids[500]);
  }, 60_000);
});

describe("sending stored events", () => {
  it("shuffled, doubled and dropped, the same for the same numbers", async () => {
    b.emulator.seed({ payments: 40 });
    const all = b.emulator.events();
    const order = { all: true, shuffle: 3, duplicate: 0.2, drop: 0.1 };
    const answer = await control("events/deliver", order);
    const summary = (await answer.json()) as {
      sent: number;
      duplicated: number;
      dropped: string[];
    };
    expect(summary.sent).toBe(all.length - summary.dropped.length + summary.duplicated);
    await b.emulator.idle();
    const ids = b.receiver.received.map(({ body }) => (JSON.parse(body) as { id: string }).id);
    expect(ids).toHaveLength(summary.sent);
    const unique = new Set(ids);
    expect(unique.size).toBe(summary.sent - summary.duplicated);
    for (const id of summary.dropped) expect(unique.has(id)).toBe(false);
    expect([...unique]).not.toEqual(all.map(({ id }) => id).filter((id) => unique.has(id)));
    const missed = await collect(b.stripe.events.list({ delivery_success: false, limit: 100 }));
    expect(missed.map(({ id }) => id).sort()).toEqual([...summary.dropped].sort());
    expect(b.emulator.deliver({ ...order, drop: 0, duplicate: 0 }).sent).toBe(all.length);
    await b.emulator.idle();
  });

  it("by id, in the order named; an order that says nothing is refused", async () => {
    b.emulator.seed({ payments: 3 });
    const ids = b.emulator.events().map(({ id }) => id);
    ids.reverse();
    b.emulator.deliver({ ids });
    expect(await b.delivered()).toHaveLength(ids.length);
    expect(() => b.emulator.deliver({})).toThrow(/say which/);
    expect(() => b.emulator.deliver({ ids: ["evt_none"] })).toThrow(/No such event/);
  });
});

describe("the clock and the limits", () => {
  it("stands still, is set and goes on; Date says so", async () => {
    const at = START_MS + 86_400_000;
    await control("clock", { setMs: at, frozen: true, advanceMs: 5_000 });
    const { headers } = await fetch(`${b.emulator.url}/v1/events`);
    expect(headers.get("date")).toBe(new Date(at + 5_000).toUTCString());
    expect((await b.stripe.customers.create({})).created).toBe((at + 5_000) / 1000);
    b.emulator.setClock({ setMs: START_MS - 60_000, frozen: false });
    expect((await b.stripe.customers.create({})).created).toBe(START_S - 60);
    const newest = (await b.stripe.customers.list({ limit: 1 })).data;
    expect(newest[0]?.created).toBe((at + 5_000) / 1000);
  });

  it("answers what is above the rate with 429, as Stripe does, until it is lifted", async () => {
    await control("rate-limit", { perSecond: 3 });
    const calls = Array.from({ length: 8 }, () => b.stripe.customers.list());
    const settled = await Promise.allSettled(calls);
    const failed = settled.filter((call) => call.status === "rejected");
    expect(failed.length).toBeGreaterThanOrEqual(4);
    const failure = await refusal(Promise.reject(failed[0]?.reason));
    expect(failure).toMatchObject({ type: "StripeRateLimitError", code: "rate_limit" });
    expect(failure.headers?.["stripe-rate-limited-reason"]).toBe("global-rate");
    b.emulator.setRateLimit({ perSecond: null });
    await Promise.all(Array.from({ length: 8 }, () => b.stripe.customers.list()));
  });
});
