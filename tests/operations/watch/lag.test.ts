import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OwnSignal } from "../../../src/domain/own-signal.js";
import { DAY_MS, isoOf, MINUTE_MS } from "../../../src/domain/time.js";
import { resolve } from "../../../src/operations/incidents/act.js";
import { watchCanaries, watchLag } from "../../../src/operations/watch/index.js";
import { writeMetrics } from "../../../src/store/metrics.js";
import { countingIds } from "../../support/fakes.js";
import { MINUTE, NOW, type WatchWorld, watchWorld } from "./world.js";

let world: WatchWorld;
beforeEach(async () => {
  world = await watchWorld();
});
afterEach(async () => {
  await world.close();
});

const event = (
  id: string,
  status: string,
  o: { source?: string; key?: string; at?: number } = {},
) => {
  const { source = "stripe", key = id, at = NOW } = o;
  return world.w.rows(
    `INSERT INTO event (id, source, event_key, type, status, request_id, occurred_at, received_at, recorded_at)
    VALUES ($1, $2, $3, 'thing.done', $4, 'req_1', $5, $5, $5)`,
    [id, source, key, status, isoOf(at)],
  );
};
const titles = () => world.told.map(({ kind, title }) => `${kind}: ${title}`);

describe("the oldest unfinished event", () => {
  it("past its limit is told once, and is over when the queue is well again", async () => {
    await event("evt_1", "received", { at: NOW - 7 * MINUTE_MS });
    await event("evt_2", "dead", { at: NOW - 70 * MINUTE_MS });
    expect(await watchLag(world.deps)).toEqual({ raised: 1, resolved: 0 });
    expect(titles()).toEqual([
      "raised: The oldest unfinished event (stripe thing.done) waits for 7 min, wanted under 5 min; 1 wait in all",
    ]);
    const base = { at: NOW - 2 * MINUTE_MS, aside: true };
    expect(world.told[0]).toMatchObject({ ...base, tags: { check: "lag" } });
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 0 });
    await world.w.rows("UPDATE event SET recorded_at = $1 WHERE id = 'evt_1'", [
      isoOf(NOW - 4 * MINUTE_MS),
    ]);
    expect(await watchLag(world.deps), "between the two nothing changes").toEqual({
      raised: 0,
      resolved: 0,
    });
    await world.w.rows("UPDATE event SET status = 'processed' WHERE id = 'evt_1'");
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 1 });
  });
});

describe("what a person has ended, and lasts", () => {
  const incidents = () => world.w.rows("SELECT id, status FROM incident ORDER BY created_at, id");
  const resolveNewest = async () => {
    const relay = async () => undefined;
    const { database, clock } = world.deps;
    await resolve(
      { incidentId: String((await incidents()).at(-1)?.id), actor: "operator:anna" },
      { database, clock, ids: countingIds("act"), relay },
    );
  };

  it("is told again a day later as an incident of its own, once, and its end ends it", async () => {
    await event("evt_1", "received", { at: NOW - 7 * MINUTE_MS });
    await watchLag(world.deps);
    await resolveNewest();
    const closedAt = world.clock.now();
    world.later(24 * 60 - 1);
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 0 });
    world.later(1);
    expect(await watchLag(world.deps)).toEqual({ raised: 1, resolved: 0 });
    expect(world.told.at(-1)).toMatchObject({ kind: "raised", at: closedAt + DAY_MS });
    world.later(1);
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 0 });
    expect((await incidents()).map(({ status }) => status)).toEqual(["resolved", "open"]);
    await world.w.rows("UPDATE event SET status = 'processed' WHERE id = 'evt_1'");
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 1 });
    expect(await world.w.rows("SELECT status FROM alert")).toEqual([{ status: "resolved" }]);
  });

  it("is the same event while the queue still has it, and another one when it is ended again", async () => {
    await event("evt_1", "received", { at: NOW - 7 * MINUTE_MS });
    await watchLag(world.deps);
    await resolveNewest();
    world.later(24 * 60);
    const sent: (OwnSignal & { id: string })[] = [];
    const sendEvent: typeof world.deps.sendEvent = async (_source, body) => {
      sent.push(body as OwnSignal & { id: string });
      return { eventKey: "waits" };
    };
    await watchLag({ ...world.deps, sendEvent });
    world.later(5);
    await watchLag({ ...world.deps, sendEvent });
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
    await watchLag(world.deps);
    await resolveNewest();
    world.later(24 * 60);
    await watchLag(world.deps);
    expect(new Set(world.told.map(({ at }) => at)).size).toBe(3);
    expect(await incidents()).toHaveLength(3);
  });
});

describe("a dead letter of a payment", () => {
  const letter = (id: string, eventId: string) =>
    world.w.rows(
      `INSERT INTO dead_letter (id, event_id, status, code, message, hint, deaths, created_at, updated_at, version)
      VALUES ($1, $2, 'open', 'unexpected_shape', 'm', 'h', 1, $3, $3, 0)`,
      [id, eventId, isoOf(NOW)],
    );

  it("is told each by itself until it is settled; those of other sources are not", async () => {
    await event("evt_1", "dead");
    await event("evt_2", "dead");
    await event("evt_3", "dead", { source: "sentry" });
    for (const [i, id] of ["evt_1", "evt_2", "evt_3"].entries()) await letter(`ded_${i}`, id);
    expect(await watchLag(world.deps)).toEqual({ raised: 2, resolved: 0 });
    expect(world.told.map(({ groupKey }) => groupKey).sort()).toEqual([
      "monitor:dead-letter:ded_0",
      "monitor:dead-letter:ded_1",
    ]);
    await world.w.rows("UPDATE dead_letter SET status = 'replaying' WHERE id = 'ded_0'");
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 0 });
    await world.w.rows("UPDATE dead_letter SET status = 'resolved' WHERE id = 'ded_0'");
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 1 });
    expect(titles().at(-1)).toBe("resolved: Dead letter ded_0 is settled");
  });
});

describe("a reconciliation", () => {
  const run = (id: string, status: string) =>
    world.w.rows(
      `INSERT INTO reconciliation (id, source, actor, status, dry_run, livemode, range_from, range_to, only_ref, cursor,
        counts, balance, errors, started_at, updated_at, ended_at, lease_until, version)
      VALUES ($1, 'stripe', 'cron:hourly', $2, false, true, $3, $3, '', '{}', '{}', '[]', '[]', $3, $3, $3, $3, 0)`,
      [id, status, isoOf(NOW)],
    );

  it("that failed is told until one succeeds", async () => {
    await run("rec_1", "failed");
    expect(await watchLag(world.deps)).toEqual({ raised: 1, resolved: 0 });
    await run("rec_2", "running");
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 0 });
    await run("rec_3", "succeeded");
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 1 });
    expect(titles()).toEqual([
      "raised: Reconciliation rec_1 of stripe failed: the ledger is not proven",
      "resolved: Reconciliation rec_3 of stripe succeeded",
    ]);
  });
});

describe("a source", () => {
  const speak = async (until: number) => {
    const rows = [];
    for (let at = MINUTE - 14 * DAY_MS; at < until; at += 10 * MINUTE_MS) {
      const row = { metric: "events_received", label: "sentry", value: 1, samples: 1 };
      rows.push({ ...row, minute: at });
    }
    await writeMetrics(world.deps.database, rows);
  };

  it("that is silent for longer than usual is told, and that it speaks again", async () => {
    await speak(MINUTE - 60 * MINUTE_MS);
    expect(await watchLag(world.deps)).toEqual({ raised: 1, resolved: 0 });
    expect(titles()[0]).toMatch(
      /^raised: sentry has been silent since 2026-11-21T07:51:00.000Z, for 69 min; .* 9 min are usual$/,
    );
    await speak(MINUTE);
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 1 });
  });

  it("that is held, or whose events wait with us, is not called silent", async () => {
    await speak(MINUTE - 60 * MINUTE_MS);
    await event("evt_1", "received", { source: "sentry", at: NOW - 50 * MINUTE_MS });
    await watchLag(world.deps);
    expect(world.told.map(({ groupKey }) => groupKey)).toEqual(["monitor:lag:events"]);
  });
});

describe("a maintenance that is over, and of which nobody has said how it ended", () => {
  it("is told five minutes after the time for its looks, once, and is over by a person's word", async () => {
    const keep = (id: string, status: string, endsAt: number) =>
      world.w.rows(
        `INSERT INTO maintenance (id, title, services, starts_at, ends_at, status, created_by, version, created_at, updated_at)
        VALUES ($1, 'A larger database', '[]', $2, $3, $4, 'operator:anna', 0, $2, $2)`,
        [id, isoOf(endsAt - 60 * MINUTE_MS), isoOf(endsAt), status],
      );
    await keep("mnt_1", "verifying", NOW - 7 * MINUTE_MS);
    await keep("mnt_2", "completed", NOW - 60 * MINUTE_MS);
    await keep("mnt_3", "begun", NOW + 10 * MINUTE_MS);
    expect(await watchLag(world.deps), "its looks have two minutes").toMatchObject({ raised: 0 });
    world.later(1);
    expect(await watchLag(world.deps)).toEqual({ raised: 1, resolved: 0 });
    expect(titles()).toEqual([
      'raised: Maintenance "A larger database" was to end at 2026-11-21T08:53:10.000Z, and nothing could tell whether all is well. Look, and say so: npx --no signalbox maintenance complete mnt_1 --reason "…" (or fail)',
    ]);
    world.later(1);
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 0 });
    await world.w.rows("UPDATE maintenance SET status = 'failed' WHERE id = 'mnt_1'");
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 1 });
  });
});

describe("uptime", () => {
  it("under the policy's line is told when the outage is over, critical by itself, and not again each day", async () => {
    const { uptime } = world.deps.policy;
    world.setPolicy({
      uptime: { ...uptime, targetDays: 7, alertBelowPercent: 99.5, criticalPercent: 99 },
    });
    await world.w.rows(
      `INSERT INTO incident (id, correlation_key, ordinal, kind, title, service, ours, severity, rule, route, status,
        opened_at, routed_at, routings, reopenings, created_at, updated_at, version)
      VALUES ('INC-1', 'k', 1, 'uptime', 't', 'web', false, 'P0', 'r', 'r', 'open', $1, $1, 1, 0, $1, $1, 0)`,
      [isoOf(NOW - 120 * MINUTE_MS)],
    );
    await world.w.rows(
      `INSERT INTO alert (id, incident_id, group_key, ordinal, source, kind, title, service, severity, rule, status,
        opened_at, resolved_at, created_at, updated_at, version)
      VALUES ('alt_1', 'INC-1', 'g', 1, 'better-stack', 'uptime', 't', 'Web shop', 'P0', 'r', 'resolved', $1, $2, $1, $1, 0)`,
      [isoOf(NOW - 120 * MINUTE_MS), isoOf(NOW - 60 * MINUTE_MS)],
    );
    expect(await watchLag(world.deps)).toEqual({ raised: 1, resolved: 0 });
    expect(world.told[0]).toMatchObject({
      groupKey: "monitor:availability:web",
      aside: true,
      title: "Uptime of web 99.404 % over 7 days, wanted over 99.5 %",
      tags: { threshold: "availability" },
    });
    await world.w.rows(
      "UPDATE incident SET status = 'resolved', resolved_at = $1, version = version + 1",
      [isoOf(NOW)],
    );
    world.later(2 * 24 * 60);
    expect(await watchLag(world.deps), "nobody can mend it").toEqual({ raised: 0, resolved: 0 });
    world.later(6 * 24 * 60);
    expect(await watchLag(world.deps)).toEqual({ raised: 0, resolved: 1 });
  });
});

describe("what the watch says of our own work", () => {
  it("is aside from the outage of its service: reconciliation, lag and canaries alike", async () => {
    await world.w.rows(
      `INSERT INTO reconciliation (id, source, actor, status, dry_run, livemode, range_from, range_to, only_ref, cursor,
        counts, balance, errors, started_at, updated_at, ended_at, lease_until, version)
      VALUES ('rec_1', 'stripe', 'cron:hourly', 'failed', false, true, $1, $1, '', '{}', '{}', '[]', '[]', $1, $1, $1, $1, 0)`,
      [isoOf(NOW)],
    );
    await event("evt_1", "received", { at: NOW - 7 * MINUTE_MS });
    Object.assign(world.door, { status: 401 });
    await watchLag(world.deps);
    await watchCanaries(world.deps);
    world.later(1);
    await watchCanaries(world.deps);
    expect(world.told.map(({ aside }) => aside)).toEqual(Array(7).fill(true));
    const incidents = await world.w.rows("SELECT correlation_key AS key, aside FROM incident");
    expect(incidents.length).toBeGreaterThan(1);
    for (const { key, aside } of incidents) {
      expect(aside).toBe(true);
      expect(key).toMatch(/ aside /);
    }
  });
});

describe("canaries", () => {
  const keyOf = async (source: string): Promise<string> => {
    const kept = JSON.parse((await world.deps.kv.get(`watch:canary:${source}`)) ?? "{}");
    return String(kept.eventKey);
  };
  const finish = async (
    status: string,
    sources = ["stripe", "sentry", "vercel", "better-stack", "resend"],
  ) => {
    for (const source of sources) {
      await event(`evt_${source}_${Math.random()}`, status, { source, key: await keyOf(source) });
    }
  };

  it("are posted once in their time, to the address of each source, and are well when they end", async () => {
    expect(await watchCanaries(world.deps)).toEqual({ sent: 5, raised: 0, resolved: 0 });
    expect(world.posts.map(({ url }) => url)).toEqual(
      ["stripe", "sentry", "vercel", "better-stack", "resend"].map(
        (source) => `https://signalbox.example/api/webhooks/${source}`,
      ),
    );
    await finish("ignored");
    world.later(6);
    expect(await watchCanaries(world.deps)).toEqual({ sent: 0, raised: 0, resolved: 0 });
    world.later(9);
    expect(await watchCanaries(world.deps)).toEqual({ sent: 5, raised: 0, resolved: 0 });
  });

  it("that the door refuses are told at the second time, with its answer, and over when they get through", async () => {
    Object.assign(world.door, { status: 401, text: '{"code":"bad_signature"}' });
    expect(await watchCanaries(world.deps)).toMatchObject({ sent: 5, raised: 0 });
    world.later(1);
    expect(await watchCanaries(world.deps)).toMatchObject({ sent: 5, raised: 5 });
    expect(titles()).toContain(
      "raised: Deliveries of stripe do not get through: the door answered 401 bad_signature",
    );
    Object.assign(world.door, { status: 202, text: "{}" });
    world.later(1);
    expect(await watchCanaries(world.deps)).toMatchObject({ sent: 5, raised: 0, resolved: 0 });
    await finish("ignored");
    expect(await watchCanaries(world.deps)).toEqual({ sent: 0, raised: 0, resolved: 5 });
  });

  it("that do not end in time say where they stopped", async () => {
    await watchCanaries(world.deps);
    await finish("received", ["sentry"]);
    await finish("dead", ["vercel"]);
    await finish("ignored", ["better-stack", "resend"]);
    world.later(5);
    expect(await watchCanaries(world.deps)).toEqual({ sent: 0, raised: 3, resolved: 0 });
    expect(titles().sort()).toEqual([
      "raised: Deliveries of sentry do not get through: the canary was tried 0 times, and is not finished",
      "raised: Deliveries of stripe do not get through: the door took the canary, and no worker has had it: the queue holds it",
      "raised: Deliveries of vercel do not get through: the canary became a dead letter (no code)",
    ]);
  });

  it("are not sent for a source that is held, nor where the policy has none", async () => {
    await world.w.rows(
      `INSERT INTO source_hold (id, source, reason, held_by, held_at, let_through, version)
      VALUES ('hld_1', 'stripe', 'r', 'admin', $1, '[]', 0)`,
      [isoOf(NOW)],
    );
    expect(await watchCanaries(world.deps)).toMatchObject({ sent: 4 });
    world.setPolicy({ lag: { ...world.deps.policy.lag, canaryEveryMinutes: null } });
    world.later(15);
    expect(await watchCanaries(world.deps)).toMatchObject({ sent: 0 });
  });
});
