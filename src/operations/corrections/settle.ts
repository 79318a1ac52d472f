import { approve, type Correction, reject } from "../../domain/correction.js";
import { Permanent } from "../../domain/errors.js";
import type { Ids } from "../../domain/ids.js";
import type { Caller } from "../../domain/operator.js";
import { PlanBuilder } from "../../domain/plan.js";
import type { Clock, Instant } from "../../domain/time.js";
import { apply } from "../../store/apply.js";
import type { Database } from "../../store/database.js";
import { load, read } from "../../store/load.js";
import { untilStill } from "../../store/until-still.js";

export interface SettleDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
}

export interface SettleCorrection {
  id: string;
  caller: Caller;
  /** Null where none was given. */
  reason: string | null;
}

/** @throws Permanent `not_found`; Transient. */
export async function findCorrection(database: Database, id: string): Promise<Correction> {
  const { corrections } = await load(database, {
    corrections: read("correction", "t.id = ?", [id]),
  });
  const [found] = corrections;
  if (found === undefined) {
    throw new Permanent("not_found", { detail: `There is no correction ${id}.` });
  }
  return found;
}

/**
 * Changes a correction, and says so in the audit trail; again while somebody else changes it.
 *
 * @param decide null: there is nothing to change.
 * @throws what `decide` throws; Permanent `not_found`; Transient.
 */
export function changeCorrection(
  { id, caller, reason }: SettleCorrection,
  verb: string,
  decide: (correction: Correction, now: Instant) => Partial<Correction> | null,
  { database, clock, ids }: SettleDeps,
): Promise<Correction> {
  return untilStill(`correction ${id}`, async () => {
    const before = await findCorrection(database, id);
    const now = clock.now();
    const change = decide(before, now);
    if (change === null) return before;
    const requestId = ids.next("request");
    const ctx = { now, ids, actor: caller.actor, eventId: null, requestId };
    const patch = { ...change, updatedAt: now };
    const plan = new PlanBuilder(ctx).update("correction", before, patch);
    plan.audit(`correction.${verb}`, id, { kind: before.kind, payment: before.externalId, reason });
    await apply(database, plan.build());
    return { ...before, ...patch, version: before.version + 1 };
  });
}

/** @throws Permanent `forbidden`, `conflict`, `not_found`: see the rules at `approve`. */
export const approveCorrection = (
  request: SettleCorrection,
  deps: SettleDeps,
): Promise<Correction> =>
  changeCorrection(request, "approved", (correction) => approve(correction, request.caller), deps);

/** @throws Permanent `conflict`, `not_found`. */
export const rejectCorrection = (
  request: SettleCorrection,
  deps: SettleDeps,
): Promise<Correction> => changeCorrection(request, "rejected", reject, deps);
