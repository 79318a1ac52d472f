import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadSample } from "../../cli/samples/index.js";
import type { Fetched, Gateway } from "../../src/domain/gateway.js";
import { type RunEventDeps, runEvent } from "../../src/handlers/run-event.js";
import { resolve } from "../../src/operations/incidents/act.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { stripe } from "../../src/sources/stripe/index.js";
import { jsonBytes } from "../sources/kit.js";
import { runDeps, sampleRun } from "../support/events.js";
import { stillClock } from "../support/fakes.js";
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

/** A later word on a dispute whose first was `dispute-created`. */
const updated = (uniqueId: string, state: string, set: Record<string, string> = {}) =>
  run("dispute-created", uniqueId, {
    id: `evt_${uniqueId}_${state}`,
    type: "charge.dispute.updated",
    created: String(Math.floor(Date.UTC(2026, 10, 21, 9, 0, 0) / 1000)),
    "data.object.status": state,
    ...set,
  });

const SIGNALS_OF = `SELECT s.kind, count(*)::int AS n FROM signal s JOIN incident i ON i.id = s.incident_id
  WHERE i.title LIKE '%' || $1 || '%' GROUP BY s.kind ORDER BY s.kind`;

describe("an inquiry", () => {
  const asked = (uniqueId: string) =>
    run("dispute-created", uniqueId, { "data.object.status": "warning_needs_response" });

  it("that wants an answer is an incident with its time limit, and ends once it is answered", async () => {
    await asked("asked");
    expect(await incidentsOf("asked")).toMatchObject([
      {
        title: expect.stringMatching(
          /^Inquiry in test mode: THB 1,999\.00 of payment pi_sample_purchase_asked \(fraudulent\): send evidence by .+, or it may become a dispute$/,
        ),
        severity: "P2",
        rule: "dispute",
        status: "open",
      },
    ]);
    await updated("asked", "warning_under_review");
    expect(await incidentsOf("asked")).toMatchObject([{ status: "resolved" }]);
  });

  it("that becomes a dispute is told anew, as what it is now", async () => {
    await asked("grown");
    await updated("grown", "needs_response");
    const [inquiry, dispute, ...others] = await incidentsOf("grown");
    expect(others).toEqual([]);
    expect(inquiry).toMatchObject({ title: expect.stringMatching(/^Inq/), status: "resolved" });
    expect(dispute).toMatchObject({ title: expect.stringMatching(/^Disputed/), status: "open" });
  });

  it("that comes after the dispute it became is over already, and the dispute is not", async () => {
    await updated("late", "needs_response");
    await asked("late");
    expect((await incidentsOf("late")).map(({ title, status }) => [title, status]).sort()).toEqual([
      [expect.stringMatching(/^Disputed/), "open"],
      [expect.stringMatching(/^Inquiry/), "resolved"],
    ]);
  });
});

describe("a dispute", () => {
  it("that waits for an answer is an incident that names the payment, the amount, the reason and the time limit", async () => {
    await run("dispute-created", "told");
    const [incident, ...others] = await incidentsOf("told");
    expect(others).toEqual([]);
    expect(incident).toEqual({
      title: expect.stringMatching(
        /^Disputed in test mode: THB 1,999\.00 of payment pi_sample_purchase_told \(fraudulent\): send evidence by \d+ December 2026 at \d\d:\d\d \(Thailand Time, GMT\+7\), or the money is lost$/,
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
    await updated("answered", "under_review");
    expect(await incidentsOf("answered")).toMatchObject([{ status: "resolved" }]);
  });

  it("whose state we have no word for stays open: it may wait for an answer still", async () => {
    await run("dispute-created", "unheard");
    await updated("unheard", "made_up_by_the_bank");
    expect(await incidentsOf("unheard")).toMatchObject([{ status: "open" }]);
  });

  it("whose loss a person has accepted is told no second time, whatever else is said while it waits", async () => {
    await run("dispute-created", "accepted");
    const [{ id } = {}] = await w.rows("SELECT id FROM incident WHERE title LIKE '%_accepted%'");
    const clock = stillClock(Date.UTC(2026, 10, 21, 8, 30, 0));
    const act = { incidentId: String(id), actor: "operator:anna", because: "a loss we take" };
    await resolve(act, { ...deps, clock, relay: async () => undefined });
    await updated("accepted", "needs_response", { "data.object.metadata.note": "seen" });
    expect(await w.rows(SIGNALS_OF, ["accepted"])).toEqual([{ kind: "raised", n: 2 }]);
    expect(await incidentsOf("accepted")).toMatchObject([{ status: "resolved" }]);
    await updated("accepted", "lost");
    expect(await incidentsOf("accepted")).toMatchObject([{ status: "resolved" }]);
  });

  it("of real money does not say test mode", async () => {
    await run("dispute-created", "live", { livemode: "true", "data.object.livemode": "true" });
    expect(await incidentsOf("live")).toMatchObject([
      { title: expect.stringMatching(/^Disputed: THB 1,999\.00 of payment /), environment: null },
    ]);
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

describe("a fraud warning", () => {
  const warned = (uniqueId: string, set: Record<string, string> = {}) =>
    run("fraud-warning-created", uniqueId, set);
  const closed = (uniqueId: string) =>
    warned(uniqueId, {
      id: `evt_${uniqueId}_closed`,
      type: "radar.early_fraud_warning.updated",
      created: String(Math.floor(Date.UTC(2026, 10, 21, 9, 0, 0) / 1000)),
      "data.object.actionable": "false",
    });

  it("is an incident that names the payment and says what a refund can still prevent, until there is one", async () => {
    await warned("suspected");
    expect(await incidentsOf("suspected")).toEqual([
      {
        title:
          "Fraud warning in test mode: payment pi_sample_purchase_suspected (made with stolen card): unless it is refunded in full, it may become a dispute",
        severity: "P2",
        rule: "fraud-warning",
        route: "medium",
        status: "open",
        aside: true,
        environment: "test",
        url: "https://dashboard.stripe.com/test/payments/pi_sample_purchase_suspected",
      },
    ]);
    await closed("suspected");
    expect(await incidentsOf("suspected")).toMatchObject([{ status: "resolved" }]);
  });

  it("of a charge without a payment of its own links to the charge's page", async () => {
    await warned("old", { "data.object.payment_intent": "null" });
    const [incident] = await w.rows(
      "SELECT title, url FROM incident WHERE title LIKE '%ch_sample_purchase_old%'",
    );
    expect(incident).toMatchObject({
      title: expect.stringContaining("payment ch_sample_purchase_old"),
      url: "https://dashboard.stripe.com/test/payments/ch_sample_purchase_old",
    });
  });

  it("that can be acted on again, because the refund bounced, is told again", async () => {
    await warned("bounced");
    await closed("bounced");
    await warned("bounced", {
      id: "evt_bounced_again",
      type: "radar.early_fraud_warning.updated",
      created: String(Math.floor(Date.UTC(2026, 10, 21, 10, 0, 0) / 1000)),
    });
    expect((await incidentsOf("bounced")).map(({ status }) => status)).toContain("open");
  });

  it("of a payment that is disputed already is told beside the dispute, and ends by itself", async () => {
    await run("dispute-created", "both");
    await warned("both");
    await closed("both");
    expect((await incidentsOf("both")).map(({ title, status }) => [title, status]).sort()).toEqual([
      [expect.stringMatching(/^Disputed/), "open"],
      [expect.stringMatching(/^Fraud warning/), "resolved"],
    ]);
  });

  it("that nothing can be done about from the start calls nobody", async () => {
    await closed("late_warning");
    expect(await incidentsOf("late_warning")).toEqual([]);
  });

  it("that does not say whether a refund helps stays as it was", async () => {
    await warned("mute");
    await warned("mute", { id: "evt_mute_2", "data.object.actionable": "perhaps" });
    expect(await incidentsOf("mute")).toMatchObject([{ status: "open" }]);
  });
});
