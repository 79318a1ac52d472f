import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RunEventDeps, runEvent } from "../../src/handlers/run-event.js";
import type { Database } from "../../src/store/database.js";
import { runDeps, sampleRun } from "../support/events.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
let deps: RunEventDeps;
async function begin(): Promise<void> {
  w = await storeWorld();
  deps = runDeps(w);
}
beforeEach(begin);
afterEach(() => w.close());

async function renew(): Promise<void> {
  await w.close();
  await begin();
}

/** Databases of so many workers, whose first plans wait until each has loaded and decided. */
function workersThatMeet(count: number): Database[] {
  const waiting: (() => void)[] = [];
  const meet = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === count) for (const go of waiting) go();
    });
  return Array.from({ length: count }, () => {
    let isFirst = true;
    return {
      ...w.database,
      async query(text, values) {
        if (isFirst && text.includes("INSERT INTO event AS e")) {
          isFirst = false;
          await meet();
        }
        return w.database.query(text, values);
      },
    } satisfies Database;
  });
}

const outcome = async (): Promise<object> => ({
  mails: await w.rows("SELECT template FROM notice ORDER BY template"),
  entitlements: await w.rows(
    "SELECT user_ref, status, starts_at, ends_at, revoked_because FROM entitlement",
  ),
});

/** The refund is one of the payment that has paid the subscription's invoice. */
const runOf = (name: string) => {
  const paid = { "data.object.payment_intent": "pi_sample_invoice_one" };
  return sampleRun("stripe", name, name === "refund-created" ? { set: paid } : {});
};

async function oneAfterTheOther(names: readonly string[]): Promise<object> {
  for (const name of names) await runEvent(await runOf(name), deps);
  return outcome();
}

async function atOnce(before: readonly string[], names: readonly string[]): Promise<object> {
  await renew();
  await oneAfterTheOther(before);
  const databases = workersThatMeet(names.length);
  const runs = names.map(async (name, i) => {
    const database = databases[i] as Database;
    await runEvent(await runOf(name), { ...deps, database });
  });
  await Promise.all(runs);
  return outcome();
}

describe("workers that join the objects of one subscription at the same time", () => {
  it("see each other's words when it has just begun: its reader is told", async () => {
    const names = ["subscription-created", "invoice-paid"];
    const expected = await oneAfterTheOther(names);
    expect(expected).toMatchObject({ mails: [{ template: "subscription-started" }] });
    expect(await atOnce([], names)).toEqual(expected);
  });

  it("leave what one after the other would: its end and a bill", async () => {
    const [before, names] = [["subscription-created"], ["subscription-deleted", "invoice-paid"]];
    const one = await oneAfterTheOther([...before, ...names]);
    const atTheSameTime = await atOnce(before, names);
    await renew();
    const other = await oneAfterTheOther([...before, ...names.reverse()]);
    expect([one, other]).toContainEqual(atTheSameTime);
  });

  it.each([
    ["subscription-created invoice-payment-paid refund-created", "invoice-paid"],
    ["subscription-created invoice-paid refund-created", "invoice-payment-paid"],
    ["subscription-created invoice-paid invoice-payment-paid", "refund-created"],
    ["subscription-created refund-created", "invoice-paid invoice-payment-paid"],
    ["subscription-created invoice-payment-paid", "invoice-paid refund-created"],
    ["subscription-created invoice-paid", "invoice-payment-paid refund-created"],
    ["invoice-paid invoice-payment-paid", "subscription-created refund-created"],
  ])("take away what was refunded: after %s, %s at once", async (first, then) => {
    await atOnce(first.split(" "), then.split(" "));
    const revoked = { status: "revoked", revoked_because: "refunded" };
    expect(await outcome()).toMatchObject({ entitlements: [revoked] });
  });

  it("tell of what has begun when its customer is first heard of", async () => {
    expect(await atOnce([], ["subscription-created", "customer-created"])).toMatchObject({
      mails: [{ template: "subscription-started" }],
    });
  });
});
