import type { Hono } from "hono";
import { z } from "zod";
import { COUNTS, METRICS, type MetricMinute } from "../domain/metric.js";
import { DAY_MS, HOUR_MS, type Instant } from "../domain/time.js";
import type { MetricsQuery } from "../operations/metrics.js";
import type { UptimeReport } from "../operations/uptime.js";
import type { MetricSpan } from "../store/metrics.js";
import { jsonOf, limited } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { exactly, parsed } from "./requests.js";
import { text, time } from "./schemas.js";

/** How far back, and in what steps: some two hundred points each. */
export const PERIODS: Readonly<Record<string, { ms: number; stepMinutes: number }>> = {
  "1h": { ms: HOUR_MS, stepMinutes: 1 },
  "6h": { ms: 6 * HOUR_MS, stepMinutes: 2 },
  "24h": { ms: DAY_MS, stepMinutes: 10 },
  "7d": { ms: 7 * DAY_MS, stepMinutes: 60 },
  "30d": { ms: 30 * DAY_MS, stepMinutes: 240 },
  "90d": { ms: 90 * DAY_MS, stepMinutes: 720 },
};
const KNOWN = [...METRICS, ...COUNTS];
const oneOfError = (values: readonly string[]): string => `must be one of ${values.join(", ")}`;

export const metricsQuery = z.strictObject({
  metric: z.enum(KNOWN, { error: oneOfError(KNOWN) }),
  label: exactly.meta({ description: "Of this service or source only" }),
  period: z
    .enum(Object.keys(PERIODS), { error: oneOfError(Object.keys(PERIODS)) })
    .default("1h")
    .meta({ description: "Until now" }),
});

const DAYS_MAX = 90;
const daysError = `must be a whole number from 1 to ${DAYS_MAX}`;
export const uptimeQuery = z.strictObject({
  days: z.coerce
    .number({ error: daysError })
    .int(daysError)
    .min(1, daysError)
    .max(DAYS_MAX, daysError)
    .meta({ description: "One window in place of the policy's" })
    .optional(),
});

const OBSERVATIONS_MAX = 100;
const labelError = "must be 1 to 80 characters: a service, an endpoint";
const observation = z.strictObject({
  metric: z.enum(METRICS, { error: oneOfError(METRICS) }),
  label: z
    .string({ error: labelError })
    .trim()
    .min(1, labelError)
    .max(80, labelError)
    .refine((value) => !value.includes("\u0000"), "must not hold a NUL character")
    .meta({ description: "What it is of; our own measurements' labels are refused" }),
  value: z
    .number({ error: "must be a number in the metric's unit" })
    .min(0, "must not be under 0")
    .max(1e12, "is too large"),
  samples: z
    .int({ error: "must be a whole number above 0" })
    .min(1, "must be a whole number above 0")
    .max(2_000_000_000, "is too large")
    .default(1)
    .meta({ description: "How many observations the value is made of" }),
  minute: z.iso
    .datetime({ offset: true, error: "must be an ISO 8601 time with its offset" })
    .meta({ description: "Whichever second of it; the last whole minute when it is left out" })
    .optional(),
});
const listError = `must be 1 to ${OBSERVATIONS_MAX} observations`;
export const reportBody = z
  .strictObject({
    observations: z
      .array(observation, { error: listError })
      .min(1, listError)
      .max(OBSERVATIONS_MAX, listError),
  })
  .meta({ id: "MetricReport", description: "One observation may stand without the list" });

export const metricSpan = z
  .object({
    at: time.meta({ description: "The step's begin" }),
    metric: text,
    label: text,
    value: z.number().meta({ description: "The mean by observations; of counts their sum" }),
    min: z.number(),
    max: z.number(),
    samples: z.int(),
  })
  .meta({ id: "MetricSpan" });

const window = z.object({
  days: z.int(),
  percent: z.number().nullable().meta({
    description: "Of the time that is known; null: all of it was maintenance, or nothing is known",
  }),
  downMs: z.number(),
  watchedMs: z.number().meta({ description: "The time without its maintenance" }),
  outages: z.int(),
  targetPercent: z.number(),
  isMet: z
    .boolean()
    .nullable()
    .meta({ description: "Null: too early to say; false as soon as it can't be met any more" }),
  coveredFrom: time.meta({ description: "From when on something is known: nobody looked before" }),
  coveredMs: z.number().meta({ description: "From then until now" }),
});
const mean = z.number().nullable();
export const uptimeReport = z
  .object({
    services: z.array(
      z.object({
        service: text,
        isDown: z.boolean(),
        windows: z.array(window),
        exams: window.nullable().meta({ description: "In exams, against their own target" }),
      }),
    ),
    times: z
      .object({
        days: z.int(),
        incidents: z.int(),
        detectMinutes: mean.meta({ description: "From the first symptom to our knowing" }),
        respondMinutes: mean.meta({ description: "From our knowing to an acknowledgement" }),
        recoverMinutes: mean.meta({ description: "From the first symptom to the end" }),
        detectWithinMinutes: mean.meta({ description: "What the policy wants" }),
        recoverWithinMinutes: mean.meta({ description: "What the policy wants" }),
      })
      .meta({ description: "Means over the incidents of the days" }),
  })
  .meta({ id: "Uptime" });

const written = z
  .object({ minutes: z.int().meta({ description: "How many rows were written" }) })
  .meta({ id: "MetricsWritten" });

/** For the documentation; a test holds it to what is served. */
export const metricRoutes = [
  {
    method: "get" as const,
    path: "/metrics",
    summary: "A metric by the minute, or by the step of its period; newest first",
    query: metricsQuery,
    status: 200,
    answer: z.object({ data: z.array(metricSpan), nextCursor: z.null() }),
    problems: [400],
  },
  {
    method: "post" as const,
    path: "/metrics",
    summary:
      "Report what only the platform knows: its error rate, latency, cache hits, cost; safe to repeat",
    body: reportBody,
    status: 200,
    answer: z.object({ data: written }),
    problems: [400, 413],
  },
  {
    method: "get" as const,
    path: "/uptime",
    summary:
      "Uptime of each service against the policy's target, and how soon people and we were there",
    query: uptimeQuery,
    status: 200,
    answer: z.object({ data: uptimeReport }),
    problems: [400],
  },
];

export interface MetricOperations {
  readMetrics(query: MetricsQuery): Promise<MetricSpan[]>;
  /** @throws Permanent `invalid_request` for a minute that is too old or to come, or a label of our own. */
  reportMetrics(
    given: readonly (Omit<MetricMinute, "minute"> & { minute: Instant | null })[],
  ): Promise<number>;
  readUptime(days: readonly number[] | undefined): Promise<UptimeReport>;
}

/** What is measured here and by the platform, and what came of it. */
export function serveMetrics(
  app: Hono<AdminEnv>,
  { operations }: { operations: MetricOperations },
): void {
  app.get("/metrics", async (c) => {
    const { metric, label = null, period } = parsed(metricsQuery, c.req.query());
    const { ms = HOUR_MS, stepMinutes = 1 } = PERIODS[period] ?? {};
    const rows = await operations.readMetrics({ metric, label, periodMs: ms, stepMinutes });
    return c.json({ data: rows.map((row) => metricSpan.parse(row)), nextCursor: null });
  });
  app.post("/metrics", limited, async (c) => {
    const body = await jsonOf(c);
    const isOne = typeof body === "object" && body !== null && "metric" in body;
    const { observations } = parsed(reportBody, isOne ? { observations: [body] } : body);
    const given = observations.map(({ minute, ...one }) => ({
      ...one,
      minute: minute === undefined ? null : Date.parse(minute),
    }));
    return c.json({ data: written.parse({ minutes: await operations.reportMetrics(given) }) });
  });
  app.get("/uptime", async (c) => {
    const { days } = parsed(uptimeQuery, c.req.query());
    const report = await operations.readUptime(days === undefined ? undefined : [days]);
    return c.json({ data: uptimeReport.parse(report) });
  });
}
