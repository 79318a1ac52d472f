import Table from "cli-table3";
import colors from "picocolors";
import type { DoorFigures } from "./door/measure.js";
import type { BundleFigures } from "./edge-bundle.js";
import { type Figures, timesAsFast } from "./lanes/rounds.js";
import type { PathFigures } from "./path/measure.js";
import type { PlanFigures } from "./plans/measure.js";

export interface Expectation {
  what: string;
  /** As it is compared, in the unit that `what` names. */
  found: number;
  wanted: string;
  met: boolean;
}

/** Whatever was measured; a part that was left out is absent. */
export interface Results {
  door?: DoorFigures;
  worker?: Figures[];
  edge?: BundleFigures;
  plans?: PlanFigures[];
  path?: PathFigures;
}

const atLeast = (what: string, found: number, limit: number): Expectation => ({
  what,
  found,
  wanted: `≥ ${limit}`,
  met: found >= limit,
});
const atMost = (what: string, found: number, limit: number): Expectation => ({
  what,
  found,
  wanted: `≤ ${limit}`,
  met: found <= limit,
});

const of = (figures: readonly Figures[], name: string): Figures => {
  const found = figures.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no figures of ${name}`);
  return found;
};
const ratio = (figures: readonly Figures[], ours: string, theirs: string): number =>
  timesAsFast(of(figures, ours), of(figures, theirs));

/** "Beside": no slower than what a second run of the same thing may differ by. */
const BESIDE = 0.9;
/** What the platforms want of twenty deliveries at once. */
const ACKNOWLEDGED_MS_MAX = 2_000;
const MAILED_MS_MAX = 3_000;
const EDGE_KILOBYTES_MAX = 60;
const EDGE_IMPORT_MS_MAX = 20;
/** An index over a hundred times the rows is a level deeper, which is a page more at each look. */
const BUFFERS_GROWTH_MAX = 1.5;

export function expectationsOf({ door, worker, edge, plans, path }: Results): Expectation[] {
  const list: Expectation[] = [];
  for (const [how, figures] of door === undefined
    ? []
    : ([
        ["in process", door.inProcess],
        ["over HTTP", door.overHttp],
      ] as const)) {
    const onNode = ratio(figures, "door on Node", "plain way");
    list.push(atLeast(`door on Node ÷ plain way, ${how}`, onNode, 5));
    const withFetch = ratio(figures, "door with fetch", "plain way");
    list.push(atLeast(`door with fetch ÷ plain way, ${how}`, withFetch, 2));
  }
  if (worker !== undefined) {
    const bare = ratio(worker, "our event", "bare insert");
    list.push(atLeast("our event ÷ bare insert", bare, 0.4));
    const engine = ratio(worker, "our event", "stripe-sync-engine");
    list.push(atLeast("our event ÷ stripe-sync-engine's bare upsert", engine, BESIDE));
    const trips = of(worker, "our event").queries;
    list.push(atMost("database round trips of a payment event", trips, 2));
  }
  if (edge !== undefined) {
    list.push(atMost("edge bundle, gzipped kB", edge.gzippedBytes / 1_000, EDGE_KILOBYTES_MAX));
    list.push(atMost("edge bundle, import ms", edge.importMs, EDGE_IMPORT_MS_MAX));
  }
  if (plans !== undefined) list.push(...expectedOfPlans(plans));
  if (path !== undefined) {
    list.push(
      atMost("whole path, p95 ms to the 202", path.acknowledged.p95Ms, ACKNOWLEDGED_MS_MAX),
    );
    list.push(atMost("whole path, p95 ms to the mail service", path.mailed.p95Ms, MAILED_MS_MAX));
  }
  return list;
}

function expectedOfPlans(plans: readonly PlanFigures[]): Expectation[] {
  const list: Expectation[] = [];
  for (const { events, load, apply } of plans) {
    const scans = load.scansWhole.length + apply.scansWhole.length;
    list.push(atMost(`tables read whole, ${events} events stored`, scans, 0));
  }
  const [small, large] = plans;
  if (small === undefined || large === undefined) return list;
  for (const part of ["load", "apply"] as const) {
    const differ = small[part].shape === large[part].shape ? 0 : 1;
    list.push(atMost(`plans of ${part} that differ from the small store's`, differ, 0));
    const growth = large[part].buffers / small[part].buffers;
    list.push(atMost(`buffers of ${part} ÷ the small store's`, growth, BUFFERS_GROWTH_MAX));
  }
  return list;
}

const whole = (value: number): string => Math.round(value).toLocaleString("en");
const fixed = (value: number, digits = 2): string => value.toFixed(digits);

function table(head: string[], rows: string[][]): string {
  const made = new Table({
    head,
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, i) => (i === 0 ? "left" : "right")),
  });
  made.push(...rows);
  return made.toString();
}

function speeds(
  figures: readonly Figures[],
  against: string,
  unit: string,
  queries: boolean,
): string {
  const base = of(figures, against);
  const head = ["", unit, "p50 ms", "p99 ms", "CPU µs each", `÷ ${against}`];
  return table(
    queries ? [...head, "round trips"] : head,
    figures.map((one) => [
      one.name,
      whole(one.perSecond),
      fixed(one.p50Ms),
      fixed(one.p99Ms),
      whole(one.cpuMicros),
      `${fixed(timesAsFast(one, base))}×`,
      ...(queries ? [fixed(one.queries, 1)] : []),
    ]),
  );
}

/** All tables, then every expectation with whether it was met. */
export function textOf(results: Results, expectations: readonly Expectation[]): string {
  const { door, worker, edge, plans, path } = results;
  const parts: string[] = [];
  const part = (title: string, body: string): void => {
    parts.push(`${colors.bold(title)}\n${body}`);
  };
  if (door !== undefined) {
    part("The door, in process", speeds(door.inProcess, "plain way", "requests/s", false));
    part("The door, over HTTP", speeds(door.overHttp, "plain way", "requests/s", false));
  }
  if (worker !== undefined) {
    const together = 2 / of(worker, "our event").queries;
    const note = `Our events that wait share their two statements, ${fixed(together, 1)} of them at this load; one alone takes 2 round trips.`;
    part("The worker", `${speeds(worker, "bare insert", "events/s", true)}\n${note}`);
  }
  if (edge !== undefined) {
    const size = `${fixed(edge.gzippedBytes / 1_000, 1)} kB gzipped (${fixed(edge.rawBytes / 1_000, 1)} kB raw)`;
    const time = `${fixed(edge.importMs, 1)} ms to import (an empty module: ${fixed(edge.emptyImportMs, 1)} ms)`;
    part("The edge bundle", `${size}, ${time}`);
  }
  for (const one of plans ?? [])
    part(`Query plans, ${whole(one.events)} events stored`, planText(one));
  if (path !== undefined) part("The whole path", pathText(path));
  part(
    "Expectations",
    table(
      ["", "found", "wanted", ""],
      expectations.map(({ what, found, wanted, met }) => [
        what,
        fixed(found),
        wanted,
        met ? colors.green("met") : colors.red("not met"),
      ]),
    ),
  );
  return parts.join("\n\n");
}

function pathText({ deliveries, atOnce, acknowledged, processed, mailed }: PathFigures): string {
  const rows = [
    ["acknowledged", acknowledged],
    ["payment and entitlement committed", processed],
    ["mail taken by its service", mailed],
  ] as const;
  return `${table(
    [`${deliveries} deliveries, ${atOnce} at once`, "p50 ms", "p95 ms"],
    rows.map(([what, { p50Ms, p95Ms }]) => [what, whole(p50Ms), whole(p95Ms)]),
  )}\nFrom the provider's call on, with every emulator on this machine; without the mail service's own limit per second.`;
}

function planText({ load, apply }: PlanFigures): string {
  return [
    table(
      ["", "buffers", "ms", "tables read whole"],
      [
        ["load", whole(load.buffers), fixed(load.ms), load.scansWhole.join(", ") || "none"],
        ["apply", whole(apply.buffers), fixed(apply.ms), apply.scansWhole.join(", ") || "none"],
      ],
    ),
    `load:  ${load.touches.join("; ")}`,
    `apply: ${apply.touches.join("; ")}`,
  ].join("\n");
}
