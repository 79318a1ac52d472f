import type { Command } from "commander";
import { ask, type Row } from "../api.js";
import { type CommonOptions, common, contextOf } from "../options.js";
import { renderTable } from "./render.js";
import { SUPPRESSION_COLUMNS } from "./resources.js";

interface SuppressionOptions extends CommonOptions {
  reason: string;
  kind?: string;
}

/** `suppressions add` and `remove`, by address; doing either again changes nothing. */
export function addSuppressionCommands(suppressions: Command): void {
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
        screen.out(
          rows.length === 0
            ? "It was not suppressed; nothing was done."
            : renderTable(rows, SUPPRESSION_COLUMNS, screen),
        );
      });
  }
}
