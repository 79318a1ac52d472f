import type { Instant } from "./time.js";

/** What is measured of this deployment and of the platform, by the minute; each in the unit that its name ends with. */
export const METRICS = [
  "error_rate_percent",
  "latency_p95_ms",
  "latency_avg_ms",
  "payment_success_percent",
  "queue_age_s",
  "database_connections_percent",
  "database_up",
  "error_spike_times",
  "healthy",
  "memory_percent",
  "cache_hits_percent",
  "cost_percent",
] as const;
export type Metric = (typeof METRICS)[number];

/** One minute of one metric; observations of one minute are written once. */
export interface MetricMinute {
  minute: Instant;
  metric: string;
  /** What it is of: a service, a source; empty: of all. */
  label: string;
  value: number;
  /** How many observations the value is made of. */
  samples: number;
}
