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

/** What is counted by the minute beside them; no threshold looks at these, and nobody else may report them. */
export const COUNTS = [
  "deliveries_acknowledged",
  "events_received",
  "events_finished",
  "error_signals",
] as const;

/** What our own measurements are of: nobody else may report under these labels. */
export const OWN_LABELS = {
  service: "signalbox",
  database: "database",
  payments: "payments",
} as const;

/** Errors of so many minutes are set beside those of the day before them. */
export const SPIKE_MINUTES = 5;
export const SPIKE_USUAL_MINUTES = 24 * 60;
/** A usual rate of less than one error in five minutes counts as that: else a service's first error were a spike. */
const USUAL_PER_MINUTE_MIN = 1 / 5;

/**
 * How many times its usual rate a service's errors come: errors per minute of the last `SPIKE_MINUTES`, divided by those
 * of the `SPIKE_USUAL_MINUTES` before them.
 */
export function spikeTimes(recent: number, before: number): number {
  const usual = Math.max(before / SPIKE_USUAL_MINUTES, USUAL_PER_MINUTE_MIN);
  return Math.round((100 * recent) / SPIKE_MINUTES / usual) / 100;
}
