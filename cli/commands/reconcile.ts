import { setTimeout as wait } from "node:timers/promises";
import type { Command } from "commander";
import { ask, type Page, type Row } from "../api.js";
import type { Target } from "../connection.js";
import { CALL } from "../failure.js";
import { type CommonOptions, common, contextOf, type Outcome } from "../options.js";
import { clean, moneyOf, type Screen, tableOf, timeIn, toned } from "../output.js";
import { sinceOf } from "../since.js";
import { renderTable } from "./render.js";
import { DISCREPANCY_COLUMNS, FINDING_COLUMNS } from "./resources.js";

interface Amounts {
  count: number;
  sumMinor: number;
  sum: string;
}

interface Run {
  id: string;
  source: string;
  status: string;
  dryRun: boolean;
  livemode: boolean;
  rangeFrom: string;
  rangeTo: string;
  onlyRef: string;
  step: string;
  progress: number;
  counts: Record<string, number>;
  balanced: boolean;
  balance: {
    kind: string;
    currency: string;
    state: string;
    ours: Amounts;
    theirs: Amounts;
    difference: Amounts;
    unexplained: Amounts;
  }[];
  /** Of a dry run, the first 100. */
  findings: Row[];
  errors: { at: string; code: string; detail: string }[];
  durationMs: number;
}

interface ReconcileOptions extends CommonOptions {
  source?: string;
  from?: string;
  to?: string;
  dryRun?: boolean;
  object?: string;
}

/** Between two calls of a run that somebody else goes on with. */
const LOOK_AGAIN_MS = 1_000;
const SHOWN_MAX = 20;

/** `reconcile`: begins a run, goes on with it to its end, and prints what it found and whether it balances. */
export function addReconcile(program: Command, outcome: Outcome): void {
  common(program.command("reconcile"))
    .description("hold the ledger against its source, heal what was missed, and balance both")
    .option("--source <source>", "which source's (the one with a ledger, where there is one)")
    .option("--from <time>", "objects made since then: 2h, 35d, or a time (a day before --to)")
    .option("--to <time>", "and before then (now)")
    .option("--object <id>", "only this object, by the source's id")
    .option("--dry-run", "only look: send nothing, and write no discrepancy")
    .action(async (options: ReconcileOptions) => {
      const { target, screen } = contextOf(options);
      const run = await toItsEnd(target, await begun(target, options), screen);
      const open = await openOf(target, run);
      const isGood = run.status === "succeeded" && run.balanced && !isUnhealed(run);
      if (!isGood || isOfNobody(run)) outcome.fail();
      if (options.json === true) return screen.out(JSON.stringify({ data: run, open: open.data }));
      screen.out(renderRun(run, open, screen));
    });
}

const isUnhealed = ({ counts }: Run): boolean => (counts.found ?? 0) > (counts.healed ?? 0);

/** One object was asked for, and neither side has it: a mistyped id, or one of the other mode. */
const isOfNobody = ({ status, onlyRef, counts }: Run): boolean =>
  status === "succeeded" && onlyRef !== "" && counts.objects === 0 && counts.found === 0;

async function begun(target: Target, options: ReconcileOptions): Promise<Run> {
  const { source, from, to, object, dryRun } = options;
  const now = Date.now();
  const timeOf = (option: string, given: string) =>
    sinceOf(given, options.utc === true, now, option);
  const body = {
    ...(source === undefined ? {} : { source }),
    ...(from === undefined ? {} : { from: timeOf("--from", from) }),
    ...(to === undefined ? {} : { to: timeOf("--to", to) }),
    ...(object === undefined ? {} : { object }),
    ...(dryRun === true ? { dryRun } : {}),
  };
  const { data } = await ask<{ data: Run }>(target, "/reconciliations", { method: "POST", body });
  return data;
}

/** Each call goes on with the run for some seconds; ended here, it goes on by the timer. */
async function toItsEnd(target: Target, first: Run, screen: Screen): Promise<Run> {
  let run = first;
  const path = `/reconciliations/${encodeURIComponent(run.id)}/continue`;
  while (run.status === "running") {
    const { data } = await ask<{ data: Run }>(target, path, { method: "POST" });
    const isStill = data.counts.pages === run.counts.pages && data.status === "running";
    run = data;
    showProgress(run, screen);
    if (isStill) await wait(LOOK_AGAIN_MS);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  return run;
}

const BAR_CHARS = 30;

function showProgress({ progress, step, counts }: Run, { colors }: Screen): void {
  if (!process.stderr.isTTY) return;
  const done = Math.round(progress * BAR_CHARS);
  const bar = `${"█".repeat(done)}${colors.dim("░".repeat(BAR_CHARS - done))}`;
  const percent = `${Math.floor(progress * 100)}%`.padStart(4);
  const said = `${step}  ${numberOf(counts.objects)} objects, ${numberOf(counts.found)} found, ${numberOf(counts.healed)} healed`;
  process.stderr.write(`\r\u001b[K${bar} ${percent}  ${said}`);
}

const numberOf = (n = 0): string => new Intl.NumberFormat("en").format(n);

const openOf = async (target: Target, { id, dryRun }: Run): Promise<Page> =>
  dryRun
    ? { data: [], nextCursor: null }
    : ask<Page>(target, `/discrepancies?lastRunId=${id}&status=open&limit=${SHOWN_MAX}`);

function renderRun(run: Run, open: Page, screen: Screen): string {
  const { counts, errors, dryRun, source, livemode, onlyRef } = run;
  const { bold } = screen.colors;
  if (isOfNobody(run)) {
    const mode = livemode ? "live" : "test";
    return `${headOf(run, screen)}\n\nNeither ${source} in ${mode} mode nor the ledger has ${onlyRef}: check the id and the mode.`;
  }
  const parts = [headOf(run, screen), renderBalance(run, screen)];
  if (open.data.length > 0) {
    const more = open.nextCursor === null ? "" : `, the first ${SHOWN_MAX}`;
    const table = renderTable(open.data as Row[], DISCREPANCY_COLUMNS, screen);
    parts.push(`${bold(`Open discrepancies${more}`)}\n${table}`);
    const next = `${CALL} discrepancies list --last-run-id ${run.id} --status open`;
    parts.push(`${bold("Next")}\n${next}`);
  }
  if (run.findings.length > 0) {
    const { length } = run.findings;
    const more = length === counts.found ? "" : `, the first ${length}`;
    const table = renderTable(run.findings, FINDING_COLUMNS, screen);
    parts.push(`${bold(`Found${more}`)}\n${table}`);
  }
  if (dryRun && (counts.found ?? 0) > 0) {
    parts.push("This only looked: run it without --dry-run to heal what it found.");
  }
  if (errors.length > 0) {
    const rows = errors.map(({ at, code, detail }) => [clean(at), code, clean(detail)]);
    parts.push(`${bold("Left out")}\n${tableOf(["What", "Code", "Why"], rows, screen)}`);
  }
  return parts.join("\n\n");
}

function headOf(run: Run, screen: Screen): string {
  const { id, source, status, livemode, dryRun, counts, durationMs, onlyRef } = run;
  const at = (time: string) => timeIn(time, screen.zone);
  const what =
    onlyRef === ""
      ? `from ${at(run.rangeFrom)} to ${at(run.rangeTo)} ${screen.zone}`
      : `of ${onlyRef}`;
  const open = (counts.found ?? 0) - (counts.healed ?? 0);
  const mode = `${livemode ? "live" : "test"} mode${dryRun ? ", dry run" : ""}`;
  const seconds = (durationMs / 1000).toFixed(1);
  const events = numberOf((counts.undelivered ?? 0) - (counts.undeliveredHere ?? 0));
  return [
    `${id}  ${toned(status, screen)}  ${source}, ${mode}, ${what}`,
    `${numberOf(counts.objects)} objects in ${seconds} s; ${events} undelivered events that were not here; ${numberOf(counts.found)} found, ${numberOf(counts.healed)} healed, ${numberOf(open)} open`,
  ].join("\n");
}

function renderBalance({ balance, balanced }: Run, screen: Screen): string {
  const { green, red } = screen.colors;
  const verdict = balanced
    ? green("It balances: what differs is what is open.")
    : red("It does not balance: a difference is not made up by discrepancies.");
  if (balance.length === 0) return "No money in this range.";
  const rows = balance.map(({ kind, currency, state, ours, theirs, difference, unexplained }) => {
    const money = ({ count, sumMinor, sum }: Amounts): string =>
      count === 0 && sumMinor === 0 ? "" : `${numberOf(count)}  ${moneyOf(sum, currency)}`;
    return [kind, state, money(ours), money(theirs), money(difference), money(unexplained)];
  });
  const heads = ["Kind", "State", "Ours", "Theirs", "Difference", "Unexplained"];
  return `${tableOf(heads, rows, screen)}\n${verdict}`;
}
