import type { StripeEmulator } from "../../emulators/stripe/index.js";
import { unexplained } from "../../src/operations/reconcile/balance.js";
import type { Database } from "../../src/store/database.js";
import type { ReconcileOutcome } from "./run.js";

/** Sentences on what is not as it must be; looked up in the tables and at the source, not in what the run says. */
export async function judge(
  { doings, run }: ReconcileOutcome,
  { database, emulator }: { database: Database; emulator: StripeEmulator },
): Promise<string[]> {
  const problems: string[] = [];
  if (run.status !== "succeeded")
    problems.push(`the run is ${run.status}: ${JSON.stringify(run.errors)}`);
  if (unexplained(run.balance).length > 0) problems.push("a difference is unexplained");
  if (run.counts.undelivered !== doings.lostEvents) {
    problems.push(`${run.counts.undelivered} undelivered events of ${doings.lostEvents}`);
  }
  problems.push(...(await wrongFindings(database, doings)));
  problems.push(...(await wrongRows(database, emulator)));
  const open = await database.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM discrepancy WHERE status <> 'healed'",
    [],
  );
  if (open[0]?.n !== 0) problems.push(`${open[0]?.n} discrepancies are not healed`);
  for (const { kind, currency, state, ours, theirs } of run.balance) {
    if (JSON.stringify(ours) !== JSON.stringify(theirs)) {
      problems.push(
        `${kind} ${currency} ${state}: ours ${JSON.stringify(ours)}, theirs ${JSON.stringify(theirs)}`,
      );
    }
  }
  return problems;
}

/** Exactly the payments that were tampered with are found, and of other objects only those of payments that were lost. */
async function wrongFindings(
  database: Database,
  { undelivered, here, there }: ReconcileOutcome["doings"],
): Promise<string[]> {
  const rows = await database.query<{ id: string; kind: string; objectKind: string; ref: string }>(
    `SELECT d.external_id AS id, d.kind, d.object_kind AS "objectKind", coalesce(o.payment_ref, d.external_id) AS ref
    FROM discrepancy d LEFT JOIN ledger_object o ON o.external_id = d.external_id AND o.kind = d.object_kind`,
    [],
  );
  const found = new Set(rows.filter((row) => row.objectKind === "payment").map(({ id }) => id));
  const wanted = new Set([...undelivered, ...here, ...there]);
  const missed = [...wanted].filter((id) => !found.has(id));
  const invented = [...found].filter((id) => !wanted.has(id));
  const beside = rows.filter(
    ({ objectKind, ref }) => objectKind !== "payment" && !undelivered.has(ref),
  );
  return [
    ...missed.map((id) => `not found: ${id}`),
    ...invented.map((id) => `found, and nothing was wrong: ${id}`),
    ...beside.map(({ id, kind }) => `found, and nothing was wrong: ${kind} ${id}`),
  ];
}

interface Money {
  currency: string;
  count: number;
  sum: number;
}

/** The money that came in, by currency, as the tables have it and as the source does. */
async function wrongRows(database: Database, emulator: StripeEmulator): Promise<string[]> {
  const ours = await database.query<Money & Record<string, unknown>>(
    `SELECT currency, count(*)::int AS count, sum(amount_minor)::float8 AS sum FROM payment
    WHERE state = 'succeeded' GROUP BY 1 ORDER BY 1`,
    [],
  );
  const theirs = new Map<string, Money>();
  for (const intent of emulator.objects("payment_intents")) {
    const { status, currency, amount } = intent as unknown as {
      status: string;
      currency: string;
      amount: number;
    };
    if (status !== "succeeded") continue;
    const key = currency.toUpperCase();
    const line = theirs.get(key) ?? { currency: key, count: 0, sum: 0 };
    theirs.set(key, { currency: key, count: line.count + 1, sum: line.sum + amount });
  }
  const sorted = [...theirs.values()].sort((a, b) => (a.currency < b.currency ? -1 : 1));
  if (JSON.stringify(ours) === JSON.stringify(sorted)) return [];
  return [`the tables have ${JSON.stringify(ours)}, the source ${JSON.stringify(sorted)}`];
}
