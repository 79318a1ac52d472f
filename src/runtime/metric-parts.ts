import type { MetricOperations } from "../admin/metrics.js";
import type { Clock } from "../domain/time.js";
import { readMetrics, reportMetrics } from "../operations/metrics.js";
import { readUptime } from "../operations/uptime.js";
import type { Policy } from "../policy/schema.js";
import type { Database } from "../store/database.js";

/** What is measured and reported, by the admin API. */
export function metricOperations(deps: {
  database: Database;
  clock: Clock;
  policy: Policy;
}): MetricOperations {
  return {
    readMetrics: (query) => readMetrics(query, deps),
    reportMetrics: (given) => reportMetrics(given, deps),
    readUptime: (days) => readUptime(deps, days),
  };
}
