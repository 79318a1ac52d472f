import type { Command } from "commander";
import { ask, askBytes, type Page, type Row } from "../api.js";
import type { Target } from "../connection.js";
import { CALL, Failure } from "../failure.js";
import {
  type CommonOptions,
  common,
  contextOf,
  HOME_ABOUT,
  TOKEN_ABOUT,
  wholeNumber,
} from "../options.js";
import type { Screen } from "../output.js";
import { sinceOf } from "../since.js";
import { renderRecord, renderTable } from "./render.js";
import { type Column, LISTS, type ListCommand } from "./resources.js";

interface ListOptions extends CommonOptions {
  limit?: number;
  cursor?: string;
  all?: boolean;
  [filter: string]: unknown;
}

const LIMIT_MAX = 500;
const severalOf = ({ several, name }: ListCommand): string => several ?? name.replace("-", " ");
const kebab = (name: string): string => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

/** `events`, `dead-letters`, … each with `list` and `show`. */
export function addListCommands(program: Command): Map<string, Command> {
  const groups = new Map<string, Command>();
  for (const list of LISTS) {
    const group = program.command(list.name).description(list.about);
    addList(group, list);
    addShow(group, list);
    groups.set(list.name, group);
  }
  const events = groups.get("events");
  if (events !== undefined) addEventBody(events);
  return groups;
}

function addList(group: Command, list: ListCommand): void {
  const command = common(group.command("list").description(`list, newest first: ${list.about}`));
  for (const [filter, about] of Object.entries(list.filters)) {
    command.option(`--${kebab(filter)} <value>`, `only ${about}`);
  }
  command
    .option("--limit <n>", "rows of a page (50 unless told)", wholeNumber(1, LIMIT_MAX))
    .option("--cursor <cursor>", "the page that begins here")
    .option("--all", "all pages")
    .action(async (options: ListOptions) => {
      const { target, screen } = contextOf(options);
      const page = await fetchPages(target, list, options);
      if (options.json === true) return screen.out(JSON.stringify(page));
      print(page.data, list.columns, `No ${severalOf(list)}.`, screen);
      if (page.nextCursor === null) return;
      screen.err(screen.colors.dim(`There are more: --cursor ${page.nextCursor}, or --all.`));
    });
}

function print(
  rows: readonly Row[],
  columns: readonly Column[],
  none: string,
  screen: Screen,
): void {
  screen.out(rows.length === 0 ? none : renderTable(rows, columns, screen));
}

async function fetchPages(target: Target, list: ListCommand, options: ListOptions): Promise<Page> {
  const query = new URLSearchParams();
  for (const filter of Object.keys(list.filters)) {
    const value = options[filter];
    if (typeof value !== "string") continue;
    query.set(filter, filter === "since" ? sinceOf(value, options.utc === true) : value);
  }
  const limit = options.limit ?? (options.all === true ? LIMIT_MAX : undefined);
  if (limit !== undefined) query.set("limit", String(limit));
  if (options.cursor !== undefined) query.set("cursor", options.cursor);
  const fetchPage = () => ask<Page>(target, `/${list.name}?${query}`);
  const page = await fetchPage();
  while (options.all === true && page.nextCursor !== null) {
    query.set("cursor", page.nextCursor);
    const next = await fetchPage();
    page.data.push(...next.data);
    page.nextCursor = next.nextCursor;
  }
  return page;
}

function addShow(group: Command, list: ListCommand): void {
  const byExternal = list.filters.externalId === undefined ? "" : ", by our id or its source's";
  common(
    group.command("show <id>").description(`everything about one ${list.one}${byExternal}`),
  ).action(async (given: string, options: CommonOptions) => {
    const { target, screen } = contextOf(options);
    const id = byExternal === "" ? given : await ourIdOf(target, list, given);
    const found = await ask<{ data: Row }>(target, `/${list.name}/${encodeURIComponent(id)}`);
    if (options.json === true) return screen.out(JSON.stringify(found));
    screen.out(renderRecord(found.data, screen));
    const next = list.next?.(found.data, screen) ?? [];
    if (next.length > 0) screen.out(`\n${screen.colors.bold("Next")}\n${next.join("\n")}`);
  });
}

/** Our own ids: a prefix of three letters and a ULID. */
const OURS = /^[a-z]{3}_[0-9A-HJKMNP-TV-Z]{26}$/;

/** The source's id is what a customer's mail or the gateway's own pages give; one such row is the one that is meant. */
async function ourIdOf(target: Target, list: ListCommand, given: string): Promise<string> {
  if (OURS.test(given)) return given;
  const path = `/${list.name}?limit=2&externalId=${encodeURIComponent(given)}`;
  const { data } = await ask<Page>(target, path);
  if (data.length > 1) {
    throw new Failure(
      `There are several ${severalOf(list)} of ${given}.`,
      `See \`${CALL} ${list.name} list --external-id ${given}\`.`,
    );
  }
  return data[0] === undefined ? given : String(data[0].id);
}

/** The hint of an unreadable body is to read it. */
function addEventBody(events: Command): void {
  events
    .command("body <id>")
    .description("the bytes of an event as its provider sent them, as they are")
    .option("--url <url>", "address of Signalbox (else SIGNALBOX_URL, else the local start)")
    .option("--home <folder>", HOME_ABOUT)
    .option("--token <token>", TOKEN_ABOUT)
    .action(async (id: string, options: CommonOptions) => {
      const { target } = contextOf(options);
      process.stdout.write(await askBytes(target, `/events/${encodeURIComponent(id)}/body`));
    });
}
