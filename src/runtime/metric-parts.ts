import type { DoorOperations } from "../admin/door-counts.js";
import type { IncidentReportOperations } from "../admin/incident-reports.js";
import type { MetricOperations } from "../admin/metrics.js";
import type { Clock } from "../domain/time.js";
import { incidentNotice } from "../operations/incidents/notice.js";
import { incidentReview } from "../operations/incidents/review.js";
import { readMetrics, reportMetrics } from "../operations/metrics.js";
import { reportUptime } from "../operations/uptime.js";
import { readDoorBalance } from "../operations/watch/index.js";
import type { Policy } from "../policy/schema.js";
import { sources } from "../sources/registry.js";
import type { Database } from "../store/database.js";
import { readIncidentReport } from "../store/incident-report.js";

const DOCUMENTS = { notice: incidentNotice, review: incidentReview };

/** What is measured, reported and written up, by the admin API. */
export function metricOperations(deps: {
  database: Database;
  clock: Clock;
  policy: Policy;
}): MetricOperations & DoorOperations & IncidentReportOperations {
  return {
    readMetrics: (query) => readMetrics(query, deps),
    reportMetrics: (given) => reportMetrics(given, deps),
    readUptime: (days) => reportUptime(deps, days),
    readDoorBalance: (minutes) =>
      readDoorBalance(minutes, { ...deps, sources: sources.map(({ id }) => id) }),
    reportIncident: async (id, document, locale) => {
      const report = await readIncidentReport(deps.database, id);
      if (report === null) return null;
      return DOCUMENTS[document](report, deps.policy, { locale, now: deps.clock.now() });
    },
  };
}
