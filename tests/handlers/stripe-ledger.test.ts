import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadSample, sampleNames } from "../../cli/samples/index.js";
import { Permanent } from "../../src/domain/errors.js";
import type { Fetched, Gateway } from "../../src/domain/gateway.js";
import { type RunEventDeps, runEvent } from "../../src/handlers/run-event.js";
import { stripe } from "../../src/sources/stripe/index.js";
import { FIXTURES, factsOf, jsonBytes, jsonFilesUnder, readJson } from "../sources/kit.js";
import { runDeps, sampleRun } from "../support/events.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
let deps: RunEventDeps;
beforeAll(async () => {
  w = await storeWorld();
  deps = { ...runDeps(w), gatewayOf: () => fetching as Gateway };
});
afterAll(() => w.close());

/** Stripe's API as far as one thin sample needs it: the payment that payment-succeeded tells of. */
const fetching: Pick<Gateway, "sourceId" | "sees" | "fetchObject"> = {
  sourceId: "stripe",
  sees: (livemode) => !livemode,
  fetchObject: async ({ externalId }): Promise<Fetched> => {
    const { data } = loadSample("stripe", "payment-succeeded").body as { data: { object: object } };
    return { object: { ...data.object, id: externalId }, occurredAt: w.ctx.now };
  },
};

/** Works on the body as an event of an account of its own, so that no other one speaks of the same objects. */
async function workOn(given: object, account: string): Promise<void> {
  const body: Record<string, unknown> = { ...given };
  body[body.object === "v2.core.event" ? "context" : "account"] = account;
  const run = await sampleRun("stripe", "payment-succeeded", { attemptId: `${account}:0` });
  const bytes = jsonBytes(body);
  const identity = await stripe.identify(new Headers(), bytes);
  const occurredAt = identity.occurredAt ?? w.ctx.now;
  const delivery = { ...run.delivery, ...identity, occurredAt };
  await runEvent({ ...run, delivery, body: bytes }, deps);

  const facts = factsOf(stripe, { headers: {}, body });
  const expected = facts.map((fact) => {
    if (!("object" in fact)) throw new Permanent("unexpected_shape", { detail: fact.kind });
    const state = "said" in fact ? fact.said.state : "succeeded";
    return { kind: fact.object.kind, external_id: fact.object.externalId, state };
  });
  const [event] = await w.rows("SELECT status FROM event WHERE event_key = $1", [
    identity.eventKey,
  ]);
  expect(event).toEqual({ status: facts.length > 0 ? "processed" : "ignored" });
  const byId = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  const rows = await w.rows(
    "SELECT kind, external_id, state FROM ledger_object WHERE account = $1",
    [account],
  );
  expect(rows.sort(byId)).toEqual(expected.sort(byId));
}

describe("every event of Stripe ends as a row of the ledger, or is deliberately ignored", () => {
  it.each(sampleNames("stripe"))("sample %s", async (name) => {
    await workOn(loadSample("stripe", name).body, `acct_${name}`);
  });

  const files = jsonFilesUnder(resolve(FIXTURES, "stripe"));
  it.each(files)("reference %s", async (file) => {
    const body = readJson(resolve(FIXTURES, "stripe", file)) as object;
    await workOn(body, `acct_${file.replace(/\W/g, "_")}`);
  });
});

describe("the samples of one story", () => {
  it.each([
    ["refund-created refund-failed", "payment-succeeded", { refunded: 0 }],
    ["refund-created", "payment-succeeded", { refunded: 199_900 }],
  ])("%s after %s", async (names, first, { refunded }) => {
    const uniqueId = names.replace(" ", "_");
    for (const name of [first, ...names.split(" ").reverse()]) {
      await runEvent(await sampleRun("stripe", name, { uniqueId }), deps);
    }
    const key = [`pi_sample_purchase_${uniqueId}`];
    const rows = await w.rows(
      "SELECT state, refunded_minor::int AS refunded FROM payment WHERE external_id = $1",
      key,
    );
    expect(rows).toEqual([{ state: "succeeded", refunded }]);
  });
});
