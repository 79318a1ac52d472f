import type { AuditEntry } from "../domain/audit.js";
import { describeError } from "../domain/describe-error.js";
import { AppError } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import type { Kv, Log } from "../domain/ports.js";
import { type Clock, DAY_MS, HOUR_MS, type Instant, SECOND_MS } from "../domain/time.js";
import type { Policy } from "../policy/schema.js";
import type { Database } from "../store/database.js";
import {
  type DropOutcome,
  dropMonth,
  dropOldMetrics,
  dropStrays,
  emptyEndedNotices,
  type Month,
  monthsBefore,
  moveUnfinished,
  sizeOfMonth,
} from "../store/retention.js";

export interface RetentionDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  kv: Pick<Kv, "get" | "setFor">;
  log: Log;
  policy: Pick<Policy, "retention">;
}

export interface Retained {
  /** Months of bodies that were due, and what became of each; how many they were is null where it is not known. */
  months: { month: Month; outcome: DropOutcome; events: number | null; moved: number }[];
  /** Bodies without a partition of their month. */
  strays: number;
  /** Notices of which what was rendered is gone, with their timers. */
  notices: number;
  metricMinutes: number;
  /** Parts that failed for a cause of their own, months or else; the log says which and why. */
  failed: number;
  /** The time was up, a lock was not to be had or a part has failed: the next sweep goes on. */
  left: boolean;
}

/** A sweep has other things to do. */
const BUDGET_MS = 10 * SECOND_MS;
/** Rows at once. */
const STRAYS_MAX = 500;
const NOTICES_MAX = 2_000;
const MINUTES_MAX = 50_000;
/** Where nothing is left, nobody looks again for so long; less than a day, for whoever is called once a day. */
const LOOKED_KEY = "retention:looked-at";
const LOOKED_TTL_MS = 20 * HOUR_MS;

/** Of one sweep: its time, and what it could not do. */
interface Sweep {
  isOver(): boolean;
  left: boolean;
  failed: number;
  log: Log;
}

/**
 * Drops what `RETENTION` says is kept no longer: minutes of metrics; what was rendered of notices; bodies by the month,
 * once all of it is past the policy's days, if it has any, and never those of an event that is not finished, which get a
 * place in the present month first. In pieces, until the time is up. A part that fails keeps none of the others from
 * its turn; the months, which may take longest, are the last.
 *
 * @returns null when nothing was left the last time, and that is not long ago.
 * @throws Transient when the database is not to be had.
 */
export async function sweepRetention(deps: RetentionDeps): Promise<Retained | null> {
  if (await wasLookedAt(deps)) return null;
  const { database, clock, log } = deps;
  const now = clock.now();
  const sweep = { isOver: () => clock.now() - now >= BUDGET_MS, left: false, failed: 0, log };
  const metricMinutes = await inPieces(sweep, MINUTES_MAX, (limit) =>
    unlessItFails("metric_minute", 0, sweep, () => dropOldMetrics(database, now, limit)),
  );
  const notices = await inPieces(sweep, NOTICES_MAX, (limit) =>
    unlessItFails("notice", 0, sweep, () => emptyEndedNotices(database, now, limit)),
  );
  const bodies = await sweepBodies(now, sweep, deps);
  const { failed, left } = sweep;
  if (!left) await noteLooked(deps);
  return { ...bodies, notices, metricMinutes, failed, left };
}

async function sweepBodies(
  now: Instant,
  sweep: Sweep,
  deps: RetentionDeps,
): Promise<Pick<Retained, "months" | "strays">> {
  const { database, policy } = deps;
  const { bodyDays: days } = policy.retention;
  const months: Retained["months"] = [];
  if (days === null) return { months, strays: 0 };
  const until = now - days * DAY_MS;
  const strays = await inPieces(sweep, STRAYS_MAX, (limit) => {
    const entry = entryOf("event_body_default", { days }, deps);
    return unlessItFails(entry.subject, 0, sweep, () =>
      dropStrays(database, { until, limit, entry }),
    );
  });
  const due = await unlessItFails("event_body", [], sweep, () => monthsBefore(database, until));
  for (const month of due) {
    if (sweep.isOver()) break;
    const ended = await unlessItFails(`event_body_${month}`, null, sweep, () =>
      dropOne(month, sweep, deps),
    );
    if (ended !== null) months.push(ended);
  }
  if (months.filter(isDone).length < due.length) sweep.left = true;
  return { months, strays };
}

const isDone = ({ outcome }: Retained["months"][number]): boolean =>
  outcome === "dropped" || outcome === "gone";

async function dropOne(
  month: Month,
  { isOver }: Sweep,
  deps: RetentionDeps,
): Promise<Retained["months"][number]> {
  const { database, log } = deps;
  const moving = { isOver, left: false };
  // By bytes and by rows: only one that finds none is the last.
  const moved = await inPieces(moving, 1, () => moveUnfinished(database, month));
  if (moving.left) return { month, outcome: "unfinished", events: 0, moved };
  const size = await sizeIfKnown(month, deps);
  const { bodyDays: days } = deps.policy.retention;
  const entry = entryOf(`event_body_${month}`, { days, ...size }, deps);
  const outcome = await dropMonth(database, month, entry);
  const events = outcome === "dropped" ? size.events : 0;
  if (outcome === "dropped") log.info("event_body.dropped", { month, moved, ...size });
  else log.warn("event_body.not_dropped", { month, moved, outcome });
  return { month, outcome, events, moved };
}

/** A month may be so large that it is not counted in time; it goes nevertheless. */
async function sizeIfKnown(
  month: Month,
  { database, log }: RetentionDeps,
): Promise<{ events: number | null; bytes: number | null }> {
  try {
    return await sizeOfMonth(database, month);
  } catch (error) {
    if (isOutage(error)) throw error;
    log.warn("event_body.not_counted", { month, ...whyOf(error) });
    return { events: null, bytes: null };
  }
}

/**
 * @returns what the work does, or else `otherwise`: the log says why, and the next sweep tries it again.
 * @throws Transient in an outage, which is not the part's own.
 */
async function unlessItFails<T>(
  part: string,
  otherwise: T,
  sweep: Sweep,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isOutage(error)) throw error;
    sweep.failed += 1;
    sweep.left = true;
    sweep.log.error("retention.failed", { part, ...whyOf(error) });
    return otherwise;
  }
}

const isOutage = (error: unknown): boolean =>
  error instanceof AppError && error.code === "database_unavailable";

/** The kinds of an error and of its cause: their text may quote a row. */
function whyOf(error: unknown): { detail: string; cause: string | null } {
  const cause = error instanceof Error ? error.cause : null;
  return {
    detail: describeError(error),
    cause: cause instanceof Error ? describeError(cause) : null,
  };
}

function entryOf(
  subject: string,
  details: AuditEntry["details"],
  { ids, clock }: RetentionDeps,
): AuditEntry {
  const who = { actor: "system:retention", eventId: null };
  const at = clock.now();
  return { id: ids.next("audit"), at, action: "event_body.dropped", subject, ...who, details };
}

/** One at least, until there is nothing more or the time is up: then `left` says so. @returns how many in all. */
async function inPieces(
  pieces: { isOver: () => boolean; left: boolean },
  limit: number,
  piece: (limit: number) => Promise<number>,
): Promise<number> {
  for (let sum = 0; ; ) {
    const count = await piece(limit);
    sum += count;
    if (count < limit) return sum;
    if (pieces.isOver()) {
      pieces.left = true;
      return sum;
    }
  }
}

/** Without KV it is looked at each time, which costs a little more. */
async function wasLookedAt({ kv, log }: RetentionDeps): Promise<boolean> {
  try {
    return (await kv.get(LOOKED_KEY)) !== null;
  } catch (error) {
    log.warn("retention.not_known", { detail: describeError(error) });
    return false;
  }
}

async function noteLooked({ kv, clock, log }: RetentionDeps): Promise<void> {
  try {
    await kv.setFor(LOOKED_KEY, String(clock.now()), LOOKED_TTL_MS);
  } catch (error) {
    log.warn("retention.not_noted", { detail: describeError(error) });
  }
}
