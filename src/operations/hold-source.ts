import { Permanent } from "../domain/errors.js";
import type { SourceHold } from "../domain/hold.js";
import type { Ids } from "../domain/ids.js";
import { PlanBuilder } from "../domain/plan.js";
import type { Log } from "../domain/ports.js";
import { type Clock, isoOf } from "../domain/time.js";
import { readHold } from "../handlers/hold-event.js";
import { apply } from "../store/apply.js";
import type { Database } from "../store/database.js";
import { changeHolds } from "../store/holds.js";
import { load } from "../store/load.js";

export interface HoldDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  log: Log;
}

export interface HoldRequest {
  source: string;
  reason: string;
  /** `operator:anna`, `admin`. */
  actor: string;
}

/**
 * Holds a source: once this has returned, no event of it makes an effect, in whatever worker; each is kept
 * with its bytes until the release. What was decided before goes on: notices that are planned are sent.
 *
 * @throws Permanent `conflict` when it is held already; Transient `database_busy`.
 */
export async function holdSource(request: HoldRequest, deps: HoldDeps): Promise<SourceHold> {
  const { source, reason, actor } = request;
  const requestId = deps.ids.next("request");
  const made = await changeHolds(deps.database, async (transaction) => {
    const { holds } = await load(transaction, { holds: readHold(source) });
    const [held] = holds;
    if (held !== undefined) {
      const since = `since ${isoOf(held.heldAt)} by ${held.heldBy}`;
      throw new Permanent("conflict", { detail: `${source} is held already, ${since}.` });
    }
    const now = deps.clock.now();
    const hold: SourceHold = {
      id: deps.ids.next("sourceHold"),
      source,
      reason,
      heldBy: actor,
      heldAt: now,
      letThrough: [],
      releasedBy: null,
      releasedAt: null,
      releaseReason: null,
      version: 0,
    };
    const plan = new PlanBuilder({ now, ids: deps.ids, actor, eventId: null, requestId });
    plan.insert("sourceHold", hold).audit("source.held", hold.id, { source, reason });
    await apply(transaction, plan.build());
    return hold;
  });
  // After the commit, and not with the plan: a hold that the commit refused is none, and nobody is to read of it.
  deps.log.warn("source.held", { requestId, source, id: made.id, actor });
  return made;
}
