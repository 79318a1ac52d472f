import type { DeadLetter } from "../domain/event.js";
import type { Ids } from "../domain/ids.js";
import { mayComeTwice, type Notice } from "../domain/notice.js";
import { noticeDue, type OutboxRow } from "../domain/outbox.js";
import { type Plan, PlanBuilder } from "../domain/plan.js";
import type { Clock, Instant } from "../domain/time.js";
import { apply } from "../store/apply.js";
import type { Database } from "../store/database.js";
import { load, read } from "../store/load.js";
import { untilStill } from "../store/until-still.js";
import type { Relay } from "./relay-outbox.js";

export interface SettleDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  relay: Relay;
}

export interface SettleRequest {
  id: string;
  /** Why, for the audit trail. */
  reason: string;
  /** Who: `operator:anna`, `admin`. */
  actor: string;
  /** A person has looked whether the notice arrived, and wants it sent though it may come twice. */
  confirmResend?: boolean | undefined;
}

/**
 * `settled`: it was resolved or discarded before; nothing is done again. `replaying` without a `runId`: it
 * is under way since an earlier replay, whose message is taken already. `unconfirmed`: the notice may come
 * twice, and nobody has said that it may; nothing is done.
 */
export type SettleOutcome =
  | { kind: "replaying"; runId: string | null }
  | { kind: "discarded" }
  | { kind: "unconfirmed"; firstCalledAt: Instant | null }
  | { kind: "not_found" }
  | { kind: "settled"; status: DeadLetter["status"] };

interface Rows {
  letter: DeadLetter;
  notice: Notice | null;
  /** The message of an earlier replay that its receiver has not completed. */
  message: OutboxRow | null;
}

/**
 * Runs a dead letter again, through the queue and the same code, under a fresh run id. What is under way
 * is left alone: taken back to its beginning, a second worker would call beside the first. A notice that may
 * have arrived, and whose service has forgotten its key, is sent again only if that is confirmed.
 */
export function replayDeadLetter(request: SettleRequest, deps: SettleDeps): Promise<SettleOutcome> {
  return settle(request, deps, (rows, plan, requestId) => {
    const { letter, notice, message } = rows;
    if (isUnderWay(rows)) return { kind: "replaying", runId: message?.message.runId ?? null };
    const needsWord = notice !== null && mayComeTwice(notice, deps.clock.now());
    if (needsWord && request.confirmResend !== true) {
      return { kind: "unconfirmed", firstCalledAt: notice.firstCalledAt };
    }
    const runId = deps.ids.next("run");
    if (letter.eventId !== null) {
      plan.send({ type: "event.replay.v1", eventId: letter.eventId, runId, requestId });
    }
    if (notice !== null) {
      plan.update("notice", notice, toBeSentAgain(notice));
      plan.send(noticeDue(notice, { runId, requestId }));
    }
    plan.update("deadLetter", letter, { status: "replaying", updatedAt: deps.clock.now() });
    const said = needsWord ? { resendConfirmed: true } : {};
    plan.audit("dead_letter.replayed", letter.id, { reason: request.reason, runId, ...said });
    return { kind: "replaying", runId };
  });
}

/**
 * What the vendor never took is rendered anew; what it may have taken keeps its bytes and its key. What it
 * took and could not bring is sent as another mail: by the old key it would answer with the old one.
 */
function toBeSentAgain({ status, payload, vendorId, resends }: Notice): Partial<Notice> {
  return {
    status: "pending",
    leaseUntil: null,
    firstCalledAt: null,
    payload: status === "unknown" ? payload : null,
    ...(vendorId === null ? {} : { vendorId: null, sentAt: null, resends: resends + 1 }),
  };
}

/** An event whose replay's message was lost is not: nothing else would ever bring it. */
function isUnderWay({ letter, notice, message }: Rows): boolean {
  if (notice !== null) return notice.status === "pending" || notice.status === "sending";
  return letter.status === "replaying" && message !== null;
}

/** Gives a dead letter up for good; its event or notice is marked so and never runs again. */
export function discardDeadLetter(
  request: SettleRequest,
  deps: SettleDeps,
): Promise<SettleOutcome> {
  return settle(request, deps, ({ letter, notice }, plan) => {
    if (letter.eventId !== null) plan.discard(letter.eventId);
    if (notice !== null) plan.update("notice", notice, { status: "discarded", leaseUntil: null });
    plan.update("deadLetter", letter, { status: "discarded", updatedAt: deps.clock.now() });
    plan.audit("dead_letter.discarded", letter.id, { reason: request.reason });
    return { kind: "discarded" };
  });
}

const JOIN_MESSAGES = `JOIN dead_letter d ON t.message ->> 'eventId' = d.event_id
  OR t.message ->> 'noticeId' = d.notice_id`;

function settle(
  request: SettleRequest,
  deps: SettleDeps,
  decide: (rows: Rows, plan: PlanBuilder, requestId: string) => SettleOutcome,
): Promise<SettleOutcome> {
  const requestId = deps.ids.next("request");
  return untilStill(`dead letter ${request.id}`, async () => {
    const { letters, notices, messages } = await load(deps.database, {
      letters: read("deadLetter", "t.id = ?", [request.id]),
      notices: read("notice", "d.id = ?", [request.id], {
        join: "JOIN dead_letter d ON d.notice_id = t.id",
      }),
      messages: read("outbox", "d.id = ?", [request.id], { join: JOIN_MESSAGES, limit: 1 }),
    });
    const letter = letters[0];
    if (letter === undefined) return { kind: "not_found" };
    if (letter.status === "resolved" || letter.status === "discarded") {
      return { kind: "settled", status: letter.status };
    }
    const { actor } = request;
    const now = deps.clock.now();
    const ctx = { now, ids: deps.ids, actor, eventId: letter.eventId, requestId };
    const builder = new PlanBuilder(ctx);
    const outcome = decide(
      { letter, notice: notices[0] ?? null, message: messages[0] ?? null },
      builder,
      requestId,
    );
    const plan: Plan = builder.build();
    await apply(deps.database, plan);
    await deps.relay(plan.inserts.outbox ?? []);
    return outcome;
  });
}
