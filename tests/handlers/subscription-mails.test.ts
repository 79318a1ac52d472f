import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RunEventDeps, runEvent } from "../../src/handlers/run-event.js";
import { runDeps, type SampleOptions, sampleRun } from "../support/events.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
let deps: RunEventDeps;
beforeEach(async () => {
  w = await storeWorld();
  deps = runDeps(w);
});
afterEach(() => w.close());

const hear = async (name: string, options?: SampleOptions): Promise<void> => {
  await runEvent(await sampleRun("stripe", name, options), deps);
};
const mails = () =>
  w.rows("SELECT template, recipient, data->'amountMinor' AS amount FROM notice ORDER BY template");
const PRICE = "data.object.items.data.0.price.unit_amount";

/** A bill that does not say whom it went to. */
const UNADDRESSED = { "data.object.customer_email": "null", "data.object.attempt_count": "2" };

describe("a subscription whose customer is heard of last", () => {
  it("is told of when its customer is, and once", async () => {
    await hear("subscription-created");
    await hear("invoice-paid", {
      set: { ...UNADDRESSED, "data.object.billing_reason": "subscription_cycle" },
    });
    expect(await mails()).toEqual([]);
    await hear("customer-created");
    const recipient = "somying@example.com";
    const told = [
      { template: "subscription-renewed", recipient, amount: 29_900 },
      { template: "subscription-started", recipient, amount: 29_900 },
    ];
    expect(await mails()).toEqual(told);
    await hear("customer-created", { attemptId: "again:0", set: { id: "evt_again" } });
    expect(await mails()).toEqual(told);
  });
});

describe("a subscription that has begun", () => {
  it("is told of where its price depends on its use", async () => {
    await hear("customer-created");
    await hear("subscription-created", { set: { [PRICE]: "null" } });
    const told = { template: "subscription-started", recipient: "somying@example.com" };
    expect(await mails()).toEqual([{ ...told, amount: null }]);
  });
});

describe("a subscription that was canceled at the gateway", () => {
  const ends = async () => {
    const sql = `SELECT (n.data->>'endsAt')::float8 AS told, e.status,
      extract(epoch FROM e.ends_at)::float8 * 1000 AS given
      FROM notice n, entitlement e WHERE n.template = 'subscription-canceled'`;
    const [row] = await w.rows(sql);
    return row as { told: number; given: number; status: string };
  };
  const hearAll = async (): Promise<void> => {
    for (const name of ["customer-created", "subscription-created", "invoice-paid"]) {
      await hear(name);
    }
    await hear("subscription-deleted");
  };

  it("is told to last as long as what was paid for is kept", async () => {
    await hearAll();
    const { told, given, status } = await ends();
    expect(status).toBe("active");
    expect(told).toBe(given);
    expect(told).toBeGreaterThan(deps.clock.now());
  });

  it("is told to have ended where the policy keeps nothing", async () => {
    const { payments } = deps.policy;
    deps.policy = {
      ...deps.policy,
      payments: { ...payments, canceledSubscription: "revoke" },
    };
    await hearAll();
    const { told, given, status } = await ends();
    expect(status).toBe("revoked");
    expect(told).not.toBe(given);
  });
});
