import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { parse } from "csv-parse/sync";
import { ask, type Row } from "../api.js";
import { Failure } from "../failure.js";
import { type CommonOptions, common, contextOf } from "../options.js";
import { renderTable } from "./render.js";
import { column, SUBSCRIBER_COLUMNS, status } from "./resources.js";

interface AddOptions extends CommonOptions {
  locale?: string;
  service?: string[];
}

interface Subscriber {
  email: string;
  locale?: string | undefined;
  services?: string[] | undefined;
}

/** A request takes so many at most, in a body of 16 KiB. */
const BATCH = 200;
const BODY_CHARS_MAX = 12_000;

const OUTCOME_COLUMNS = [
  status("Result", "result"),
  ...SUBSCRIBER_COLUMNS,
  column("Note", ({ unsubscribed }) =>
    unsubscribed === true ? "has unsubscribed: nothing is sent" : "",
  ),
];

/** A line each: the address, a language, services with spaces between. The first line may name the columns. */
function readFile(file: string): Subscriber[] {
  let rows: string[][];
  try {
    rows = parse(readFileSync(file, "utf8"), {
      bom: true,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
    });
  } catch (error) {
    throw new Failure(
      `${file} can't be read: ${(error as Error).message}`,
      "Give a CSV file: email, locale, services with spaces between.",
    );
  }
  return rows
    .filter(([email = ""], at) => at > 0 || email.includes("@"))
    .map(([email = "", locale = "", services = ""]) => ({
      email,
      ...(locale === "" ? {} : { locale }),
      services: services.split(/\s+/).filter((service) => service !== ""),
    }));
}

/** In requests that are taken whole. */
function batchesOf(all: readonly Subscriber[]): Subscriber[][] {
  const batches: Subscriber[][] = [];
  let chars = BODY_CHARS_MAX;
  for (const one of all) {
    const length = JSON.stringify(one).length + 1;
    const last = batches.at(-1);
    if (last === undefined || last.length === BATCH || chars + length > BODY_CHARS_MAX) {
      batches.push([one]);
      chars = length;
    } else {
      last.push(one);
      chars += length;
    }
  }
  return batches;
}

function summaryOf(rows: readonly Row[]): string {
  const count = (result: string): number => rows.filter((row) => row.result === result).length;
  const silent = rows.filter(({ unsubscribed }) => unsubscribed === true).length;
  const note = silent === 0 ? "" : ` ${silent} have unsubscribed: nothing is sent to them.`;
  return `${count("added")} added, ${count("changed")} changed, ${count("unchanged")} as they were.${note}`;
}

/** `subscribers add`, `remove` and `import`: who is told of trouble as a user; doing any of them again changes nothing. */
export function addSubscriberCommands(subscribers: Command): void {
  common(subscribers.command("add <email>"))
    .description("tell an address of trouble and maintenance")
    .option("--locale <tag>", "its language: th, en-GB (default en)")
    .option("--service <name...>", "only of these services; else of all")
    .action(async (email: string, options: AddOptions) => {
      const { target, screen } = contextOf(options);
      const { locale, service: services } = options;
      const body = { subscribers: [{ email, locale, services }] };
      const found = await ask<{ data: Row[] }>(target, "/subscribers", { method: "POST", body });
      if (options.json === true) screen.out(JSON.stringify(found));
      else screen.out(renderTable(found.data, OUTCOME_COLUMNS, screen));
    });
  common(subscribers.command("remove <email>"))
    .description("tell an address of trouble no more; mail that it is owed is sent as before")
    .requiredOption("--reason <text>", "why; it is kept in the audit trail")
    .action(async (email: string, options: CommonOptions & { reason: string }) => {
      const { target, screen } = contextOf(options);
      const body = { email, reason: options.reason };
      const call = { method: "POST", body } as const;
      const found = await ask<{ data: Row }>(target, "/subscribers/remove", call);
      if (options.json === true) screen.out(JSON.stringify(found));
      else screen.out(renderTable([found.data], SUBSCRIBER_COLUMNS, screen));
    });
  common(subscribers.command("import <file>"))
    .description("add all addresses of a CSV file: email, locale, services with spaces between")
    .action(async (file: string, options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const rows: Row[] = [];
      for (const subscribers of batchesOf(readFile(file))) {
        const call = { method: "POST", body: { subscribers } } as const;
        rows.push(...(await ask<{ data: Row[] }>(target, "/subscribers", call)).data);
      }
      screen.out(options.json === true ? JSON.stringify({ data: rows }) : summaryOf(rows));
    });
}
