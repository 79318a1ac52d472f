import { Permanent } from "../../domain/errors.js";
import type { DeadLetter } from "../../domain/event.js";
import type { MailStatusReported } from "../../domain/facts.js";
import type { Incident } from "../../domain/incident.js";
import {
  isTaken,
  isTransactional,
  joinOutcome,
  type Notice,
  type Suppression,
} from "../../domain/notice.js";
import type { TimerRow } from "../../domain/outbox.js";
import { mergePlans, type Plan, PlanBuilder } from "../../domain/plan.js";
import { recipientHash } from "../../store/recipient-hash.js";
import { deadPlan, sentenceOf } from "../event-plan.js";
import type { HandlerContext } from "../handler.js";
import { goAnotherWay } from "../notice-fallback.js";
import { stoppedBy } from "../notice-order.js";

export interface MailRows {
  notices: Notice[];
  deadLetters: DeadLetter[];
  timers: TimerRow[];
  /** Of the notice's recipient. */
  suppressions: Suppression[];
  /** Of the notice: what it speaks of, and the same word by other ways. */
  incidents: Incident[];
  siblings: Notice[];
}

/**
 * What a report of a mail means: the notice's status joined with it (`joinOutcome`), whatever came before
 * and in whatever order; and a suppression when nothing may be sent to the recipient any more. A report of
 * a notice whose call has had no answer is also that answer: the mail was taken. A mail that its reader is
 * owed and that will not arrive becomes a dead letter, once, for a person to reach the reader.
 */
export function decideMail(fact: MailStatusReported, rows: MailRows, ctx: HandlerContext): Plan {
  const plan = new PlanBuilder(ctx);
  const notice =
    rows.notices.find(({ vendorId }) => vendorId === fact.vendorId) ??
    rows.notices.find(({ id }) => id === fact.noticeId);
  if (notice === undefined) return plan.because("no notice here is this mail").build();

  suppress(plan, fact, notice, rows, ctx);
  if (notice.vendorId !== null && notice.vendorId !== fact.vendorId) {
    return plan.because(`notice ${notice.id} was sent again since, as another mail`).build();
  }
  const status = joinOutcome(notice, fact.outcome);
  const reported = { before: notice.status, after: status, reported: fact.outcome };
  const isFinal = notice.status === "discarded";
  const opened = isFinal ? null : openLetter(fact, notice, rows, ctx);
  if (isFinal || (status === notice.status && notice.vendorId !== null)) {
    plan
      .expect("notice", notice)
      .audit("notice.confirmed", notice.id, reported)
      .because(`${fact.outcome} changes nothing for a notice that is ${status}`);
    return mergePlans([plan.build(), ...(opened === null ? [] : [opened])]);
  }
  const taken = isTaken(notice);
  plan.update("notice", notice, {
    ...otherWay(plan, fact, notice, rows, ctx),
    status,
    vendorId: fact.vendorId,
    ...(taken ? {} : { sentAt: fact.occurredAt, leaseUntil: null }),
    ...wordsFor(status),
  });
  const deadLetters = opened === null ? rows.deadLetters : []; // one row is written once
  if (!taken) settleAsTaken(plan, notice, fact, { ...rows, deadLetters }, ctx);
  plan
    .audit(`notice.${status}`, notice.id, reported)
    .because(`the mail of notice ${notice.id} is ${status}`);
  return mergePlans([plan.build(), ...(opened === null ? [] : [opened])]);
}

/**
 * The notice's dead letter, where the report says that the mail will not arrive and somebody waits for it;
 * null too when its letter says so already, or a person has given it up.
 */
function openLetter(
  { outcome, permanent }: MailStatusReported,
  { id, template }: Notice,
  { deadLetters }: MailRows,
  ctx: HandlerContext,
): Plan | null {
  const isLost =
    outcome === "failed" || (outcome === "bounced" && permanent && isTransactional(template));
  if (!isLost) return null;
  const error = new Permanent("notice_undelivered", { detail: `it is ${outcome}` });
  const letter = deadLetters.find(({ noticeId }) => noticeId === id) ?? null;
  if (letter?.status === "discarded") return null;
  if (letter?.status === "open" && letter.code === error.code) return null;
  return deadPlan({ noticeId: id }, error, letter, ctx);
}

const willNotArrive = ({ outcome, permanent }: MailStatusReported): boolean =>
  outcome === "failed" || (outcome === "bounced" && permanent);

/** A page that will not arrive goes the next way, unless nobody needs it any more. */
function otherWay(
  plan: PlanBuilder,
  fact: MailStatusReported,
  notice: Notice,
  { incidents, siblings }: MailRows,
  ctx: HandlerContext,
): Partial<Notice> {
  const incident = incidents.find(({ id }) => id === notice.incidentId) ?? null;
  if (!willNotArrive(fact) || stoppedBy(notice, incident) !== null) return {};
  const error = new Permanent("notice_undelivered", { detail: `the mail is ${fact.outcome}` });
  return goAnotherWay(plan, { notice, incident, siblings }, error, ctx);
}

/** By the joined status alone, so that they do not depend on the order of the reports either. */
function wordsFor(status: Notice["status"]): Pick<Notice, "errorCode" | "errorMessage"> {
  if (status === "delivered" || status === "complained") {
    return { errorCode: null, errorMessage: null };
  }
  const error = new Permanent("notice_undelivered", { detail: `it is ${status}` });
  return { errorCode: error.code, errorMessage: sentenceOf(error) };
}

/** What the answer of the call would have settled. */
function settleAsTaken(
  plan: PlanBuilder,
  { id, calls }: Notice,
  { vendorId }: MailStatusReported,
  { deadLetters, timers }: MailRows,
  { now }: HandlerContext,
): void {
  plan.audit("notice.sent", id, { vendorId, calls });
  for (const letter of deadLetters.filter(
    ({ status, noticeId }) => status !== "resolved" && noticeId === id,
  )) {
    plan.update("deadLetter", letter, { status: "resolved", updatedAt: now });
    plan.audit("dead_letter.resolved", letter.id);
  }
  for (const timer of timers.filter(
    ({ status, subject }) => status === "waiting" && subject === id,
  )) {
    plan.update("timer", timer, { status: "done" });
  }
}

function suppress(
  plan: PlanBuilder,
  { outcome, permanent }: MailStatusReported,
  notice: Notice,
  { suppressions }: MailRows,
  { ids, now, eventId }: HandlerContext,
): void {
  if (!permanent || (outcome !== "bounced" && outcome !== "complained")) return;
  const hash = recipientHash(notice.recipient);
  const known = suppressions.some((one) => one.recipientHash === hash && one.reason === outcome);
  if (known) return;
  const id = ids.next("suppression");
  const row = { id, recipientHash: hash, reason: outcome, eventId, createdAt: now };
  plan.insert("suppression", row);
  plan.audit("suppression.added", id, { reason: outcome, noticeId: notice.id });
  plan.because(`nothing more is sent to this recipient: ${outcome}`);
}
