import { describe, expect, it } from "vitest";
import { loadSample, sampleNames } from "../../../cli/samples/index.js";
import { stripe } from "../../../src/sources/stripe/index.js";
import { factsOf, identityOf, NOW, payload } from "../kit.js";
import { event, intent, thinEvent } from "./shapes.js";

describe("stripe: the source", () => {
  it("reads events with its own reader, and what its gateway fetched with the same", () => {
    const body = event("payment_intent.succeeded", intent("new"));
    const [fact] = factsOf(stripe, { headers: {}, body });
    if (fact?.kind !== "payment.said") throw new Error(`it is ${fact?.kind}`);
    const fetched = stripe.readObject(fact.object, intent("new"), NOW);
    expect(fetched).toEqual({ ...fact, authority: "fetched" });
  });

  it("has samples that all come to facts", () => {
    for (const name of sampleNames("stripe")) {
      expect(factsOf(stripe, loadSample("stripe", name)), name).not.toEqual([]);
    }
  });
});

describe("stripe: identity", () => {
  it("is the event's id, type and time", async () => {
    expect(await identityOf(stripe, loadSample("stripe", "payment-succeeded"))).toEqual({
      eventKey: "evt_sample_payment_succeeded",
      type: "payment_intent.succeeded",
      occurredAt: NOW,
    });
  });

  it("is scoped by the connected account", async () => {
    const { eventKey } = await identityOf(stripe, payload("stripe", "intent-before-2022-11-15"));
    expect(eventKey).toBe("acct_vector:evt_vector_old");
  });

  it("of a thin event is that of its snapshot, so that two endpoints do not double a change", async () => {
    const thin = payload("stripe", "thin-event");
    expect(await identityOf(stripe, thin)).toEqual({
      eventKey: "evt_vector_snapshot",
      type: "v1.payment_intent.succeeded",
      occurredAt: NOW,
    });
    const { snapshot_event: _snapshot, ...alone } = thin.body;
    const own = await identityOf(stripe, { headers: {}, body: alone });
    expect(own.eventKey).toBe("evt_thin_vector");
    const expanded = { ...alone, snapshot_event: { id: "evt_vector_snapshot" } };
    const same = await identityOf(stripe, { headers: {}, body: expanded });
    expect(same.eventKey).toBe("evt_vector_snapshot");
  });

  it("of a thin event is scoped like that of its snapshot", async () => {
    const snapshot = event("customer.updated", {}, { id: "evt_2", account: "acct_5" });
    const more = { context: "acct_5", snapshot_event: "evt_2" };
    const thin = thinEvent("v1.customer.updated", "customer", "cus_1", more);
    const keys = await Promise.all(
      [snapshot, thin].map((body) => identityOf(stripe, { headers: {}, body: { ...body } })),
    );
    expect(keys.map(({ eventKey }) => eventKey)).toEqual(["acct_5:evt_2", "acct_5:evt_2"]);
  });

  it("without an id is that of the bytes, under its type", async () => {
    const { eventKey, type } = await identityOf(stripe, { headers: {}, body: { type: "a.b" } });
    expect(eventKey).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(type).toBe("a.b");
  });
});
