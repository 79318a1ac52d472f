import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadSample } from "../../../cli/samples/index.js";
import type { Deployment } from "../../../src/domain/deployment.js";
import type { SignalFact, SignalRaised } from "../../../src/domain/facts.js";
import { PlanBuilder } from "../../../src/domain/plan.js";
import { MINUTE_MS } from "../../../src/domain/time.js";
import { trackIncident } from "../../../src/handlers/track-incident/index.js";
import { runIncidentClock } from "../../../src/operations/incidents/due.js";
import { incidentData, stormData } from "../../../src/operations/incidents/notice-data.js";
import { outlookOf } from "../../../src/operations/incidents/outlook.js";
import { loadIncident } from "../../../src/operations/incidents/rows.js";
import { presetOf } from "../../../src/policy/presets/index.js";
import { vercel } from "../../../src/sources/vercel/index.js";
import { apply } from "../../../src/store/apply.js";
import { load } from "../../../src/store/load.js";
import { factsOf } from "../../sources/kit.js";
import { countingIds, type StillClock, stillClock } from "../../support/fakes.js";
import { deploymentOf, type StoreWorld, storeWorld } from "../../support/store.js";

const POLICY = presetOf("tbat");
const rollbackHint = (to: Deployment): string => `vercel rollback ${to.url}`;

let w: StoreWorld;
let clock: StillClock;
beforeEach(async () => {
  w = await storeWorld();
  clock = stillClock(w.ctx.now);
});
afterEach(async () => {
  await w.close();
});

async function deployed(externalId: string, minutesAgo: number, parts: Partial<Deployment> = {}) {
  const at = w.ctx.now - minutesAgo * MINUTE_MS;
  await apply(
    w.database,
    new PlanBuilder(w.ctx)
      .insert("deployment", {
        ...deploymentOf(w.ctx, externalId),
        ...{
          name: "shop",
          state: "succeeded",
          stateAsOf: at,
          url: `https://${externalId}.example`,
        },
        ...parts,
      })
      .build(),
  );
}

const OUTAGE: SignalRaised = {
  kind: "signal.raised",
  groupKey: "monitor:1",
  signalKind: "uptime",
  title: "Shop: down",
  level: "fatal",
  service: "shop",
  environment: "production",
  url: null,
  ours: false,
  occurredAt: 0,
};

/** @returns the incident that it is part of. */
async function heard(fact: SignalFact, source = "better-stack"): Promise<string> {
  const now = { ...fact, occurredAt: w.ctx.now };
  const context = { source, policy: POLICY };
  const rows = await load(w.database, trackIncident.load(now, context));
  const plan = trackIncident.decide(now, rows, { ...w.ctx, ...context, eventId: "evt_1" });
  if ("doubts" in plan) throw new Error("signals are never in doubt");
  await apply(w.database, plan);
  const [row] = await w.rows("SELECT id FROM incident");
  return String(row?.id);
}
const failedDeployment = (): SignalFact => {
  const fact = factsOf(vercel, loadSample("vercel", "deployment-error"))[1];
  if (fact?.kind !== "signal.raised") throw new Error("a failed deployment raises a signal");
  return fact;
};

/** What messages say to readers of English, and what `incidents show` says: one and the same. */
async function nextStepOf(incidentId: string): Promise<string | null | undefined> {
  const rows = await loadIncident(incidentId, POLICY, w.ctx.now, w.database);
  const english = { ...POLICY, languages: ["en" as const] };
  const { nextStep } = incidentData(rows, english, w.ctx.now, rollbackHint);
  const deps = { database: w.database, clock, policy: POLICY, rollbackHint };
  expect((await outlookOf(incidentId, deps)).advice).toBe(nextStep);
  return nextStep;
}

describe("what to do next", () => {
  it("is to go back to the last good deployment where one came shortly before the trouble", async () => {
    await deployed("good", 300);
    await deployed("bad", 3);
    expect(await nextStepOf(await heard(OUTAGE))).toBe(
      "shop was deployed shortly before. If it is the cause, go back to the last good deployment, https://good.example: vercel rollback https://good.example",
    );
  });

  it.each<SignalRaised["signalKind"]>(["certificate", "backup", "uptime"])(
    "is no rollback to what serves already, for trouble of kind %s without a suspect",
    async (signalKind) => {
      await deployed("good", 300);
      expect(await nextStepOf(await heard({ ...OUTAGE, signalKind }))).toBeNull();
    },
  );

  it("is nothing where a deployment failed: it never served, and the good one goes on", async () => {
    await deployed("good", 300);
    expect(await nextStepOf(await heard(failedDeployment(), "vercel"))).toBe(
      "https://good.example goes on serving; nothing is to be rolled back.",
    );
  });

  it("names the good one that goes on by its id where it has no address", async () => {
    await deployed("good", 300, { url: null });
    expect(await nextStepOf(await heard(failedDeployment(), "vercel"))).toBe(
      "good goes on serving; nothing is to be rolled back.",
    );
  });

  it("does not say that all is well where more than the failed deployment is wrong", async () => {
    await deployed("good", 300);
    await heard(failedDeployment(), "vercel");
    const title = "Deployment of shop to production failed";
    const joined = { ...OUTAGE, title, level: "warning", signalKind: "metric" } as const;
    expect(await nextStepOf(await heard(joined))).toBeNull();
    expect(await w.count("incident")).toBe(1);
  });

  it("does not say that what serves is well where the checks after a deployment say it is not", async () => {
    await deployed("unwell", 300);
    const title = "shop is not well 60 s after its deployment to production: /health answered 500";
    const unwell = { ...OUTAGE, signalKind: "deployment", title } as const;
    expect(await nextStepOf(await heard(unwell, "monitor"))).toBeNull();
  });

  it("does not say that all is well where what serves failed its own checks", async () => {
    await deployed("unwell", 300, { checked: "failed" });
    expect(await nextStepOf(await heard(failedDeployment(), "vercel"))).toBeNull();
  });
});

describe("whoever is on call and reads Thai", () => {
  it("reads Thai sentences, and of a rule the policy's own words", async () => {
    await deployed("good", 300);
    await deployed("bad", 3);
    const rows = await loadIncident(await heard(OUTAGE), POLICY, w.ctx.now, w.database);
    const { why, nextStep } = incidentData(rows, POLICY, w.ctx.now, rollbackHint);
    expect(why).toMatch(/^เหตุนี้อยู่ในระดับ /);
    expect(nextStep).toBe(
      "shop ถูกดีพลอยก่อนเกิดเหตุไม่นาน หากเป็นสาเหตุ ให้ย้อนกลับไปใช้ดีพลอยเมนต์ล่าสุดที่ใช้ได้ https://good.example: vercel rollback https://good.example",
    );
    const storm = stormData(rows, POLICY, w.ctx.now);
    for (const sentence of [storm.why, storm.nextStep])
      expect(sentence).toMatch(/^\p{Script=Thai}/u);
  });
});

describe("for how long nobody has answered", () => {
  it("counts from the first page, and not from a maintenance in which nobody was paged", async () => {
    const now = w.ctx.now;
    await w.rows(
      `INSERT INTO maintenance (id, title, services, starts_at, ends_at, status, created_by, created_at, updated_at, version)
       VALUES ('mnt_1', 'Move', '[]', $1::timestamptz, $2::timestamptz, 'begun', 'operator:anna', now(), now(), 0)`,
      [now - MINUTE_MS, now + 120 * MINUTE_MS].map((at) => new Date(at).toISOString()),
    );
    const incidentId = await heard(OUTAGE);
    const look = (name: string) =>
      runIncidentClock(
        { incidentId },
        {
          ...{ database: w.database, clock, ids: countingIds(name), policy: POLICY, rollbackHint },
          ackUrl: () => null,
          relay: async () => undefined,
          tellUsers: () => Promise.resolve(),
        },
      );
    expect((await look("a")).took).not.toContain("page:1:0");
    clock.advance(120 * MINUTE_MS);
    expect((await look("b")).took).toContain("page:1:0");
    clock.advance(5 * MINUTE_MS);
    expect((await look("c")).took).toContain("page:1:1");
    const told = await w.rows(
      "SELECT DISTINCT (data ->> 'unansweredMinutes')::int AS minutes FROM notice WHERE data ->> 'step' = 'page:1:1'",
    );
    expect(told).toEqual([{ minutes: 5 }]);
    const timeline = (await w.rows("SELECT text FROM incident_entry")).map(({ text }) => text);
    expect(timeline.join("\n")).toContain("since nobody has answered for 5 min");
  });
});
