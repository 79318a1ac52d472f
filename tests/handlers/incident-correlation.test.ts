import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadSample } from "../../cli/samples/index.js";
import type { SignalFact, SignalRaised } from "../../src/domain/facts.js";
import type { Plan } from "../../src/domain/plan.js";
import { MINUTE_MS } from "../../src/domain/time.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { trackIncident } from "../../src/handlers/track-incident/index.js";
import { deliveryOf } from "../../src/operations/delivery-of.js";
import { resolve } from "../../src/operations/incidents/act.js";
import { presetOf } from "../../src/policy/presets/index.js";
import type { Policy } from "../../src/policy/schema.js";
import { sourceById } from "../../src/sources/registry.js";
import { apply } from "../../src/store/apply.js";
import { Moved } from "../../src/store/database.js";
import { load } from "../../src/store/load.js";
import { type Random, seededRandom } from "../faults/random.js";
import { policyWith } from "../policy/policies.js";
import { runDeps } from "../support/events.js";
import { countingIds, stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld({ poolMax: 4 });
});
afterEach(async () => {
  await w.close();
});

const at = (minutes: number): number => w.ctx.now + Math.round(minutes * MINUTE_MS);

interface Parts {
  group?: string;
  service?: string;
  kind?: SignalFact["signalKind"];
  level?: SignalRaised["level"];
  aside?: boolean;
}
const raised = (minutes: number, parts: Parts = {}): SignalFact => {
  const { group = "g", service = "shop", kind = "uptime", level = "error" } = parts;
  const { aside = false } = parts;
  return {
    kind: "signal.raised",
    groupKey: group,
    signalKind: kind,
    title: `${group} broke`,
    level,
    service,
    environment: null,
    url: null,
    ours: false,
    aside,
    occurredAt: at(minutes),
  };
};
const ended = (
  word: "resolved" | "acknowledged",
  minutes: number,
  { group = "g", kind = "uptime" }: Parts = {},
): SignalFact => ({
  kind: `signal.${word}`,
  groupKey: group,
  signalKind: kind,
  title: `${group} ${word}`,
  by: null,
  occurredAt: at(minutes),
});
const resolved = (minutes: number, parts?: Parts) => ended("resolved", minutes, parts);
const acknowledged = (minutes: number, parts?: Parts) => ended("acknowledged", minutes, parts);

/** The first half of a worker's round, at the moment that its word speaks of unless it says another. */
async function planned(
  fact: SignalFact,
  policy: Policy = presetOf("runbook"),
  now = fact.occurredAt,
): Promise<Plan> {
  const context = { source: "sentry", policy };
  const rows = await load(w.database, trackIncident.load(fact, context));
  const plan = trackIncident.decide(fact, rows, { ...w.ctx, now, ...context, eventId: "evt_1" });
  if ("doubts" in plan) throw new Error("signals are never in doubt");
  return plan;
}

/** The second half: false when it has to be decided anew. */
async function applied(plan: Plan): Promise<boolean> {
  return apply(w.database, plan).catch((error: unknown) => {
    if (error instanceof Moved) return false;
    throw error;
  });
}

async function told(fact: SignalFact, policy?: Policy, now?: number): Promise<void> {
  for (let round = 0; round < 30; round += 1) {
    if (await applied(await planned(fact, policy, now))) return;
  }
  throw new Error("rows moved in every round");
}

interface IncidentRow {
  id: string;
  status: string;
  severity: string;
  [column: string]: unknown;
}
const incidents = async (): Promise<IncidentRow[]> =>
  (await w.rows("SELECT * FROM incident ORDER BY correlation_key, ordinal")) as IncidentRow[];
const alerts = async (): Promise<Record<string, unknown>[]> =>
  w.rows("SELECT group_key, ordinal, status, incident_id FROM alert ORDER BY group_key, ordinal");
const timeline = async (): Promise<string[]> =>
  (await w.rows("SELECT text FROM incident_entry ORDER BY id")).map(({ text }) => String(text));

describe("one outage that three vendors speak of", () => {
  const policy = policyWith({ services: [{ id: "shop", names: ["shop", "Shop: checkout"] }] });

  /** A sample, as if its vendor had said it so many minutes from now. */
  async function posted(name: string, source: string, minutes: number, id: string, parts = {}) {
    const found = sourceById(source);
    if (found === undefined) throw new Error(`no source ${source}`);
    const { body, headers } = loadSample(source, name);
    const iso = new Date(at(minutes)).toISOString();
    const text = JSON.stringify(body).replaceAll(/"20\d\d-[^"]+"/g, JSON.stringify(iso));
    const moved = { ...JSON.parse(text), ...parts, id: `evt-${id}` };
    if (source === "vercel") moved.payload.deployment.id = `dpl-${id}`;
    const clock = stillClock(at(minutes));
    const ids = countingIds(id);
    const made = await deliveryOf(found, moved, "TEST", { clock, ids });
    const kept = Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]);
    const run = { ...made, delivery: { ...made.delivery, headers: Object.fromEntries(kept) } };
    const deps = { ...runDeps(w), clock, policy, ids };
    return runEvent({ ...run, attemptId: `${id}:0`, startedAt: at(minutes) }, deps);
  }

  it("is one incident, which names the deployment before it and the good one before that", async () => {
    const deployed = (minutes: number) => ({ createdAt: at(minutes) });
    await posted("deployment-succeeded", "vercel", -30, "good", deployed(-30));
    await posted("deployment-succeeded", "vercel", -3, "suspect", deployed(-3));
    await posted("incident-started", "better-stack", 0, "outage");
    await posted("issue-created", "sentry", 1, "errors");
    await posted("deployment-error", "vercel", 2, "bad", deployed(2));
    const [incident, ...others] = await incidents();
    expect(others).toEqual([]);
    const parts = await w.rows("SELECT source, incident_id FROM alert ORDER BY source");
    expect(parts).toEqual(
      ["better-stack", "sentry", "vercel"].map((source) => ({ source, incident_id: incident?.id })),
    );
    const deployments = await w.rows("SELECT id, external_id FROM deployment");
    const named = (id: unknown) => deployments.find((one) => one.id === id)?.external_id;
    expect(named(incident?.suspect_id)).toBe("dpl-suspect");
    expect(named(incident?.last_good_id)).toBe("dpl-good");
  });

  it("suspects no deployment that came after its trouble had begun, though an alert tells that only later", async () => {
    const deployed = (minutes: number) => ({ createdAt: at(minutes) });
    await posted("deployment-succeeded", "vercel", -300, "good", deployed(-300));
    await posted("deployment-succeeded", "vercel", -3, "innocent", deployed(-3));
    await posted("incident-started", "better-stack", 0, "outage");
    expect((await incidents())[0]?.suspect_id).not.toBeNull();
    await posted("issue-created", "sentry", -4, "errors");
    const deployments = await w.rows("SELECT id, external_id FROM deployment");
    const [incident, ...others] = await incidents();
    expect(others).toEqual([]);
    expect(incident?.suspect_id).toBeNull();
    const good = deployments.find(({ id }) => id === incident?.last_good_id);
    expect(good?.external_id).toBe("dpl-good");
  });

  it("suspects it on, where the alert came after it, or its service goes by other names", async () => {
    const policy = policyWith({ services: [{ id: "shop", names: ["shop", "shop-*"] }] });
    const deployed = (minutes: number) => ({ createdAt: at(minutes) });
    await posted("deployment-succeeded", "vercel", -300, "good", deployed(-300));
    await posted("deployment-succeeded", "vercel", -5, "suspect", deployed(-5));
    await told(raised(0, { service: "shop" }), policy);
    const [before] = await incidents();
    expect(before?.suspect_id).not.toBeNull();
    await told(raised(-1, { group: "front", service: "shop-front" }), policy);
    const [after, ...others] = await incidents();
    expect(others).toEqual([]);
    expect(after?.suspect_id).toBe(before?.suspect_id);
    expect(after?.last_good_id).toBe(before?.last_good_id);
  });
});

describe("a further trouble of a service", () => {
  it("joins what burns, however long that has burnt, as an alert of its own", async () => {
    await told(raised(0));
    await told(raised(300, { group: "other", kind: "error" }));
    expect((await incidents()).length).toBe(1);
    expect(await alerts()).toMatchObject([{ group_key: "g" }, { group_key: "other" }]);
    expect(await timeline()).toContain("other broke (sentry) joins");
  });

  it("joins an error, whose end nobody may tell, within the window and not after it", async () => {
    const window = presetOf("runbook").grouping.windowMinutes;
    await told(raised(0, { kind: "error" }));
    await told(raised(window, { group: "near", kind: "error" }));
    expect((await incidents()).length).toBe(1);
    await told(raised(window * 2 + 1, { group: "far", kind: "error" }));
    expect((await incidents()).map(({ ordinal }) => ordinal)).toEqual([1, 2]);
  });

  it("of another service is another incident", async () => {
    await told(raised(0));
    await told(raised(0, { group: "other", service: "pay" }));
    expect((await incidents()).length).toBe(2);
  });

  it("that is worse makes the incident worse, and its route begins anew", async () => {
    await told(raised(0, { kind: "error", level: "warning" }));
    const [before] = await incidents();
    await told(raised(3, { group: "worse", kind: "uptime", level: "fatal" }));
    const [after] = await incidents();
    expect([before?.severity, after?.severity]).toEqual(["P2", "P0"]);
    expect(after).toMatchObject({ routings: 2, opened_at: before?.opened_at });
    expect(after?.route).not.toBe(before?.route);
    expect(Number(after?.routed_at)).toBe(at(3));
    const timers = await w.rows("SELECT due_at, status FROM timer WHERE kind = 'incident.due'");
    expect(timers).toMatchObject([{ status: "waiting" }]);
    expect(Number(timers[0]?.due_at), "it is looked at now").toBe(at(3));
  });

  it("that is not as bad changes nothing of it", async () => {
    await told(raised(0, { level: "fatal" }));
    await told(raised(3, { group: "mild", kind: "error", level: "warning" }));
    expect(await incidents()).toMatchObject([{ severity: "P0", routings: 1, version: 0 }]);
  });
});

describe("what is aside: a figure or a rule, no outage", () => {
  const figure = { group: "monitor:availability:shop", kind: "metric" as const, aside: true };

  it("does not reopen the outage that it counts, nor join one that lasts", async () => {
    await told(raised(0));
    await told(resolved(2));
    await told(raised(3, figure));
    await told(raised(20, { group: "b" }));
    await told(raised(21, { ...figure, kind: "payment", group: "monitor:dead-letter:1" }));
    await told(raised(22, { ...figure, kind: "payment", group: "monitor:dead-letter:2" }));
    expect(await incidents()).toMatchObject([
      { correlation_key: "service=shop", aside: false, status: "resolved", reopenings: 0 },
      { correlation_key: "service=shop", aside: false, status: "open" },
      { correlation_key: "service=shop aside metric", service: "shop", aside: true },
      { correlation_key: "service=shop aside payment", service: "shop", aside: true },
    ]);
  });

  it("is joined by no outage of its service, and comes back as itself", async () => {
    await told(raised(0, figure));
    await told(raised(1, { level: "fatal" }));
    await told(resolved(2, figure));
    await told(raised(4, figure));
    expect(await incidents()).toMatchObject([
      { aside: false, status: "open", reopenings: 0 },
      { aside: true, status: "open", reopenings: 1, routings: 1 },
    ]);
  });
});

describe("an error that was quiet for longer than the window", () => {
  it("and is raised again is new trouble: its old acknowledgement is not held against it", async () => {
    await told(raised(0, { kind: "error" }));
    await told(acknowledged(5, { kind: "error" }));
    await told(raised(5_000, { kind: "error" }));
    expect(await incidents()).toMatchObject([
      { status: "resolved", resolved_by: "recovery" },
      { status: "open", acknowledged_at: null },
    ]);
    const [, second] = await incidents();
    expect(await alerts()).toMatchObject([{ group_key: "g", incident_id: second?.id }]);
    expect((await timeline()).some((text) => text.startsWith("resolved: nothing was heard"))).toBe(
      true,
    );
  });

  it("goes on where it was when its incident has lasted by something else", async () => {
    await told(raised(0, { kind: "error" }));
    await told(raised(10, { group: "monitor" }));
    await told(raised(500, { kind: "error" }));
    expect((await incidents()).length).toBe(1);
  });

  it("leaves an incident open in which something else is", async () => {
    await told(raised(0, { kind: "error" }));
    await told(raised(1, { group: "b", kind: "error" }));
    await told(raised(500, { kind: "error" }));
    expect((await incidents()).map(({ status }) => status)).toEqual(["open", "open"]);
  });
});

describe("what flaps", () => {
  it("is one incident, whose alerts are its firings, each in the timeline", async () => {
    for (const beat of [0, 10, 20, 30]) {
      await told(raised(beat));
      await told(resolved(beat + 4));
    }
    expect(await incidents()).toMatchObject([{ status: "resolved", reopenings: 3, routings: 1 }]);
    expect((await alerts()).map(({ ordinal }) => ordinal)).toEqual([1, 2, 3, 4]);
    expect((await timeline()).filter((text) => text.startsWith("reopened")).length).toBe(3);
  });

  it("keeps who has it, so that nobody is paged again", async () => {
    await told(raised(0));
    await told(acknowledged(1));
    await told(resolved(2));
    await told(raised(5));
    expect(await incidents()).toMatchObject([
      { status: "acknowledged", routings: 1, acknowledged_by: "sentry", reopenings: 1 },
    ]);
  });

  it("but comes back after the window is another incident", async () => {
    const flap = presetOf("runbook").grouping.flapMinutes;
    await told(raised(0));
    await told(resolved(2));
    await told(raised(2 + flap + 1));
    expect((await incidents()).length).toBe(2);
  });
});

describe("the end of an incident", () => {
  it("comes with its last alert, whenever the ends' words come", async () => {
    await told(raised(0));
    await told(raised(1, { group: "b" }));
    await told(resolved(20, { group: "b" }));
    expect(await incidents()).toMatchObject([{ status: "open", green_since: null }]);
    await told(resolved(10));
    const [incident] = await incidents();
    expect(incident).toMatchObject({ status: "resolved", resolved_by: "recovery" });
    expect(Number(incident?.resolved_at), "b's end was the later one").toBe(at(20));
  });

  it("is watched for first where the policy watches, and begins anew with what joins meanwhile", async () => {
    const brainbytes = presetOf("brainbytes");
    await told(raised(0), brainbytes);
    await told(resolved(5), brainbytes);
    expect(await incidents()).toMatchObject([{ status: "open" }]);
    expect(Number((await incidents())[0]?.green_since)).toBe(at(5));
    await told(raised(7, { group: "b" }), brainbytes);
    expect(await incidents()).toMatchObject([{ status: "open", green_since: null }]);
  });

  it("comes though two alerts end at once, whoever is written first", async () => {
    for (const [n, order] of [
      [0, 1],
      [1, 0],
    ].entries()) {
      const service = `s${n}`;
      const groups = [`a${n}`, `b${n}`].map((group) => ({ group, service }));
      for (const parts of groups) await told(raised(0, parts));
      const plans = await Promise.all(groups.map((parts) => planned(resolved(5, parts))));
      const [first, second] = order.map((i) => ({ plan: plans[i], parts: groups[i] }));
      if (first?.plan === undefined || second?.plan === undefined) throw new Error("two plans");
      expect(await applied(first.plan)).toBe(true);
      expect(await applied(second.plan), "the second sees the first").toBe(false);
      await told(resolved(5, second.parts));
    }
    expect((await incidents()).map(({ status }) => status)).toEqual(["resolved", "resolved"]);
  });

  it.each([
    ["the end has loaded first", "end", "joins"],
    ["the new alert has loaded first", "joins", "end"],
  ])("does not come with a new alert of it at the same moment, when %s", async (_, first) => {
    await told(raised(0));
    const end = resolved(5);
    const joins = raised(5, { group: "b" });
    const [a, b] = first === "end" ? [end, joins] : [joins, end];
    const plan = await planned(a);
    await told(b);
    if (!(await applied(plan))) await told(a);
    const open = (await alerts()).filter(({ status }) => status !== "resolved");
    expect(open).toMatchObject([{ group_key: "b" }]);
    const burning = (await incidents()).filter(({ id }) => id === open[0]?.incident_id);
    expect(burning).toMatchObject([{ status: "open", green_since: null }]);
  });
});

describe("a person who ends an incident while something of it is open", () => {
  const acting = (now: number) => ({
    database: w.database,
    clock: stillClock(now),
    ids: countingIds(`p${now}`),
    relay: () => Promise.resolve(),
  });

  it("has it open again, and paged anew, with the next word that it goes on", async () => {
    await told(raised(0));
    await told(acknowledged(1));
    const [incident] = await incidents();
    await resolve({ incidentId: String(incident?.id), actor: "operator:anna" }, acting(at(3)));
    await told(raised(2), undefined, at(4)); // an older word than the person's
    expect(await incidents()).toMatchObject([{ status: "resolved" }]);
    await told(raised(6));
    expect(await incidents()).toMatchObject([
      { status: "open", routings: 2, acknowledged_at: null, resolved_at: null, reopenings: 1 },
    ]);
  });

  it("has another incident when that word comes long after", async () => {
    await told(raised(0));
    const [incident] = await incidents();
    await resolve({ incidentId: String(incident?.id), actor: "operator:anna" }, acting(at(3)));
    await told(raised(600));
    expect((await incidents()).map(({ status }) => status)).toEqual(["resolved", "open"]);
    expect(await alerts()).toMatchObject([{ incident_id: (await incidents())[1]?.id }]);
  });
});

describe("words that come in another order than they were said", () => {
  it("an acknowledgement before its beginning: the incident begins as somebody's", async () => {
    await told(acknowledged(2));
    expect(await incidents()).toEqual([]);
    await told(raised(1), undefined, at(3));
    expect(await incidents()).toMatchObject([{ status: "acknowledged" }]);
    expect((await alerts()).length).toBe(1);
  });

  it("an end before its beginning: it is over, and nobody's clock runs for it", async () => {
    await told(resolved(2));
    await told(raised(1), undefined, at(3));
    expect(await alerts()).toMatchObject([{ status: "resolved" }]);
    expect((await incidents()).filter(({ status }) => status !== "resolved")).toEqual([]);
    expect(await w.count("timer")).toBe(0);
  });

  it("an end before its beginning, of an outage that goes on: part of that, which goes on", async () => {
    await told(raised(0));
    await told(resolved(5, { group: "b" }));
    await told(raised(4, { group: "b" }), undefined, at(6));
    expect(await incidents()).toMatchObject([{ status: "open", ordinal: 1 }]);
    expect(new Set((await alerts()).map(({ incident_id }) => incident_id)).size).toBe(1);
    await told(raised(8, { group: "c" }));
    expect((await incidents()).length).toBe(1);
  });
});

describe("an incident's id", () => {
  it("is the minute on the policy's clock, and counts those of one minute past nine", async () => {
    const bangkok = policyWith({ timeZone: "Asia/Bangkok" });
    for (let n = 0; n < 11; n += 1) {
      await told(raised(0, { group: `g${n}`, service: `s${n}` }), bangkok);
    }
    const ids = (await w.rows("SELECT id FROM incident ORDER BY length(id), id")).map(
      ({ id }) => id,
    );
    const base = "INC-20261121-1600"; // 09:00 in London is 16:00 in Bangkok
    expect(ids).toEqual([base, ...Array.from({ length: 10 }, (_, n) => `${base}-${n + 2}`)]);
  });

  it("is another one when the clock goes back and the minute comes again", async () => {
    const newYork = policyWith({ timeZone: "America/New_York" });
    const first = (Date.UTC(2026, 10, 1, 5, 30) - w.ctx.now) / MINUTE_MS; // 01:30 EDT
    await told(raised(first, { group: "a", service: "a" }), newYork);
    await told(raised(first + 60, { group: "b", service: "b" }), newYork); // 01:30 EST
    expect((await incidents()).map(({ id }) => id)).toEqual([
      "INC-20261101-0130",
      "INC-20261101-0130-2",
    ]);
  });
});

describe("any history of several alerts of two services", () => {
  const SEED = 20_261_122;
  const kept = [11, 4_711];

  /** By the last word of each: an alert is open unless it ended after it was last raised. */
  const isOpen = (facts: readonly SignalFact[], group: string): boolean => {
    const last = (kind: SignalFact["kind"]): number =>
      Math.max(
        Number.NEGATIVE_INFINITY,
        ...facts.filter((f) => f.kind === kind && f.groupKey === group).map((f) => f.occurredAt),
      );
    return last("signal.raised") > last("signal.resolved");
  };

  function factsOf(random: Random): SignalFact[] {
    const facts = Array.from({ length: 4 + random.integer(6) }, () => {
      const service = random.pick(["shop", "pay"]);
      const parts = { group: `${service}-${random.integer(2)}`, service };
      const minutes = 1 + random.integer(40) + random.next() / 2;
      const dice = random.next();
      if (dice < 0.5)
        return raised(minutes, { ...parts, level: random.pick(["fatal", "warning"]) });
      return dice < 0.65 ? acknowledged(minutes, parts) : resolved(minutes, parts);
    });
    return random.shuffle([...facts, ...facts.filter(() => random.next() < 0.3)]);
  }

  /** Rounds of load and write of all workers, mixed in any way. */
  async function interleaved(random: Random, facts: readonly SignalFact[]): Promise<void> {
    const now = at(60);
    const waiting = facts.map((fact) => ({ fact, plan: null as Plan | null }));
    for (let turns = 0; waiting.length > 0; turns += 1) {
      if (turns > 500) throw new Error("the workers do not come to an end");
      const index = random.integer(Math.min(3, waiting.length));
      const worker = waiting[index];
      if (worker === undefined) throw new Error("nobody is left");
      if (worker.plan === null) worker.plan = await planned(worker.fact, undefined, now);
      else if (await applied(worker.plan)) waiting.splice(index, 1);
      else worker.plan = null;
    }
  }

  async function expectSound(facts: readonly SignalFact[], name: string): Promise<void> {
    const story = `${name}: ${facts.map((f) => `${f.kind.slice(7)} ${f.groupKey} ${((f.occurredAt - w.ctx.now) / MINUTE_MS).toFixed(1)}`).join(", ")}`;
    const rows = await alerts();
    for (const group of new Set(facts.map(({ groupKey }) => groupKey))) {
      const open = rows.filter((one) => one.group_key === group && one.status !== "resolved");
      const isRaised = facts.some((f) => f.groupKey === group && f.kind === "signal.raised");
      if (isRaised) expect(open.length, `${story}; ${group}`).toBe(isOpen(facts, group) ? 1 : 0);
    }
    const all = await incidents();
    for (const { id, status } of all) {
      const burning = rows.filter((one) => one.incident_id === id && one.status !== "resolved");
      expect(status === "resolved", `${story}; ${id}`).toBe(burning.length === 0);
    }
    for (const key of new Set(all.map((one) => one.correlation_key))) {
      const open = all.filter((one) => one.correlation_key === key && one.status !== "resolved");
      expect(open.length, `${story}; one outage of ${key} is one incident`).toBeLessThanOrEqual(1);
    }
    const begun = await w.rows(`SELECT a.group_key FROM alert a WHERE a.incident_id IS NULL
      AND EXISTS (SELECT 1 FROM signal s WHERE s.alert_id = a.id AND s.kind = 'raised')`);
    expect(begun, `${story}; each that began is part of an incident`).toEqual([]);
  }

  const TABLES = "alert incident signal incident_entry timer outbox audit_entry".split(" ");
  const clear = () => w.rows(TABLES.map((table) => `DELETE FROM ${table}`).join("; "));

  it("ends as its last words say, in every order and interleaving", async () => {
    for (const seed of [...kept, ...Array.from({ length: 25 }, (_, n) => SEED + n)]) {
      const random = seededRandom(seed);
      const facts = factsOf(random);
      await interleaved(random, facts);
      await expectSound(facts, `seed ${seed}`);
      await clear();
    }
  }, 60_000);

  it("ends so when all are worked on at once", async () => {
    for (let seed = SEED; seed < SEED + 20; seed += 1) {
      const facts = factsOf(seededRandom(seed));
      await Promise.all(facts.map((fact) => told(fact, undefined, at(60))));
      await expectSound(facts, `seed ${seed}, at once`);
      await clear();
    }
  }, 60_000);
});
