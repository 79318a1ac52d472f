import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadSample } from "../../cli/samples/index.js";
import type { Fetched, Gateway } from "../../src/domain/gateway.js";
import { type RunEventDeps, runEvent } from "../../src/handlers/run-event.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { stripe } from "../../src/sources/stripe/index.js";
import { jsonBytes } from "../sources/kit.js";
import { runDeps, sampleRun } from "../support/events.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
let deps: RunEventDeps;
beforeAll(async () => {
  w = await storeWorld();
  deps = { ...runDeps(w), policy: presetOf("tbat") };
});
afterAll(() => w.close());

const run = async (name: string, uniqueId: string, set: Record<string, string> = {}) =>
  runEvent(await sampleRun("stripe", name, { uniqueId, set }), deps);

const incidentsOf = (uniqueId: string) =>
  w.rows(
    `SELECT i.title, i.severity, i.rule, i.route, i.status, i.aside, i.environment, i.url
    FROM incident i WHERE i.title LIKE '%' || $1 || '%' ORDER BY i.created_at, i.id`,
    [uniqueId],
  );

describe("a dispute", () => {
  it("that waits for an answer is an incident that names the payment, the amount, the reason and the time limit", async () => {
    await run("dispute-created", "told");
    const [incident, ...others] = await incidentsOf("told");
    expect(others).toEqual([]);
    expect(incident).toEqual({
      title: expect.stringMatching(
        /^Disputed: 1999\.00 THB of payment pi_sample_purchase_told \(fraudulent\): send evidence by \d+ December 2026 at \d\d:\d\d \(Thailand Time, GMT\+7\), or the money is lost$/,
      ),
      severity: "P2",
      rule: "dispute",
      route: "medium",
      status: "open",
      aside: true,
      environment: "test",
      url: "https://dashboard.stripe.com/test/payments/pi_sample_purchase_told",
    });
    expect(await w.rows("SELECT DISTINCT kind FROM timer")).toContainEqual({
      kind: "incident.due",
    });
  });

  it("of another payment is told by itself, however long the first is open", async () => {
    await run("dispute-created", "second");
    expect(await incidentsOf("second")).toHaveLength(1);
    const [told] = await incidentsOf("told");
    expect(told).toMatchObject({ status: "open" });
  });

  it("that was decided has its incident end", async () => {
    await run("dispute-lost", "told");
    expect(await incidentsOf("told")).toMatchObject([{ status: "resolved" }]);
  });

  it("that was answered has its incident end, and is told no second time", async () => {
    await run("dispute-created", "answered");
    await run("dispute-created", "answered", {
      id: "evt_answered",
      type: "charge.dispute.updated",
      "data.object.status": "under_review",
    });
    expect(await incidentsOf("answered")).toMatchObject([{ status: "resolved" }]);
  });

  it("that its event only mentions is told as soon as it is fetched", async () => {
    const { data } = loadSample("stripe", "dispute-created").body as { data: { object: object } };
    const object = { ...data.object, id: "du_thin", payment_intent: "pi_thin" };
    const fetching: Pick<Gateway, "sourceId" | "sees" | "fetchObject"> = {
      sourceId: "stripe",
      sees: () => true,
      fetchObject: async (): Promise<Fetched> => ({ object, occurredAt: w.ctx.now }),
    };
    const key = { kind: "dispute", account: "", livemode: false, externalId: "du_thin" } as const;
    const body = jsonBytes(stripe.mention(key, { id: "evt_thin", at: w.ctx.now }));
    const sample = await sampleRun("stripe", "dispute-created", { attemptId: "thin:0" });
    const identity = await stripe.identify(new Headers(), body);
    const delivery = { ...sample.delivery, ...identity, occurredAt: w.ctx.now };
    const asking = { ...deps, gatewayOf: () => fetching as Gateway };
    await runEvent({ ...sample, delivery, body }, asking);
    expect(await incidentsOf("pi_thin")).toHaveLength(1);
  });
});
