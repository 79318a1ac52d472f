import type { Command } from "commander";
import { ask, type Row } from "../api.js";
import { usage } from "../failure.js";
import { type CommonOptions, common, contextOf, type Outcome, wholeNumber } from "../options.js";
import { durationOf, type Screen, timeIn, toned } from "../output.js";
import { sinceOf } from "../since.js";
import { renderTable } from "./render.js";
import type { Column } from "./resources.js";

interface ListOptions extends CommonOptions {
  label?: string;
  period?: string;
}
interface ReportOptions extends CommonOptions {
  label: string;
  samples?: number;
  minute?: string;
}
interface UptimeOptions extends CommonOptions {
  days?: number;
}

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const numberIn =
  (field: string) =>
  (row: Row): string =>
    NUMBER.format(Number(row[field]));

const METRIC_COLUMNS: readonly Column[] = [
  { head: "From", of: "at", kind: "time" },
  { head: "Of", of: "label" },
  { head: "Value", of: numberIn("value") },
  { head: "Lowest", of: numberIn("min") },
  { head: "Highest", of: numberIn("max") },
  { head: "Samples", of: "samples" },
];

/** `metrics`: what is measured, and the platform's own word on itself. */
export function addMetrics(program: Command): void {
  const metrics = program
    .command("metrics")
    .description("what is measured by the minute: errors, latency, payments, queue, database");
  common(metrics.command("list <metric>"))
    .description("a metric until now: error_rate_percent, latency_p95_ms, payment_success_percent…")
    .option("--label <label>", "of this service or source only")
    .option("--period <period>", "1h (unless told), 6h, 24h, 7d, 30d or 90d")
    .action(async (metric: string, options: ListOptions) => {
      const { target, screen } = contextOf(options);
      const query = new URLSearchParams({ metric });
      if (options.label !== undefined) query.set("label", options.label);
      if (options.period !== undefined) query.set("period", options.period);
      const page = await ask<{ data: Row[] }>(target, `/metrics?${query}`);
      if (options.json === true) return screen.out(JSON.stringify(page));
      if (page.data.length === 0) return screen.out(`Nothing is known of ${metric} in this time.`);
      screen.out(renderTable(page.data, METRIC_COLUMNS, screen));
    });
  common(metrics.command("report <metric> <value>"))
    .description("tell what only the platform knows; the same minute again is the newer value")
    .requiredOption("--label <label>", "what it is of: a service, an endpoint")
    .option("--samples <n>", "how many observations (1 unless told)", wholeNumber(1, 2_000_000_000))
    .option("--minute <when>", "which minute: 5m, or a time; the last whole one unless told")
    .action(async (metric: string, value: string, options: ReportOptions) => {
      const { target, screen } = contextOf(options);
      const { label, samples, minute } = options;
      if (!/^\d+(\.\d+)?$/.test(value)) throw usage(`${value}: it must be a number, such as 0.5.`);
      const observation = {
        metric,
        label,
        value: Number(value),
        ...(samples === undefined ? {} : { samples }),
        ...(minute === undefined
          ? {}
          : { minute: sinceOf(minute, options.utc === true, Date.now(), "--minute") }),
      };
      const call = { method: "POST", body: { observations: [observation] } } as const;
      const done = await ask<{ data: { minutes: number } }>(target, "/metrics", call);
      if (options.json === true) return screen.out(JSON.stringify(done));
      screen.out(`Kept: ${metric} of ${label} is ${value}.`);
    });
}

interface Window {
  days: number;
  coveredFrom: string;
  coveredMs: number;
  percent: number | null;
  downMs: number;
  outages: number;
  targetPercent: number;
  isMet: boolean | null;
}
interface Report {
  services: { service: string; isDown: boolean; windows: Window[]; exams: Window | null }[];
  times: Record<string, number | null>;
}

const meanOf = (minutes: number | null | undefined): string =>
  minutes === null || minutes === undefined ? "not known" : durationOf(minutes * 60_000);

/** `uptime`: how much of the last days each service was up; fails when one is under its target. */
export function addUptime(program: Command, outcome: Outcome): void {
  common(program.command("uptime"))
    .description(
      "uptime of each service against the policy's target, and how soon it was known and over",
    )
    .option("--days <n>", "one window in place of the policy's", wholeNumber(1, 90))
    .action(async (options: UptimeOptions) => {
      const { target, screen } = contextOf(options);
      const query = options.days === undefined ? "" : `?days=${options.days}`;
      const report = await ask<{ data: Report }>(target, `/uptime${query}`);
      const rows = rowsOf(report.data, screen);
      if (rows.some(({ isMet }) => isMet === false)) outcome.fail();
      if (options.json === true) return screen.out(JSON.stringify(report));
      screen.out(rows.length === 0 ? "No monitor has told of an outage." : tableOf(rows, screen));
      screen.out(`\n${timesLine(report.data.times)}`);
    });
}

type UptimeRow = Window & { service: string; isDown: boolean; over: string };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const isWhole = ({ days, coveredMs }: Window): boolean => coveredMs > days * DAY_MS - HOUR_MS;

/** Windows of which less is known than they are long are all the same; the first of them stands for them. */
function rowsOf({ services }: Report, screen: Screen): UptimeRow[] {
  return services.flatMap(({ service, isDown, windows, exams }) => {
    const first = windows.findIndex((one) => !isWhole(one));
    const shown = windows.filter((one, i) => isWhole(one) || i === first);
    return [
      ...shown.map((one) => ({ ...one, service, isDown, over: overOf(one, screen) })),
      ...(exams === null ? [] : [{ ...exams, service, isDown, over: "exams" }]),
    ];
  });
}

function overOf(one: Window, { zone }: Screen): string {
  if (isWhole(one)) return `${one.days} days`;
  const since = timeIn(one.coveredFrom, zone).slice(0, "2026-11-21 10:00".length);
  return `since ${since} (${zone}), ${durationOf(one.coveredMs)}`;
}

function tableOf(rows: readonly UptimeRow[], screen: Screen): string {
  const columns: readonly Column[] = [
    { head: "Service", of: "service" },
    { head: "Over", of: "over" },
    {
      head: "Uptime",
      // Rounded down: what misses its target must not look as if it met it.
      of: ({ percent, coveredMs }) =>
        percent === null
          ? coveredMs === 0
            ? "not known"
            : "maintenance"
          : `${Math.floor(Number(percent) * 1_000) / 1_000} %`,
    },
    { head: "Target", of: ({ targetPercent }) => `${targetPercent} %` },
    {
      head: "Met",
      of: ({ isMet }) =>
        toned(isMet === null ? "too early" : isMet === true ? "yes" : "failed", screen),
    },
    { head: "Down", of: ({ downMs }) => durationOf(Number(downMs)) },
    { head: "Outages", of: "outages" },
    { head: "Now", of: ({ isDown }) => toned(isDown === true ? "down" : "up", screen) },
  ];
  return renderTable(rows as unknown as Row[], columns, screen);
}

function timesLine(times: Report["times"]): string {
  const within = (minutes: number | null | undefined): string =>
    minutes === null || minutes === undefined ? "" : ` (wanted within ${minutes} min)`;
  return [
    `Incidents in ${times.days} days: ${times.incidents}`,
    `known after ${meanOf(times.detectMinutes)}${within(times.detectWithinMinutes)}`,
    `answered after ${meanOf(times.respondMinutes)}`,
    `over after ${meanOf(times.recoverMinutes)}${within(times.recoverWithinMinutes)}`,
  ].join(" · ");
}
