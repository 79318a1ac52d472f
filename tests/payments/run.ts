import { join } from "node:path";
import fc from "fast-check";
import { type StripeEmulator, startStripeEmulator } from "../../emulators/stripe/index.js";
import { applyMigrations } from "../../local/migrate.js";
import type { RunningPostgres } from "../../local/postgres.js";
import { MINUTE_MS } from "../../src/domain/time.js";
import { continueRun, startRun } from "../../src/operations/reconcile/index.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { type Database, openDatabase } from "../../src/store/database.js";
import { type Random, seededRandom } from "../faults/random.js";
import { ledgerWorld } from "../support/ledger-world.js";
import { effectsMissing } from "./effects.js";
import { type History, histories, Player } from "./histories.js";
import { differences, truthOf } from "./truth.js";

export interface RunPlan {
  seed: number;
  histories: number;
  /** So many buyers' stories run side by side, and their events arrive mixed. */
  atOnce: number;
}

export interface RunOutcome {
  histories: number;
  events: number;
  deliveries: number;
  fetches: number;
  lost: number;
  orders: number;
  violations: string[];
}

const STARTED_AT = Date.UTC(2026, 4, 1, 9);
const API_KEY = "sk_test_histories";
const MIGRATIONS = join(import.meta.dirname, "../../prisma/migrations");
const WORKERS = 8;
/** The share of events that a provider delivers once more. */
const REPEATED = 0.15;
/** Where events are lost, this share arrives. */
const DELIVERED = 0.7;
const SLICES_MAX = 20;
const policy = presetOf("tbat");

/** Plays histories at the emulator and delivers their events in any order, some twice; the ledger must end as the emulator. */
export async function paymentsRun(
  postgres: RunningPostgres,
  plan: RunPlan,
  say: (outcome: RunOutcome) => void,
): Promise<RunOutcome> {
  const outcome: RunOutcome = {
    histories: 0,
    events: 0,
    deliveries: 0,
    fetches: 0,
    lost: 0,
    orders: 0,
    violations: [],
  };
  const scripts = fc.sample(histories, { seed: plan.seed, numRuns: plan.histories });
  for (let from = 0; from < scripts.length; from += plan.atOnce) {
    const batch = scripts.slice(from, from + plan.atOnce);
    const random = seededRandom(plan.seed * 7_919 + from);
    const found = await playBatch(postgres, batch, { random, from, outcome });
    const name = `histories ${from} to ${from + batch.length - 1} of seed ${plan.seed}`;
    outcome.violations.push(...found.map((line) => `${name}: ${line}`));
    outcome.histories += batch.length;
    say(outcome);
  }
  return outcome;
}

interface Batch {
  random: Random;
  from: number;
  outcome: RunOutcome;
}

/**
 * Each batch is told once as it happens, once to an empty ledger after its end, in another order, and once with events
 * lost on the way, which one reconciliation has to make good.
 */
async function playBatch(
  postgres: RunningPostgres,
  batch: readonly History[],
  { random, from, outcome }: Batch,
): Promise<string[]> {
  const emulator = await startStripeEmulator({ apiKey: API_KEY, clock: { now: () => STARTED_AT } });
  const ledgers: Ledger[] = [];
  const openAnother = async (): Promise<Ledger> => {
    const name = `histories_${from}_${ledgers.length}_${process.pid}`;
    const ledger = await openLedger(postgres, name, emulator, outcome);
    ledgers.push(ledger);
    return ledger;
  };
  try {
    const players = batch.map((history, n) => new Player(emulator, history, `user_${from + n}`));
    const shapeOf = shapes(players, random);
    const first = await openAnother();
    const steps = Math.max(...batch.map(({ steps }) => steps.length));
    for (const player of players) player.begin();
    for (let n = 0; n < steps; n += 1) {
      for (const player of players) {
        const step = player.history.steps[n];
        if (step === undefined) continue;
        emulator.advance(step.pause * 1_000);
        player.step(step);
      }
      if (random.next() < 0.2) await first.tell(random, 0.5, shapeOf); // some arrive while the stories go on
    }
    emulator.advance(MINUTE_MS);
    await first.tell(random, 1, shapeOf);
    await (await openAnother()).tell(random, 1, shapeOf);
    const losing = await openAnother();
    await losing.tell(random, DELIVERED, shapeOf);
    outcome.lost += emulator.events().length - losing.told.size;
    await losing.reconcile();
    outcome.events += first.told.size;
    const truth = truthOf(emulator, emulator.now());
    const found: string[] = [];
    for (const { database, told } of ledgers) {
      found.push(...(await differences(database, truth, policy.payments)));
      const events = database === losing.database ? null : told.size;
      found.push(...(await effectsMissing(database, truth, events)));
    }
    return found;
  } finally {
    await Promise.all(ledgers.map(({ database }) => database.close()));
    await emulator.close();
  }
}

type ShapeOf = (eventId: string) => { apiVersion: string; thin: boolean };

/** One deployment's books, and the events that it was told. */
interface Ledger {
  database: Database;
  told: Set<string>;
  /** Delivers this share of what was not told yet, and some of all once more, in an order of its own. */
  tell(random: Random, share: number, shapeOf: ShapeOf): Promise<void>;
  /** Finds and heals what was never told. */
  reconcile(): Promise<void>;
}

async function openLedger(
  postgres: RunningPostgres,
  name: string,
  emulator: StripeEmulator,
  outcome: RunOutcome,
): Promise<Ledger> {
  const databaseUrl = await postgres.database(name);
  await applyMigrations({ databaseUrl, dir: MIGRATIONS });
  const limits = { connectTimeoutMs: 5_000, queryTimeoutMs: 20_000 };
  const database = openDatabase(
    { url: databaseUrl, poolMax: WORKERS, preparedStatements: true, ...limits },
    () => undefined,
  );
  const quiet = (): void => undefined;
  const info = (action: string): void => {
    if (action === "object.fetched") outcome.fetches += 1;
  };
  const log = { info, warn: quiet, error: quiet };
  const clock = { now: () => emulator.now() };
  const callsPerSecond = 1_000_000;
  const world = ledgerWorld({
    database,
    emulator,
    apiKey: API_KEY,
    clock,
    log,
    callsPerSecond,
    policy,
  });
  const told = new Set<string>();
  const work = async (id: string, shapeOf: ShapeOf): Promise<void> => {
    try {
      const { outcome: end, died } = await world.work(emulator.payloadOf(id, shapeOf(id)));
      if (end === "dead") outcome.violations.push(`${id} died of ${died?.code}`);
    } catch (error) {
      outcome.violations.push(`${id} does not end: ${(error as Error).message}`);
    }
  };
  return {
    database,
    told,
    async tell(random, share, shapeOf) {
      const all = emulator.events().map(({ id }) => id);
      const fresh = all.filter((id) => !told.has(id) && random.next() < share);
      for (const id of fresh) told.add(id);
      const again = all.filter((id) => told.has(id) && random.next() < REPEATED);
      const order = random.shuffle([...fresh, ...again]);
      outcome.deliveries += order.length;
      outcome.orders += 1;
      await inParallel(order, (id) => work(id, shapeOf));
    },
    async reconcile() {
      const asked = { source: "stripe", actor: "test", dryRun: false };
      const range = { from: STARTED_AT - MINUTE_MS, to: clock.now() + MINUTE_MS };
      try {
        let run = await startRun({ ...asked, ...range }, world);
        for (let slice = 0; run.status === "running" && slice < SLICES_MAX; slice += 1) {
          run = (await continueRun(run.id, world, { budgetMs: MINUTE_MS })) ?? run;
        }
        const { status, errors } = run;
        if (status !== "succeeded") {
          outcome.violations.push(`reconciliation ${status}: ${errors[0]?.detail}`);
        }
      } catch (error) {
        outcome.violations.push(`reconciliation does not end: ${(error as Error).message}`);
      }
    },
  };
}

/** One endpoint gets one shape; which of a history's events come thin is thrown once for each event. */
function shapes(players: readonly Player[], random: Random): ShapeOf {
  const chosen = new Map<string, { apiVersion: string; thin: boolean }>();
  return (id) => {
    const known = chosen.get(id);
    if (known !== undefined) return known;
    const { apiVersion, thin } = random.pick(players).history;
    const shape = { apiVersion, thin };
    chosen.set(id, shape);
    return shape;
  };
}

async function inParallel(
  ids: readonly string[],
  work: (id: string) => Promise<void>,
): Promise<void> {
  const queue = [...ids];
  const worker = async (): Promise<void> => {
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) await work(id);
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
}
