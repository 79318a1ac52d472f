import type { DigestFigure, DigestSection } from "../domain/notice-templates.js";
import type { Severity } from "../domain/severity.js";
import type { Policy } from "../policy/schema.js";
import type { DayCounts, MetricOfDay, PaymentsOfDay } from "../store/digest.js";

/** What is known of a day, beside its incidents. */
export interface DayFigures {
  metrics: readonly MetricOfDay[];
  payments: PaymentsOfDay;
  counts: DayCounts;
}

type Measure = (metric: MetricOfDay) => number;
const mean: Measure = (metric) => metric.mean;
const highest: Measure = (metric) => metric.highest;
const share: Measure = (metric) => 100 * metric.mean;

/** A figure for each label under which the metric was reported; none where it was not. */
function measured(
  { metrics }: DayFigures,
  metric: string,
  figure: Omit<DigestFigure, "value" | "label">,
  of: Measure,
): DigestFigure[] {
  const found = metrics.filter((one) => one.metric === metric);
  return found.map((one) => {
    const value = Math.round(100 * of(one)) / 100;
    // One alone needs no name.
    return { ...figure, value, ...(found.length > 1 ? { label: one.label } : {}) };
  });
}

const count = (key: string, value: number): DigestFigure => ({ key, value, unit: "count" });

type Section = (day: DayFigures, policy: Policy) => DigestFigure[];

const SECTIONS: Readonly<Record<DigestSection["section"], Section>> = {
  health: (day) => [
    ...measured(day, "healthy", { key: "healthy_percent", unit: "percent" }, share),
    ...measured(day, "database_up", { key: "database_up_percent", unit: "percent" }, share),
  ],
  performance: (day) => [
    ...measured(day, "latency_avg_ms", { key: "latency_avg_ms", unit: "ms" }, mean),
    ...measured(day, "latency_p95_ms", { key: "latency_p95_ms", unit: "ms" }, highest),
    ...measured(day, "error_rate_percent", { key: "error_rate_percent", unit: "percent" }, mean),
    ...eventsOf(day),
  ],
  security: ({ counts }) => [
    count("security_incidents", counts.securityIncidents),
    count("keys_created", counts.keysCreated),
    count("keys_revoked", counts.keysRevoked),
  ],
  payments: (day) => [
    count("payments_created", day.payments.created),
    count("payments_completed", day.payments.completed),
    count("payments_failed", day.payments.failed),
    ...day.payments.revenue.flatMap(moneyOf),
    ...measured(
      day,
      "payment_success_percent",
      { key: "payment_success_percent", unit: "percent" },
      mean,
    ),
  ],
  infrastructure: (day) => [
    ...measured(
      day,
      "database_connections_percent",
      { key: "database_connections_percent", unit: "percent" },
      highest,
    ),
    ...measured(day, "memory_percent", { key: "memory_percent", unit: "percent" }, highest),
    ...measured(day, "queue_age_s", { key: "queue_age_s", unit: "seconds" }, highest),
    ...measured(day, "cache_hits_percent", { key: "cache_hits_percent", unit: "percent" }, mean),
    count("dead_letters", day.counts.deadLetters),
  ],
  alerts: ({ counts }, policy) => [
    ...counts.alerts.map((one) => ({
      ...count("alerts_raised", one.count),
      label: policy.severities[one.severity as Severity]?.name ?? one.severity,
    })),
    count("alerts_open", counts.alertsOpen),
  ],
};

function eventsOf({ metrics }: DayFigures): DigestFigure[] {
  const finished = metrics.filter(({ metric }) => metric === "events_finished");
  const done = finished.filter(({ label }) => label.endsWith(".processed"));
  if (finished.length === 0) return [];
  return [
    count(
      "events_processed",
      done.reduce((sum, { total }) => sum + total, 0),
    ),
  ];
}

function moneyOf(paid: PaymentsOfDay["revenue"][number]): DigestFigure[] {
  const { currency, amountMinor, payments } = paid;
  const amount = { unit: "amount", currency } as const;
  return [
    { key: "revenue", value: amountMinor, ...amount },
    { key: "average_payment", value: Math.round(amountMinor / payments), ...amount },
  ];
}

/** The sections that the policy asks for, each with what there is; one without figures is left out. */
export function sectionsOf(day: DayFigures, policy: Policy): DigestSection[] {
  return (policy.digest?.sections ?? []).flatMap((section) => {
    const figures = SECTIONS[section](day, policy);
    return figures.length === 0 ? [] : [{ section, figures }];
  });
}

/** True when there is anything to tell: a nought is nothing. */
export const tellsAnything = (sections: readonly DigestSection[]): boolean =>
  sections.some(({ figures }) => figures.some(({ value }) => value !== null && value !== 0));
