import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Permanent, Transient } from "../../src/domain/errors.js";
import type { Gateway } from "../../src/domain/gateway.js";
import { type EventRun, type RunEventDeps, runEvent } from "../../src/handlers/run-event.js";
import { runDeps, sampleRun } from "../support/events.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(() => w.close());

/** Says of a payment that succeeded that it failed, and later: only its source can know. */
async function contradiction(): Promise<EventRun> {
  const run = await sampleRun("stripe", "payment-failed");
  if (run.body instanceof Permanent) throw run.body;
  const text = new TextDecoder()
    .decode(run.body)
    .replace("pi_sample_failed_one", "pi_sample_purchase_one")
    .replace(/"created":\s*\d+/, '"created":1990000000');
  return { ...run, body: new TextEncoder().encode(text) };
}

const depsWith = (error: Error): RunEventDeps => {
  const gateway: Pick<Gateway, "sourceId" | "sees" | "fetchObject"> = {
    sourceId: "stripe",
    sees: () => true,
    fetchObject: () => Promise.reject(error),
  };
  return { ...runDeps(w), gatewayOf: () => gateway as Gateway };
};

describe("an event that only mentions its object", () => {
  it("says in its trace that its source does not have it (any more)", async () => {
    const gateway: Pick<Gateway, "sourceId" | "sees" | "fetchObject"> = {
      sourceId: "stripe",
      sees: () => true,
      fetchObject: async () => null,
    };
    const deps = { ...runDeps(w), gatewayOf: () => gateway as Gateway };
    const run = await sampleRun("stripe", "thin-payment-succeeded");
    const { outcome, fetches } = await runEvent(run, deps);
    expect({ outcome, fetches }).toEqual({ outcome: "ignored", fetches: 1 });
    const [row] = await w.rows("SELECT trace->'reasons' AS reasons FROM event");
    expect(row?.reasons).toEqual([
      expect.stringMatching(
        /^stripe has no payment pi_\w+ in test mode \(any more\): nothing of it/,
      ),
    ]);
    expect(await w.count("ledger_object")).toBe(0);
  });
});

describe("an event in doubt", () => {
  it("is a dead letter at once when its source refuses for good to settle it", async () => {
    const deps = depsWith(new Permanent("gateway_refused", { detail: "Stripe answered 403" }));
    await runEvent(await sampleRun("stripe", "payment-succeeded"), deps);
    const { outcome, died } = await runEvent(await contradiction(), deps);
    expect({ outcome, code: died?.code }).toEqual({ outcome: "dead", code: "gateway_refused" });
    expect(await w.rows("SELECT status, code FROM dead_letter")).toEqual([
      { status: "open", code: "gateway_refused" },
    ]);
    expect(await w.rows("SELECT state FROM payment")).toEqual([{ state: "succeeded" }]);
  });

  it("is tried again, with nothing written, while its source does not answer", async () => {
    const deps = depsWith(new Transient("gateway_unavailable", { detail: "no answer" }));
    await runEvent(await sampleRun("stripe", "payment-succeeded"), deps);
    await expect(runEvent(await contradiction(), deps)).rejects.toThrow(Transient);
    expect(await w.count("dead_letter")).toBe(0);
    expect(await w.rows("SELECT version FROM ledger_object")).toEqual([{ version: 0 }]);
  });

  it("is settled by the object as its source has it, asked for once and counted", async () => {
    const paid = await sampleRun("stripe", "payment-succeeded");
    if (paid.body instanceof Permanent) throw paid.body;
    const { data } = JSON.parse(new TextDecoder().decode(paid.body));
    const asked: string[] = [];
    const gateway: Pick<Gateway, "sourceId" | "sees" | "fetchObject"> = {
      sourceId: "stripe",
      sees: () => true,
      async fetchObject({ externalId }) {
        asked.push(externalId);
        return { object: data.object, occurredAt: 2_000_000_000_000 };
      },
    };
    const deps = { ...runDeps(w), gatewayOf: () => gateway as Gateway };
    expect((await runEvent(paid, deps)).fetches).toBe(0);
    const { outcome, fetches } = await runEvent(await contradiction(), deps);
    expect({ outcome, fetches, asked }).toEqual({
      outcome: "processed",
      fetches: 1,
      asked: ["pi_sample_purchase_one"],
    });
    expect(await w.rows("SELECT state FROM payment")).toEqual([{ state: "succeeded" }]);
  });
});
