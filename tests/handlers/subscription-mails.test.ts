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

describe("a subscription that has begun", () => {
  it("is told of where its price depends on its use", async () => {
    await hear("customer-created");
    await hear("subscription-created", { set: { [PRICE]: "null" } });
    const told = { template: "subscription-started", recipient: "somying@example.com" };
    expect(await mails()).toEqual([{ ...told, amount: null }]);
  });
});
