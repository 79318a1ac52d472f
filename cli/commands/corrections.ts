import type { Command } from "commander";
import { ask, type Page, type Row } from "../api.js";
import type { Target } from "../connection.js";
import { CALL, Failure, usage } from "../failure.js";
import { type CommonOptions, common, contextOf, type Outcome } from "../options.js";
import { moneyOf, type Screen } from "../output.js";
import { sinceOf } from "../since.js";
import { renderTable } from "./render.js";
import { CORRECTION_COLUMNS, type Column, correctionNext } from "./resources.js";

interface SpanOptions extends CommonOptions {
  from?: string;
  to?: string;
  source?: string;
}
interface PlanOptions extends SpanOptions {
  reason: string;
  payment?: string;
  kind?: string;
  account?: string;
  amount?: string;
  user?: string;
  package?: string;
}
interface ActOptions extends CommonOptions {
  reason?: string;
  tell?: boolean;
}
interface Money {
  state: string;
  amount: string;
  refundedMinor: number;
  refunded: string;
  currency: string;
}

const FROM = "touched since then: 30m, 2h, or a time";
const TO = "and before then (now)";

const sideOf = (side: Money | null): string => {
  if (side === null) return "none";
  const refunded = side.refundedMinor === 0 ? "" : `, ${side.refunded} refunded`;
  return `${side.state} ${moneyOf(side.amount, side.currency)}${refunded}`;
};

const givesOf = (row: Row): string => {
  const given = row.entitlement as { packageRef: string; status: string; endsAt: string } | null;
  if (given === null) return "nothing";
  const until = given.endsAt === null ? "for ever" : `until ${given.endsAt.slice(0, 10)}`;
  return `${given.packageRef} ${given.status}, ${until}`;
};

const shouldOf = (row: Row): string => {
  const due = row.should as { packageRef: string; months: number | null; revoked: string } | null;
  if (due === null) return row.theirs === null ? "" : "nothing";
  if (due.revoked !== null) return `${due.packageRef} revoked (${due.revoked})`;
  return `${due.packageRef}, ${due.months === null ? "for ever" : `${due.months} months`}`;
};

const differenceOf = (row: Row): string => {
  const differences = row.differences as string[];
  const why = row.error === null ? "" : ` (${row.error})`;
  const waits = row.waits === true ? ", may be held" : "";
  return differences.length === 0 ? "" : `${differences.join(", ")}${waits}${why}`;
};

const AFFECTED_COLUMNS: readonly Column[] = [
  { head: "Payment", of: "externalId" },
  { head: "User", of: "userRef" },
  { head: "Ours", of: (row) => sideOf(row.ours as Money | null) },
  { head: "Theirs now", of: (row) => sideOf(row.theirs as Money | null) },
  { head: "Gives", of: givesOf },
  { head: "Should give", of: shouldOf },
  {
    head: "Mails",
    of: ({ mails }) => (mails as { template: string }[]).map((mail) => mail.template).join(", "),
  },
  { head: "Differs in", of: differenceOf },
  { head: "Proposal", of: "proposal" },
];

/** `payments affected`: what a time has touched, beside what the source says now. */
export function addAffected(payments: Command): void {
  common(payments.command("affected"))
    .description("payments, entitlements and mails of a time, side by side with their source")
    .requiredOption("--from <time>", FROM)
    .option("--to <time>", TO)
    .option("--source <source>", "which source's (the one with a ledger, where there is one)")
    .action(async (options: SpanOptions) => {
      const { target, screen } = contextOf(options);
      const { rows, subscriptions } = await readAffected(target, options);
      if (options.json === true) {
        return screen.out(JSON.stringify({ data: rows, subscriptions }));
      }
      if (rows.length > 0) screen.out(renderTable(rows, AFFECTED_COLUMNS, screen));
      screen.out(sumOf(rows));
      if (subscriptions === 0) return;
      if (subscriptions === null) {
        return screen.out("How many subscriptions were touched could not be counted in time.");
      }
      const others =
        subscriptions === 1 ? "1 subscription gives" : `${subscriptions} subscriptions give`;
      screen.out(`Touched too, and not in this list: what ${others}.`);
    });
}

function sumOf(rows: readonly Row[]): string {
  if (rows.length === 0) return "No payments were touched.";
  const waiting = rows.filter(({ waits }) => waits === true).length;
  const wrong = rows.filter(({ differs }) => differs === true).length - waiting;
  const held = waiting === 0 ? "" : `; ${waiting} may be among what is held`;
  return `${rows.length} payments, ${wrong} of them differ${held}.`;
}

function spanOf({ from = "", to, source, utc }: SpanOptions): Record<string, string> {
  return {
    from: sinceOf(from, utc === true),
    to: to === undefined ? new Date().toISOString() : sinceOf(to, utc === true),
    ...(source === undefined ? {} : { source }),
  };
}

async function readAffected(
  target: Target,
  options: SpanOptions,
): Promise<{ rows: Row[]; subscriptions: number | null }> {
  const query = new URLSearchParams(spanOf(options));
  const rows: Row[] = [];
  let subscriptions: number | null = null;
  for (let isFirst = true; ; isFirst = false) {
    const page = await ask<Page & { subscriptions: number | null }>(
      target,
      `/payments/affected?${query}`,
    );
    rows.push(...page.data);
    if (isFirst) subscriptions = page.subscriptions;
    if (page.nextCursor === null) return { rows, subscriptions };
    query.set("cursor", page.nextCursor);
  }
}

/** `corrections plan`, `approve`, `apply` and `reject`, beside their list. */
export function addCorrections(corrections: Command, outcome: Outcome): void {
  addPlan(corrections);
  const act = (verb: string) => (ids: string[], options: ActOptions) =>
    settle(verb, ids, options, outcome);
  common(corrections.command("approve <ids...>"))
    .description("approve what another person has planned (role approver)")
    .option("--reason <text>", "why; it is kept in the audit trail")
    .action(act("approve"));
  common(corrections.command("apply <ids...>"))
    .description("do them, each once: at the source, then in the ledger; repeat what broke off")
    .requiredOption("--reason <text>", "why; it is kept in the audit trail")
    .option("--tell", "tell each payer by mail, once")
    .action(act("apply"));
  common(corrections.command("reject <ids...>"))
    .description("give them up")
    .option("--reason <text>", "why; it is kept in the audit trail")
    .action(act("reject"));
}

function addPlan(corrections: Command): void {
  common(corrections.command("plan"))
    .description("plan what puts right all that is affected, or one correction by hand")
    .requiredOption("--reason <text>", "why; it is kept in the audit trail")
    .option("--from <time>", FROM)
    .option("--to <time>", TO)
    .option("--source <source>", "which source's (the one with a ledger, where there is one)")
    .option("--payment <id>", "by hand: the payment, by the source's id; with --kind")
    .option("--kind <kind>", "adopt, refund, cancel, grant or revoke")
    .option("--account <id>", "by hand: of this connected account")
    .option("--amount <decimal>", "of a refund: 499.00 (all that is left)")
    .option("--user <id>", "of a grant: to this user (the payment's)")
    .option("--package <name>", "of a grant: this package (the payment's)")
    .action(async (options: PlanOptions) => {
      const { target, screen } = contextOf(options);
      const byHand = options.payment !== undefined;
      if (byHand === (options.from !== undefined) || byHand !== (options.kind !== undefined)) {
        throw usage("Say what: --from <time> for all that is affected, or --payment with --kind.");
      }
      const planned = byHand ? await planOne(target, options) : await planAll(target, options);
      if (options.json === true) return screen.out(JSON.stringify({ data: planned }));
      tellPlanned(planned, screen);
    });
}

async function planOne(target: Target, options: PlanOptions): Promise<Row[]> {
  const { payment, kind, reason, account, amount, user, source } = options;
  const given = { payment, kind, reason, account, amount, user, source, package: options.package };
  const body = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const { data } = await ask<{ data: Row }>(target, "/corrections", { method: "POST", body });
  return [data];
}

async function planAll(target: Target, options: PlanOptions): Promise<Row[]> {
  const body: Record<string, string> = { ...spanOf(options), reason: options.reason };
  const planned: Row[] = [];
  for (;;) {
    const page = await ask<Page>(target, "/corrections/plan", { method: "POST", body });
    planned.push(...page.data);
    if (page.nextCursor === null) return planned;
    body.cursor = page.nextCursor;
  }
}

function tellPlanned(planned: readonly Row[], screen: Screen): void {
  if (planned.length === 0) {
    screen.out("Nothing to plan: nothing differs that does not wait already.");
    return;
  }
  screen.out(renderTable(planned, CORRECTION_COLUMNS, screen));
  const refunds = planned.filter(({ kind }) => kind === "refund").map(({ id }) => id);
  const next =
    refunds.length > 0
      ? `A second person: ${CALL} corrections approve ${refunds.join(" ")}`
      : `To do it: ${CALL} corrections apply ${planned[0]?.id} --reason "…"`;
  screen.err(screen.colors.dim(next));
}

/** One after the other; one that is refused does not stop the rest, and ends the command with 1. */
async function settle(
  verb: string,
  ids: readonly string[],
  options: ActOptions,
  outcome: Outcome,
): Promise<void> {
  const { target, screen } = contextOf(options);
  const { reason, tell } = options;
  const body = { ...(reason === undefined ? {} : { reason }), ...(tell === true ? { tell } : {}) };
  const settled: Row[] = [];
  const refused: { id: string; why: string; next: string }[] = [];
  for (const id of ids) {
    try {
      const path = `/corrections/${encodeURIComponent(id)}/${verb}`;
      const { data } = await ask<{ data: Row }>(target, path, { method: "POST", body });
      settled.push(data);
      if (data.status === "failed") outcome.fail();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      outcome.fail();
      refused.push({ id, why: error.message, next: error.next });
    }
  }
  if (options.json === true) return screen.out(JSON.stringify({ data: settled, refused }));
  if (settled.length > 0) screen.out(renderTable(settled, CORRECTION_COLUMNS, screen));
  for (const row of settled.filter(({ status }) => status === "failed")) {
    screen.err(
      `${screen.colors.red(`${row.id}: ${row.error}`)}\n${correctionNext(row).join("\n")}`,
    );
  }
  for (const { id, why, next } of refused) {
    screen.err(`${screen.colors.red(`${id}: ${why}`)}\n${next}`);
  }
}
