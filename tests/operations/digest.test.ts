import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Incident } from "../../src/domain/incident.js";
import type { OutboxRow } from "../../src/domain/outbox.js";
import { PlanBuilder } from "../../src/domain/plan.js";
import type { Severity } from "../../src/domain/severity.js";
import { HOUR_MS, MINUTE_MS } from "../../src/domain/time.js";
import { type DigestDeps, sendDigest } from "../../src/operations/send-digest.js";
import { presetOf } from "../../src/policy/presets/index.js";
import type { Policy } from "../../src/policy/schema.js";
import { apply } from "../../src/store/apply.js";
import { writeMetrics } from "../../src/store/metrics.js";
import { countingIds, stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

/** 08:10 in Bangkok on 21 November 2026: ten minutes after the digest of tbat is due. */
const NOW = Date.UTC(2026, 10, 21, 1, 10);

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(() => w.close());

const withAddress = (policy: Policy, role: string): Policy => {
  const known = policy.roles[role];
  if (known === undefined) throw new Error(`no role ${role}`);
  const addresses = { ...known.addresses, email: `${role}@example.org` };
  return { ...policy, roles: { ...policy.roles, [role]: { ...known, addresses } } };
};
const TBAT = withAddress(presetOf("tbat"), "technical-lead");
const STAMFORD = withAddress(presetOf("stamford"), "operations-manager");

function depsOf(policy: Policy, at = NOW) {
  const clock = stillClock(at);
  const relayed: OutboxRow[] = [];
  const deps: DigestDeps = {
    database: w.database,
    policy,
    clock,
    ids: countingIds("d"),
    relay: async (rows) => void relayed.push(...rows),
    livemode: null,
  };
  return { deps, clock, relayed };
}

async function incident(
  id: string,
  severity: Severity,
  policy: Policy,
  openedAt: number,
  resolvedAt: number | null = null,
): Promise<void> {
  const row: Incident = {
    ...{ id, correlationKey: id, ordinal: 1, kind: "error", title: `Trouble of ${severity}` },
    ...{ service: "web", environment: null, ours: false, aside: false, severity },
    rule: "r",
    route: policy.severities[severity].route,
    status: resolvedAt === null ? "open" : "resolved",
    ...{ url: null, openedAt, acknowledgedAt: null, acknowledgedBy: null, resolvedAt },
    ...{ resolvedBy: null, greenSince: null, routedAt: openedAt, routings: 0, reopenedAt: null },
    ...{ reopenings: 0, suspectId: null, lastGoodId: null, createdAt: openedAt },
    ...{ updatedAt: openedAt, version: 0 },
  };
  await apply(w.database, new PlanBuilder(w.ctx).insert("incident", row).build());
}

/** People were told of it. */
const paged = (id: string) =>
  w.rows("INSERT INTO incident_step (id, incident_id, step, taken_at) VALUES ($1, $1, $2, now())", [
    id,
    "page:1:0",
  ]);

const sent = async () =>
  (await w.rows("SELECT recipient, cause, locale, data FROM notice ORDER BY id")).map(
    ({ recipient, cause, locale, data }) => {
      const { incidents, sections, ...rest } = data as Record<string, string>;
      return {
        ...{ recipient, cause, locale, day: rest.day, toldAtOnce: rest.toldAtOnce },
        incidents: (JSON.parse(incidents ?? "[]") as { id: string; lastedMs: number }[]).map(
          ({ id, lastedMs }) => `${id} ${lastedMs / MINUTE_MS}`,
        ),
        sections: JSON.parse(sections ?? "[]") as { section: string; figures: unknown[] }[],
      };
    },
  );

describe("the daily digest", () => {
  it("tells what the policy leaves for it, of the last day alone, once", async () => {
    await incident("INC-1", "P2", TBAT, NOW - 5 * HOUR_MS, NOW - 4 * HOUR_MS);
    await incident("INC-2", "P3", TBAT, NOW - 5 * MINUTE_MS); // after 08:00: tomorrow's
    await incident("INC-3", "P2", TBAT, NOW - 50 * HOUR_MS, NOW - 40 * HOUR_MS); // the day before
    await incident("INC-4", "P0", TBAT, NOW - 5 * HOUR_MS); // told at once, and not again
    await paged("INC-4");
    const { deps, relayed } = depsOf(TBAT);
    expect(await sendDigest(deps)).toBe(1);
    expect(await sendDigest(deps)).toBe(0);
    expect(relayed).toHaveLength(1);
    expect(await sent()).toMatchObject([
      {
        recipient: "technical-lead@example.org",
        cause: "digest:2026-11-21",
        locale: "th",
        day: "2026-11-21",
        incidents: ["INC-1 60"],
        toldAtOnce: 1,
      },
    ]);
  });

  it("counts a night of what was told at once, which it has no line of", async () => {
    await incident("INC-1", "P0", STAMFORD, NOW - 24 * HOUR_MS, NOW - 23 * HOUR_MS);
    await incident("INC-2", "P1", STAMFORD, NOW - 24 * HOUR_MS); // in the day's mail as well
    await incident("INC-3", "P0", STAMFORD, NOW - 24 * HOUR_MS);
    await incident("INC-4", "P0", STAMFORD, NOW - 24 * HOUR_MS); // in a maintenance: nobody was told
    for (const id of ["INC-1", "INC-2", "INC-3"]) await paged(id);
    expect(await sendDigest(depsOf(STAMFORD).deps)).toBe(1);
    const [{ incidents, toldAtOnce } = {}] = await sent();
    expect([incidents?.length, toldAtOnce]).toEqual([1, 2]);
  });

  it("is not sent before its time, and not at all of a day with nothing to tell", async () => {
    const { deps, clock } = depsOf(TBAT, NOW - 20 * MINUTE_MS); // 07:50: that of yesterday is due
    await incident("INC-1", "P2", TBAT, NOW - HOUR_MS);
    expect(await sendDigest(deps)).toBe(0);
    expect(await w.rows("SELECT action, subject FROM audit_entry")).toEqual([
      { action: "digest.skipped", subject: "digest:2026-11-20" },
    ]);
    clock.advance(20 * MINUTE_MS);
    expect(await sendDigest(deps)).toBe(1);
    expect((await sent()).map(({ cause }) => cause)).toEqual(["digest:2026-11-21"]);
  });

  it("after days without a sweep sends the last day, and no other", async () => {
    await incident("INC-1", "P2", TBAT, NOW - 20 * HOUR_MS);
    const { deps, clock } = depsOf(TBAT);
    clock.advance(3 * 24 * HOUR_MS);
    expect(await sendDigest(deps)).toBe(1);
    expect(await sent()).toMatchObject([
      { cause: "digest:2026-11-24", incidents: [`INC-1 ${3 * 24 * 60 + 20 * 60 - 10}`] },
    ]);
  });

  it("is planned once by two sweeps at the same moment", async () => {
    await incident("INC-1", "P2", TBAT, NOW - 5 * HOUR_MS);
    const both = await Promise.all([
      sendDigest(depsOf(TBAT).deps),
      sendDigest({ ...depsOf(TBAT).deps, ids: countingIds("e") }),
    ]);
    expect(both.sort()).toEqual([0, 1]);
    expect(await w.count("notice")).toBe(1);
  });

  it("carries the operations report of stamford: health, performance, security, payments, infrastructure, alerts", async () => {
    const minute = NOW - 30 * HOUR_MS;
    const at = minute + 12 * HOUR_MS;
    const one = (metric: string, label: string, value: number, samples = 1) => ({
      ...{ minute: at, metric, label, value, samples },
    });
    await writeMetrics(w.database, [
      one("healthy", "signalbox", 1),
      { ...one("healthy", "signalbox", 0), minute: at + MINUTE_MS },
      one("latency_avg_ms", "signalbox", 100, 3),
      { ...one("latency_avg_ms", "signalbox", 500, 1), minute: at + MINUTE_MS },
      one("events_finished", "stripe.processed", 7),
      one("events_finished", "stripe.dead", 1),
      one("memory_percent", "signalbox", 61),
    ]);
    const paid = (id: string, amount: number, currency: string, state = "succeeded") =>
      w.rows(
        `INSERT INTO payment (id, account, livemode, external_id, state, state_as_of, amount_minor, received_minor,
          currency, refunded_minor, disputed_minor, paid_at, born_at, told, created_at, updated_at, version)
        VALUES ($1, '', true, $1, $2, $3, $4, $4, $5, 0, 0, CASE WHEN $2 = 'succeeded' THEN $3::timestamptz END, $3, '{}', $3, $3, 0)`,
        [id, state, new Date(at), amount, currency],
      );
    await paid("pay_1", 1_000, "USD");
    await paid("pay_2", 3_000, "USD");
    await paid("pay_3", 500, "USD", "failed");
    const { deps } = depsOf(STAMFORD, NOW);
    expect(await sendDigest(deps)).toBe(1);
    const [digest] = await sent();
    expect(digest?.locale).toBe("en");
    const section = (name: string) =>
      digest?.sections.find((each) => each.section === name)?.figures;
    expect(digest?.sections.map((each) => each.section)).toEqual(STAMFORD.digest?.sections);
    expect(section("health")).toEqual([{ key: "healthy_percent", value: 50, unit: "percent" }]);
    expect(section("performance")).toEqual([
      { key: "latency_avg_ms", value: 200, unit: "ms" },
      { key: "events_processed", value: 7, unit: "count" },
    ]);
    expect(section("payments")).toEqual([
      { key: "payments_created", value: 3, unit: "count" },
      { key: "payments_completed", value: 2, unit: "count" },
      { key: "payments_failed", value: 1, unit: "count" },
      { key: "revenue", value: 4_000, unit: "amount", currency: "USD" },
      { key: "average_payment", value: 2_000, unit: "amount", currency: "USD" },
    ]);
    expect(section("infrastructure")).toEqual([
      { key: "memory_percent", value: 61, unit: "percent" },
      { key: "dead_letters", value: 0, unit: "count" },
    ]);
    expect(section("alerts")).toEqual([{ key: "alerts_open", value: 0, unit: "count" }]);
  });
});
