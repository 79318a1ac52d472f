import type { Command } from "commander";
import { ask, type Page, type Row } from "../api.js";
import { CALL } from "../failure.js";
import { type CommonOptions, common, contextOf, wholeNumber } from "../options.js";
import { clean, timeIn } from "../output.js";
import { renderTable } from "./render.js";
import type { Column } from "./resources.js";
import { heldLines, type SourceState } from "./sources.js";

interface DoorOptions extends CommonOptions {
  source?: string;
  minutes?: number;
}
interface RefusalOptions extends CommonOptions {
  source?: string;
  limit?: number;
}
/** What the door answered in one minute to one source. */
interface DoorCounts {
  minute: string;
  source: string;
  counts: Record<string, number>;
}
const DOOR_COLUMNS: readonly Column[] = [
  { head: "Source", of: "source" },
  { head: "Outcome", of: "outcome", kind: "status" },
  { head: "Count", of: "count" },
  { head: "Latest minute", of: "latest", kind: "time" },
];
const REFUSAL_COLUMNS: readonly Column[] = [
  { head: "At", of: "at", kind: "time" },
  { head: "Source", of: "source" },
  { head: "Code", of: "code" },
  { head: "Detail", of: "detail" },
  { head: "Request", of: "requestId" },
];

type Total = { source: string; outcome: string; count: number; latest: string };

/** Of one source and window. */
interface DoorBalance {
  source: string;
  from: string;
  to: string;
  missing: number;
}
const BALANCE_COLUMNS: readonly Column[] = [
  { head: "Source", of: "source" },
  { head: "Acknowledged", of: "acknowledged" },
  { head: "Arrived", of: "arrived" },
  { head: "Missing", of: "missing" },
];
const BALANCE_MINUTES_MAX = 360;

const SOURCE_ABOUT = "only of this source; `unknown` is what was sent to none";
/** What the API keeps ready at once. */
const MINUTES_MAX = 60;
/** As many as stand beside the counts; `refusals` lists more. */
const REFUSALS_SHOWN = 5;
const LIMIT_MAX = 500;

/** `door`: whether deliveries come and what they are answered; the first look when one is missed. */
export function addDoor(program: Command): void {
  // Options behind `balance` are its own: its --minutes goes further back.
  const door = common(program.command("door")).enablePositionalOptions();
  addBalance(door);
  door
    .description("what the door answered, counted per source and outcome, and its last refusals")
    .option("--source <source>", SOURCE_ABOUT)
    .option(
      "--minutes <n>",
      `how far back (${MINUTES_MAX} unless told)`,
      wholeNumber(1, MINUTES_MAX),
    )
    .action(async (options: DoorOptions) => {
      const { source, minutes = MINUTES_MAX } = options;
      const { target, screen } = contextOf(options);
      const query = new URLSearchParams({ limit: String(REFUSALS_SHOWN) });
      if (source !== undefined) query.set("source", source);
      const [refused, counted, sources] = await Promise.all([
        ask<Page>(target, `/refusals?${query}`), // refuses a source that there is not
        ask<{ data: DoorCounts[] }>(target, `/door?minutes=${minutes}`),
        ask<{ data: SourceState[] }>(target, "/sources"),
      ]);
      const counts = totalsOf(counted.data.filter((row) => (source ?? row.source) === row.source));
      const refusals = refused.data;
      const held = sources.data.filter(
        (one) => one.state !== "open" && (source ?? one.source) === one.source,
      );
      if (options.json === true) {
        return screen.out(JSON.stringify({ data: { counts, refusals, held } }));
      }
      const lines = heldLines(held, screen).map((line) => screen.colors.yellow(clean(line)));
      if (lines.length > 0) screen.out(`${lines.join("\n")}\n`);
      const span = minutes === 1 ? "this minute" : `the last ${minutes} minutes`;
      screen.out(
        counts.length === 0
          ? `No deliveries in ${span}.`
          : `${screen.colors.bold(`Deliveries in ${span}`)}\n${renderTable(counts, DOOR_COLUMNS, screen)}`,
      );
      screen.out("");
      if (refusals.length === 0) return screen.out("No refusals.");
      screen.out(screen.colors.bold("Last refusals"));
      screen.out(renderTable(refusals, REFUSAL_COLUMNS, screen));
      if (refusals.length < REFUSALS_SHOWN) return;
      screen.err(screen.colors.dim(`There may be more: ${CALL} refusals`));
    });
}

/** `door balance`: whether what was answered with 202 came to a worker. */
function addBalance(door: Command): void {
  common(door.command("balance"))
    .description("what the door acknowledged beside what came to a worker, per source")
    .option("--minutes <n>", "how many (60 unless told)", wholeNumber(1, BALANCE_MINUTES_MAX))
    .action(async (options: DoorOptions) => {
      const { target, screen } = contextOf(options);
      const { minutes = MINUTES_MAX } = options;
      const page = await ask<{ data: DoorBalance[] }>(target, `/door-balance?minutes=${minutes}`);
      if (options.json === true) return screen.out(JSON.stringify(page));
      const [first] = page.data;
      if (first === undefined) {
        return screen.out(
          `Nothing is compared yet: each minute is, 15 minutes after it, by the cron job watch. Is it run? See ${CALL} health`,
        );
      }
      const [from, to] = [timeIn(first.from, screen.zone), timeIn(first.to, screen.zone)];
      screen.out(screen.colors.bold(`Deliveries acknowledged ${from} to ${to} (${screen.zone})`));
      screen.out(renderTable(page.data as unknown as Row[], BALANCE_COLUMNS, screen));
      if (page.data.every(({ missing }) => missing === 0)) return;
      screen.err(
        screen.colors.dim(
          "What is missing may wait in the queue: docs/runbooks/accepted-but-not-there.md",
        ),
      );
    });
}

/** The minutes, newest first, summed per source and outcome; sources by name, their commonest answer first. */
function totalsOf(rows: readonly DoorCounts[]): Row[] {
  const totals = new Map<string, Total>();
  for (const { minute, source, counts } of rows) {
    for (const [outcome, count] of Object.entries(counts)) {
      const key = `${source}.${outcome}`;
      const before = totals.get(key) ?? { source, outcome, count: 0, latest: minute };
      totals.set(key, { ...before, count: before.count + count });
    }
  }
  return [...totals.values()].sort(
    (a, b) => a.source.localeCompare(b.source) || b.count - a.count,
  ) as unknown as Row[];
}

export function addRefusals(program: Command): void {
  common(program.command("refusals"))
    .description("the latest deliveries that the door refused, and why")
    .option("--source <source>", SOURCE_ABOUT)
    .option("--limit <n>", "how many (50 unless told)", wholeNumber(1, LIMIT_MAX))
    .action(async (options: RefusalOptions) => {
      const { target, screen } = contextOf(options);
      const query = new URLSearchParams();
      if (options.source !== undefined) query.set("source", options.source);
      if (options.limit !== undefined) query.set("limit", String(options.limit));
      const page = await ask<Page>(target, `/refusals?${query}`);
      if (options.json === true) return screen.out(JSON.stringify(page));
      const none = page.data.length === 0;
      screen.out(none ? "No refusals." : renderTable(page.data, REFUSAL_COLUMNS, screen));
    });
}
