import { Permanent, Transient } from "../../domain/errors.js";
import type { DeadLetter } from "../../domain/event.js";
import type { Incident } from "../../domain/incident.js";
import {
  NOTICE_RETRY_MS,
  type Notice,
  reasonsAgainst,
  type Suppression,
} from "../../domain/notice.js";
import type { TimerRow } from "../../domain/outbox.js";
import { type DecideContext, mergePlans, type Plan, PlanBuilder } from "../../domain/plan.js";
import { recipientHash } from "../../store/recipient-hash.js";
import { deadPlan, sentenceOf } from "../event-plan.js";
import { goAnotherWay } from "../notice-fallback.js";
import { stoppedBy } from "../notice-order.js";

export interface NoticeRows {
  notice: Notice;
  deadLetter: DeadLetter | null;
  timer: TimerRow | null;
  /** Of its recipient, where it is a mail; whether they hold for this one, `suppressionOf` says. */
  suppressions: Suppression[];
  /** What it speaks of, where that is an incident. */
  incident: Incident | null;
  /** Told of the same incident by the same channel. */
  others: Notice[];
  /** Of the same cause and template, where it may go another way. */
  siblings: Notice[];
  /** Where it sums up a storm, all that sums it up and all that tells its end, the newest first. */
  ofStorm: Notice[];
}

/** Why this notice is not sent; null when nothing speaks against it. */
export function suppressionOf({ notice, suppressions }: NoticeRows): Suppression | null {
  const reasons = reasonsAgainst(notice.template);
  return suppressions.find(({ reason }) => reasons.includes(reason)) ?? null;
}

/**
 * The lease is dated before it is written, and writing may wait 3 s for a connection and 10 s for its
 * answer; the rest is for rendering and slack. What takes longer still does not call: see `mayCall`.
 */
const LEASE_MARGIN_MS = 20_000;

export type SendStep =
  /** Nothing is left to do; the message is completed. */
  | { kind: "settled" }
  /** Too late to ask again: a person decides. */
  | { kind: "give_up" }
  | { kind: "call" };

/** What to do with a due notice. */
export function nextStep(notice: Notice, now: number): SendStep {
  if (notice.status !== "pending" && notice.status !== "sending") return { kind: "settled" };
  if (notice.leaseUntil !== null && notice.leaseUntil > now) {
    const retryAfterSeconds = Math.ceil((notice.leaseUntil - now) / 1000);
    throw new Transient("lease_held", { retryAfterSeconds });
  }
  const first = notice.firstCalledAt;
  return first !== null && now - first >= NOTICE_RETRY_MS ? { kind: "give_up" } : { kind: "call" };
}

/** True while the lease outlasts the call, so that two workers never call for one notice at once. */
export const mayCall = (leaseUntil: number | null, timeoutMs: number, now: number): boolean =>
  leaseUntil !== null && now + timeoutMs < leaseUntil;

/**
 * Reserves the notice for one call: what goes out is stored before it goes. A page rests on its incident as it was
 * read, so that an acknowledgement that is committed before this is stops it.
 */
export function reservePlan(
  { notice, timer, incident }: NoticeRows,
  call: {
    payload: Record<string, unknown>;
    timeoutMs: number;
    outboxId: string;
    overtaken: readonly Notice[];
  },
  ctx: DecideContext,
): Plan {
  const { now, ids } = ctx;
  const firstCalledAt = notice.firstCalledAt ?? now;
  const plan = new PlanBuilder(ctx).complete(call.outboxId).update("notice", notice, {
    status: "sending",
    payload: call.payload,
    calls: notice.calls + 1,
    firstCalledAt,
    leaseUntil: now + call.timeoutMs + LEASE_MARGIN_MS,
  });
  if (notice.stopsAt !== null && incident !== null) plan.expect("incident", incident);
  for (const earlier of call.overtaken) {
    endAsCanceled(plan, earlier, "something later of the same incident went out instead");
  }
  if (notice.channel === "email" && notice.status === "pending") {
    const hash = recipientHash(notice.recipient);
    for (const reason of reasonsAgainst(notice.template)) {
      plan.expectNone("suppression", { recipientHash: hash, reason });
    }
  }
  if (timer?.status !== "waiting") {
    const dueAt = firstCalledAt + NOTICE_RETRY_MS;
    const id = timer?.id ?? ids.next("timer");
    const wound = { dueAt, status: "waiting" as const };
    const row = { id, kind: "notice.give_up" as const, subject: notice.id, ...wound };
    if (timer === null) plan.insert("timer", { ...row, createdAt: now, version: 0 });
    else plan.update("timer", timer, wound); // it ended with the notice, and a person replayed that
    const { requestId } = ctx;
    const runId = ids.next("run");
    const message = { type: "timer.due.v1" as const, timerId: id, dueAt, runId, requestId };
    plan.send(message, dueAt - now);
  }
  return plan.build();
}

/** The vendor has it. `mayBeTwice`: called before without a clear answer, on a channel that can't tell. */
export function confirmPlan(
  rows: NoticeRows,
  receipt: { vendorId: string | null; mayBeTwice: boolean },
  ctx: DecideContext,
): Plan {
  const { notice } = rows;
  const plan = new PlanBuilder(ctx)
    .update("notice", notice, {
      status: "sent",
      vendorId: receipt.vendorId,
      sentAt: ctx.now,
      leaseUntil: null,
      errorCode: null,
      errorMessage: null,
    })
    .audit("notice.sent", notice.id, { ...receipt, calls: notice.calls });
  tellEnd(plan, rows);
  settle(plan, rows, ctx);
  return plan.build();
}

/**
 * A storm's summary that went another way may come when the storm is over and all who had it then have heard that: it
 * is told of the end by the same way, or its alert would stay open for ever.
 */
function tellEnd(plan: PlanBuilder, { notice, ofStorm }: NoticeRows): void {
  const { channel, recipient, incidentId, cause } = notice;
  const newest = ofStorm.find((one) => one.cause !== cause);
  if (newest?.template !== "incident-resolved" || !ENDS_ON.has(channel)) return; // it goes on
  const ends = ofStorm.filter((one) => one.cause === newest.cause);
  if (ends.some((one) => one.channel === channel && one.recipient === recipient)) return;
  const { template, locale, data } = newest;
  plan.notify({ channel, recipient, template, cause: newest.cause, incidentId, locale, data });
}

/** An end is not worth a text message. */
const ENDS_ON: ReadonlySet<Notice["channel"]> = new Set(["slack", "pagerduty", "email"]);

/** The call failed for now: the lease ends, so that the queue's next attempt need not wait for it. */
export function releasePlan(rows: NoticeRows, error: Transient, ctx: DecideContext): Plan {
  const { notice } = rows;
  const words = { errorCode: error.code, errorMessage: sentenceOf(error) };
  const plan = new PlanBuilder(ctx);
  // What nobody wants to hear any more goes no other way either.
  const isDown = stoppedBy(notice, rows.incident) === null && !asksToWait(notice, error);
  const other = isDown ? goAnotherWay(plan, rows, error, ctx) : {};
  return plan.update("notice", notice, { ...words, ...other, leaseUntil: null }).build();
}

/** A service that names a moment is not down: it is asked again then, twice at most before others are told. */
const asksToWait = ({ calls }: Notice, { retryAfterSeconds }: Transient): boolean =>
  retryAfterSeconds !== undefined && retryAfterSeconds <= WAIT_SECONDS_MAX && calls <= WAITS_MAX;

const WAIT_SECONDS_MAX = 60;
const WAITS_MAX = 2;

/** It is not to leave any more, or there is nothing that it could change: it ends, and nobody need look at it. */
export function cancelPlan(rows: NoticeRows, because: string, ctx: DecideContext): Plan {
  const plan = new PlanBuilder(ctx);
  endAsCanceled(plan, rows.notice, because);
  settle(plan, rows, ctx);
  return plan.build();
}

function endAsCanceled(plan: PlanBuilder, notice: Notice, because: string): void {
  plan
    .update("notice", notice, {
      status: "canceled",
      leaseUntil: null,
      errorCode: null,
      errorMessage: because,
    })
    .audit("notice.canceled", notice.id, { because });
}

/** The notice cannot be sent, or nobody knows whether it was: a dead letter, for a person. */
export function failPlan(
  rows: NoticeRows,
  status: "failed" | "unknown",
  error: Permanent,
  ctx: DecideContext,
): Plan {
  const { notice, deadLetter } = rows;
  const words = { errorCode: error.code, errorMessage: sentenceOf(error) };
  const plan = new PlanBuilder(ctx);
  const other =
    stoppedBy(notice, rows.incident) === null ? goAnotherWay(plan, rows, error, ctx) : {};
  plan
    .update("notice", notice, { status, leaseUntil: null, ...words, ...other })
    .audit(`notice.${status}`, notice.id, { code: error.code });
  endTimer(plan, rows);
  return mergePlans([plan.build(), deadPlan({ noticeId: notice.id }, error, deadLetter, ctx)]);
}

/**
 * Its recipient's mail bounced for good, was called spam, or is not wanted: nothing is sent, and no person
 * need look at it. Only of what is not under way: a mail that may have been taken is asked for again with its own key.
 */
export function suppressPlan(
  rows: NoticeRows,
  { id, reason }: Suppression,
  ctx: DecideContext,
): Plan {
  const { notice } = rows;
  const error = new Permanent("recipient_suppressed", { detail: `${reason}, suppression ${id}` });
  const plan = new PlanBuilder(ctx);
  const other = goAnotherWay(plan, rows, error, ctx);
  plan
    .update("notice", notice, {
      status: "suppressed",
      leaseUntil: null,
      errorCode: error.code,
      errorMessage: sentenceOf(error),
      ...other,
    })
    .audit("notice.suppressed", notice.id, { suppressionId: id, reason });
  settle(plan, rows, ctx);
  return plan.build();
}

export const unconfirmed = (): Permanent => new Permanent("notice_unconfirmed");

function settle(plan: PlanBuilder, rows: NoticeRows, ctx: DecideContext): void {
  const { deadLetter } = rows;
  if (deadLetter !== null && deadLetter.status !== "resolved") {
    plan.update("deadLetter", deadLetter, { status: "resolved", updatedAt: ctx.now });
    plan.audit("dead_letter.resolved", deadLetter.id);
  }
  endTimer(plan, rows);
}

function endTimer(plan: PlanBuilder, { timer }: NoticeRows): void {
  if (timer?.status === "waiting") plan.update("timer", timer, { status: "done" });
}
