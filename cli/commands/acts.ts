import type { Command } from "commander";
import { ask, type Page, type Row } from "../api.js";
import type { Target } from "../connection.js";
import { CALL, Failure, usage } from "../failure.js";
import { type CommonOptions, common, contextOf, type Outcome } from "../options.js";
import { pairsOf, type Screen, tableOf, timeIn, toned } from "../output.js";
import { sinceOf } from "../since.js";

interface Health {
  status: string;
  timestamp: string;
  version: string;
  services: Record<string, string>;
  /** Absent in the answer of an older deployment. */
  backlog?: Record<string, number | null>;
}

interface SetUp {
  schedules: { id: string; cron: string; path: string; state: string }[];
  checks: { name: string; ok: boolean; detail: string }[];
}

interface SettleOptions extends CommonOptions {
  reason: string;
  code?: string;
  source?: string;
  since?: string;
  yes?: boolean;
  confirmResend?: boolean;
}

const PAGE = 500;

/** `dead-letters replay` and `discard`: several at once, each told; one that fails does not stop the rest. */
export function addSettleCommands(deadLetters: Command, outcome: Outcome): void {
  common(deadLetters.command("replay [ids...]"))
    .description("run dead letters again: same code, same keys, so that nothing happens twice")
    .requiredOption("--reason <text>", "why; it is kept in the audit trail")
    .option("--code <code>", "all open ones that died of this, in place of ids; counts them first")
    .option("--source <source>", "with --code: only of events of this source, and of their notices")
    .option("--since <since>", "with --code: only those made since then: 30m, 2h, 7d, or a time")
    .option("--yes", "with --code: replay them, do not only count")
    .option("--confirm-resend", "also notices that may have arrived: they may come a second time")
    .action(async (named: string[], options: SettleOptions) => {
      const { target, screen } = contextOf(options);
      const ids = await chosen(target, named, options, screen);
      await settle("replay", ids, options, outcome);
      if (options.json === true || outcome.code !== 0 || ids.length === 0) return;
      const next = `${CALL} dead-letters show ${ids[0]}`;
      screen.err(screen.colors.dim(`See what becomes of it: ${next}`));
    });
  common(deadLetters.command("discard <ids...>"))
    .description("give dead letters up for good")
    .requiredOption("--reason <text>", "why; it is kept in the audit trail")
    .action((ids: string[], options: SettleOptions) => settle("discard", ids, options, outcome));
}

/** All are found before the first is replayed: one that dies again meanwhile is not taken twice. */
async function chosen(
  target: Target,
  named: string[],
  { code, source, since, utc, yes, json }: SettleOptions,
  screen: Screen,
): Promise<string[]> {
  if (named.length > 0 === (code !== undefined)) {
    throw usage("Say which dead letters: their ids, or --code <code> for all open ones of a code.");
  }
  if (code === undefined) {
    if (source === undefined && since === undefined) return named;
    throw usage("--source and --since narrow what --code chooses; ids are chosen already.");
  }
  const query = new URLSearchParams({ status: "open", code, limit: String(PAGE) });
  if (source !== undefined) query.set("source", source);
  if (since !== undefined) query.set("since", sinceOf(since, utc === true));
  const ids: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    if (cursor !== "") query.set("cursor", cursor);
    const page: Page = await ask<Page>(target, `/dead-letters?${query}`);
    ids.push(...page.data.map(({ id }) => String(id)));
    cursor = page.nextCursor;
  }
  const narrowed = [source && `from ${source}`, since && `since ${since}`].filter(Boolean);
  const letters = `open dead letter${ids.length === 1 ? "" : "s"}`;
  const count = [ids.length, letters, "of", code, ...narrowed].join(" ");
  if (yes !== true && ids.length > 0) {
    throw usage(`There are ${count}. Nothing was done.`, "Add --yes to replay them.");
  }
  if (json !== true) screen.err(`There are ${count}.`);
  return ids;
}

async function settle(
  verb: "replay" | "discard",
  ids: readonly string[],
  options: SettleOptions,
  outcome: Outcome,
): Promise<void> {
  const { target, screen } = contextOf(options);
  const results: Row[] = [];
  for (const [index, id] of ids.entries()) {
    const path = `/dead-letters/${encodeURIComponent(id)}/${verb}`;
    const place = options.code === undefined ? "" : `[${index + 1}/${ids.length}] `;
    try {
      const { reason, confirmResend } = options;
      const call = { method: "POST", body: { reason, confirmResend } } as const;
      const { data } = await ask<{ data: Row }>(target, path, call);
      results.push(data);
      if (options.json === true) continue;
      screen.out(`${place}${data.id}  ${toned(String(data.status), screen)}`);
    } catch (error) {
      // What is wrong with one letter says nothing of the next; what is wrong with the server does.
      if (!(error instanceof Failure) || !isAboutTheLetter(error)) throw error;
      if (ids.length === 1) throw error;
      outcome.fail();
      results.push({ id, error: error.told });
      if (options.json !== true) screen.err(`${place}${id}  ${error.message} ${error.next}`);
    }
  }
  if (options.json === true) screen.out(JSON.stringify({ data: results }));
}

const isAboutTheLetter = ({ told }: Failure): boolean => told.status === 404 || told.status === 409;

export function addHealth(program: Command, outcome: Outcome): void {
  common(program.command("health"))
    .description("whether Signalbox and the parts it stands on answer (exit code 1 when not)")
    .action(async (options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const call = { withoutToken: true, also: [503] };
      const { data } = await ask<{ data: Health }>(target, "/health", call);
      if (data.status !== "healthy") outcome.fail();
      if (options.json === true) return screen.out(JSON.stringify({ data }));
      screen.out(renderHealth(data, target.url, screen));
    });
}

function renderHealth(data: Health, url: string, screen: Screen): string {
  const services = Object.entries(data.services).map(([name, status]): [string, string] => [
    name,
    toned(status, screen),
  ]);
  return pairsOf(
    [
      ["address", url],
      ["status", toned(data.status, screen)],
      ["version", data.version],
      ...services,
      ...backlogOf(data.backlog ?? {}),
      ["asked at", `${timeIn(data.timestamp, screen.zone)} ${screen.zone}`],
    ],
    screen,
  );
}

const WAITING: [name: string, label: string, unit: string][] = [
  ["outboxOverdueRows", "outbox", "messages overdue"],
  ["parkedDeliveries", "parked", "deliveries in KV"],
  ["openDeadLetters", "dead letters", "open"],
  ["heldSources", "sources", "held"],
  ["heldEvents", "held events", "kept until a release"],
  ["openDiscrepancies", "discrepancies", "open"],
  ["failedReconciliations", "reconciliations", "failed or partial at last"],
  ["relayAgeSeconds", "last relay", "seconds ago"],
  ["sweepAgeSeconds", "last sweep", "seconds ago"],
];

function backlogOf(backlog: Record<string, number | null>): [string, string][] {
  return WAITING.flatMap(([name, label, unit]): [string, string][] => {
    const number = backlog[name];
    if (number === undefined) return [];
    return [[label, number === null ? "not known" : `${number} ${unit}`]];
  });
}

export function addSetUp(program: Command, outcome: Outcome): void {
  common(program.command("setup"))
    .description("register the schedules and check the settings; run it after each deployment")
    .action(async (options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const { data } = await ask<{ data: SetUp }>(target, "/setup", { method: "POST" });
      if (data.checks.some(({ ok }) => !ok)) outcome.fail();
      if (options.json === true) return screen.out(JSON.stringify({ data }));
      const schedules = data.schedules.map(({ id, cron, path, state }) => [
        id,
        cron,
        path,
        toned(state, screen),
      ]);
      screen.out(tableOf(["Schedule", "Cron", "Calls", "State"], schedules, screen));
      const { green, red } = screen.colors;
      const checks = data.checks.map(({ name, ok, detail }) => [
        name,
        ok ? green("good") : red("not good"),
        detail,
      ]);
      screen.out(`\n${tableOf(["Check", "Result", "Detail"], checks, screen)}`);
    });
}
