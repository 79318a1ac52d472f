import { describeError } from "../../domain/describe-error.js";
import { Transient } from "../../domain/errors.js";
import type { Maintenance } from "../../domain/incident.js";
import { DAY_MS, type Instant, MINUTE_MS, SECOND_MS } from "../../domain/time.js";
import { load, read } from "../../store/load.js";
import {
  announceMaintenance,
  beginMaintenance,
  FAILURE,
  failMaintenance,
  raiseFailure,
  tellEnd,
  verifyMaintenance,
  windLate,
} from "./act.js";
import type { MaintenanceDeps } from "./deps.js";
import { keepOccurrence, occurrencesDue } from "./rows.js";
import { CAUSE } from "./tell.js";

const ACTOR = "system:maintenance";

export interface MaintenanceReport {
  /** Recurring ones that became rows. */
  scheduled: number;
  announced: number;
  begun: number;
  completed: number;
  failed: number;
  /** Could not be worked on for a cause of their own; the next minute tries again, and the log says why. */
  stuck: number;
}

/**
 * Does what the time asks for: recurring maintenances become rows, users are told, what is due begins, and what is
 * over is looked at until it is well or has had the policy's time for it. Sweeps at the same time do nothing twice.
 *
 * @throws Transient when the database is not to be had.
 */
export async function sweepMaintenance(deps: MaintenanceDeps): Promise<MaintenanceReport> {
  const report = { scheduled: 0, announced: 0, begun: 0, completed: 0, failed: 0, stuck: 0 };
  const now = deps.clock.now();
  for (const occurrence of await unkept(now, deps)) {
    if (await keepOccurrence(occurrence, deps)) report.scheduled += 1;
  }
  for (const row of await unended(now, deps)) {
    try {
      await advance(row, now, report, deps);
    } catch (error) {
      if (error instanceof Transient) throw error; // it is not this one: the next minute begins again
      report.stuck += 1;
      deps.log.error("maintenance.stuck", { id: row.id, detail: describeError(error) });
    }
  }
  for (const row of await untold(now, deps)) await raiseFailure(row, deps);
  for (const row of await unshown(now, deps)) await tellEnd(row, deps);
  for (const row of await justEnded(now, deps)) await windLate(row, deps);
  return report;
}

/** Of those that were ended before their time; three sweeps see each. */
async function justEnded(now: Instant, { database }: MaintenanceDeps): Promise<Maintenance[]> {
  const { rows } = await load(database, {
    rows: read(
      "maintenance",
      "t.ended_at > to_timestamp(?::float8 / 1000) AND t.ended_at < t.ends_at",
      [now - 3 * MINUTE_MS],
      { orderBy: "t.ended_at", limit: 100 },
    ),
  });
  return rows;
}

/** What has failed, and whose incident never came: whoever wrote it broke off before telling. */
async function untold(now: Instant, { database }: MaintenanceDeps): Promise<Maintenance[]> {
  const { rows } = await load(database, {
    rows: read(
      "maintenance",
      `t.status = 'failed' AND t.ended_at > to_timestamp(?::float8 / 1000)
       AND NOT EXISTS (SELECT 1 FROM alert a WHERE a.group_key = ? || t.id)`,
      [now - DAY_MS, FAILURE],
      { orderBy: "t.ended_at", limit: 20 },
    ),
  });
  return rows;
}

/** What the status page shows as begun, or to come, though it is over: whoever ended it broke off before telling. */
async function unshown(
  now: Instant,
  { database, hasStatusPage }: MaintenanceDeps,
): Promise<Maintenance[]> {
  if (!hasStatusPage) return [];
  const { rows } = await load(database, {
    rows: read(
      "maintenance",
      `t.status IN ('completed', 'failed', 'canceled') AND t.ended_at > to_timestamp(?::float8 / 1000)
       AND (t.begun_at IS NOT NULL OR t.announced_at IS NOT NULL)
       AND NOT EXISTS (SELECT 1 FROM notice n WHERE n.cause = ? || t.id || ' ' || t.status
         AND n.template = 'user-maintenance' AND n.channel = 'status_page')`,
      [now - DAY_MS, CAUSE],
      { orderBy: "t.ended_at", limit: 20 },
    ),
  });
  return rows;
}

async function unkept(now: Instant, { database, policy }: MaintenanceDeps) {
  const due = occurrencesDue(policy, now);
  if (due.length === 0) return [];
  const { kept } = await load(database, {
    kept: read("maintenance", "t.rule = ANY (string_to_array(?, E'\\n'))", [
      due.map(({ id }) => id).join("\n"),
    ]),
  });
  const known = new Set(kept.map(({ rule }) => rule));
  return due.filter(({ id }) => !known.has(id));
}

async function unended(now: Instant, { database }: MaintenanceDeps): Promise<Maintenance[]> {
  const { rows } = await load(database, {
    rows: read(
      "maintenance",
      `t.status IN ('scheduled', 'begun', 'verifying') AND (t.starts_at <= to_timestamp(?::float8 / 1000)
        OR (t.announced_at IS NULL AND t.notice_at <= to_timestamp(?::float8 / 1000)))`,
      [now, now],
      // Those that wait for a person's word keep no other from its time, however many they are.
      { orderBy: "t.status = 'verifying', t.starts_at, t.id", limit: 100 },
    ),
  });
  return rows;
}

async function advance(
  row: Maintenance,
  now: Instant,
  report: MaintenanceReport,
  deps: MaintenanceDeps,
): Promise<void> {
  const act = { id: row.id, actor: ACTOR };
  const isComing = row.status === "scheduled" && now < row.startsAt;
  if (isComing) {
    await announceMaintenance(row, deps);
    report.announced += 1;
    return;
  }
  if (row.status === "scheduled") {
    await beginMaintenance(act, deps);
    report.begun += 1;
  }
  if (now < row.endsAt) return;
  const { maintenance, verified } = await verifyMaintenance(act, deps);
  if (verified.good) report.completed += 1;
  // One look may be an accident, however late it comes: it fails by a second one at the soonest.
  // Where nothing was looked at it is for a person to say how it ended.
  else if (
    verified.isChecked &&
    row.status === "verifying" &&
    now >= row.endsAt + deps.policy.deployments.forSeconds * SECOND_MS
  ) {
    await failMaintenance({ ...act, because: maintenance.outcome ?? undefined }, deps);
    report.failed += 1;
  }
}
