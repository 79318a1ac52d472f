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

/** As many as one request takes. */
const BATCH = 500;

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
      const all = readFile(file);
      const rows: Row[] = [];
      for (let at = 0; at < all.length; at += BATCH) {
        const body = { subscribers: all.slice(at, at + BATCH) };
        const call = { method: "POST", body } as const;
        rows.push(...(await ask<{ data: Row[] }>(target, "/subscribers", call)).data);
      }
      screen.out(options.json === true ? JSON.stringify({ data: rows }) : summaryOf(rows));
    });
}
