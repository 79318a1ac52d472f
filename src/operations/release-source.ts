import { Permanent } from "../domain/errors.js";
import type { SourceHold } from "../domain/hold.js";
import { PlanBuilder } from "../domain/plan.js";
import { readHold } from "../handlers/hold-event.js";
import { apply } from "../store/apply.js";
import type { Database } from "../store/database.js";
import { changeHolds, heldAmong, runnableAmong } from "../store/holds.js";
import { load } from "../store/load.js";
import { type DrainDeps, type DrainOutcome, runHeld } from "./drain-source.js";
import type { HoldDeps, HoldRequest } from "./hold-source.js";

export interface ReleaseRequest extends Omit<HoldRequest, "reason"> {
  reason: string | null;
}

/**
 * Ends a hold: from now on events of the source are worked on as they come. What was held is drained apart
 * (see `drainSource`); once this has returned, nothing more becomes held.
 *
 * @returns the hold that was ended; null when there was none, so that a release may be repeated.
 * @throws Transient `database_busy`.
 */
export async function releaseSource(
  request: ReleaseRequest,
  deps: HoldDeps,
): Promise<SourceHold | null> {
  const { source, reason, actor } = request;
  const released = await changeHolds(deps.database, async (transaction) => {
    const { holds } = await load(transaction, { holds: readHold(source) });
    const [hold] = holds;
    if (hold === undefined) return null;
    const ended = { releasedAt: deps.clock.now(), releasedBy: actor, releaseReason: reason };
    const plan = planFor(actor, deps).update("sourceHold", hold, ended);
    await apply(transaction, plan.audit("source.released", hold.id, { source, reason }).build());
    return { ...hold, ...ended };
  });
  // After the commit: until then the source is held, whatever the plan says.
  if (released !== null) deps.log.info("source.released", { source, id: released.id, actor });
  return released;
}

/** More than a person checks by eye before a release. */
export const LET_THROUGH_MAX = 100;

/**
 * Works on some held events while all others stay held, to see that the source may be released.
 *
 * @returns what became of each, in the order of occurrence.
 * @throws Permanent `conflict` when the source is not held; `not_found` when one of them is not held.
 */
export async function letThrough(
  request: ReleaseRequest & { events: readonly string[] },
  deps: DrainDeps,
): Promise<{ id: string; outcome: DrainOutcome }[]> {
  const { source, actor, reason } = request;
  const ids = await changeHolds(deps.database, async (transaction) => {
    const { holds } = await load(transaction, { holds: readHold(source) });
    const [hold] = holds;
    if (hold === undefined) throw new Permanent("conflict", { detail: `${source} is not held.` });
    const wanted = await heldOnes(transaction, source, request.events);
    // Without those that are done: a night of corrections would write an ever longer list for each of them.
    const open = await runnableAmong(transaction, hold.letThrough);
    const both = [...new Set([...open, ...wanted])];
    const plan = planFor(actor, deps).update("sourceHold", hold, { letThrough: both });
    for (const id of wanted) plan.audit("event.let_through", id, { source, reason });
    await apply(transaction, plan.build());
    return wanted;
  });
  const outcomes = await runHeld(ids, deps.ids.next("run"), deps);
  return ids.map((id, i) => ({ id, outcome: outcomes[i] ?? "gone" }));
}

async function heldOnes(
  database: Database,
  source: string,
  events: readonly string[],
): Promise<string[]> {
  const held = await heldAmong(database, source, events);
  const others = events.filter((id) => !held.includes(id));
  if (others.length === 0) return held;
  const detail = `Not held events of ${source}: ${others.join(", ")}.`;
  throw new Permanent("not_found", { detail });
}

function planFor(actor: string, { clock, ids }: Pick<HoldDeps, "clock" | "ids">): PlanBuilder {
  const requestId = ids.next("request");
  return new PlanBuilder({ now: clock.now(), ids, actor, eventId: null, requestId });
}
