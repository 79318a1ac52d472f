import Table from "cli-table3";
import type pc from "picocolors";
import type { Outcome } from "./judge.js";
import type { EffectRow, NoticeRow } from "./records.js";

type Colors = ReturnType<typeof pc.createColors>;

/** One block of lines per delivery: its event, its effects, whom it was told to. */
export function tableOf(outcomes: readonly Outcome[], c: Colors): string {
  const table = new Table({
    head: ["Delivery", "Became", "Id", "Audit", "Sent again"].map((title) => c.bold(title)),
    chars: PLAIN,
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 2 },
  });
  outcomes.forEach((outcome, index) => {
    if (index > 0) table.push(["", "", "", "", ""]);
    linesOf(outcome).forEach(([became, id], line) => {
      const { source } = outcome.delivery.story;
      const name = [c.cyan(source), outcome.event?.type ?? outcome.delivery.sample][line] ?? "";
      const { status, said } = outcome.again;
      const last = line === 0 ? [String(outcome.auditCount), `${status} ${said}`] : ["", ""];
      table.push([name, became, c.dim(id), ...last]);
    });
  });
  return table.toString().replaceAll(/ +$/gm, "");
}

const PLAIN = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left"]
    .concat(["bottom-right", "left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"])
    .map((place) => [place, ""]),
);

function linesOf({ event, effects, notices }: Outcome): [string, string][] {
  return [
    [`event ${event?.status ?? "missing"}`, event?.id ?? ""],
    ...effects.map(({ noun, row }): [string, string] => [`${noun} ${detailOf(row)}`, row.id]),
    ...notices.map(toldLine),
  ];
}

function detailOf(row: EffectRow): string {
  const { amount, currency, severity, packageRef, kind } = row;
  const more = amount === undefined ? [severity ?? packageRef, kind] : [currency, amount];
  const words = [row.state ?? row.status, ...more];
  return words.filter((word) => word !== undefined && word !== null).join(" ");
}

/** Slack's incoming webhooks give no id back. */
function toldLine({ channel, recipient, status, vendorId }: NoticeRow): [string, string] {
  const whom = channel === "email" ? `mail to ${recipient}` : `message in ${channel}`;
  return [`${whom} ${status}`, vendorId ?? `(${channel} gives no id)`];
}
