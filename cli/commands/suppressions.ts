import type { Command } from "commander";
import { ask, type Row } from "../api.js";
import { type CommonOptions, common, contextOf } from "../options.js";
import { type Screen, timeIn } from "../output.js";
import { renderTable } from "./render.js";
import { SUPPRESSION_COLUMNS } from "./resources.js";

interface SuppressionOptions extends CommonOptions {
  reason: string;
  kind?: string;
}

interface State {
  suppressions: Row[];
  sends: { transactional: boolean; other: boolean };
}

function sendsLine({ transactional, other }: State["sends"]): string {
  if (other) return "It is not suppressed: all mail is sent.";
  return transactional
    ? "Mail about payments, access and incidents is still sent; reminders and announcements are not."
    : "No mail is sent to it.";
}

/** What stands no more is not shown as a row that does. */
function removedLine(rows: readonly Row[], { zone }: Screen): string {
  const gone = rows.map(({ reason, createdAt }) => {
    return `${reason} (since ${timeIn(String(createdAt), zone)} ${zone})`;
  });
  return `Removed: ${gone.join(", ")}.`;
}

function addCheck(suppressions: Command): void {
  common(suppressions.command("check <email>"))
    .description("whether an address gets mail, which, and what stands against it")
    .action(async (email: string, options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const call = { method: "POST", body: { email } } as const;
      const found = await ask<{ data: State }>(target, "/suppressions/check", call);
      if (options.json === true) return screen.out(JSON.stringify(found));
      const { suppressions: rows, sends } = found.data;
      if (rows.length > 0) screen.out(renderTable(rows, SUPPRESSION_COLUMNS, screen));
      screen.out(sendsLine(sends));
    });
}

/** `suppressions check`, and `add` and `remove`, by address; doing either again changes nothing. */
export function addSuppressionCommands(suppressions: Command): void {
  addCheck(suppressions);
  const acts = [
    {
      verb: "add",
      about: "send an address no more mail",
      kind: "manual: no mail at all (unless told); unsubscribed: none that one may do without",
      path: "/suppressions",
    },
    {
      verb: "remove",
      about: "let mail to an address through again",
      kind: "only this one: bounced, complained, manual or unsubscribed; else all of the address",
      path: "/suppressions/remove",
    },
  ];
  for (const { verb, about, kind, path } of acts) {
    common(suppressions.command(`${verb} <email>`))
      .description(`${about}; the server keeps its hash only`)
      .requiredOption("--reason <text>", "why; it is kept in the audit trail")
      .option("--kind <kind>", kind)
      .action(async (email: string, options: SuppressionOptions) => {
        const { target, screen } = contextOf(options);
        const body = { email, reason: options.reason, kind: options.kind };
        const found = await ask<{ data: Row | Row[] }>(target, path, { method: "POST", body });
        if (options.json === true) return screen.out(JSON.stringify(found));
        const rows = [found.data].flat();
        if (verb === "add") return screen.out(renderTable(rows, SUPPRESSION_COLUMNS, screen));
        if (rows.length === 0) return screen.out("It was not suppressed; nothing was done.");
        screen.out(removedLine(rows, screen));
        const check = { method: "POST", body: { email } } as const;
        const now = await ask<{ data: State }>(target, "/suppressions/check", check);
        screen.out(sendsLine(now.data.sends));
      });
  }
}
