import { Transient } from "../domain/errors.js";
import type { TimerRow } from "../domain/outbox.js";
import { giveUpNotice, type SendNotificationDeps } from "../handlers/send-notification/index.js";
import { overdueTimers } from "../store/outbox.js";

/** What each kind of timer does when its time has come. Doing it twice does it once. */
const TIMER_KINDS: Record<
  TimerRow["kind"],
  (timer: TimerRow, deps: SendNotificationDeps, by: WokenBy) => Promise<void>
> = {
  "notice.give_up": (timer, deps, by) =>
    giveUpNotice({ requestId: deps.ids.next("request"), ...by, noticeId: timer.subject }, deps),
};

/** The message that woke it, which is completed with the timer; a sweep has none. */
export interface WokenBy {
  requestId?: string;
  outboxId?: string;
}

/** Runs a timer that is due; one that is done, or woken too early, is left as it is, and so is its message. */
export async function runTimer(
  timer: TimerRow,
  deps: SendNotificationDeps,
  by: WokenBy = {},
): Promise<"ran" | "early" | "done"> {
  if (timer.status === "done") return "done";
  if (timer.dueAt > deps.clock.now()) return "early";
  await TIMER_KINDS[timer.kind](timer, deps, by);
  return "ran";
}

const TIMERS_MAX = 500;

/**
 * Runs what is overdue, so that a late or lost wake-up costs a minute and not the deed. A timer that
 * fails does not keep the next from its turn.
 *
 * @returns how many ran.
 * @throws Transient when the database is not to be had; else the first failure, when all have had their turn.
 */
export async function sweepTimers(deps: SendNotificationDeps): Promise<number> {
  const timers = await overdueTimers(deps.database, deps.clock.now(), TIMERS_MAX);
  const failures: unknown[] = [];
  for (const timer of timers) {
    try {
      await runTimer(timer, deps);
    } catch (error) {
      if (error instanceof Transient) throw error; // it is not the timer: the next minute begins again
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return timers.length;
}
