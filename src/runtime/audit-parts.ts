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
import {
  archivedThrough,
  findSeal,
  lastSeal,
  NEVER,
  sealsBefore,
  waitingEntries,
} from "../store/audit-seals.js";
import type { CronSteps } from "./cron.js";

type Deps = Pick<WatchDeps, "database" | "clock" | "log" | "policy"> & { ids: Ids };

/** The audit trail's seals, by the admin API. */
export function auditOperations({ policy, ...deps }: Deps): AuditOperations {
  const { database } = deps;
  const keptDays = policy.retention.auditDays;
  return {
    listSeals: (before, limit) => sealsBefore(database, before, limit),
    findSeal: (number) => findSeal(database, number),
    async waitingEntries() {
      const last = await lastSeal(database);
      return waitingEntries(database, last?.settledBefore ?? NEVER);
    },
    verifyAudit: (after) => verifyAudit(after, database),
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
