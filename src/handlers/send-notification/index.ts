import type { Channels } from "../../channels/channel.js";
import { AppError, Permanent, Transient } from "../../domain/errors.js";
import type { Ids } from "../../domain/ids.js";
import { idempotencyKeyOf, isTaken } from "../../domain/notice.js";
import type { OutboxRow } from "../../domain/outbox.js";
import { type DecideContext, emptyPlan, type Plan } from "../../domain/plan.js";
import type { Clock } from "../../domain/time.js";
import { apply } from "../../store/apply.js";
import type { Database } from "../../store/database.js";
import { load, read } from "../../store/load.js";
import { recipientHashSql } from "../../store/recipient-hash.js";
import { untilStill } from "../../store/until-still.js";
import { placeOf, stoppedBy } from "../notice-order.js";
import {
  cancelPlan,
  confirmPlan,
  failPlan,
  mayCall,
  type NoticeRows,
  nextStep,
  releasePlan,
  reservePlan,
  suppressionOf,
  suppressPlan,
  unconfirmed,
} from "./decide.js";

export interface SendNotificationDeps {
  database: Database;
  channels: Channels;
  clock: Clock;
  ids: Ids;
  /** Publishes what goes another way while this one is tried again; without it a sweep does. */
  relay?(rows: readonly OutboxRow[]): Promise<void>;
}

export type SendOutcome = "sent" | "settled" | "suppressed" | "canceled" | "failed" | "unknown";
/** `outbox`: what the reserve wants published; the caller relays it, a sweep makes sure. */
export interface SendResult {
  outcome: SendOutcome;
  outbox: NonNullable<Plan["inserts"]["outbox"]>;
}

/** Which notice, and the request that it began with. */
export interface Due {
  noticeId: string;
  requestId: string;
}

/**
 * Sends one notice: reserve with one plan, call the channel with the notice's id as the vendor's
 * idempotency key, confirm with a second. A crash between leaves the lease, and the next attempt asks again.
 *
 * @throws Transient when the channel or the database is to be asked again later.
 */
export async function sendNotification(
  message: Due & { outboxId: string },
  deps: SendNotificationDeps,
): Promise<SendResult> {
  const reserved = await settleOr(message, deps, (rows, ctx) =>
    reserve(rows, message.outboxId, deps.channels, ctx),
  );
  const { outcome, plan } = reserved;
  const outbox = plan.inserts.outbox ?? [];
  if (outcome !== "call") return { outcome, outbox };
  const notice = plan.updates.notice?.[0]; // as it was reserved, payload and all
  if (notice === undefined) throw new Error("a call is reserved on its notice");
  const channel = deps.channels[notice.channel];
  if (!mayCall(notice.leaseUntil, channel.timeoutMs, deps.clock.now())) {
    throw new Transient("database_busy", { detail: "the lease was written too late to call" });
  }
  try {
    const receipt = await channel.send({
      idempotencyKey: idempotencyKeyOf(notice),
      recipient: notice.recipient,
      payload: notice.payload ?? {},
    });
    const mayBeTwice = channel.atLeastOnce && notice.calls > 1;
    const confirmed = await settleOr(message, deps, async (rows, ctx) => {
      // Two calls may both end well when the first one's lease ran out, and the service's own report may
      // come before its answer: it was sent, once.
      const plan = isTaken(rows.notice)
        ? emptyPlan()
        : confirmPlan(rows, { ...receipt, mayBeTwice }, ctx);
      return { outcome: "sent" as const, plan };
    });
    return { outcome: "sent", outbox: [...outbox, ...(confirmed.plan.inserts.outbox ?? [])] };
  } catch (error) {
    const call = { ...message, call: notice.calls };
    const failed = await callFailed(call, error, deps);
    return { ...failed, outbox: [...outbox, ...failed.outbox] };
  }
}

interface Step<Outcome> {
  outcome: Outcome;
  plan: Plan;
}

async function reserve(
  rows: NoticeRows,
  outboxId: string,
  channels: Channels,
  ctx: DecideContext,
): Promise<Step<SendOutcome | "call">> {
  const { notice } = rows;
  const channel = channels[notice.channel];
  const step = nextStep(notice, ctx.now);
  const complete = (plan: Plan): Plan => ({ ...plan, completes: [outboxId] });
  if (step.kind === "settled") {
    return { outcome: "settled", plan: complete(emptyPlan()) };
  }
  const stopped = stoppedBy(notice, rows.incident);
  if (stopped !== null) {
    return { outcome: "canceled", plan: complete(cancelPlan(rows, stopped, ctx)) };
  }
  if (step.kind === "give_up") {
    return { outcome: "unknown", plan: complete(failPlan(rows, "unknown", unconfirmed(), ctx)) };
  }
  const suppression = suppressionOf(rows);
  if (suppression !== null && notice.status === "pending") {
    return { outcome: "suppressed", plan: complete(suppressPlan(rows, suppression, ctx)) };
  }
  const place = placeOf(notice, rows.others, ctx.now);
  if (place.kind === "wait") {
    const retryAfterSeconds = Math.ceil((place.until - ctx.now) / 1000);
    throw new Transient("lease_held", { retryAfterSeconds });
  }
  if (place.kind === "needless") {
    const because = "nothing of its incident was told there";
    return { outcome: "canceled", plan: complete(cancelPlan(rows, because, ctx)) };
  }
  const { overtaken, follows } = place;
  try {
    const payload = notice.payload ?? (await channel.render(notice, follows));
    const { timeoutMs } = channel;
    const call = { payload, timeoutMs, outboxId, overtaken };
    return { outcome: "call", plan: reservePlan(rows, call, ctx) };
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    return { outcome: "failed", plan: complete(failPlan(rows, "failed", error, ctx)) };
  }
}

/**
 * Notes what the call's failure means; a transient one goes on to the queue. Only of this very call: one
 * whose lease ran out has nothing to say about the notice any more.
 */
async function callFailed(
  due: Due & { call: number },
  error: unknown,
  deps: SendNotificationDeps,
): Promise<SendResult> {
  const isLast = ({ notice }: NoticeRows): boolean =>
    notice.status === "sending" && notice.calls === due.call;
  if (error instanceof Permanent) {
    const { plan } = await settleOr(due, deps, async (rows, ctx) => {
      const plan = isLast(rows) ? failPlan(rows, "failed", error, ctx) : emptyPlan();
      return { outcome: "failed" as const, plan };
    });
    return { outcome: "failed", outbox: plan.inserts.outbox ?? [] };
  }
  if (error instanceof Transient && error.code === "channel_unavailable") {
    const release = settleOr(due, deps, async (rows, ctx) => {
      const plan = isLast(rows) ? releasePlan(rows, error, ctx) : emptyPlan();
      return { outcome: "released" as const, plan };
    });
    const released = await release.catch((cause: unknown) => {
      if (!(cause instanceof AppError)) throw cause; // the lease runs out by itself
      return null;
    });
    await relayed(released?.plan, deps);
  }
  throw error;
}

async function relayed(plan: Plan | undefined, { relay }: SendNotificationDeps): Promise<void> {
  const rows = plan?.inserts.outbox ?? [];
  if (rows.length > 0) await relay?.(rows);
}

/** Loads the notice, decides, applies; again while rows move. */
function settleOr<Outcome>(
  { noticeId, requestId }: Due,
  deps: SendNotificationDeps,
  decide: (rows: NoticeRows, ctx: DecideContext) => Promise<Step<Outcome>>,
): Promise<Step<Outcome>> {
  return untilStill(`notice ${noticeId}`, async () => {
    const rows = await loadNotice(noticeId, deps);
    const { eventId } = rows.notice;
    const actor = "system:notifications";
    const ctx = { now: deps.clock.now(), ids: deps.ids, actor, eventId, requestId };
    const step = await decide(rows, ctx);
    await apply(deps.database, step.plan);
    return step;
  });
}

const OF_RECIPIENT = "n.id = ? AND n.channel = 'email'";

/** Of a month's repeats the last ones tell all that is asked, and whatever waits comes first. */
const OTHERS = {
  join: "JOIN notice n ON t.incident_id = n.incident_id AND t.channel = n.channel AND t.id <> n.id",
  orderBy: "(t.status IN ('pending', 'sending')) DESC, t.created_at DESC, t.id DESC",
  limit: 100,
};
const OF_STORM = {
  join: `JOIN notice n ON t.incident_id = n.incident_id AND t.id <> n.id
    AND t.template IN ('incident-storm', 'incident-resolved')`,
  orderBy: "t.created_at DESC, t.id DESC",
  limit: 100,
};
const SIBLINGS = "JOIN notice n ON t.cause = n.cause AND t.template = n.template AND t.id <> n.id";

async function loadNotice(noticeId: string, deps: SendNotificationDeps): Promise<NoticeRows> {
  const found = await load(deps.database, {
    notice: read("notice", "t.id = ?", [noticeId]),
    deadLetter: read("deadLetter", "t.notice_id = ?", [noticeId]),
    timer: read("timer", "t.kind = 'notice.give_up' AND t.subject = ?", [noticeId]),
    suppressions: read("suppression", OF_RECIPIENT, [noticeId], {
      join: `JOIN notice n ON t.recipient_hash = ${recipientHashSql("n.recipient")}`,
    }),
    incident: read("incident", "n.id = ?", [noticeId], {
      join: "JOIN notice n ON t.id = n.incident_id",
    }),
    others: read(
      "notice",
      "n.id = ? AND n.channel IN ('pagerduty', 'status_page')",
      [noticeId],
      OTHERS,
    ),
    siblings: read("notice", "n.id = ? AND n.instead <> '[]'", [noticeId], { join: SIBLINGS }),
    ofStorm: read("notice", "n.id = ? AND n.template = 'incident-storm'", [noticeId], OF_STORM),
  });
  const notice = found.notice[0];
  if (notice === undefined) throw new Permanent("not_found", { detail: `no notice ${noticeId}` });
  return {
    notice,
    deadLetter: found.deadLetter[0] ?? null,
    timer: found.timer[0] ?? null,
    suppressions: found.suppressions,
    incident: found.incident[0] ?? null,
    others: found.others,
    siblings: found.siblings,
    ofStorm: found.ofStorm,
  };
}

/**
 * Its time is over: what no answer came for is handed to a person. Called by the notice's timer.
 *
 * @param due `outboxId`: of the message that woke the timer, completed with it.
 * @throws Permanent `not_found` when the notice is kept no more.
 */
export async function giveUpNotice(
  due: Due & { outboxId?: string },
  deps: SendNotificationDeps,
): Promise<void> {
  const completes = due.outboxId === undefined ? [] : [due.outboxId];
  const { plan } = await settleOr(due, deps, async (rows, ctx) => {
    const waiting = rows.notice.status === "pending" || rows.notice.status === "sending";
    const plan = waiting ? failPlan(rows, "unknown", unconfirmed(), ctx) : endedTimer(rows);
    return { outcome: "done" as const, plan: { ...plan, completes } };
  });
  await relayed(plan, deps);
}

/**
 * The queue gave up on a notice's message for a cause that no retry mends.
 *
 * @returns "gone" when the notice is kept no more: nothing is left to bury.
 */
export async function failNotice(
  due: Due,
  error: Permanent,
  deps: SendNotificationDeps,
): Promise<"failed" | "gone"> {
  const failed = settleOr(due, deps, async (rows, ctx) => {
    const waiting = rows.notice.status === "pending" || rows.notice.status === "sending";
    const plan = waiting ? failPlan(rows, "failed", error, ctx) : emptyPlan();
    return { outcome: "failed" as const, plan };
  });
  try {
    const { outcome, plan } = await failed;
    await relayed(plan, deps);
    return outcome;
  } catch (cause) {
    if (cause instanceof Permanent && cause.code === "not_found") return "gone";
    throw cause;
  }
}

const endedTimer = ({ timer }: NoticeRows): Plan =>
  timer?.status === "waiting"
    ? { ...emptyPlan(), updates: { timer: [{ ...timer, status: "done" }] } }
    : emptyPlan();
