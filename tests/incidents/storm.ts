// npm run test:storm [-- --signals N --incidents N --kept N]: one outage of ten thousand signals is one incident, one page,
// one word of its end; three hundred incidents in a minute are told as a few summaries.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadSample } from "../../cli/samples/index.js";
import { applyMigrations } from "../../local/migrate.js";
import { startPostgres } from "../../local/postgres.js";
import { MINUTE_MS } from "../../src/domain/time.js";
import { type RunEventDeps, runEvent } from "../../src/handlers/run-event.js";
import { deliveryOf } from "../../src/operations/delivery-of.js";
import { createIds } from "../../src/runtime/ids.js";
import { sourceById } from "../../src/sources/registry.js";
import { type Database, Moved, openDatabase } from "../../src/store/database.js";
import { seededRandom } from "../faults/random.js";
import { startRecorder } from "./recorder.js";
import { deployed } from "./run.js";
import { World } from "./world.js";

const { values } = parseArgs({
  options: {
    signals: { type: "string", default: "10000" },
    incidents: { type: "string", default: "300" },
    /** So many signals are there when the loads are explained. */
    kept: { type: "string", default: "100000" },
  },
});
const SIGNALS = Number(values.signals);
const INCIDENTS = Number(values.incidents);
const KEPT = Number(values.kept);

const AT_ONCE = 8;
const ALERTS = 50;
const T0 = Date.UTC(2026, 10, 18, 9);
const policy = {
  ...deployed("runbook"),
  services: [{ id: "shop", names: ["shop", "Shop: *"] }],
};

interface Word {
  source: string;
  body: object;
  headers?: Record<string, string>;
}

/** One outage as four vendors tell it: the n-th signal of one of its alerts. */
function signalOf(n: number, at: number): Word {
  const alert = n % ALERTS;
  const iso = new Date(at).toISOString();
  if (alert < 5) return outageOf("started", alert, at);
  if (alert < 30) {
    const { body } = loadSample("sentry", "event-alert");
    const moved = structuredClone(body) as { data: { event: Record<string, unknown> } };
    moved.data.event = {
      ...moved.data.event,
      ...{ event_id: `e${n}`, issue_id: `90${alert}`, datetime: iso, timestamp: at / 1_000 },
    };
    return { source: "sentry", body: moved, headers: { "sentry-hook-resource": "event_alert" } };
  }
  if (alert < 35) {
    const { body } = loadSample("vercel", "deployment-error");
    const moved = structuredClone(body) as Record<string, unknown> & {
      payload: { deployment: Record<string, unknown>; project: { id: string } };
    };
    moved.payload.deployment.id = `dpl_${n}`;
    moved.payload.project.id = `prj_${alert}`;
    return { source: "vercel", body: { ...moved, id: `v${n}`, createdAt: at } };
  }
  return ownOf("raised", alert, at);
}

function outageOf(state: "started" | "resolved", alert: number, at: number): Word {
  const iso = new Date(at).toISOString();
  const attributes = {
    ...{ name: `Shop: monitor ${alert}`, url: "https://shop.example.com/", cause: "Status 503" },
    ...{ started_at: iso, resolved_at: state === "resolved" ? iso : null },
  };
  const data = { id: `7000${alert}`, type: "incident", attributes };
  return { source: "better-stack", body: { event: state, data } };
}

function ownOf(kind: "raised" | "resolved", alert: number, at: number, service = "shop"): Word {
  const groupKey = `monitor:${service}:${alert}`;
  const about = { signalKind: "metric", level: "error", title: `${service} fails ${alert}` };
  const where = { service, environment: "production", url: null, tags: {} };
  return {
    source: "monitor",
    body: { id: `${groupKey}:${kind}:${at}`, kind, at, groupKey, ...about, ...where },
  };
}

function endOf(alert: number, at: number): Word {
  if (alert < 5) return outageOf("resolved", alert, at);
  if (alert < 30) {
    const { body } = loadSample("sentry", "issue-resolved");
    const text = JSON.stringify(body).replaceAll("9000000001", `90${alert}`);
    const moved = text.replaceAll(/"20\d\d-[^"]+"/g, JSON.stringify(new Date(at).toISOString()));
    return {
      source: "sentry",
      body: JSON.parse(moved),
      headers: { "sentry-hook-resource": "issue" },
    };
  }
  if (alert < 35) {
    const { body } = loadSample("vercel", "deployment-succeeded");
    const moved = structuredClone(body) as Record<string, unknown> & {
      payload: { deployment: Record<string, unknown>; project: { id: string } };
    };
    moved.payload.deployment.id = `dpl_good_${alert}`;
    moved.payload.project.id = `prj_${alert}`;
    return { source: "vercel", body: { ...moved, id: `good${alert}`, createdAt: at } };
  }
  return ownOf("resolved", alert, at);
}

const counted = { moved: 0, retries: 0, writes: 0, loads: new Set<string>() };

/** Counts what had to be decided anew, and keeps the texts of the loads. */
function counting(base: Database): Database {
  return {
    ...base,
    async query(text, params) {
      if (text.startsWith("SELECT r.n, ")) counted.loads.add(text);
      if (text.startsWith("WITH")) counted.writes += 1;
      try {
        return await base.query(text, params);
      } catch (error) {
        if (error instanceof Moved) counted.moved += 1;
        throw error;
      }
    },
  };
}

async function open(postgres: Awaited<ReturnType<typeof startPostgres>>, name: string) {
  const databaseUrl = await postgres.database(name);
  await applyMigrations({ databaseUrl, dir: join(import.meta.dirname, "../../prisma/migrations") });
  const limits = { connectTimeoutMs: 10_000, queryTimeoutMs: 60_000 };
  const base = openDatabase(
    { url: databaseUrl, poolMax: AT_ONCE, preparedStatements: true, ...limits },
    () => undefined,
  );
  const database = counting(base);
  const at = { now: T0 };
  const recorder = await startRecorder(
    () => at.now,
    () => "well",
  );
  const world = new World({ database: base, recorder, policy, random: seededRandom(1) });
  world.now = T0;
  return { base, database, recorder, world, at };
}
type Field = Awaited<ReturnType<typeof open>>;

/** Words one after the other, so many at once, each at its virtual moment; what they decide is queued. */
async function worked(field: Field, words: readonly { at: number; word: Word }[]): Promise<number> {
  const { world, database } = field;
  const clock = { now: () => world.now };
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const ids = createIds(clock);
  const deps: RunEventDeps = {
    ...{ database, clock, ids, log: quiet, policy, sourceById },
    ...{ ours: new Set<string>(), gatewayOf: () => undefined },
  };
  const { relay } = world.acting();
  let next = 0;
  let peak = 0;
  const worker = async (): Promise<void> => {
    for (let n = next++; n < words.length; n = next++) {
      const one = words[n];
      if (one === undefined) return;
      world.now = Math.max(world.now, one.at);
      const source = sourceById(one.word.source);
      if (source === undefined) throw new Error(`no source ${one.word.source}`);
      const made = await deliveryOf(source, one.word.body, "TEST", { clock, ids });
      const headers = one.word.headers ?? {};
      // What has no key of its own is known by its bytes; here each is one of a kind.
      const delivery = { ...made.delivery, eventKey: `${made.delivery.eventKey}:${n}`, headers };
      for (let tries = 0; ; tries += 1) {
        try {
          const run = {
            delivery,
            body: made.body,
            attemptId: `${n}:${tries}`,
            startedAt: world.now,
          };
          const { outbox } = await runEvent(run, deps);
          await relay(outbox);
          break;
        } catch (error) {
          if (tries > 20) throw error;
          counted.retries += 1;
        }
      }
      if (n % 200 === 0) peak = Math.max(peak, process.memoryUsage().rss);
      if (n % 500 === 0) await drained(field, world.now);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return peak;
}

/** Does all that the queue holds until a moment. */
async function drained({ world, at }: Field, until: number): Promise<void> {
  for (;;) {
    const due = world.items.filter((item) => item.at <= until).sort((a, b) => a.at - b.at)[0];
    if (due === undefined) break;
    world.items.splice(world.items.indexOf(due), 1);
    world.now = Math.max(world.now, due.at);
    at.now = world.now;
    await due.run();
  }
  world.now = Math.max(world.now, until);
}

const failures: string[] = [];
function expectEqual(what: string, got: unknown, wanted: unknown): void {
  const isSame = JSON.stringify(got) === JSON.stringify(wanted);
  console.log(`  ${isSame ? "ok  " : "FAIL"} ${what}: ${JSON.stringify(got)}`);
  if (!isSame) failures.push(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
}

const rowsOf = async ({ base }: Field, sql: string) => (await base.pool.query(sql)).rows;

async function oneOutage(field: Field): Promise<void> {
  const words = Array.from({ length: SIGNALS }, (_, n) => {
    const at = T0 + Math.floor((n * MINUTE_MS) / SIGNALS);
    return { at, word: signalOf(n, at) };
  });
  const began = performance.now();
  const peak = await worked(field, words);
  const seconds = (performance.now() - began) / 1_000;
  const { moved, retries, writes } = counted;
  console.log(
    `one outage: ${SIGNALS} signals in ${seconds.toFixed(1)} s, ${(SIGNALS / seconds).toFixed(0)} a second, ${AT_ONCE} at once; ${writes} writing statements, decided anew ${moved}, left to the queue's retry ${retries}, peak memory ${(peak / 2 ** 20).toFixed(0)} MB`,
  );
  const [before] = await rowsOf(field, "SELECT version FROM incident");
  await drained(field, T0 + 2 * MINUTE_MS);
  const later = T0 + 4 * MINUTE_MS;
  await worked(
    field,
    Array.from({ length: ALERTS }, (_, n) => ({ at: later + n, word: endOf(n, later + n) })),
  );
  await drained(field, T0 + 10 * MINUTE_MS);
  const incidents = await rowsOf(field, "SELECT status, version FROM incident");
  expectEqual(
    "incidents",
    incidents.map(({ status }) => status),
    ["resolved"],
  );
  const counts = await rowsOf(
    field,
    "SELECT (SELECT count(*)::int FROM alert) AS alerts, (SELECT count(*)::int FROM signal) AS signals, (SELECT count(*)::int FROM timer WHERE kind = 'incident.due') AS timers",
  );
  expectEqual("alerts, signals and timers", counts[0], {
    alerts: ALERTS,
    signals: SIGNALS + ALERTS,
    timers: 1,
  });
  const [{ worse } = { worse: 0 }] = await rowsOf(
    field,
    "SELECT count(*)::int AS worse FROM incident_entry WHERE text ~ '^becomes |joins, which makes it'",
  );
  expectEqual(
    "the row's versions while it burnt: as often as it became worse",
    before?.version,
    worse,
  );
  const told = await rowsOf(
    field,
    `SELECT template, channel, recipient, count(*)::int AS n, count(*) FILTER (WHERE status = 'sent')::int AS sent
     FROM notice GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
  );
  for (const { template, channel, recipient, n, sent } of told) {
    const pages = template === "incident-raised" ? 1 + Number(worse) : 1;
    expectEqual(`${template} by ${channel} to ${recipient}`, [n <= pages, sent], [true, n]);
  }
  const ends = await rowsOf(
    field,
    "SELECT data FROM notice WHERE template = 'incident-resolved' LIMIT 1",
  );
  const { alerts, signals } = ends[0]?.data ?? {};
  expectEqual(
    "the word of its end counts alerts and signals",
    [alerts, signals],
    [ALERTS, SIGNALS + ALERTS],
  );
}

async function manyIncidents(field: Field): Promise<void> {
  const words = Array.from({ length: INCIDENTS }, (_, n) => {
    const at = T0 + Math.floor((n * MINUTE_MS) / INCIDENTS);
    return { at, word: ownOf("raised", 0, at, `service-${n}`) };
  });
  const began = performance.now();
  await worked(field, words);
  const seconds = (performance.now() - began) / 1_000;
  console.log(`${INCIDENTS} incidents in ${seconds.toFixed(1)} s`);
  await drained(field, T0 + 3 * MINUTE_MS);
  const [{ n: kept } = { n: 0 }] = await rowsOf(field, "SELECT count(*)::int AS n FROM incident");
  expectEqual("incidents, each on its own", kept, INCIDENTS);
  const alone = await rowsOf(
    field,
    "SELECT count(DISTINCT incident_id)::int AS n FROM notice WHERE template = 'incident-raised'",
  );
  expectEqual("told by themselves", alone[0]?.n, policy.storm.incidents);
  const summaries = await rowsOf(
    field,
    "SELECT cause, channel, recipient, count(*)::int AS n FROM notice WHERE template = 'incident-storm' GROUP BY 1, 2, 3 ORDER BY 2, 3",
  );
  console.log(
    `  summaries: ${summaries.map(({ channel, recipient }) => `${channel} ${recipient}`).join(", ")}`,
  );
  expectEqual(
    "summaries, one for each way",
    [summaries.length > 0, summaries.every(({ n }) => n === 1)],
    [true, true],
  );
}

interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Actual Rows"?: number;
  "Actual Loops"?: number;
  "Rows Removed by Filter"?: number;
  Plans?: PlanNode[];
}
const all = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(all)];

/** What a signal's load reads when its incident has a hundred thousand signals already. */
async function explained(field: Field): Promise<void> {
  await field.base.pool.query(
    `INSERT INTO signal (id, alert_id, incident_id, event_id, kind, level, title, occurred_at)
     SELECT s.id || '-' || k, s.alert_id, s.incident_id, s.event_id, s.kind, s.level, s.title, s.occurred_at
     FROM (SELECT * FROM signal WHERE kind = 'raised' LIMIT 1000) s, generate_series(1, $1::int / 1000) k`,
    [KEPT],
  );
  await field.base.pool.query("ANALYZE");
  const load = [...counted.loads].find(
    (text) => text.includes("lastTrouble") && text.includes("burning"),
  );
  if (load === undefined) throw new Error("no signal was loaded");
  const [alert] = await rowsOf(field, "SELECT group_key FROM alert LIMIT 1");
  const [incident] = await rowsOf(field, "SELECT correlation_key FROM incident LIMIT 1");
  const names = [...load.matchAll(/\bp(\d+) (text|boolean|bigint)/g)];
  const row: Record<string, unknown> = { n: 0 };
  for (const [, number, type] of names) {
    row[`p${number}`] =
      type === "bigint" ? T0 : type === "boolean" ? false : incident?.correlation_key;
  }
  // A group's reads come first, and its key is what they are looked for by.
  for (const match of load.matchAll(/group_key = r\.p(\d+)/g))
    row[`p${match[1]}`] = alert?.group_key;
  const [found] = (
    await field.base.pool.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${load}`, [JSON.stringify([row])])
  ).rows;
  const [plan] = found["QUERY PLAN"] as { Plan: PlanNode; "Execution Time": number }[];
  const nodes = plan === undefined ? [] : all(plan.Plan);
  const read = nodes
    .filter((node) => node["Relation Name"] !== undefined)
    .map((node) => ({
      table: node["Relation Name"],
      by: node["Node Type"],
      rows:
        ((node["Actual Rows"] ?? 0) + (node["Rows Removed by Filter"] ?? 0)) *
        (node["Actual Loops"] ?? 0),
    }));
  console.log(`a load at ${KEPT} signals takes ${plan?.["Execution Time"]} ms`);
  const large = read.filter(({ table, rows }) => table === "signal" && rows > 1_000);
  expectEqual("reads of more than a thousand signals", large, []);
}

const dir = join(import.meta.dirname, `../../.cache/incidents/storm-${process.pid}`);
mkdirSync(dir, { recursive: true });
const postgres = await startPostgres({ dataDir: join(dir, "pgdata"), durability: "fast" });
try {
  const stories = { oneOutage, manyIncidents };
  for (const [name, story] of Object.entries(stories)) {
    const field = await open(postgres, name.toLowerCase());
    try {
      await story(field);
      if (story === oneOutage) await explained(field);
      for (const line of field.world.troubles) failures.push(line);
    } finally {
      await field.recorder.close();
      await field.base.close();
    }
  }
  console.log(
    failures.length === 0 ? "storm: as it should be" : `storm: ${failures.length} failures`,
  );
  for (const line of failures) console.log(`  ${line}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  await postgres.stop();
}
