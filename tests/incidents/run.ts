import { join } from "node:path";
import { applyMigrations } from "../../local/migrate.js";
import type { RunningPostgres } from "../../local/postgres.js";
import type { ChannelId } from "../../src/domain/notice.js";
import { HOUR_MS, MINUTE_MS } from "../../src/domain/time.js";
import {
  acknowledge,
  acknowledgeByLink,
  note,
  reopen,
  resolve,
} from "../../src/operations/incidents/act.js";
import type { PolicyName } from "../../src/policy/names.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { type Policy, policySchema } from "../../src/policy/schema.js";
import { type Database, openDatabase } from "../../src/store/database.js";
import { type Random, seededRandom } from "../faults/random.js";
import { type History, historyOf } from "./histories.js";
import { judge } from "./judge.js";
import { Diary, type Seen } from "./model.js";
import { type Behaviour, type Recorder, startRecorder } from "./recorder.js";
import { type Item, World } from "./world.js";

const MIGRATIONS = join(import.meta.dirname, "../../prisma/migrations");
const AT_ONCE = 4;
const ITEMS_MAX = 20_000;
const DAY_MS = 24 * HOUR_MS;
/** The last task of a policy is due a week after its incident. */
const HORIZON_MS = 10 * DAY_MS;

export interface Outcome {
  policy: PolicyName;
  histories: number;
  incidents: number;
  events: number;
  pages: number;
  arrivals: number;
  timers: number;
  crashes: number;
  late: number;
  lost: number;
  doubled: number;
  violations: string[];
}
export const emptyOutcome = (policy: PolicyName): Outcome => ({
  ...{ policy, histories: 0, incidents: 0, events: 0, pages: 0, arrivals: 0, timers: 0 },
  ...{ crashes: 0, late: 0, lost: 0, doubled: 0, violations: [] },
});

/** The preset with an address for each role, as a deployment has them. */
export function deployed(name: PolicyName): Policy {
  const preset = presetOf(name);
  const roles = Object.entries(preset.roles).map(([id, role], n) => [
    id,
    { ...role, addresses: { email: `${id}@example.com`, sms: `+6680000000${n}` } },
  ]);
  return policySchema.parse({ ...preset, roles: Object.fromEntries(roles) });
}

/** A database and its services, for one history after the other. */
export class Arena {
  readonly #policy: Policy;
  #world: World | null = null;
  #tables: string[] | undefined;

  private constructor(
    readonly name: PolicyName,
    readonly database: Database,
    readonly recorder: Recorder,
  ) {
    this.#policy = deployed(name);
  }

  static async open(postgres: RunningPostgres, name: PolicyName, label: string): Promise<Arena> {
    const databaseUrl = await postgres.database(label);
    await applyMigrations({ databaseUrl, dir: MIGRATIONS });
    const limits = { connectTimeoutMs: 5_000, queryTimeoutMs: 20_000 };
    const database = openDatabase(
      { url: databaseUrl, poolMax: 3, preparedStatements: true, ...limits },
      () => undefined,
    );
    const of: { world: () => World | null } = { world: () => null };
    const recorder = await startRecorder(
      () => of.world()?.now ?? 0,
      (channel) => behaviourOf(of.world(), channel),
    );
    const arena = new Arena(name, database, recorder);
    of.world = () => arena.#world;
    return arena;
  }

  async close(): Promise<void> {
    await this.recorder.close();
    await this.database.close();
  }

  /** Plays one history to its end, and adds what it found. */
  async play(seed: number, outcome: Outcome): Promise<void> {
    const random = seededRandom(seed);
    const history = historyOf(random, this.name, this.#policy);
    await this.#clear();
    this.recorder.arrivals.length = 0;
    const { database, recorder } = this;
    const policy = this.#policy;
    const world = new World({ database, recorder, policy, random });
    this.#world = world;
    const diary = new Diary();
    const game = new Game(world, diary, database, random, history);
    await game.play().catch((error: Error) => world.troubles.push(`it breaks off: ${error.stack}`));
    const { isCalm } = history;
    const found = await judge({
      world,
      diary,
      policy,
      database,
      arrivals: recorder.arrivals,
      isCalm,
    });
    const told = `${this.name}, seed ${seed}${isCalm ? " (calm)" : ""}`;
    outcome.violations.push(...found.map((line) => `${told}: ${line}`));
    outcome.histories += 1;
    outcome.incidents += diary.stretches.size;
    outcome.events += world.counts.events;
    outcome.timers += world.counts.timers;
    outcome.arrivals += recorder.arrivals.length;
    for (const key of ["crashes", "late", "lost", "doubled"] as const)
      outcome[key] += world.counts[key];
    const [row] = (
      await database.pool.query(
        "SELECT count(*)::int AS n FROM incident_step WHERE step LIKE 'page:%'",
      )
    ).rows;
    outcome.pages += Number(row?.n);
  }

  /** By row: emptying a table anew has every plan made again, which takes longer than a history. */
  async #clear(): Promise<void> {
    this.#tables ??= (
      await this.database.pool.query<{ name: string }>(
        `SELECT quote_ident(c.relname) AS name FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         AND c.relname !~ '^(_|schema_)'`,
      )
    ).rows.map(({ name }) => name);
    await this.database.pool.query(this.#tables.map((name) => `DELETE FROM ${name}`).join("; "));
  }
}

function behaviourOf(world: World | null, channel: ChannelId): Behaviour {
  const at = world?.now ?? 0;
  const fault = world?.faults.channels.find(
    (f) => f.channel === channel && f.from <= at && at < f.to,
  );
  return fault?.how ?? "well";
}

const SEEN = `SELECT id, status, service, severity, route, routings, reopenings,
  (extract(epoch FROM routed_at) * 1000)::float8 AS "routedAt",
  (extract(epoch FROM created_at) * 1000)::float8 AS "createdAt",
  (extract(epoch FROM updated_at) * 1000)::float8 AS "updatedAt" FROM incident`;

/** Moves the clock from one thing to the next; what falls together is done at once, in any order. */
class Game {
  constructor(
    private readonly world: World,
    private readonly diary: Diary,
    private readonly database: Database,
    private readonly random: Random,
    private readonly history: History,
  ) {}

  async play(): Promise<void> {
    const { world, history } = this;
    world.now = history.startsAt;
    world.faults = history.faults;
    await this.#subscribers();
    for (const { at, source, body } of history.events) {
      world.schedule(at, "event", () => world.event(source, body));
    }
    for (const { at, what, nth } of history.acts)
      world.schedule(at, "act", () => this.#act(what, nth));
    // What was tried again until then may have opened one once more.
    for (const hours of [0, 3]) {
      world.schedule(history.endsAt + hours * HOUR_MS, "end", () => this.#end());
    }
    const horizon = history.endsAt + HORIZON_MS;
    for (let items = 0; ; items += 1) {
      if (items > ITEMS_MAX) throw new Error("the history does not come to rest");
      const next = await this.#nextItems();
      if (next.length === 0 || (next[0]?.at ?? 0) > horizon) return;
      world.now = Math.max(world.now, ...next.map(({ at }) => at));
      await Promise.all(
        next.map(async (item) => {
          await item.run();
          await this.#look();
        }),
      );
    }
  }

  /** What comes next: a few things that fall together, and a person who happens to act at that moment. */
  async #nextItems(): Promise<Item[]> {
    const { world, random } = this;
    await this.#scheduleSweep();
    const { items } = world;
    const first = items.toSorted((a, b) => a.at - b.at)[0];
    if (first === undefined) return [];
    const together = items.filter(({ at }) => at <= Math.max(first.at, world.now) + 3_000);
    const chosen = [first, ...random.shuffle(together.filter((one) => one !== first))].slice(
      0,
      AT_ONCE,
    );
    const act = items.find(({ name, at }) => name === "act" && at < first.at + 20 * MINUTE_MS);
    const isWoken = chosen.some(({ name }) => name === "timer.due.v1");
    if (act !== undefined && !chosen.includes(act) && random.next() < (isWoken ? 0.6 : 0.15)) {
      act.at = world.now;
      chosen.push(act);
    }
    for (const item of chosen) items.splice(items.indexOf(item), 1);
    return random.shuffle(chosen);
  }

  /** The cron calls each minute; the minutes in which it would find nothing are passed over. */
  async #scheduleSweep(): Promise<void> {
    const { world, history } = this;
    if (world.items.some(({ name }) => name === "sweep")) return;
    const overdue = await world.nextOverdue();
    if (overdue === null) return;
    let at = Math.ceil(Math.max(overdue, world.now + 1) / MINUTE_MS) * MINUTE_MS;
    for (const { from, to } of history.faults.noSweeps) {
      if (at >= from && at < to) at = Math.ceil(to / MINUTE_MS) * MINUTE_MS;
    }
    world.schedule(at, "sweep", () => world.sweep());
  }

  async #look(): Promise<void> {
    const began = this.world.tick();
    const { rows } = await this.database.pool.query<Seen>(SEEN);
    this.diary.note(rows, { began, ended: this.world.tick(), at: this.world.now });
  }

  async #subscribers(): Promise<void> {
    const rows = [
      ["sub_1", "ann@example.com", "en", "[]"],
      ["sub_2", "somchai@example.com", "th", '["shop"]'],
      ["sub_3", "lee@example.com", "en", '["something-else"]'],
    ];
    for (const row of rows) {
      await this.database.pool.query(
        `INSERT INTO subscriber (id, email, locale, services, created_at, version)
         VALUES ($1, $2, $3, $4::jsonb, now(), 0)`,
        row,
      );
    }
  }

  /** A person does something to the incident that they have looked at last. */
  async #act(what: History["acts"][number]["what"], nth: number): Promise<void> {
    const ids = [...this.diary.stretches.keys()];
    const incidentId = ids[nth % Math.max(1, ids.length)];
    if (incidentId === undefined) return;
    const deps = this.world.acting();
    const act = { incidentId, actor: "operator:anna" };
    try {
      if (what === "acknowledge") await acknowledge(act, deps);
      else if (what === "resolve") await resolve(act, deps);
      else if (what === "reopen") await reopen(act, deps);
      else if (what === "note") await note({ ...act, text: "looking at it" }, deps);
      else {
        const link = { incidentId, channel: "slack" as const, expiresAt: this.world.now + HOUR_MS };
        await acknowledgeByLink({ ...link, nonce: `n${nth % 3}` }, deps);
      }
      this.diary.acted(incidentId, this.world.tick());
    } catch (error) {
      if ((error as { code?: string }).code !== "conflict") throw error;
    }
  }

  /** All ends: what is open still, a person ends; the vendors and the queue work as they should again. */
  async #end(): Promise<void> {
    const { world } = this;
    const isOpen = ([, stretches]: [string, { state: Seen }[]]): boolean =>
      stretches.at(-1)?.state.status !== "resolved";
    world.faults = { ...world.faults, ...{ late: 0, lost: 0, doubled: 0, crash: 0, channels: [] } };
    for (const [incidentId] of [...this.diary.stretches].filter(isOpen)) {
      await resolve({ incidentId, actor: "operator:end" }, world.acting());
    }
  }
}
