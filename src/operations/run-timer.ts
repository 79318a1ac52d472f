import { Permanent, Transient } from "../domain/errors.js";
import type { TimerRow } from "../domain/outbox.js";
import { emptyPlan } from "../domain/plan.js";
import { SECOND_MS } from "../domain/time.js";
import { giveUpNotice, type SendNotificationDeps } from "../handlers/send-notification/index.js";
import { overdueTimers } from "../store/outbox.js";
import { applyIfStill } from "../store/until-still.js";
import type { DueIncident } from "./incidents/due.js";

export interface TimerDeps extends SendNotificationDeps {
  /** Looks at an incident's clock, and publishes what that decided. @throws Permanent `not_found`; Transient */
  runIncident(due: DueIncident): Promise<unknown>;
  /** Looks at a deployment after it went to production. @throws Permanent `not_found`; Transient */
  checkDeployment(timer: TimerRow, by: WokenBy): Promise<void>;
  /** Tells of a deployment that came in a lockdown. @throws Permanent `not_found`; Transient */
  tellOfLockdown(timer: TimerRow, by: WokenBy): Promise<void>;
}

/** What each kind of timer does when its time has come. Doing it twice does it once. */
const TIMER_KINDS: Record<
  TimerRow["kind"],
  (timer: TimerRow, deps: TimerDeps, by: WokenBy) => Promise<unknown>
> = {
  "notice.give_up": (timer, deps, by) =>
    giveUpNotice({ requestId: deps.ids.next("request"), ...by, noticeId: timer.subject }, deps),
  "incident.due": (timer, deps, by) => deps.runIncident({ ...by, incidentId: timer.subject }),
  "deployment.due": (timer, deps, by) => deps.checkDeployment(timer, by),
  "deployment.lockdown": (timer, deps, by) => deps.tellOfLockdown(timer, by),
};

/** The message that woke it, which is completed with the timer; a sweep has none. */
export interface WokenBy {
  requestId?: string;
  outboxId?: string;
}

/**
 * Runs a timer that is due; one that is done, or woken too early, is left as it is. Is what it speaks of gone, then
 * it ends: "gone". The message that woke it is completed by what ran; in every other case that is its receiver's to do,
 * as nothing is lost with it: when a timer that waits has become due, the minute's sweep finds it.
 */
export async function runTimer(
  timer: TimerRow,
  deps: TimerDeps,
  by: WokenBy = {},
): Promise<"ran" | "early" | "done" | "gone"> {
  if (timer.status === "done") return "done";
  if (timer.dueAt > deps.clock.now()) return "early";
  try {
    await TIMER_KINDS[timer.kind](timer, deps, by);
    return "ran";
  } catch (error) {
    if (!(error instanceof Permanent) || error.code !== "not_found") throw error;
    await endTimer(timer, deps);
    return "gone";
  }
}

/** Its subject is kept no more, so there is nothing to do now or later. */
async function endTimer(timer: TimerRow, { database }: SendNotificationDeps): Promise<void> {
  const plan = { ...emptyPlan(), updates: { timer: [{ ...timer, status: "done" as const }] } };
  await applyIfStill(database, plan); // else somebody else ended it, or wound it again
}

const TIMERS_MAX = 500;
/** Where each waits for a database that is busy, the rest of the job has its turn too; the next minute goes on. */
const BUDGET_MS = 60 * SECOND_MS;

/**
 * Runs what is overdue, so that a late or lost wake-up costs a minute and not the deed. A timer that
 * fails, or whose own rows are busy, does not keep the next from its turn.
 *
 * @returns how many it took up; those whose subject was gone are counted too.
 * @throws Transient when the database is not to be had; else the first failure, when all have had their turn.
 */
export async function sweepTimers(deps: TimerDeps): Promise<number> {
  const timers = await overdueTimers(deps.database, deps.clock.now(), TIMERS_MAX);
  const failures: unknown[] = [];
  const until = deps.clock.now() + BUDGET_MS;
  let taken = 0;
  for (const timer of timers) {
    if (deps.clock.now() >= until) break;
    taken += 1;
    try {
      await runTimer(timer, deps);
    } catch (error) {
      // Without the database no timer can run. Anything else, such as rows that are busy, is this one's own.
      if (error instanceof Transient && error.code === "database_unavailable") throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return taken;
}
