import type { AuditEntry } from "../domain/audit.js";
import { describeError } from "../domain/describe-error.js";
import type { Ids } from "../domain/ids.js";
import type { Kv, Log } from "../domain/ports.js";
import { type Clock, DAY_MS, HOUR_MS, SECOND_MS } from "../domain/time.js";
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
  /** Months of bodies that were due, and what became of each. */
  months: { month: Month; outcome: DropOutcome; events: number; moved: number }[];
  /** Bodies without a partition of their month. */
  strays: number;
  /** Notices of which what was rendered is gone, with their timers. */
  notices: number;
  metricMinutes: number;
  /** The time was up, or a lock was not to be had: the next sweep goes on. */
  left: boolean;
}

/** A sweep has other things to do. */
const BUDGET_MS = 10 * SECOND_MS;
/** At once: bodies that are up to 4 MiB each, and rows. */
const BODIES_MAX = 100;
const STRAYS_MAX = 500;
const NOTICES_MAX = 2_000;
const MINUTES_MAX = 50_000;
/** Where nothing is left, nobody looks again for so long; less than a day, for whoever is called once a day. */
const LOOKED_KEY = "retention:looked-at";
const LOOKED_TTL_MS = 20 * HOUR_MS;

/**
 * Drops what `RETENTION` says is kept no longer: bodies by the month, once all of it is past the policy's days, and never
 * those of an event that is not finished, which get a place in the present month first; what was rendered of notices;
 * minutes of metrics. In pieces, until the time is up.
 *
 * @returns null when nothing was left the last time, and that is not long ago.
 * @throws Transient when the database is not to be had.
 */
export async function sweepRetention(deps: RetentionDeps): Promise<Retained | null> {
  if (await wasLookedAt(deps)) return null;
  const { database, clock } = deps;
  const now = clock.now();
  const isOver = (): boolean => clock.now() - now >= BUDGET_MS;
  const months: Retained["months"] = [];
  const until = now - deps.policy.retention.bodyDays * DAY_MS;
  const due = await monthsBefore(database, until);
  for (const month of due) if (!isOver()) months.push(await dropOne(month, deps, isOver));
  const pieces = { isOver, left: months.filter(isDone).length < due.length };
  const strays = await inPieces(pieces, STRAYS_MAX, (limit) => {
    const { bodyDays: days } = deps.policy.retention;
    const entry = entryOf("event_body_default", { days }, deps);
    return dropStrays(database, { until, limit, entry });
  });
  const notices = await inPieces(pieces, NOTICES_MAX, (limit) =>
    emptyEndedNotices(database, now, limit),
  );
  const metricMinutes = await inPieces(pieces, MINUTES_MAX, (limit) =>
    dropOldMetrics(database, now, limit),
  );
  const { left } = pieces;
  if (!left) await noteLooked(deps);
  return { months, strays, notices, metricMinutes, left };
}

const isDone = ({ outcome }: Retained["months"][number]): boolean =>
  outcome === "dropped" || outcome === "gone";

async function dropOne(
  month: Month,
  deps: RetentionDeps,
  isOver: () => boolean,
): Promise<Retained["months"][number]> {
  const { database, log } = deps;
  const moving = { isOver, left: false };
  const moved = await inPieces(moving, BODIES_MAX, (limit) =>
    moveUnfinished(database, month, limit),
  );
  if (moving.left) return { month, outcome: "unfinished", events: 0, moved };
  const size = await sizeOfMonth(database, month);
  const { bodyDays: days } = deps.policy.retention;
  const entry = entryOf(`event_body_${month}`, { days, ...size }, deps);
  const outcome = await dropMonth(database, month, entry);
  const events = outcome === "dropped" ? size.events : 0;
  if (outcome === "dropped") log.info("event_body.dropped", { month, moved, ...size });
  else log.warn("event_body.not_dropped", { month, moved, outcome });
  return { month, outcome, events, moved };
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

/** Until there is nothing more, or the time is up: then `left` says so. @returns how many in all. */
async function inPieces(
  pieces: { isOver: () => boolean; left: boolean },
  limit: number,
  piece: (limit: number) => Promise<number>,
): Promise<number> {
  for (let sum = 0; ; ) {
    if (pieces.isOver()) {
      pieces.left = true;
      return sum;
    }
    const count = await piece(limit);
    sum += count;
    if (count < limit) return sum;
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
