import { sweepSpills } from "../ingest/sweep-spills.js";
import { sweepHolds } from "../operations/drain-source.js";
import { sweepMaintenance } from "../operations/maintenance/sweep.js";
import { reconcileDue } from "../operations/reconcile/index.js";
import { sweepOutbox } from "../operations/relay-outbox.js";
import { sweepTimers } from "../operations/run-timer.js";
import { sendDigest } from "../operations/send-digest.js";
import { sweepEntitlements } from "../operations/sweep-entitlements.js";
import { sweepRetention } from "../operations/sweep-retention.js";
import {
  type BalanceDeps,
  type WithoutDatabaseDeps,
  watchBalance,
  watchCanaries,
  watchDatabase,
  watchLag,
  watchMinutes,
} from "../operations/watch/index.js";
import { sources } from "../sources/registry.js";
import { ensurePartitions } from "../store/events.js";
import { auditSteps } from "./audit-parts.js";
import type { CronJob, CronSteps } from "./cron.js";

/** Of a run's slice: the timer comes again in a minute. */
const RECONCILE_BUDGET_MS = 45_000;

/** What each job works with; the parts of the root have all of it. */
type JobDeps = Parameters<typeof sweepOutbox>[0] &
  Parameters<typeof sweepTimers>[0] &
  Parameters<typeof sweepSpills>[0] &
  Parameters<typeof sweepHolds>[0] &
  Parameters<typeof reconcileDue>[1] &
  Parameters<typeof sweepEntitlements>[0] &
  Parameters<typeof sweepRetention>[0] &
  Omit<Parameters<typeof sendDigest>[0], "livemode"> & {
    looks: Parameters<typeof sweepMaintenance>[0];
    sweepDead(): Promise<unknown>;
  };

/** The steps of each cron job, in their order. */
export function cronJobs(
  parts: JobDeps,
  watch: WithoutDatabaseDeps & BalanceDeps,
): Record<CronJob, CronSteps> {
  const ids = sources.map(({ id }) => id);
  return {
    relay: {
      // Pages and clocks first: what was parked in an outage of the queue may be thousands of deliveries.
      outbox: () => sweepOutbox(parts),
      timers: () => sweepTimers(parts),
      spills: () => sweepSpills(parts),
      holds: () => sweepHolds(parts),
    },
    reconcile: {
      runs: () => reconcileDue(ids, parts, { budgetMs: RECONCILE_BUDGET_MS }),
    },
    watch: {
      database: () => watchDatabase(watch),
      minutes: () => watchMinutes(watch),
      lag: () => watchLag(watch),
      canaries: () => watchCanaries(watch),
      balance: () => watchBalance(watch),
    },
    sweep: {
      deadMessages: parts.sweepDead,
      entitlements: () => sweepEntitlements(parts),
      partitions: () => ensurePartitions(parts.database),
      ...auditSteps(watch),
      maintenance: () => sweepMaintenance(parts.looks),
      retention: () => sweepRetention(parts),
      digest: () => sendDigest({ ...parts, livemode: watch.livemode }),
    },
  };
}
