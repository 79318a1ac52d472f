import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Transient } from "../../../src/domain/errors.js";
import { DAY_MS, isoOf, MINUTE_MS } from "../../../src/domain/time.js";
import { resolve } from "../../../src/operations/incidents/act.js";
import { watchMinutes } from "../../../src/operations/watch/index.js";
import type { Threshold } from "../../../src/policy/schema.js";
import { writeMetrics } from "../../../src/store/metrics.js";
import { dropOldMetrics } from "../../../src/store/retention.js";
import { countingIds } from "../../support/fakes.js";
import { MINUTE, NOW, type WatchWorld, watchWorld } from "./world.js";

let world: WatchWorld;
beforeEach(async () => {
  world = await watchWorld();
});
afterEach(async () => {
  await world.close();
});

const LAST = MINUTE - MINUTE_MS;

interface Run {
  source?: string;
  type?: string;
  outcome: string;
  /** Of its end. */
  at?: number;
  tookMs?: number;
}

/** Events as a worker leaves them, each with one run. */
async function put(...runs: Run[]): Promise<void> {
  for (const [i, run] of runs.entries()) {
    const {
      source = "stripe",
      type = "thing.done",
      outcome,
      at = LAST + 30_000,
      tookMs = 100,
    } = run;
    const id = `evt_${source}_${at}_${i}`;
    const status = outcome === "transient" ? "received" : outcome;
    await world.w.rows(
      `INSERT INTO event (id, source, event_key, type, status, request_id, occurred_at, received_at, processed_at)
      VALUES ($1, $2, $1, $3, $4, 'req_1', $5, $5, $6)`,
      [id, source, type, status, isoOf(at - tookMs), status === "received" ? null : isoOf(at)],
    );
    await world.w.rows(
      "INSERT INTO attempt (id, event_id, outcome, started_at, duration_ms) VALUES ($1, $2, $3, $4, 20)",
      [`att_${id}`, id, outcome, isoOf(at - 20)],
    );
  }
}

async function paid(...states: string[]): Promise<void> {
  for (const [i, state] of states.entries()) {
    const id = `pay_${state}_${i}`;
    await world.w.rows(
      `INSERT INTO payment (id, account, livemode, external_id, state, state_as_of, amount_minor, received_minor,
        currency, refunded_minor, disputed_minor, born_at, told, created_at, updated_at, version)
      VALUES ($1, '', true, $1, $2, $3, 100, 100, 'thb', 0, 0, $3, '[]', $3, $3, 0)`,
      [id, state, isoOf(LAST)],
    );
    await world.w.rows(
      `INSERT INTO audit_entry (id, at, action, actor, subject, event_id, details)
      VALUES ($1, $2, 'payment.recorded', 'source:stripe', $3, null, $4)`,
      [`aud_${id}`, isoOf(LAST + 1_000), id, JSON.stringify({ before: "pending", after: state })],
    );
  }
}

async function minute(at = LAST): Promise<Record<string, number>> {
  const rows = await world.w.rows(
    "SELECT metric || coalesce(nullif(':' || label, ':'), '') AS name, value FROM metric_minute WHERE minute = $1",
    [isoOf(at)],
  );
  return Object.fromEntries(rows.map(({ name, value }) => [String(name), Number(value)]));
}

describe("a minute that is over", () => {
  it("is written from what the rows say, without canaries", async () => {
    await put(
      { outcome: "processed", tookMs: 100 },
      { outcome: "processed", tookMs: 300 },
      { outcome: "ignored", tookMs: 200, source: "sentry" },
      { outcome: "dead", source: "sentry" },
      { outcome: "ignored", type: "signalbox.canary", tookMs: 90_000, source: "vercel" },
      { outcome: "processed", at: MINUTE + 1_000 },
    );
    await paid("succeeded", "succeeded", "failed", "succeeded");
    expect(await watchMinutes(world.deps)).toMatchObject({ minutes: 1 });
    expect(await minute()).toEqual({
      "events_finished:stripe.processed": 2,
      "events_finished:sentry.ignored": 1,
      "events_finished:sentry.dead": 1,
      "events_received:stripe": 2,
      "events_received:sentry": 2,
      "error_rate_percent:signalbox": 25,
      "latency_p95_ms:signalbox": 290,
      "latency_avg_ms:signalbox": 200,
      "payment_success_percent:payments": 75,
      "queue_age_s:signalbox": 0,
      "database_connections_percent:database": expect.any(Number),
      "database_up:database": 1,
      "healthy:signalbox": 1,
      "memory_percent:signalbox": 40,
    });
  });

  it("is written once however often the job comes, and what was told late still counts in it", async () => {
    await put({ outcome: "processed" });
    await watchMinutes(world.deps);
    expect(await watchMinutes(world.deps)).toMatchObject({ minutes: 0 });
    const before = await minute();
    await put({ outcome: "dead", at: LAST + 59_000 });
    world.later(1);
    expect(await watchMinutes(world.deps)).toMatchObject({ minutes: 1 });
    expect(await minute()).toEqual({
      ...before,
      "error_rate_percent:signalbox": 50,
      "events_finished:stripe.dead": 1,
      "events_received:stripe": 2,
    });
  });

  it("is caught up after a downtime, an hour at most, and how it was then is not invented", async () => {
    await watchMinutes(world.deps);
    world.later(10);
    await put({ outcome: "processed", at: LAST + 5 * MINUTE_MS });
    expect(await watchMinutes(world.deps)).toMatchObject({ minutes: 10 });
    expect(await minute(LAST + 5 * MINUTE_MS)).toMatchObject({ "error_rate_percent:signalbox": 0 });
    expect(await minute(LAST + 5 * MINUTE_MS)).not.toHaveProperty("healthy:signalbox");
    world.later(600);
    expect(await watchMinutes(world.deps)).toMatchObject({ minutes: 1 });
  });

  it("says how old the oldest waiting event is, and that a part does not answer", async () => {
    await put({ outcome: "transient" });
    await world.w.rows("UPDATE event SET recorded_at = $1", [isoOf(NOW - 90_000)]);
    const down = { services: { database: "connected", kv: "disconnected" } } as const;
    await watchMinutes({ ...world.deps, health: async () => down });
    expect(await minute()).toMatchObject({
      "queue_age_s:signalbox": 90,
      "healthy:signalbox": 0,
      "error_rate_percent:signalbox": 100,
    });
  });

  it("without the database is kept aside and written when it is there again", async () => {
    await watchMinutes(world.deps);
    world.later(1);
    const gone = { query: () => Promise.reject(new Transient("database_unavailable")) };
    const without = { ...world.deps, database: { ...world.w.database, ...gone } };
    await expect(watchMinutes(without)).rejects.toThrow("database_unavailable");
    world.later(1);
    await watchMinutes(world.deps);
    expect(await minute(LAST + MINUTE_MS)).toMatchObject({
      "database_up:database": 0,
      "healthy:signalbox": 0,
    });
    expect(await minute(LAST + 2 * MINUTE_MS)).toMatchObject({ "database_up:database": 1 });
  });

  it("sets a service's errors of five minutes beside its usual rate", async () => {
    const signals = async (service: string, ats: number[]) => {
      const id = `alt_${service}`;
      await world.w.rows(
        `INSERT INTO alert (id, group_key, ordinal, source, kind, title, service, severity, rule, status, opened_at,
          created_at, updated_at, version)
        VALUES ($1, $1, 1, 'sentry', 'error', 'e', $2, 'P2', 'r', 'open', $3, $3, $3, 0)`,
        [id, service, isoOf(LAST)],
      );
      for (const [i, at] of ats.entries()) {
        await world.w.rows(
          "INSERT INTO signal (id, alert_id, event_id, kind, title, occurred_at) VALUES ($1, $2, 'e', 'raised', 'e', $3)",
          [`sig_${service}_${i}`, id, isoOf(at)],
        );
      }
    };
    const spread = (n: number, stepMs: number, from: number) =>
      Array.from({ length: n }, (_, i) => from - i * stepMs);
    // One a minute the whole day before, and 20 in the last five minutes: four times the usual.
    await signals("web", [
      ...spread(20, 14_000, MINUTE - 1),
      ...spread(1_440, MINUTE_MS, MINUTE - 6 * MINUTE_MS),
    ]);
    await signals("api", spread(12, 1_000, MINUTE - 1));
    await watchMinutes(world.deps);
    expect(await minute()).toMatchObject({
      "error_spike_times:web": 4,
      "error_spike_times:api": 12,
      "error_signals:api": 12,
    });
  });
});

describe("thresholds", () => {
  const slow: Threshold = {
    id: "slow",
    metric: "latency_avg_ms",
    above: 1_000,
    forMinutes: 2,
    clear: 800,
    clearForMinutes: 2,
    samplesMin: 1,
    during: "always",
    because: "slow",
  };
  const report = (at: number, value: number, label = "web") =>
    writeMetrics(world.deps.database, [
      { minute: at, metric: "latency_avg_ms", label, value, samples: 5 },
    ]);

  it("that are crossed are told once, and once when it is over, as an alert of their own", async () => {
    world.setThresholds(slow);
    await report(LAST, 1_500);
    await report(LAST - MINUTE_MS, 1_700);
    expect(await watchMinutes(world.deps)).toEqual({ minutes: 1, raised: 1, resolved: 0 });
    expect(world.told).toEqual([
      {
        id: `monitor:threshold:slow:web:raised:${MINUTE}`,
        kind: "raised",
        at: MINUTE,
        groupKey: "monitor:threshold:slow:web",
        signalKind: "metric",
        level: "error",
        title: "Average response time of web 1,500 ms for 2 min, wanted under 1,000 ms",
        service: "web",
        environment: "production",
        url: null,
        tags: { threshold: "slow", metric: "latency_avg_ms" },
      },
    ]);
    world.later(1);
    await report(MINUTE, 900); // between the two: neither again nor over
    expect(await watchMinutes(world.deps)).toMatchObject({ raised: 0, resolved: 0 });
    world.later(2);
    await report(MINUTE + MINUTE_MS, 700);
    await report(MINUTE + 2 * MINUTE_MS, 600);
    expect(await watchMinutes(world.deps)).toMatchObject({ raised: 0, resolved: 1 });
    const alerts = await world.w.rows("SELECT group_key, status, source FROM alert");
    expect(alerts).toEqual([
      { group_key: "monitor:threshold:slow:web", status: "resolved", source: "monitor" },
    ]);
  });

  it("of a minute that nobody looked at are told as of then, its end too", async () => {
    world.setThresholds({ ...slow, forMinutes: 1, clearForMinutes: 1 });
    await watchMinutes(world.deps);
    world.later(5);
    for (const [i, value] of [1_500, 100, 100, 100, 100].entries()) {
      await report(MINUTE + i * MINUTE_MS, value);
    }
    expect(await watchMinutes(world.deps)).toEqual({ minutes: 5, raised: 1, resolved: 1 });
    expect(world.told.map(({ kind, at }) => [kind, at])).toEqual([
      ["raised", MINUTE + MINUTE_MS],
      ["resolved", MINUTE + 2 * MINUTE_MS],
    ]);
  });

  it("that a person has ended, and that are crossed still, are told again a day later", async () => {
    world.setThresholds(slow);
    const slowAt = async (end: number) => {
      await report(end - MINUTE_MS, 1_500);
      await report(end - 2 * MINUTE_MS, 1_700);
    };
    await slowAt(MINUTE);
    await watchMinutes(world.deps);
    const { database, clock } = world.deps;
    const [opened] = await world.w.rows("SELECT id FROM incident");
    await resolve(
      { incidentId: String(opened?.id), actor: "operator:anna" },
      { database, clock, ids: countingIds("act"), relay: async () => undefined },
    );
    const raised: number[] = [];
    for (const minutes of [10, 1_429, 1, 1, 1]) {
      world.later(minutes);
      await slowAt(Math.floor(clock.now() / MINUTE_MS) * MINUTE_MS);
      raised.push((await watchMinutes(world.deps)).raised);
    }
    expect(raised).toEqual([0, 0, 0, 1, 0]);
    expect(world.told.at(-1)).toMatchObject({ kind: "raised", at: NOW + DAY_MS });
    const incidents = await world.w.rows("SELECT status FROM incident ORDER BY created_at");
    expect(incidents.map(({ status }) => status)).toEqual(["resolved", "open"]);
    world.later(2);
    const now = Math.floor(clock.now() / MINUTE_MS) * MINUTE_MS;
    await report(now - MINUTE_MS, 700);
    await report(now - 2 * MINUTE_MS, 700);
    expect(await watchMinutes(world.deps)).toMatchObject({ raised: 0, resolved: 1 });
  });

  it("that the policy has no more are over", async () => {
    world.setThresholds(slow);
    await report(LAST, 1_500);
    await report(LAST - MINUTE_MS, 1_700);
    await watchMinutes(world.deps);
    world.setThresholds();
    world.later(1);
    expect(await watchMinutes(world.deps)).toMatchObject({ resolved: 1 });
  });

  it("of exams are held in exams only, and are over with them", async () => {
    world.setThresholds({ ...slow, during: "exam" });
    await report(LAST, 1_500);
    await report(LAST - MINUTE_MS, 1_700);
    expect(await watchMinutes(world.deps)).toMatchObject({ raised: 0 });
    const exam = {
      id: "mock",
      title: { en: "Mock" },
      from: isoOf(NOW - 3_600_000),
      to: isoOf(NOW + 60_000),
    };
    world.setPolicy({ lockdown: { ...world.deps.policy.lockdown, exams: [exam] } });
    world.later(1);
    await report(MINUTE, 1_500);
    expect(await watchMinutes(world.deps)).toMatchObject({ raised: 1 });
    world.later(2);
    await report(MINUTE + MINUTE_MS, 1_500);
    await report(MINUTE + 2 * MINUTE_MS, 1_500);
    expect(await watchMinutes(world.deps)).toMatchObject({ raised: 0, resolved: 1 });
  });
});

describe("old minutes", () => {
  it("are dropped after 90 days", async () => {
    const row = { metric: "healthy", label: "", value: 1, samples: 1 };
    const day = 24 * 60 * MINUTE_MS;
    await writeMetrics(world.deps.database, [
      { ...row, minute: MINUTE - 91 * day },
      { ...row, minute: MINUTE - 89 * day },
    ]);
    expect(await dropOldMetrics(world.deps.database, NOW, 10)).toBe(1);
    expect(await dropOldMetrics(world.deps.database, NOW, 10)).toBe(0);
    expect(await world.w.count("metric_minute")).toBe(1);
  });
});
