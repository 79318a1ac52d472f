import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asSuperuser } from "../../local/postgres.js";
import { Permanent, Transient } from "../../src/domain/errors.js";
import { emptyPlan } from "../../src/domain/plan.js";
import { DAY_MS, HOUR_MS, isoOf } from "../../src/domain/time.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { drainSource } from "../../src/operations/drain-source.js";
import { holdSource } from "../../src/operations/hold-source.js";
import { releaseSource } from "../../src/operations/release-source.js";
import { keptRun } from "../../src/operations/run-kept-event.js";
import { replayDeadLetter } from "../../src/operations/settle-dead-letter.js";
import { type RetentionDeps, sweepRetention } from "../../src/operations/sweep-retention.js";
import { apply } from "../../src/store/apply.js";
import { type Database, openDatabase } from "../../src/store/database.js";
import { ensurePartitions, readBody } from "../../src/store/events.js";
import { runDeps, sampleRun } from "../support/events.js";
import { countingIds, listeningLog, type StillClock, stillClock } from "../support/fakes.js";
import { claimOf, type StoreWorld, storeWorld } from "../support/store.js";

const DAYS = 90;

let w: StoreWorld;
let clock: StillClock;
let log: ReturnType<typeof listeningLog>;
let known: Map<string, string>;
let deps: RetentionDeps;

beforeEach(async () => {
  w = await storeWorld();
  await ensurePartitions(w.database); // the template's are of the month in which the run began
  const [row] = await w.rows("SELECT (extract(epoch FROM now()) * 1000)::bigint AS now");
  clock = stillClock(Number(row?.now));
  log = listeningLog();
  known = new Map();
  const kv = {
    get: async (key: string) => known.get(key) ?? null,
    setFor: async (key: string, value: string) => void known.set(key, value),
  };
  const retention = { logDays: null, errorDays: null, auditDays: null, bodyDays: DAYS };
  const { database } = w;
  deps = { database, clock, ids: countingIds("k"), kv, log, policy: { retention } };
});
afterEach(() => w.close());

/** Begins so many months before this one, in UTC. */
const monthOf = (before: number): { name: string; from: number; to: number } => {
  const now = new Date(clock.now());
  const at = (n: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - n, 1);
  const from = at(before);
  return { name: isoOf(from).slice(0, 7).replace("-", ""), from, to: at(before - 1) };
};

/** The partition of a month that is over: as the sweep made it when it was to come. */
async function pastMonth(before: number): Promise<ReturnType<typeof monthOf>> {
  const month = monthOf(before);
  const [from, to] = [isoOf(month.from), isoOf(month.to)];
  await w.rows(
    `CREATE TABLE IF NOT EXISTS event_body_${month.name} PARTITION OF event_body FOR VALUES FROM ('${from}') TO ('${to}')`,
  );
  return month;
}

const BYTES = Buffer.from('{"a":1}');
async function put(id: string, at: number, status = "processed"): Promise<void> {
  await w.rows(
    `INSERT INTO event (id, source, event_key, type, status, request_id, occurred_at, received_at, recorded_at)
    VALUES ($1, 'stripe', $1, 'thing.done', $2, 'req_1', $3, $3, $3)`,
    [id, status, isoOf(at)],
  );
  await w.rows(
    "INSERT INTO event_body (event_id, recorded_at, headers, body) VALUES ($1, $2, '{}', $3)",
    [id, isoOf(at), BYTES],
  );
}
const kept = async (): Promise<unknown[]> =>
  (await w.rows("SELECT event_id FROM event_body ORDER BY 1")).map((row) => row.event_id);
const partitions = async (): Promise<unknown[]> =>
  (
    await w.rows(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'event_body'::regclass",
    )
  ).map(({ name }) => String(name));
const trail = () =>
  w.rows("SELECT action, actor, subject, details FROM audit_entry ORDER BY subject, id");

/** The database, with some of its answers changed. */
const through = (
  query: (text: string, values: readonly unknown[]) => Promise<Record<string, unknown>[]>,
): Database => ({ ...w.database, query: query as Database["query"] });

/** As what Postgres ends because of the role's `statement_timeout` is told. */
const tooSlow = (): Transient => {
  const cause = Object.assign(new Error("canceling statement"), { code: "57014" });
  return new Transient("database_busy", { cause });
};

const oldMinute = (): Promise<unknown> =>
  w.rows(
    "INSERT INTO metric_minute (minute, metric, label, value, samples) VALUES ($1, 'm', '', 1, 1)",
    [isoOf(clock.now() - 91 * DAY_MS)],
  );

/** A session of its own, which the test ends. */
async function session(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: w.database.pool.options.connectionString });
  await client.connect();
  return client;
}

/** Until somebody waits to have the table of bodies alone. */
const waitsForAll = (): Promise<void> =>
  expect
    .poll(
      () =>
        w.count(
          `pg_locks WHERE relation = 'event_body'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        ),
      { timeout: 5_000, interval: 5 },
    )
    .toBe(1);

describe("the bodies of a month", () => {
  it("go with its partition once all of it is past its days, and not a moment before", async () => {
    const month = await pastMonth(4);
    await put("evt_first", month.from);
    await put("evt_last", month.to - 1, "ignored");
    const at = month.to + DAYS * DAY_MS;
    deps = { ...deps, clock: stillClock(at - 1) };
    expect(await sweepRetention(deps)).toMatchObject({ months: [], left: false });
    expect(await kept()).toEqual(["evt_first", "evt_last"]);
    known.clear();
    deps = { ...deps, clock: stillClock(at) };
    expect(await sweepRetention(deps)).toEqual({
      months: [{ month: month.name, outcome: "dropped", events: 2, moved: 0 }],
      strays: 0,
      notices: 0,
      metricMinutes: 0,
      failed: 0,
      left: false,
    });
    expect(await partitions()).not.toContain(`event_body_${month.name}`);
    expect(await kept()).toEqual([]);
    expect(await w.count("event"), "its key is kept").toBe(2);
    expect(await trail()).toEqual([
      {
        action: "event_body.dropped",
        actor: "system:retention",
        subject: `event_body_${month.name}`,
        details: { days: DAYS, events: 2, bytes: expect.any(Number) },
      },
    ]);
  });

  it("stay for 35 days by the database's own clock, whatever ours says", async () => {
    const last = await pastMonth(1);
    await put("evt_new", last.from);
    deps = { ...deps, clock: stillClock(clock.now() + 3_650 * DAY_MS) };
    expect(await sweepRetention(deps)).toMatchObject({ months: [], strays: 0 });
    expect(await kept()).toEqual(["evt_new"]);
    const drop = "SELECT signalbox_drop_bodies($1)";
    await expect(w.rows(drop, [last.name])).rejects.toThrow("not to be dropped yet");
    await expect(w.rows(drop, ["default"])).rejects.toThrow("not to be dropped yet");
    expect(await kept()).toEqual(["evt_new"]);
  });

  it("give those of events that are not finished a place in the present month first", async () => {
    const month = await pastMonth(6);
    for (const status of ["received", "held", "dead", "processed", "ignored", "discarded"]) {
      await put(`evt_${status}`, month.from + DAY_MS, status);
    }
    for (let n = 100; n < 220; n += 1) await put(`evt_x${n}`, month.from + DAY_MS, "held");
    const swept = await sweepRetention(deps);
    expect(swept?.months).toEqual([
      { month: month.name, outcome: "dropped", events: 3, moved: 123 },
    ]);
    const open = await w.rows(
      "SELECT b.event_id, b.body, tableoid::regclass::text AS of FROM event_body b ORDER BY 1",
    );
    expect(open.slice(0, 3).map((row) => row.event_id)).toEqual([
      "evt_dead",
      "evt_held",
      "evt_received",
    ]);
    expect(open).toHaveLength(123);
    const now = `event_body_${monthOf(0).name}`;
    for (const row of open) expect(row).toMatchObject({ of: now, body: BYTES });
  });

  it("give large ones their place some MiB at a time, so that no statement is too slow for its limit", async () => {
    const month = await pastMonth(6);
    for (let n = 0; n < 7; n += 1) await put(`evt_${n}`, month.from, "held");
    await w.rows("UPDATE event_body SET body = convert_to(repeat('x', 3 * 1024 * 1024), 'UTF8')");
    const pieces: unknown[] = [];
    const database = through(async (text, values) => {
      const found = await w.database.query(text, values);
      if (text.startsWith("WITH open")) pieces.push(found[0]?.n);
      return found;
    });
    expect(await sweepRetention({ ...deps, database })).toMatchObject({
      months: [{ outcome: "dropped", moved: 7 }],
    });
    expect(pieces, "16 MiB, and what is begun of the next").toEqual([6, 1, 0]);
    expect(await kept()).toHaveLength(7);
  });

  it("go though they cannot be counted in time, and the entry says that it is not known how many", async () => {
    const month = await pastMonth(6);
    await put("evt_done", month.from);
    const database = through(async (text, values) => {
      if (text.includes("pg_total_relation_size")) throw tooSlow();
      return w.database.query(text, values);
    });
    expect(await sweepRetention({ ...deps, database })).toMatchObject({
      months: [{ outcome: "dropped", events: null }],
      failed: 0,
      left: false,
    });
    expect(await kept()).toEqual([]);
    expect(await trail()).toMatchObject([{ details: { days: DAYS, events: null, bytes: null } }]);
    expect(log.lines[0]).toMatchObject({
      action: "event_body.not_counted",
      fields: { month: month.name, detail: "database_busy", cause: "Error 57014" },
    });
  });

  it("all stay where the policy does not say for how many days, and what else is old goes", async () => {
    const month = await pastMonth(20);
    await put("evt_old", month.from);
    await put("evt_stray", monthOf(21).from);
    await oldMinute();
    const policy = { retention: { ...deps.policy.retention, bodyDays: null } };
    expect(await sweepRetention({ ...deps, policy })).toMatchObject({
      months: [],
      strays: 0,
      metricMinutes: 1,
      left: false,
    });
    expect(await kept()).toEqual(["evt_old", "evt_stray"]);
    expect(await trail()).toEqual([]);
  });

  it("are not dropped while an event needs its bytes there, though nobody has moved them", async () => {
    const month = await pastMonth(6);
    await put("evt_held", month.from, "held");
    const database = through(async (text, values) =>
      text.startsWith("WITH open") ? [] : w.database.query(text, values),
    );
    expect(await sweepRetention({ ...deps, database })).toMatchObject({
      months: [{ outcome: "unfinished" }],
      left: true,
    });
    expect(await kept()).toEqual(["evt_held"]);
    expect(await trail()).toEqual([]);
  });
});

/** As if it had come long ago. */
const age = (month: { from: number }) =>
  w.rows("UPDATE event_body SET recorded_at = $1", [isoOf(month.from + DAY_MS)]);

describe("an event that is not finished when its month goes", () => {
  it("is drained as if it had come yesterday, from the bytes that it came with", async () => {
    const work = { ...runDeps(w), log, relay: async () => undefined };
    await holdSource({ source: "stripe", reason: "a bad release", actor: "operator:anna" }, work);
    const run = await sampleRun("stripe", "payment-succeeded");
    const { eventId } = await runEvent(run, work);
    await age(await pastMonth(5));
    expect(await sweepRetention(deps)).toMatchObject({
      months: [{ outcome: "dropped", moved: 1 }],
    });
    expect(await readBody(w.database, eventId)).toEqual({
      headers: run.delivery.headers,
      body: run.body,
    });
    await releaseSource({ source: "stripe", reason: null, actor: "operator:ben" }, work);
    expect((await drainSource("stripe", 60_000, work)).outcomes).toEqual({ processed: 1 });
    expect(await w.count("payment")).toBe(1);
  });

  it("is replayed from its dead letter", async () => {
    const work = { ...runDeps(w), log, relay: async () => undefined };
    const run = await sampleRun("stripe", "payment-succeeded");
    const { eventId } = await runEvent({ ...run, verdict: new Permanent("worker_refused") }, work);
    await age(await pastMonth(5));
    expect(await sweepRetention(deps)).toMatchObject({
      months: [{ outcome: "dropped", moved: 1 }],
    });
    const by = { attemptId: "replay:0", startedAt: clock.now(), runId: "run_1" };
    const again = await keptRun(w.database, eventId, by);
    if (again === null) throw new Error("the event is gone");
    expect((await runEvent(again, work)).outcome).toBe("processed");
    expect(await w.rows("SELECT status FROM dead_letter")).toEqual([{ status: "resolved" }]);
  });

  it("says that its bytes are gone when they are, and waits for a redelivery", async () => {
    const work = { ...runDeps(w), log, relay: async () => undefined };
    const run = await sampleRun("stripe", "payment-succeeded");
    const { eventId, died } = await runEvent(
      { ...run, verdict: new Permanent("worker_refused") },
      work,
    );
    await w.rows("DELETE FROM event_body");
    const asked = { id: died?.deadLetterId ?? "", reason: "mended", actor: "operator:anna" };
    expect(await replayDeadLetter(asked, work)).toMatchObject({ kind: "replaying" });
    const by = { attemptId: "replay:0", startedAt: clock.now(), runId: "run_1" };
    const again = await keptRun(w.database, eventId, by);
    if (again === null) throw new Error("the event is gone");
    expect((await runEvent(again, work)).outcome).toBe("dead");
    expect(await w.rows("SELECT status, code, message, hint FROM dead_letter")).toEqual([
      {
        status: "open",
        code: "body_lost",
        message:
          "The event's bytes are not here any more, so it cannot be run. The database has none of them.",
        hint: "Have the provider send the event again; a redelivery runs it.",
      },
    ]);
  });
});

describe("dropping a month beside the work of the day", () => {
  it("fails no event, whatever is written and read meanwhile", async () => {
    const months = await Promise.all([5, 6, 7, 8, 9, 10].map(pastMonth));
    for (const [n, month] of months.entries()) {
      await put(`evt_done_${n}`, month.from);
      await put(`evt_open_${n}`, month.from, "dead");
    }
    let over = false;
    let written = 0;
    const worker = async (name: string): Promise<void> => {
      for (let n = 0; !over || n < 5; n += 1) {
        const id = `evt_${name}_${n}`;
        // Known: the statement looks for the bytes in all partitions, and writes them.
        const claim = { ...claimOf(w.ctx, `${name}_${n}`, { id, attempt: id }), known: true };
        expect(await apply(w.database, emptyPlan(), claim)).toBe(true);
        expect((await readBody(w.database, "evt_open_0"))?.body).toHaveLength(BYTES.length);
        written += 1;
      }
    };
    const workers = ["a", "b", "c", "d"].map(worker);
    await expect.poll(() => written, { timeout: 5_000, interval: 5 }).toBeGreaterThan(8);
    const ended: unknown[] = [];
    // Locks may not be to be had the first time: then it is tried again, as each minute's sweep does.
    for (let tries = 0; ended.length < months.length && tries < 100; tries += 1) {
      const swept = await sweepRetention(deps);
      ended.push(...(swept?.months ?? []).filter(({ outcome }) => outcome === "dropped"));
    }
    over = true;
    await Promise.all(workers);
    expect(ended).toHaveLength(months.length);
    expect(await w.count("event_body")).toBe(months.length + written);
  });

  it("keeps none waiting for long when the locks are not to be had, and tries again", async () => {
    const month = await pastMonth(5);
    await put("evt_done", month.from);
    const [long, short] = await Promise.all([session(), session()]);
    try {
      await long.query("BEGIN");
      await long.query("SELECT FROM event_body");
      // Two seconds: less than what the hot path has, and more than any drop may cost it.
      await short.query("SET lock_timeout = '2s'");
      const sweep = sweepRetention(deps);
      await waitsForAll();
      const insert =
        "INSERT INTO event_body (event_id, headers, body) VALUES ('evt_now', '{}', '')";
      await short.query(insert);
      expect(await sweep).toMatchObject({ months: [{ outcome: "busy", events: 0 }], left: true });
      expect(await kept()).toEqual(["evt_done", "evt_now"]);
      expect(await trail()).toEqual([]);
      await long.query("COMMIT");
      expect(await sweepRetention(deps)).toMatchObject({ months: [{ outcome: "dropped" }] });
      expect(await kept()).toEqual(["evt_now"]);
    } finally {
      await Promise.all([long.end(), short.end()]);
    }
  });

  it("does no harm twice at the same time: each month goes once, with one entry", async () => {
    const months = await Promise.all([5, 6, 7, 8].map(pastMonth));
    for (const [n, month] of months.entries()) {
      await put(`evt_done_${n}`, month.from);
      await put(`evt_held_${n}`, month.from, "held");
    }
    const others = Array.from({ length: 4 }, (_, n) => ({ ...deps, ids: countingIds(`r${n}`) }));
    await Promise.all(others.map(sweepRetention));
    await sweepRetention(deps); // what was busy for all of them
    expect(await kept()).toEqual(months.map((_, n) => `evt_held_${n}`));
    expect((await trail()).map(({ subject }) => subject)).toEqual(
      months.map(({ name }) => `event_body_${name}`).sort(),
    );
    const late = await w.rows("SELECT signalbox_drop_bodies($1) AS outcome", [months[0]?.name]);
    expect(late).toEqual([{ outcome: "gone" }]);
  });

  it("makes a partition without keeping an insert waiting for long either", async () => {
    const [long, short] = await Promise.all([session(), session()]);
    const ahead = isoOf(monthOf(-2).from).slice(0, 7).replace("-", "");
    await w.rows(`DROP TABLE event_body_${ahead}`);
    try {
      await long.query("BEGIN");
      await long.query("SELECT FROM event_body");
      const made = ensurePartitions(w.database).catch((error: unknown) => error);
      await short.query("SET lock_timeout = '2s'");
      await waitsForAll();
      await short.query("INSERT INTO event_body (event_id, headers, body) VALUES ('e', '{}', '')");
      expect(await made).toBeInstanceOf(Transient);
      await long.query("COMMIT");
      expect(await ensurePartitions(w.database)).toBe(1);
    } finally {
      await Promise.all([long.end(), short.end()]);
    }
  });
});

describe("the default partition", () => {
  it("loses what is past its days row by row, and keeps what is not finished or not old", async () => {
    const [old, older, young] = [monthOf(5), monthOf(7), monthOf(2)];
    await put("evt_old", old.from);
    await put("evt_older", older.to - 1);
    await put("evt_open", older.from, "dead");
    await put("evt_young", young.from);
    expect(await w.count("event_body_default")).toBe(4);
    expect(await sweepRetention(deps)).toMatchObject({ months: [], strays: 2, left: false });
    expect(await kept()).toEqual(["evt_open", "evt_young"]);
    expect(await trail()).toEqual([
      {
        action: "event_body.dropped",
        actor: "system:retention",
        subject: "event_body_default",
        details: { days: DAYS, events: 2, first: older.name, last: old.name },
      },
    ]);
  });

  it("that has rows of a month does not keep the months after it from having theirs", async () => {
    const present = monthOf(0).name;
    const next = monthOf(-1).name;
    await w.rows(`DROP TABLE event_body_${present}; DROP TABLE event_body_${next}`);
    await put("evt_stray", clock.now());
    expect(await ensurePartitions(w.database)).toBe(1);
    expect(await partitions()).toContain(`event_body_${next}`);
    expect(await w.count("event_body_default")).toBe(1);
  });
});

describe("a notice that has ended", () => {
  const notice = async (id: string, status: string, at: number): Promise<void> => {
    await w.rows(
      `INSERT INTO notice (id, channel, template, cause, recipient, locale, data, payload, status, calls, created_at, version)
      VALUES ($1, 'email', 'payment-received', $1, 'a@example.com', 'en', '{}', '{"html":"…"}', $2, 1, $3, 7)`,
      [id, status, isoOf(at)],
    );
    await w.rows(
      `INSERT INTO timer (id, kind, subject, due_at, status, created_at, version)
      VALUES ('tmr_' || $1, 'notice.give_up', $1, $2, $3, $2, 1)`,
      [id, isoOf(at), status === "sending" ? "waiting" : "done"],
    );
  };

  it("loses what was rendered of it after 90 days, and its timer; one that has not ended keeps both", async () => {
    const before = clock.now() - 90 * DAY_MS - 1;
    for (const status of ["sent", "delivered", "canceled", "discarded", "bounced"]) {
      await notice(`ntc_${status}`, status, before);
    }
    for (const status of ["unknown", "failed", "sending"]) {
      await notice(`ntc_${status}`, status, before);
    }
    await notice("ntc_young", "sent", before + HOUR_MS);
    await w.rows(
      `INSERT INTO timer (id, kind, subject, due_at, status, created_at, version)
      VALUES ('tmr_inc', 'incident.due', 'INC-1', $1, 'done', $1, 1)`,
      [isoOf(before)],
    );
    expect(await sweepRetention(deps)).toMatchObject({ notices: 5, left: false });
    const whole = ["ntc_failed", "ntc_sending", "ntc_unknown", "ntc_young"];
    expect(await w.rows("SELECT id FROM notice WHERE payload IS NOT NULL ORDER BY 1")).toEqual(
      whole.map((id) => ({ id })),
    );
    expect(await w.rows("SELECT DISTINCT version FROM notice WHERE payload IS NULL")).toEqual([
      { version: 8 },
    ]);
    expect(await w.count("notice")).toBe(9);
    expect(
      (await w.rows("SELECT subject FROM timer ORDER BY 1")).map((row) => row.subject),
    ).toEqual(["INC-1", ...whole]);
  });
});

/** The application's role where another one has migrated, `w.database`'s: it may write, and owns nothing. */
async function asAnother(
  work: (
    database: Database,
    grant: (sql: (role: string) => string) => Promise<void>,
  ) => Promise<void>,
): Promise<void> {
  const role = `app_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(9).toString("hex");
  const grant = (sql: (role: string) => string) =>
    asSuperuser(w.adminUrl, async (client) => void (await client.query(sql(role))));
  await grant(() => `CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
  const url = new URL(w.adminUrl);
  Object.assign(url, { username: role, password });
  const waits = { connectTimeoutMs: 5_000, queryTimeoutMs: 10_000 };
  const config = { url: url.href, poolMax: 2, preparedStatements: true, ...waits };
  const database = openDatabase(config, (error) => log.error("connection.lost", { error }));
  try {
    await grant(() => `GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`);
    await work(database, grant);
  } finally {
    await database.close();
    await grant(() => `DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
}

describe("a part of the sweep that fails", () => {
  it("keeps none of the others from its turn: a month that the role does not own, until it is a member of who does", async () => {
    const [first, second] = [await pastMonth(6), await pastMonth(5)];
    await put("evt_1", first.from);
    await put("evt_2", second.from);
    await put("evt_stray", monthOf(7).from);
    await oldMinute();
    await asAnother(async (database, grant) => {
      await grant((role) => `ALTER TABLE event_body_${second.name} OWNER TO ${role}`);
      expect(await sweepRetention({ ...deps, database })).toMatchObject({
        months: [{ month: second.name, outcome: "dropped", events: 1 }],
        strays: 1,
        metricMinutes: 1,
        failed: 1,
        left: true,
      });
      expect(await kept()).toEqual(["evt_1"]);
      const failed = log.lines.filter(({ level }) => level === "error");
      const fields = { part: `event_body_${first.name}`, detail: "error 42501", cause: null };
      expect(failed).toEqual([{ level: "error", action: "retention.failed", fields }]);
      const [owner] = await w.rows("SELECT current_user AS name");
      await grant((role) => `GRANT ${owner?.name} TO ${role}`);
      expect(await sweepRetention({ ...deps, database })).toMatchObject({
        months: [{ month: first.name, outcome: "dropped" }],
        failed: 0,
        left: false,
      });
    });
  });

  it("has its turn again the next minute, and is not told as done", async () => {
    await oldMinute();
    const slow = through(async (text, values) => {
      if (text.includes("DELETE FROM metric_minute")) throw tooSlow();
      return w.database.query(text, values);
    });
    const one = await sweepRetention({ ...deps, database: slow });
    expect(one).toMatchObject({ metricMinutes: 0, failed: 1, left: true });
    const two = await sweepRetention(deps);
    expect(two).toMatchObject({ metricMinutes: 1, failed: 0, left: false });
  });

  it("is not one where the database is not to be had: that ends the sweep", async () => {
    await Promise.all([5, 6].map(pastMonth));
    let asked = 0;
    const database = through(async (text, values) => {
      if (!text.includes("signalbox_drop_bodies")) return w.database.query(text, values);
      asked += 1;
      throw new Transient("database_unavailable");
    });
    await expect(sweepRetention({ ...deps, database })).rejects.toThrow("database_unavailable");
    expect(asked).toBe(1);
  });
});

describe("the sweep", () => {
  it("goes on the next minute with what it had no time for, and then looks no more for some hours", async () => {
    const [first, second] = [await pastMonth(6), await pastMonth(5)];
    await put("evt_1", first.from);
    await put("evt_2", second.from);
    const slow = { now: () => clock.now() };
    const database = through(async (text, values) => {
      const found = await w.database.query(text, values);
      if (text.includes("signalbox_drop_bodies")) clock.advance(11_000);
      return found;
    });
    const one = await sweepRetention({ ...deps, database, clock: slow });
    expect(one).toMatchObject({ months: [{ month: first.name, outcome: "dropped" }], left: true });
    const two = await sweepRetention(deps);
    expect(two).toMatchObject({ months: [{ month: second.name }], left: false });
    expect(await sweepRetention(deps)).toBeNull();
  });

  it("does its work without KV, and says what it cannot note", async () => {
    const month = await pastMonth(5);
    await put("evt_1", month.from);
    const gone = () => Promise.reject(new Transient("kv_unavailable"));
    const swept = await sweepRetention({ ...deps, kv: { get: gone, setFor: gone } });
    expect(swept).toMatchObject({ months: [{ outcome: "dropped" }] });
    const said = log.lines.map(({ action }) => action);
    expect(said).toEqual(["retention.not_known", "event_body.dropped", "retention.not_noted"]);
  });
});
