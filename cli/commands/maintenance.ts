import type { Command } from "commander";
import { ask, type Page, type Row } from "../api.js";
import { CALL } from "../failure.js";
import { type CommonOptions, common, contextOf, wholeNumber } from "../options.js";
import { clean } from "../output.js";
import { renderTable } from "./render.js";
import type { Column } from "./resources.js";

const COLUMNS: readonly Column[] = [
  { head: "Starts", of: "startsAt", kind: "time" },
  { head: "Ends", of: "endsAt", kind: "time" },
  { head: "Status", of: "status", kind: "status" },
  { head: "Title", of: "title", charsMax: 40 },
  {
    head: "Services",
    of: ({ services }) =>
      Array.isArray(services) && services.length > 0 ? services.join(", ") : "all",
    charsMax: 40,
  },
  { head: "Users told", of: "noticeAt", kind: "time" },
  { head: "Outcome", of: "outcome", charsMax: 60 },
  { head: "Id", of: "id" },
];

interface ScheduleOptions extends CommonOptions {
  title: string;
  starts: string;
  minutes: number;
  service?: string[];
  noticeHours?: number;
  notice: boolean;
}
interface ActOptions extends CommonOptions {
  reason?: string;
}

const ACTS = [
  { verb: "begin", about: "it begins now: alerts of its services are kept, and told at its end" },
  { verb: "verify", about: "look at its services; it is completed when they are well" },
  { verb: "complete", about: "it is over and all is well, by your word", needsReason: true },
  { verb: "fail", about: "it is over and all is not well: an incident", needsReason: true },
  {
    verb: "cancel",
    about: "it does not take place; users who were told are told",
    needsReason: true,
  },
] as const;

/** `maintenance list|schedule|begin|verify|complete|fail|cancel`. */
export function addMaintenance(program: Command): void {
  const group = program.command("maintenance").description("appointed work on the platform");
  common(group.command("list"))
    .description("maintenances past and to come, the policy's recurring ones too")
    .option("--days <days>", "how far ahead, and back", wholeNumber(1, 366), 30)
    .action(async (options: CommonOptions & { days: number }) => {
      const { target, screen } = contextOf(options);
      const page = await ask<Page>(target, `/maintenance?days=${options.days}`);
      if (options.json === true) return screen.out(JSON.stringify(page));
      const { data } = page;
      screen.out(data.length === 0 ? "No maintenance." : renderTable(data, COLUMNS, screen));
    });
  common(group.command("schedule"))
    .description("appoint one; users are told beforehand")
    .requiredOption("--title <text>", "what is done; users read it")
    .requiredOption("--starts <time>", "ISO 8601 with its offset, as 2026-11-21T03:00:00Z")
    .requiredOption("--minutes <minutes>", "how long", wholeNumber(1, 10_080))
    .option("--service <names...>", "of these services (else of all)")
    .option(
      "--notice-hours <hours>",
      "how long before users are told (else 48)",
      wholeNumber(0, 8_784),
    )
    .option("--no-notice", "tell no user")
    .action(async (options: ScheduleOptions) => {
      const { target, screen } = contextOf(options);
      const { title, starts, minutes, service, noticeHours, notice } = options;
      const told = notice
        ? noticeHours === undefined
          ? {}
          : { noticeHours }
        : { noticeHours: null };
      const body = {
        title,
        startsAt: starts,
        durationMinutes: minutes,
        services: service,
        ...told,
      };
      const call = { method: "POST", body } as const;
      const made = await ask<{ data: Row; unheard: string[] }>(target, "/maintenance", call);
      if (options.json === true) return screen.out(JSON.stringify(made));
      screen.out(renderTable([made.data], COLUMNS, screen));
      if (made.unheard.length > 0) screen.out(doubtOf(made.data, made.unheard));
    });
  for (const each of ACTS) {
    const command = common(group.command(`${each.verb} <id>`)).description(each.about);
    const reason = "in your words; it is kept with it";
    if ("needsReason" in each) command.requiredOption("--reason <text>", reason);
    else command.option("--reason <text>", reason);
    command.action(async (id: string, options: ActOptions) => {
      const { target, screen } = contextOf(options);
      const path = `/maintenance/${encodeURIComponent(id)}/${each.verb}`;
      const call = { method: "POST", body: { reason: options.reason } } as const;
      const done = await ask<{ data: Row }>(target, path, call);
      if (options.json === true) return screen.out(JSON.stringify(done));
      screen.out(renderTable([done.data], COLUMNS, screen));
      if (done.data.status === "verifying") screen.out(nextOf(done.data));
    });
  }
}

/** A name that nothing has used may be a slip, by which alerts would not be kept back. */
function doubtOf({ id }: Row, unheard: readonly string[]): string {
  const names = unheard.map(clean).join(", ");
  return `\nNo incident, deployment or policy has named ${names} yet. Is it a slip, alerts of the service that was meant are not kept back: \`${CALL} maintenance cancel ${id} --reason "…"\`, and appoint it anew.`;
}

/** What is left for a person to do with one that the look did not complete. */
function nextOf({ id, outcome }: Row): string {
  const found = clean(String(outcome ?? "nothing was found"));
  const word = `\`${CALL} maintenance complete ${id} --reason "…"\``;
  const isChecked = !found.startsWith("not_checked");
  return isChecked
    ? `\nNot completed: ${found}. Mend it and verify again, or say that all is well: ${word}.`
    : `\nNot completed, for not all was looked at (${found}). Look yourself; when all is well, say so: ${word}.`;
}
