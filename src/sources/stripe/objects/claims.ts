import type { LedgerState, Said } from "../../../domain/ledger.js";
import { at, type JsonObject } from "../../read.js";
import {
  labelOf,
  linksOf,
  needCurrency,
  needMinor,
  paymentRefOf,
  refOf,
  stateOf,
  timeOf,
} from "./fields.js";

const REFUND_STATES: Readonly<Record<string, LedgerState<"refund">>> = {
  pending: "pending",
  requires_action: "action_required",
  succeeded: "succeeded",
  failed: "failed",
  canceled: "canceled",
};

const DISPUTE_STATES: Readonly<Record<string, LedgerState<"dispute">>> = {
  warning_needs_response: "warning_needs_response",
  warning_under_review: "warning",
  warning_closed: "warning_closed",
  needs_response: "needs_response",
  under_review: "under_review",
  prevented: "prevented",
  won: "won",
  lost: "lost",
};

/** @throws Permanent `unexpected_shape` */
export function readRefund(refund: JsonObject): Said<"refund"> {
  return {
    state: stateOf(REFUND_STATES, refund.status),
    amountMinor: needMinor(refund.amount, "refund.amount"),
    currency: needCurrency(refund.currency, "refund.currency"),
    links: linksOf({
      paymentRef: paymentRefOf(refund, "refund"),
      chargeRef: refOf(refund.charge, "refund.charge"),
    }),
    details: { reason: labelOf(refund.reason), failureReason: labelOf(refund.failure_reason) },
    bornAt: timeOf(refund.created, "refund.created"),
  };
}

/** `due_by` is 0 where the bank takes no answer. @throws Permanent `unexpected_shape` */
export function readDispute(dispute: JsonObject): Said<"dispute"> {
  const dueBy = at(dispute.evidence_details, "due_by");
  return {
    state: stateOf(DISPUTE_STATES, dispute.status),
    amountMinor: needMinor(dispute.amount, "dispute.amount"),
    currency: needCurrency(dispute.currency, "dispute.currency"),
    links: linksOf({
      paymentRef: paymentRefOf(dispute, "dispute"),
      chargeRef: refOf(dispute.charge, "dispute.charge"),
    }),
    details: {
      reason: labelOf(dispute.reason),
      answerBy: dueBy === 0 ? null : timeOf(dueBy, "dispute.evidence_details.due_by"),
    },
    bornAt: timeOf(dispute.created, "dispute.created"),
  };
}

/** An issuer's suspicion; it is worth an answer while a refund can still prevent the dispute. @throws Permanent `unexpected_shape` */
export function readFraudWarning(warning: JsonObject): Said<"fraud_warning"> {
  const { actionable } = warning;
  const name = "radar.early_fraud_warning";
  return {
    state: typeof actionable !== "boolean" ? "unknown" : actionable ? "actionable" : "closed",
    amountMinor: null,
    currency: null,
    links: linksOf({
      paymentRef: paymentRefOf(warning, name),
      chargeRef: refOf(warning.charge, `${name}.charge`),
    }),
    details: { fraudType: labelOf(warning.fraud_type) },
    bornAt: timeOf(warning.created, `${name}.created`),
  };
}
