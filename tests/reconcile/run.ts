import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { type StripeEmulator, startStripeEmulator } from "../../emulators/stripe/index.js";
import type { Reconciliation } from "../../src/domain/reconciliation.js";
import { DAY_MS } from "../../src/domain/time.js";
import type { Database } from "../../src/store/database.js";
import { type Random, seededRandom } from "../faults/random.js";
import { ledgerWorld } from "../support/ledger-world.js";
import { loadBulk } from "./bulk.js";

export interface ReconcilePlan {
  payments: number;
  seed: number;
  /** How often the worker is killed at a random moment. */
  kills: number;
  /** Ours by working on every event, in place of in bulk. */
  ordinary: boolean;
  /** Calls a second to the emulator. */
  pace: number;
}

export const API_KEY = "sk_test_reconcile";
const UNDELIVERED = 0.01;
const ALTERED_HERE = 0.005;
const ALTERED_THERE = 0.001;
/** Events worked on at once, as the queue would have it. */
const AT_ONCE = 16;
/** Longer than the lease of a worker that was killed. */
const LEASE_PASSES_MS = 120_000;

/** What was done to the two sides, by the ids of payments. */
export interface Doings {
  undelivered: ReadonlySet<string>;
  lostEvents: number;
  here: ReadonlySet<string>;
  there: ReadonlySet<string>;
}

export interface ReconcileOutcome {
  doings: Doings;
  run: Reconciliation;
  events: number;
  kills: number;
  loadMs: number;
  runMs: number;
  peakBytes: number;
  problems: string[];
}

export async function reconcileRun(
  o: { database: Database; databaseUrl: string },
  plan: ReconcilePlan,
  say: (line: string) => void,
): Promise<ReconcileOutcome & { emulator: StripeEmulator }> {
  const random = seededRandom(plan.seed);
  const emulator = await startStripeEmulator({ apiKey: API_KEY });
  const began = performance.now();
  const { events, lost } = await load(emulator, o.database, plan, say);
  const loadMs = performance.now() - began;
  const doings = {
    ...lost,
    ...(await alter(emulator, o.database, plan, random, lost.undelivered)),
  };
  say(
    `${doings.undelivered.size} payments were never delivered, ${doings.here.size} are altered here, ${doings.there.size} there`,
  );
  const started = performance.now();
  const ended = await toItsEnd(o, emulator, plan, random, say);
  return { ...ended, emulator, doings, events, loadMs, runMs: performance.now() - started };
}

/** Payments of the past at the source, and the events of all but some of them worked on here. */
async function load(
  emulator: StripeEmulator,
  database: Database,
  { payments, seed, ordinary }: ReconcilePlan,
  say: (line: string) => void,
) {
  const { undelivered } = emulator.seed({
    payments,
    seed,
    undelivered: UNDELIVERED,
    // In bulk nothing is granted, so there nobody is known who would have to have something.
    metadata: { order_id: "order_{n}", ...(ordinary ? { userId: "user_{n}" } : {}) },
  });
  const quiet = () => undefined;
  const world = ledgerWorld({
    database,
    emulator,
    apiKey: API_KEY,
    clock: { now: () => Date.now() },
    log: { info: quiet, warn: quiet, error: quiet },
  });
  const missed = await lostEvents(world);
  const events = emulator.events();
  say(`${payments} payments with ${events.length} events; ${missed.size} of them are lost`);
  const lost = { undelivered: new Set(undelivered), lostEvents: missed.size };
  if (!ordinary) {
    await loadBulk(world, emulator, lost.undelivered);
    return { events: events.length, lost };
  }
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let event = events[next++]; event !== undefined; event = events[next++]) {
      if (!missed.has(event.id)) await world.work(emulator.payloadOf(event.id));
      if (next % 20_000 === 0) say(`  ${next} events`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { events: events.length, lost };
}

async function lostEvents(world: ReturnType<typeof ledgerWorld>): Promise<Set<string>> {
  const gateway = world.gatewayOf("stripe");
  if (gateway === undefined) throw new Error("no gateway");
  const now = world.clock.now();
  const range = { account: "", from: now - 31 * DAY_MS, to: now + DAY_MS };
  const lost = new Set<string>();
  let next: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof gateway.listUndelivered>> = await gateway.listUndelivered(
      range,
      next,
    );
    for (const { externalId } of page.items) lost.add(externalId);
    next = page.next;
  } while (next !== null);
  return lost;
}

/** Each a different way to be wrong, on either of the two tables. */
const ALTERATIONS = [
  "UPDATE payment SET amount_minor = amount_minor + 1 WHERE external_id = $1",
  "UPDATE payment SET refunded_minor = refunded_minor + 100 WHERE external_id = $1",
  "UPDATE payment SET state = 'failed' WHERE external_id = $1",
  "UPDATE payment SET user_ref = 'mallory' WHERE external_id = $1",
  "UPDATE ledger_object SET amount_minor = amount_minor * 10 WHERE external_id = $1 AND kind = 'payment'",
  "UPDATE ledger_object SET state = 'canceled' WHERE external_id = $1 AND kind = 'payment'",
  "UPDATE ledger_object SET currency = 'XAU' WHERE external_id = $1 AND kind = 'payment'",
];

async function alter(
  emulator: StripeEmulator,
  database: Database,
  { payments }: ReconcilePlan,
  random: Random,
  undelivered: ReadonlySet<string>,
): Promise<Pick<Doings, "here" | "there">> {
  const rows = await database.query<{ id: string }>(
    "SELECT external_id AS id FROM payment WHERE state = 'succeeded' ORDER BY external_id",
    [],
  );
  const whole = rows.map(({ id }) => id).filter((id) => !undelivered.has(id));
  const chosen = random.shuffle(whole);
  const here = chosen.splice(0, Math.round(payments * ALTERED_HERE));
  const there = chosen.splice(0, Math.max(1, Math.round(payments * ALTERED_THERE)));
  for (const [n, id] of here.entries()) {
    await database.query(ALTERATIONS[n % ALTERATIONS.length] ?? "", [id]);
  }
  for (const [n, id] of there.entries()) {
    const changes = n % 2 === 0 ? { amount: 12_345 } : { metadata: { userId: "somebody" } };
    emulator.alter(id, changes);
  }
  return { here: new Set(here), there: new Set(there) };
}

interface Said {
  run: Reconciliation;
  peakBytes: number;
  problems: string[];
}

/** Workers one after the other until the run has ended; each that is to be killed lives for a random time. */
async function toItsEnd(
  o: { database: Database; databaseUrl: string },
  emulator: StripeEmulator,
  plan: ReconcilePlan,
  random: Random,
  say: (line: string) => void,
) {
  const now = Date.now();
  const args = {
    database: o.databaseUrl,
    stripe: emulator.url,
    key: API_KEY,
    from: String(now - 31 * DAY_MS),
    to: String(now),
    pace: String(plan.pace),
  };
  const heard: { last: Said | null; peakBytes: number; problems: string[] } = {
    last: null,
    peakBytes: 0,
    problems: [],
  };
  let kills = 0;
  for (let life = 0; heard.last?.run.status !== "succeeded"; life += 1) {
    const lives = life < plan.kills ? 200 + random.next() * 3_000 : null;
    const ahead = String(life * LEASE_PASSES_MS);
    const { killed, code } = await worker({ ...args, ahead }, lives, (said) => {
      heard.last = said;
      heard.peakBytes = Math.max(heard.peakBytes, said.peakBytes);
      heard.problems.push(...said.problems);
    });
    if (killed) {
      kills += 1;
      const [row] = await o.database.query<{ step: string; pages: number }>(
        "SELECT cursor ->> 'step' AS step, (counts ->> 'pages')::int AS pages FROM reconciliation",
        [],
      );
      const seconds = ((lives ?? 0) / 1_000).toFixed(1);
      say(`  killed after ${seconds} s, ${row?.pages} pages, in the step ${row?.step}`);
    } else if (code !== 0 || (heard.last as Said | null)?.run.status !== "succeeded") break;
  }
  if (heard.last === null) throw new Error("the worker said nothing");
  return { run: heard.last.run, peakBytes: heard.peakBytes, problems: heard.problems, kills };
}

async function worker(
  args: Readonly<Record<string, string>>,
  livesMs: number | null,
  hear: (said: Said) => void,
): Promise<{ killed: boolean; code: number | null }> {
  const words = Object.entries(args).flatMap(([name, value]) => [`--${name}`, value]);
  const program = ["scripts/typescript.mjs", "tests/reconcile/run-child.ts", ...words];
  const child = spawn(process.execPath, program, {
    cwd: join(import.meta.dirname, "../.."),
    stdio: ["ignore", "pipe", "inherit"],
  });
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((done) => {
    begin = done;
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    hear(JSON.parse(line) as Said);
    begin();
  });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  if (livesMs === null) return { killed: false, code: await ended };
  await Promise.race([begun, ended]); // its life begins when the run is in its hands
  const stop = new AbortController();
  const due = wait(livesMs, "due" as const, { signal: stop.signal }).catch(() => "ended" as const);
  const first = await Promise.race([due, ended]);
  stop.abort();
  if (first !== "due") return { killed: false, code: await ended };
  child.kill("SIGKILL");
  await ended;
  return { killed: true, code: null };
}
