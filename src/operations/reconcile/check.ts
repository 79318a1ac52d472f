import type { Payment } from "../../domain/payment.js";
import {
  type DiscrepancyKind,
  type Finding,
  LEDGER_DIFFERENCES,
  type Proposal,
} from "../../domain/reconciliation.js";
import { closeUnfound, misfits } from "../../store/reconciliation.js";
import { paymentSide } from "./compare.js";
import type { Done, Step } from "./deps.js";

const PAGE_ROWS = 200;

/** Payments that do not fit with the rest of the ledger; and the end of the run. */
export async function checkLedger(step: Step): Promise<Done> {
  const { run, deps } = step;
  const kind = LEDGER_DIFFERENCES[run.cursor.place];
  if (kind === undefined) return { cursor: run.cursor, status: statusOf(step) };
  const page = { kind, after: run.cursor.after, limit: PAGE_ROWS };
  const payments = await misfits(deps.database, run, page);
  const findings = payments.map((payment) => misfitOf(step, kind, payment));
  const done = {
    ...(run.dryRun ? { seen: findings } : { findings }),
    counts: { found: findings.length },
  };
  if (payments.length === PAGE_ROWS) {
    return { ...done, cursor: { ...run.cursor, after: payments.at(-1)?.id ?? "" } };
  }
  if (!run.dryRun) await closeUnfound(deps.database, run, { kind, now: deps.clock.now() });
  return { ...done, cursor: { ...run.cursor, place: run.cursor.place + 1, after: "" } };
}

function statusOf({ run }: Step): "succeeded" | "partial" | "failed" {
  const { errors, objects, found } = run.counts;
  if (errors === 0) return "succeeded";
  return objects + found === 0 ? "failed" : "partial";
}

function misfitOf({ deps }: Step, kind: DiscrepancyKind, payment: Payment): Finding {
  const { account, livemode, externalId } = payment;
  return {
    id: deps.ids.next("discrepancy"),
    kind: "payment",
    account,
    livemode,
    externalId,
    difference: kind,
    ours: paymentSide(payment),
    theirs: null,
    proposal: proposalOf(kind, payment),
  };
}

function proposalOf(kind: DiscrepancyKind, payment: Payment): Proposal {
  const { receivedMinor, refundedMinor, packageRef, orderRef, state } = payment;
  switch (kind) {
    case "charged_twice":
      return {
        kind: "refund",
        amountMinor: receivedMinor - refundedMinor,
        words: `Another payment of the order ${orderRef} succeeded before this one: refund this one.`,
      };
    case "paid_without_entitlement":
      return { kind: "grant", words: `Grant what was paid for (${packageRef ?? "the default"}).` };
    default:
      return { kind: "revoke", words: `Take back what was given: the payment is ${state}.` };
  }
}
