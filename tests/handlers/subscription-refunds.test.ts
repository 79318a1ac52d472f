import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RunEventDeps, runEvent } from "../../src/handlers/run-event.js";
import type { PaymentPolicy } from "../../src/policy/payments.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { runDeps, type SampleOptions, sampleRun } from "../support/events.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
let deps: RunEventDeps;
let heard = 0;

beforeEach(() => renew());
afterEach(() => w.close());

async function renew(policy: Partial<PaymentPolicy> = {}): Promise<void> {
  w = await storeWorld();
  const runbook = presetOf("runbook");
  const payments = { ...runbook.payments, ...policy };
  deps = { ...runDeps(w), policy: { ...runbook, payments } };
}

type Word = readonly [sample: string, set?: Record<string, string>, uniqueId?: string];

/** @param story what the ids of a story of its own end in; those of the words here end in `one`. */
async function hear([sample, given = {}, uniqueId = "one"]: Word, story = "one"): Promise<void> {
  heard += 1;
  const ofStory = (text: string) => text.replace(/_one$/, `_${story}`);
  const set = Object.fromEntries(Object.entries(given).map(([key, v]) => [key, ofStory(v)]));
  const id = uniqueId === "one" ? story : uniqueId;
  const options: SampleOptions = { set, uniqueId: id, attemptId: `${sample}-${heard}:0` };
  await runEvent(await sampleRun("stripe", sample, options), deps);
}
const hearAll = async (words: readonly Word[], story?: string): Promise<void> => {
  for (const word of words) await hear(word, story);
};

/** Of the payment that has paid the subscription's first invoice. */
const PAYMENT = "pi_sample_invoice_one";
const OF_PAYMENT = { "data.object.payment_intent": PAYMENT, "data.object.amount": "29900" };
const STARTED: Word = ["subscription-created"];
const BILLED: Word = ["invoice-paid"];
const PAID: Word = ["invoice-payment-paid"];
const REFUNDED: Word = ["refund-created", OF_PAYMENT];
const LOST: Word = ["dispute-lost", OF_PAYMENT];
const CHARGED: Word = [
  "payment-succeeded",
  {
    "data.object.id": PAYMENT,
    "data.object.metadata": "{}",
    "data.object.amount": "29900",
    "data.object.amount_received": "29900",
  },
];

const granted = (story = "one") =>
  w.rows("SELECT user_ref, status, revoked_because AS why FROM entitlement WHERE origin_ref = $1", [
    `sub_sample_${story}`,
  ]);
const ACTIVE = [{ user_ref: "user_sample_1", status: "active", why: null }];
const revoked = (why: string) => [{ user_ref: "user_sample_1", status: "revoked", why }];

const ordersOf = <T>(all: readonly T[]): T[][] =>
  all.length === 0
    ? [[]]
    : all.flatMap((one, n) =>
        ordersOf(all.filter((_, i) => i !== n)).map((rest) => [one, ...rest]),
      );

describe("what a subscription gives, when the money for it goes back", () => {
  it.each([
    ["refunded", REFUNDED],
    ["dispute_lost", LOST],
  ])("is %s: the same in whatever order it is heard of", async (why, taking) => {
    for (const [n, order] of ordersOf([STARTED, BILLED, PAID, taking]).entries()) {
      const story = `order${n}`;
      await hearAll(order, story);
      expect(await granted(story), order.map(([name]) => name).join()).toEqual(revoked(why));
    }
  });

  it("stays until the refund is heard of, and comes back when the refund fails", async () => {
    await hearAll([STARTED, BILLED, PAID, CHARGED]);
    expect(await granted()).toEqual(ACTIVE);
    await hear(REFUNDED);
    expect(await granted()).toEqual(revoked("refunded"));
    await hear(["refund-failed", OF_PAYMENT]);
    expect(await granted()).toEqual(ACTIVE);
  });

  it("stays when only a part went back", async () => {
    const part = { ...OF_PAYMENT, "data.object.amount": "10000" };
    await hearAll([STARTED, BILLED, PAID, CHARGED, ["refund-created", part]]);
    expect(await granted()).toEqual(ACTIVE);
  });

  it("stays where the policy keeps what is refunded to its period's end", async () => {
    await w.close();
    await renew({ fullRefund: "at_period_end" });
    await hearAll([STARTED, BILLED, PAID, CHARGED, REFUNDED]);
    expect(await granted()).toEqual(ACTIVE);
  });

  it("comes back with the next invoice that is paid", async () => {
    await hearAll([STARTED, BILLED, PAID, CHARGED, REFUNDED]);
    const run = await sampleRun("stripe", "invoice-paid");
    const { data } = JSON.parse(new TextDecoder().decode(run.body as Uint8Array));
    const end = Number(data.object.lines.data[0].period.end);
    const next = {
      "data.object.parent.subscription_details.subscription": "sub_sample_one",
      "data.object.lines.data.0.period.start": String(end),
      "data.object.lines.data.0.period.end": String(end + 30 * 86_400),
    };
    await hear(["invoice-paid", next, "next"]);
    expect(await granted()).toEqual(ACTIVE);
  });
});
