import type { AppError } from "../domain/errors.js";
import { ERROR_CODES, type ErrorCode, type Permanent } from "../domain/errors.js";
import type { DeadLetter, EventRow, EventStatus } from "../domain/event.js";
import type { DecideContext, Plan } from "../domain/plan.js";
import { PlanBuilder } from "../domain/plan.js";
import type { Delivery } from "../queues/delivery.js";

/** The event as it is to be once the plan is applied. */
export function eventRow(
  delivery: Delivery,
  outcome: { id: string; status: EventStatus; now: number; reasons: string[]; error?: AppError },
): EventRow {
  const { source, eventKey, type, requestId, occurredAt, receivedAt, verifiedBy } = delivery;
  const { id, status, now, reasons, error } = outcome;
  return {
    id,
    source,
    eventKey,
    type,
    status,
    requestId,
    occurredAt,
    receivedAt,
    processedAt: status === "received" || status === "held" ? null : now,
    errorCode: error?.code ?? null,
    errorMessage: error === undefined ? null : sentenceOf(error),
    trace: { verifiedBy, reasons, runId: delivery.runId ?? null },
  };
}

/** What happened, for a person: the code's sentence and the detail that goes with it. */
export function sentenceOf(error: AppError): string {
  const { sentence } = ERROR_CODES[error.code];
  return error.detail === undefined ? sentence : `${sentence} ${error.detail}.`;
}

/** What is written of every event that ends well: one entry, and its dead letter settled if it had one. */
export function endedPlan(
  status: "processed" | "ignored",
  deadLetter: DeadLetter | null,
  ctx: DecideContext & { eventId: string },
): Plan {
  const plan = new PlanBuilder(ctx).audit(`event.${status}`, ctx.eventId);
  if (deadLetter !== null && deadLetter.status !== "resolved") {
    plan.update("deadLetter", deadLetter, { status: "resolved", updatedAt: ctx.now });
    plan.audit("dead_letter.resolved", deadLetter.id);
  }
  return plan.build();
}

/** An event that cannot be done: a dead letter that a person can understand, repair and replay. */
export function deadPlan(
  subject: { eventId: string } | { noticeId: string },
  error: Permanent,
  existing: DeadLetter | null,
  ctx: DecideContext,
): Plan {
  const plan = new PlanBuilder(ctx);
  const words = { code: error.code, message: sentenceOf(error), hint: hintOf(error.code) };
  const died = { ...words, status: "open" as const, updatedAt: ctx.now };
  if (existing !== null) {
    plan.update("deadLetter", existing, { ...died, deaths: existing.deaths + 1 });
    plan.audit("dead_letter.reopened", existing.id, { code: error.code });
    return plan.because(error.message).build();
  }
  const id = ctx.ids.next("deadLetter");
  plan.insert("deadLetter", {
    id,
    eventId: "eventId" in subject ? subject.eventId : null,
    noticeId: "noticeId" in subject ? subject.noticeId : null,
    ...died,
    deaths: 1,
    createdAt: ctx.now,
    version: 0,
  });
  plan.audit("dead_letter.opened", id, { code: error.code });
  return plan.because(error.message).build();
}

const hintOf = (code: ErrorCode): string => ERROR_CODES[code].hint;
