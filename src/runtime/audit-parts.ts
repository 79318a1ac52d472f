import type { AuditOperations } from "../admin/audit-trail.js";
import type { Ids } from "../domain/ids.js";
import {
  archiveAudit,
  exportAudit,
  sealAudit,
  verifyAudit,
  watchAudit,
} from "../operations/audit-trail/index.js";
import type { WatchDeps } from "../operations/watch/index.js";
import { archivedThrough, findSeal, sealsBefore, waitingEntries } from "../store/audit-seals.js";
import type { CronSteps } from "./cron.js";

type Deps = Pick<WatchDeps, "database" | "clock" | "kv" | "log" | "policy"> & { ids: Ids };

/** The audit trail's seals, by the admin API. */
export function auditOperations({ policy, ...deps }: Deps): AuditOperations {
  const { database } = deps;
  const keptDays = policy.retention.auditDays;
  return {
    listSeals: (before, limit) => sealsBefore(database, before, limit),
    findSeal: (number) => findSeal(database, number),
    async verifyAudit(after) {
      const [slice, through, { count, oldestAt, asOf }] = await Promise.all([
        verifyAudit(after, deps),
        archivedThrough(database),
        waitingEntries(database),
      ]);
      const waitsMs = oldestAt === null ? 0 : Math.floor(asOf - oldestAt);
      return { ...slice, archivedThrough: through, waiting: { count, oldestAt, waitsMs } };
    },
    async exportAudit(after) {
      const from = after ?? (await archivedThrough(database));
      return { seals: await exportAudit(from, { ...deps, keptDays }), keptDays };
    },
    archiveAudit: (request) => archiveAudit(request, { ...deps, keptDays }),
  };
}

/** Sealing needs the database alone; what watches over the seals needs KV too. */
export const auditSteps = (deps: WatchDeps): CronSteps => ({
  auditSeals: () => sealAudit(deps),
  auditTrail: () => watchAudit(deps),
});
