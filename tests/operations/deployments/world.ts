import type { DeploymentChanged, Fact } from "../../../src/domain/facts.js";
import type { TimerRow } from "../../../src/domain/outbox.js";
import type { OwnSignal } from "../../../src/domain/own-signal.js";
import type { AnyHandler } from "../../../src/handlers/handler.js";
import { handlersOf } from "../../../src/handlers/registry.js";
import { checkDeployment } from "../../../src/operations/deployments/check.js";
import type { DeploymentDeps } from "../../../src/operations/deployments/deps.js";
import { tellOfLockdown } from "../../../src/operations/deployments/lockdown.js";
import { runTimer, type TimerDeps } from "../../../src/operations/run-timer.js";
import type { Policy } from "../../../src/policy/schema.js";
import { sourceById } from "../../../src/sources/registry.js";
import { apply } from "../../../src/store/apply.js";
import { Moved } from "../../../src/store/database.js";
import { load } from "../../../src/store/load.js";
import { countingIds, listeningLog, stillClock } from "../../support/fakes.js";
import { type StoreWorld, storeWorld } from "../../support/store.js";

/** What answers at an address: a status, or why nothing does. */
export type Site = Record<string, number | string>;

export const web = (parts: Partial<DeploymentChanged> = {}): DeploymentChanged => ({
  kind: "deployment.changed",
  externalId: "dpl_1",
  project: "prj_web",
  name: "web",
  state: "succeeded",
  target: "production",
  url: "https://web-1.example",
  commit: "0123456789abcdef",
  labels: [],
  ours: false,
  occurredAt: 0,
  ...parts,
});

export interface DeploymentWorld extends StoreWorld {
  deps: DeploymentDeps;
  clock: ReturnType<typeof stillClock>;
  /** What we told ourselves, once for each event. */
  told: OwnSignal[];
  /** By whole address; what is not there answers 200. */
  site: Site;
  asked: string[];
  /** Test events that were sent. */
  posted: string[];
  /** What a source says, at the clock's time where it gives none. */
  say(fact: Fact, source?: string): Promise<void>;
  timer(kind: TimerRow["kind"]): Promise<TimerRow | null>;
  /** Moves the clock to the timer's time, and runs it. */
  wake(kind: TimerRow["kind"], lateBy?: number): Promise<string>;
  actions(): Promise<unknown[]>;
}

/** Everything of a deployment's watch but the vendors: handlers, timers, our own signals, in a database. */
export async function deploymentWorld(
  policy: Policy,
  given: Partial<Pick<DeploymentDeps, "checkBaseUrls" | "asksDeployments">> & {
    tests?: boolean;
  } = {},
): Promise<DeploymentWorld> {
  const store = await storeWorld();
  const clock = stillClock();
  const ids = countingIds();
  const told: OwnSignal[] = [];
  const known = new Set<string>();
  const world: Pick<DeploymentWorld, "site" | "asked" | "posted"> = {
    site: {},
    asked: [],
    posted: [],
  };

  const say = async (fact: Fact, source = "vercel"): Promise<void> => {
    const at = "occurredAt" in fact && fact.occurredAt === 0 ? { occurredAt: clock.now() } : {};
    for (const handler of handlersOf(fact.kind)) {
      await react(handler, { ...fact, ...at } as Fact, source);
    }
  };
  const react = async (handler: AnyHandler, fact: Fact, source: string): Promise<void> => {
    for (;;) {
      const context = { source, policy };
      const reads = handler.load(fact, context);
      const rows = Object.keys(reads).length === 0 ? {} : await load(store.database, reads);
      const now = clock.now();
      const ctx = { ...context, ids, now, actor: `source:${source}`, eventId: ids.next("event") };
      const plan = handler.decide(fact, rows, { ...ctx, requestId: "req_1" });
      if ("doubts" in plan) throw new Error("nothing here is in doubt");
      try {
        await apply(store.database, plan);
        return;
      } catch (error) {
        if (!(error instanceof Moved)) throw error;
      }
    }
  };
  const deps: DeploymentDeps = {
    database: store.database,
    policy,
    clock,
    ids,
    log: listeningLog(),
    relay: async () => undefined,
    hasStatusPage: true,
    asksDeployments: given.asksDeployments ?? true,
    checkBaseUrls: given.checkBaseUrls ?? new Map(),
    sourceById,
    probe: async (url) => {
      world.asked.push(url);
      const found = world.site[url] ?? 200;
      return typeof found === "number"
        ? { kind: "answered", status: found }
        : { kind: "failed", why: found };
    },
    postTest: given.tests === true ? async (marker) => void world.posted.push(marker) : null,
    sendEvent: async (source, body) => {
      const bytes = new TextEncoder().encode(JSON.stringify(body));
      const { eventKey } = await source.identify(new Headers(), bytes);
      if (known.has(eventKey)) return { eventKey }; // the queue and the claim keep one of each
      known.add(eventKey);
      told.push(body as OwnSignal);
      const context = { ours: new Set<string>(), receivedAt: clock.now() };
      for (const fact of source.normalise({}, bytes, context)) await say(fact, source.id);
      return { eventKey };
    },
  };
  const timers = {
    ...{ database: store.database, clock, ids },
    channels: {},
    runIncident: async () => undefined,
    checkDeployment: (timer: TimerRow, by: object) => checkDeployment(timer, deps, by),
    tellOfLockdown: (timer: TimerRow, by: object) => tellOfLockdown(timer, deps, by),
  } as unknown as TimerDeps;
  const timer = async (kind: TimerRow["kind"]): Promise<TimerRow | null> => {
    const text = `SELECT id, kind, subject, status, version, extract(epoch from due_at)::float8 * 1000 AS "dueAt",
      extract(epoch from created_at)::float8 * 1000 AS "createdAt" FROM timer WHERE kind = $1 ORDER BY created_at DESC, id DESC LIMIT 1`;
    return ((await store.rows(text, [kind]))[0] as unknown as TimerRow | undefined) ?? null;
  };
  return Object.assign(world, {
    ...store,
    deps,
    clock,
    told,
    say,
    timer,
    async wake(kind: TimerRow["kind"], lateBy = 0) {
      const row = await timer(kind);
      if (row === null) throw new Error(`no timer ${kind}`);
      clock.advance(Math.max(0, row.dueAt - clock.now()) + lateBy);
      return runTimer(row, timers);
    },
    async actions() {
      const text = "SELECT action FROM audit_entry WHERE actor = 'system:deployments' ORDER BY id";
      return (await store.rows(text)).map(({ action }) => action);
    },
  });
}
