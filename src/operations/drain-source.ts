import { describeError } from "../domain/describe-error.js";
import type { AttemptOutcome } from "../domain/event.js";
import { PlanBuilder } from "../domain/plan.js";
import type { Log } from "../domain/ports.js";
import { type Instant, SECOND_MS } from "../domain/time.js";
import { type RunEventDeps, runEvent } from "../handlers/run-event.js";
import {
  countHeld,
  endDrain,
  firstHeld,
  handToQueue,
  readHolds,
  takeDrain,
} from "../store/holds.js";
import { isForAll } from "./is-for-all.js";
import type { Relay } from "./relay-outbox.js";
import { keptRun } from "./run-kept-event.js";

export interface DrainDeps extends RunEventDeps {
  log: Log;
  relay: Relay;
}

/** What became of an event: as it ended, or left to the queue because it failed for now. */
export type DrainOutcome = AttemptOutcome | "queued" | "gone";

export interface Drained {
  /** How many ended how in this run. */
  outcomes: Partial<Record<DrainOutcome, number>>;
  /** Held events that are left. */
  left: number;
  /** `elsewhere`: another run is at it, or the source is held again; nothing was done, or no more. */
  ended: "empty" | "time" | "elsewhere";
}

/** Begun in the order of occurrence, so many at once: neighbours may overtake each other, which joins allow. */
const AT_ONCE = 4;
const PAGE = 40;
/**
 * Taken anew before each event, so that it need outlast one and not a page: a gateway that hangs costs each event some
 * 25 s, and a page of them minutes. A run that died keeps the next one waiting so long.
 */
const LEASE_MS = 30 * SECOND_MS;

/**
 * Works on what a hold has kept, oldest first, until nothing is held or the time is over; called again it goes
 * on, after a crash too, because what is done is held no more. One that fails for now is left to the
 * queue and its retries, and stops no other.
 *
 * @throws Transient when the database is gone.
 */
export async function drainSource(
  source: string,
  budgetMs: number,
  deps: DrainDeps,
): Promise<Drained> {
  const runId = deps.ids.next("run");
  const outcomes: Drained["outcomes"] = {};
  const startedAt = deps.clock.now();
  const done = async (ended: Drained["ended"]): Promise<Drained> => {
    const held = (await countHeld(deps.database)).find((row) => row.source === source);
    return { outcomes, left: held?.heldEvents ?? 0, ended };
  };
  const take = (): Promise<boolean> => {
    const now = deps.clock.now();
    return takeDrain(deps.database, source, runId, { now, until: now + LEASE_MS });
  };
  let lastTake = Promise.resolve(true);
  // One after the other, which keeps the order of what is begun; and once it is lost it is not asked for again.
  const isOurs = (): Promise<boolean> => {
    lastTake = lastTake.then((was) => was && take());
    return lastTake;
  };
  for (;;) {
    if (!(await isOurs())) return done("elsewhere");
    const ids = await firstHeld(deps.database, source, PAGE);
    for (const outcome of await runHeld(ids, runId, deps, isOurs)) {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    const isOver = deps.clock.now() - startedAt >= budgetMs;
    if (ids.length > 0 && !isOver) continue;
    await endDrain(deps.database, source, runId);
    return done(ids.length === 0 ? "empty" : "time");
  }
}

/**
 * Runs held events by their ids, begun in the order that is given; the outcomes stand in the same order.
 *
 * @param mayBegin is asked before each; once it says no, nothing more is begun, and there are outcomes of those before.
 */
export async function runHeld(
  ids: readonly string[],
  runId: string,
  deps: DrainDeps,
  mayBegin: () => Promise<boolean> = async () => true,
): Promise<DrainOutcome[]> {
  const outcomes: DrainOutcome[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next; at < ids.length; at = next) {
      next += 1;
      try {
        if (await mayBegin()) outcomes[at] = await runOne(ids[at] ?? "", runId, deps);
        else next = ids.length;
      } catch (error) {
        next = ids.length; // nothing more is begun, and what was begun is waited for
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker));
  for (const one of ended) if (one.status === "rejected") throw one.reason;
  return outcomes;
}

async function runOne(eventId: string, runId: string, deps: DrainDeps): Promise<DrainOutcome> {
  const startedAt: Instant = deps.clock.now();
  try {
    const by = { attemptId: `${runId}:${eventId}`, startedAt, runId };
    const run = await keptRun(deps.database, eventId, by);
    if (run === null) return "gone";
    const { outcome, outbox, died } = await runEvent(run, deps);
    await deps.relay(outbox);
    const { requestId, source } = run.delivery;
    const fields = { requestId, source, eventId, outcome, runId };
    if (died === undefined) deps.log.info("event.drained", fields);
    else deps.log.error("event.drained", { ...fields, ...died });
    return outcome;
  } catch (error) {
    if (isForAll(error)) throw error;
    return leaveToQueue(eventId, runId, error, deps);
  }
}

async function leaveToQueue(
  eventId: string,
  runId: string,
  cause: unknown,
  deps: DrainDeps,
): Promise<DrainOutcome> {
  const { clock, ids, database, log } = deps;
  const requestId = ids.next("request");
  log.warn("event.left_to_queue", { requestId, eventId, runId, detail: describeError(cause) });
  const ctx = { now: clock.now(), ids, actor: "system:drain", eventId, requestId };
  const message = { type: "event.replay.v1" as const, eventId, runId: ids.next("run"), requestId };
  const { outbox = [] } = new PlanBuilder(ctx).send(message).build().inserts;
  for (const row of outbox) if (await handToQueue(database, eventId, row)) await deps.relay([row]);
  return "queued";
}

const SWEEP_BUDGET_MS = 15 * SECOND_MS;

/**
 * Each minute: what a release has begun goes on without whoever asked for it, and a source that is held is said in
 * the log as a warning, so that no hold is forgotten.
 *
 * @returns how many were worked on.
 */
export async function sweepHolds(deps: DrainDeps): Promise<number> {
  const { holds, counts } = await readHolds(deps.database);
  const countOf = (source: string): number =>
    counts.find((row) => row.source === source)?.heldEvents ?? 0;
  for (const { source, id, heldAt } of holds) {
    const heldSeconds = Math.round((deps.clock.now() - heldAt) / SECOND_MS);
    deps.log.warn("source.held", { source, id, heldSeconds, heldEvents: countOf(source) });
  }
  let worked = 0;
  for (const { source } of counts) {
    if (holds.some((hold) => hold.source === source)) continue;
    const { outcomes } = await drainSource(source, SWEEP_BUDGET_MS, deps);
    worked += Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  }
  return worked;
}
