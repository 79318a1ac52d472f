import { Permanent } from "../../domain/errors.js";
import type { Fetched } from "../../domain/gateway.js";
import type { LedgerKey, LedgerKind, LedgerObject, Said } from "../../domain/ledger.js";
import { derivePayment, type Payment } from "../../domain/payment.js";
import type { DiscrepancyKind, Finding, RunError, Side } from "../../domain/reconciliation.js";
import { buyerIn } from "../../handlers/record-ledger/buyer.js";
import { objectsByIds, paymentsWhole } from "../../store/reconciliation.js";
import {
  alteredFields,
  differenceOf,
  isAsSaid,
  ourSide,
  paymentSide,
  proposalFor,
  theirSide,
} from "./compare.js";
import { type Step, scopeOf } from "./deps.js";
import { groupBy } from "./group-by.js";

/** Objects of one kind and account, by their ids, as the source has them now; null where it has none. */
export interface Examined {
  kind: LedgerKind;
  account: string;
  theirs: ReadonlyMap<string, Fetched | null>;
  /** Rows of ours, where they were read already. */
  rows?: readonly LedgerObject[];
}

/** What came of one object. `difference` null: both sides agree. */
export interface Verdict {
  key: LedgerKey;
  difference: DiscrepancyKind | null;
  ours: Side | null;
  theirs: Side | null;
}

export interface Verdicts {
  verdicts: Verdict[];
  errors: RunError[];
}

/** Holds objects against their rows, and payments against what their rows make; two queries, however many. */
export async function examine(step: Step, examined: Examined): Promise<Verdicts> {
  const { kind, account, theirs } = examined;
  const { deps, run } = step;
  const ids = [...theirs.keys()];
  const rows =
    examined.rows ?? (await objectsByIds(deps.database, kind, scopeOf(step, account), ids));
  const byId = new Map(rows.map((row) => [row.externalId, row]));
  const verdicts: Verdict[] = [];
  const errors: RunError[] = [];
  for (const [externalId, fetched] of theirs) {
    const key = { kind, account, livemode: run.livemode, externalId };
    const row = byId.get(externalId) ?? null;
    if (fetched === null) {
      // What is deleted at the source cannot be asked for any more.
      if (row === null || row.state === "deleted") continue;
      verdicts.push({ key, difference: "missing_there", ours: ourSide(row), theirs: null });
      continue;
    }
    const said = saidOf(step, key, fetched);
    if ("code" in said) errors.push(said);
    else verdicts.push(judged(key, row, said));
  }
  await derive(step, verdicts, byId);
  return { verdicts, errors };
}

/** One object that cannot be read does not stop the rest. */
function saidOf({ source }: Step, key: LedgerKey, fetched: Fetched): Said | RunError {
  try {
    return source.readObject(key, fetched.object, fetched.occurredAt).said as Said;
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    return { at: key.externalId, code: error.code, detail: error.detail ?? "" };
  }
}

function judged(key: LedgerKey, row: LedgerObject | null, said: Said): Verdict {
  if (row !== null && isAsSaid(row, said)) {
    const { state, amountMinor, currency } = row;
    const side = { state, amountMinor, currency };
    return { key, difference: null, ours: side, theirs: side };
  }
  const ours = row === null ? null : ourSide(row);
  const theirs = theirSide(said);
  return { key, difference: differenceOf(key.kind, ours, theirs), ours, theirs };
}

/** Payments whose objects are right, and which are still not what those make. */
async function derive(
  step: Step,
  verdicts: readonly Verdict[],
  rows: ReadonlyMap<string, LedgerObject>,
): Promise<void> {
  const right = verdicts.filter(({ key, difference }) => {
    // A charge without a payment of its own is one.
    const isPayment =
      key.kind === "payment" || rows.get(key.externalId)?.paymentRef === key.externalId;
    return isPayment && difference === null;
  });
  const first = right[0];
  if (first === undefined) return;
  const refs = right.map(({ key }) => key.externalId);
  const scope = scopeOf(step, first.key.account);
  const { objects, payments } = await paymentsWhole(step.deps.database, scope, refs);
  const byRef = groupBy(objects, ({ paymentRef }) => paymentRef);
  const rowOf = new Map(payments.map((payment) => [payment.externalId, payment]));
  for (const verdict of right) {
    const { externalId } = verdict.key;
    Object.assign(
      verdict,
      alteredIn(step, rowOf.get(externalId) ?? null, byRef.get(externalId) ?? []),
    );
  }
}

function alteredIn(
  { deps }: Step,
  payment: Payment | null,
  objects: readonly LedgerObject[],
): Partial<Verdict> {
  if (objects.length === 0) return {};
  const derived = derivePayment(objects, (payer) => buyerIn(payer, deps.policy.payments));
  const fields = alteredFields(payment, derived);
  if (fields.length === 0) return {};
  return {
    difference: "altered_here",
    ours: payment === null ? null : paymentSide(payment, fields),
    theirs: paymentSide(derived),
  };
}

/** The finding that a verdict is. */
export function findingOf({ deps }: Step, verdict: Verdict): Finding | null {
  const { key, difference, ours, theirs } = verdict;
  if (difference === null) return null;
  const proposal = proposalFor(difference, key.kind, ours);
  return { id: deps.ids.next("discrepancy"), ...key, difference, ours, theirs, proposal };
}
