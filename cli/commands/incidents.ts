import type { Command } from "commander";
import { ask, type Row } from "../api.js";
import type { Target } from "../connection.js";
import { CALL, Failure } from "../failure.js";
import { type CommonOptions, common, contextOf, type Outcome } from "../options.js";
import { type Screen, timeIn } from "../output.js";
import { renderTable } from "./render.js";
import { INCIDENT_COLUMNS } from "./resources.js";

interface ActOptions extends CommonOptions {
  reason?: string;
  takeOver?: boolean;
}

interface DocumentOptions extends CommonOptions {
  locale?: string;
}

const DOCUMENTS = [
  ["notice", "print its notice: how it stands, what was done, what comes, who was told"],
  ["review", "print the review after it, filled in as far as it is known"],
] as const;

const ACTS = [
  {
    verb: "ack",
    path: "acknowledge",
    about: "say that you have it: nobody else is paged for it from then on",
    needsReason: false,
  },
  {
    verb: "resolve",
    path: "resolve",
    about: "say that it is over, although its source has not said so",
    needsReason: true,
  },
  {
    verb: "reopen",
    path: "reopen",
    about: "say that it was not over: it is nobody's, and is told anew",
    needsReason: true,
  },
] as const;

/** `incidents ack|resolve|reopen` of one or several, `note`, `notice`, `review` and `done`. */
export function addIncidentCommands(incidents: Command, outcome: Outcome): void {
  for (const { verb, path, about, needsReason } of ACTS) {
    const command = common(incidents.command(`${verb} <ids...>`)).description(about);
    const reason = "in your words; it stands in the timeline";
    if (needsReason) command.requiredOption("--reason <text>", reason);
    else command.option("--reason <text>", reason);
    if (verb === "ack") command.option("--take-over", "also from somebody who has it");
    command.action(async (ids: string[], options: ActOptions) => {
      const { target, screen } = contextOf(options);
      const rows = await actOnEach(ids, path, options, { target, screen, outcome });
      if (options.json === true) return screen.out(JSON.stringify({ data: rows }));
      if (rows.length > 0) screen.out(renderTable(rows, INCIDENT_COLUMNS, screen));
    });
  }
  common(incidents.command("note <id> <text>"))
    .description("add a line of yours to its timeline")
    .action(async (id: string, text: string, options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const call = { method: "POST", body: { text } } as const;
      const noted = await ask<{ data: Row }>(target, `${pathOf(id)}/notes`, call);
      screen.out(options.json === true ? JSON.stringify(noted) : `Noted on ${id}.`);
    });
  for (const [document, about] of DOCUMENTS) {
    common(incidents.command(`${document} <id>`))
      .description(about)
      .option("--locale <locale>", "en (unless told) or th")
      .action(async (id: string, options: DocumentOptions) => {
        const { target, screen } = contextOf(options);
        const query =
          options.locale === undefined ? "" : `?${new URLSearchParams({ locale: options.locale })}`;
        const path = `${pathOf(id)}/${document}${query}`;
        const found = await ask<{ data: { markdown: string } }>(target, path);
        // With its lines: each was made one line where it is written.
        screen.out(options.json === true ? JSON.stringify(found) : found.data.markdown.trimEnd());
      });
  }
  common(incidents.command("done <id> <task>"))
    .description("say that a task that was owed after it is done")
    .option("--reason <text>", "in your words; it stands in the timeline")
    .action(async (id: string, task: string, options: ActOptions) => {
      const { target, screen } = contextOf(options);
      const call = { method: "POST", body: { reason: options.reason } } as const;
      const path = `${pathOf(id)}/tasks/${encodeURIComponent(task)}/done`;
      const done = await ask<{ data: Row }>(target, path, call);
      if (options.json === true) return screen.out(JSON.stringify(done));
      screen.out(`Done: ${String(done.data.title)} (by ${String(done.data.doneBy)}).`);
    });
}

interface Acting {
  target: Target;
  screen: Screen;
  outcome: Outcome;
}

/** One that fails does not keep the next from its turn: in a storm there are many. */
async function actOnEach(
  ids: readonly string[],
  path: string,
  { reason, takeOver }: ActOptions,
  { target, screen, outcome }: Acting,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const id of ids) {
    try {
      const call = { method: "POST", body: { reason, takeOver } } as const;
      const answer = await ask<{ data: Row; yours?: boolean }>(
        target,
        `${pathOf(id)}/${path}`,
        call,
      );
      rows.push(answer.data);
      if (answer.yours === false) screen.err(notYours(answer.data, reason, screen));
    } catch (error) {
      if (!(error instanceof Failure) || ids.length === 1) throw error;
      outcome.fail();
      screen.err(`${id}: ${error.message}`);
    }
  }
  return rows;
}

/** Whoever reads only the row takes it for a success. */
function notYours(row: Row, reason: string | undefined, { zone }: Screen): string {
  const { id, acknowledgedBy, acknowledgedAt } = row;
  const since = `${timeIn(String(acknowledgedAt), zone)} (${zone})`;
  const kept = reason === undefined ? "Nothing was changed" : "Your reason was kept as a note";
  return `${id}: ${acknowledgedBy} has had it since ${since}. ${kept}; to have it yourself: ${CALL} incidents ack ${id} --take-over`;
}

const pathOf = (id: string): string => `/incidents/${encodeURIComponent(id)}`;
