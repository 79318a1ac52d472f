import { setTimeout as wait } from "node:timers/promises";
import type { Command } from "commander";
import { ask, type Row } from "../api.js";
import type { Target } from "../connection.js";
import { CALL, Failure } from "../failure.js";
import { type CommonOptions, common, contextOf, type Outcome } from "../options.js";
import { type Screen, timeIn, toned } from "../output.js";
import { renderTable } from "./render.js";
import type { Column } from "./resources.js";

interface HoldOptions extends CommonOptions {
  reason: string;
  tell?: boolean;
}
interface ReleaseOptions extends CommonOptions {
  tell?: boolean;
  reason: string;
  only?: string[];
}
export interface SourceState {
  source: string;
  state: string;
  hold: { id: string; reason: string; heldBy: string; heldAt: string } | null;
  heldEvents: number;
  oldestAt: string | null;
}
interface Drained extends SourceState {
  outcomes: Record<string, number>;
  ended: "empty" | "time" | "elsewhere";
}
type Released = SourceState & { tried: Tried[]; wasHeld: boolean };
type Tried = { id: string; outcome: string };

/** A row of the table: what belongs to the hold beside what belongs to the source. */
const rowOf = ({ hold, ...state }: SourceState): Row => ({
  ...state,
  heldAt: hold?.heldAt ?? null,
  heldBy: hold?.heldBy ?? null,
  reason: hold?.reason ?? null,
});
const SOURCE_COLUMNS: readonly Column[] = [
  { head: "Source", of: "source" },
  { head: "State", of: "state", kind: "status" },
  { head: "Held events", of: "heldEvents" },
  { head: "Oldest", of: "oldestAt", kind: "time" },
  { head: "Held since", of: "heldAt", kind: "time" },
  { head: "By", of: "heldBy" },
  { head: "Reason", of: "reason" },
];
const TRIED_COLUMNS: readonly Column[] = [
  { head: "Event", of: "id" },
  { head: "Outcome", of: "outcome", kind: "status" },
];

/** `sources`: hold one, release it, and see which are held. */
export function addSources(program: Command, outcome: Outcome): void {
  const sources = program
    .command("sources")
    .description("whether events of a source are worked on, or taken and kept");
  common(sources.command("list"))
    .description("every source: whether it is held, why, by whom, and how much waits")
    .action(async (options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const page = await ask<{ data: SourceState[] }>(target, "/sources");
      if (options.json === true) return screen.out(JSON.stringify(page));
      screen.out(renderTable(page.data.map(rowOf), SOURCE_COLUMNS, screen));
    });
  common(sources.command("hold <source>"))
    .description("take and keep its deliveries, and work on none of its events, until the release")
    .requiredOption("--reason <text>", "why; it is kept in the audit trail")
    .option("--tell", "tell customers who have a payment under way, by mail, once")
    .action(async (source: string, options: HoldOptions) => {
      const { target, screen } = contextOf(options);
      const call = { method: "POST", body: { reason: options.reason } } as const;
      const held = await ask<{ data: SourceState }>(target, `${pathOf(source)}/hold`, call);
      const told = options.tell === true ? await tellCustomers(target, source) : undefined;
      if (options.json === true) return screen.out(JSON.stringify({ ...held, told }));
      screen.out(renderTable([rowOf(held.data)], SOURCE_COLUMNS, screen));
      if (told !== undefined) screen.out(toldLine(told));
      screen.err(screen.colors.dim(`To end it: ${CALL} sources release ${source} --reason "…"`));
    });
  common(sources.command("release <source>"))
    .description("end the hold and work on what was held, oldest first; repeat it to go on")
    .requiredOption("--reason <text>", "why; it is kept in the audit trail")
    .option("--only <events...>", "try these held events and keep the hold")
    .option("--tell", "tell the customers who were told of the hold that it is over, once")
    .action(async (source: string, options: ReleaseOptions) => {
      const { target, screen } = contextOf(options);
      const { reason, only } = options;
      const body = { reason, ...(only && { only }) };
      const call = { method: "POST", body } as const;
      const path = `${pathOf(source)}/release`;
      const { data } = await ask<{ data: Released }>(target, path, call);
      if (only !== undefined) return tellTried(data.tried, options, screen, outcome);
      const drained = await drainAll(target, data, screen, options.json === true);
      if ((drained.outcomes.dead ?? 0) > 0) outcome.fail();
      const told = options.tell === true ? await tellCustomers(target, source) : undefined;
      const { wasHeld } = data;
      if (options.json === true) {
        return screen.out(JSON.stringify({ data: { ...drained, wasHeld }, told }));
      }
      const isNothing = !wasHeld && data.heldEvents === 0;
      screen.out(
        isNothing
          ? `${source} was not held; nothing was done.`
          : summaryOf(source, drained.outcomes, screen),
      );
      if (told !== undefined) screen.out(toldLine(told));
    });
  common(sources.command("tell <source>"))
    .description("tell customers of its hold, or of its end, who were not told yet")
    .action(async (source: string, options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const told = await tellCustomers(target, source);
      screen.out(options.json === true ? JSON.stringify({ data: told }) : toldLine(told));
    });
}

interface Told {
  template: string | null;
  told: number;
}

async function tellCustomers(target: Target, source: string): Promise<Told> {
  const path = `${pathOf(source)}/tell`;
  return (await ask<{ data: Told }>(target, path, { method: "POST" })).data;
}

const toldLine = ({ template, told }: Told): string =>
  template === null
    ? "It was never held: nobody is told."
    : `${told} customer${told === 1 ? " is" : "s are"} told: ${template}.`;

const pathOf = (source: string): string => `/sources/${encodeURIComponent(source)}`;

function tellTried(
  tried: Tried[],
  { json }: CommonOptions,
  screen: Screen,
  outcome: Outcome,
): void {
  if (tried.some((one) => !/^(processed|ignored|duplicate)$/.test(one.outcome))) outcome.fail();
  if (json === true) {
    screen.out(JSON.stringify({ data: tried }));
    return;
  }
  screen.out(renderTable(tried as unknown as Row[], TRIED_COLUMNS, screen));
  screen.err(screen.colors.dim(`What became of one: ${CALL} events show ${tried[0]?.id}`));
}

const POLL_MS = 1_000;
/** Of waiting for another's drain that does not go on; it is a cron job's, which begins anew each minute. */
const STILL_POLLS_MAX = 180;

/** Calls the drain until nothing is held; each call works for some seconds and tells how far it came. */
async function drainAll(
  target: Target,
  before: SourceState,
  screen: Screen,
  quiet: boolean,
): Promise<{ outcomes: Record<string, number>; left: number }> {
  const { source } = before;
  const total = before.heldEvents;
  const progress = progressOf(screen, quiet || total === 0);
  const outcomes: Record<string, number> = {};
  let left = total;
  let still = 0;
  while (left > 0) {
    const { data } = await ask<{ data: Drained }>(target, `${pathOf(source)}/drain`, {
      method: "POST",
    });
    if (data.state === "held") throw heldAgain(data);
    for (const [word, count] of Object.entries(data.outcomes)) {
      outcomes[word] = (outcomes[word] ?? 0) + count;
    }
    still = data.heldEvents < left ? 0 : still + 1;
    left = data.heldEvents;
    progress(Math.max(0, total - left), total);
    if (still > STILL_POLLS_MAX) throw stuck(source, left);
    if (data.ended === "elsewhere") await wait(POLL_MS);
  }
  return { outcomes, left };
}

const heldAgain = ({ source, hold, heldEvents }: SourceState): Failure =>
  new Failure(
    `${source} was held again by ${hold?.heldBy}: ${heldEvents} events are held.`,
    `See \`${CALL} sources list\`.`,
  );

const stuck = (source: string, left: number): Failure =>
  new Failure(
    `${left} events of ${source} are still held, and their number does not go down.`,
    "Look at the deployment's log; the cron job relay goes on each minute.",
  );

const BAR_CHARS = 30;

/** On a terminal a bar that is drawn over itself; elsewhere a line for each tenth. */
function progressOf(screen: Screen, quiet: boolean): (done: number, total: number) => void {
  if (quiet) return () => undefined;
  let told = -1;
  return (done, total) => {
    const share = done / total;
    if (process.stderr.isTTY === true) {
      const full = Math.round(share * BAR_CHARS);
      const bar = `${"█".repeat(full)}${"░".repeat(BAR_CHARS - full)}`;
      process.stderr.write(`\r${bar} ${done}/${total}${done === total ? "\n" : ""}`);
      return;
    }
    const tenth = Math.floor(share * 10);
    if (tenth !== told) screen.err(`${done}/${total} held events worked on`);
    told = tenth;
  };
}

function summaryOf(source: string, outcomes: Record<string, number>, screen: Screen): string {
  const words = Object.entries(outcomes).map(([word, n]) => `${n} ${toned(word, screen)}`);
  const what = words.length === 0 ? "no event was waiting" : words.join(", ");
  return `${source} is ${toned("open", screen)}: ${what}. Held now: 0.`;
}

/** For commands that show what a source receives: that nothing is done about it. */
export function heldLines(states: readonly SourceState[], screen: Screen): string[] {
  return states.flatMap(({ source, state, hold, heldEvents }) => {
    const count = `${heldEvents} event${heldEvents === 1 ? "" : "s"}`;
    if (state === "draining") return [`${source} is released: ${count} still to be worked on.`];
    if (hold === null) return [];
    const since = `since ${timeIn(hold.heldAt, screen.zone)} by ${hold.heldBy}`;
    return [`${source} is held ${since}: ${count} kept, none worked on. ${hold.reason}`];
  });
}
