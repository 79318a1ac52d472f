import { type ChannelId, isUrgent, type Notice } from "./notice.js";
import type { Instant } from "./time.js";

/** Everything that our own queues carry besides webhooks. Versioned contracts live in `queues/messages.ts`. */
export type OutboxMessage =
  | {
      type: "notice.due.v1";
      noticeId: string;
      channel: ChannelId;
      /** A mail to people on call: it goes by a rate of its own, not behind the mails to users. */
      urgent?: true | undefined;
      runId: string;
      requestId: string;
    }
  | { type: "timer.due.v1"; timerId: string; dueAt: Instant; runId: string; requestId: string }
  | { type: "event.replay.v1"; eventId: string; runId: string; requestId: string };

/** The message by which a notice leaves. */
export const noticeDue = (
  { id, channel, template }: Pick<Notice, "id" | "channel" | "template">,
  by: { runId: string; requestId: string },
): OutboxMessage => ({
  type: "notice.due.v1",
  noticeId: id,
  channel,
  ...(channel === "email" && isUrgent(template) ? { urgent: true } : {}),
  ...by,
});

/** A message that was decided in the same statement as the effects, to be published after it. */
export interface OutboxRow {
  id: string;
  message: OutboxMessage;
  createdAt: Instant;
  /** A sweep publishes it when this has passed and its receiver has not completed it. */
  dueAt: Instant;
  publishes: number;
  /** Of these, how many the queue refused. */
  refusals: number;
}

/**
 * `notice.give_up`: no answer came for a notice in time. `incident.due`: something that an incident's clock asks for;
 * one for each incident, wound to what comes next. `deployment.due`: a deployment's checks; `deployment.lockdown`: it
 * came in a lockdown, or around an exam, and people are to be told.
 */
export const TIMER_KINDS = [
  "notice.give_up",
  "incident.due",
  "deployment.due",
  "deployment.lockdown",
] as const;
export type TimerKind = (typeof TIMER_KINDS)[number];

/** Something to be done at a time. The row is the truth; a queue's delay only wakes it. */
export interface TimerRow {
  id: string;
  kind: TimerKind;
  subject: string;
  dueAt: Instant;
  status: "waiting" | "done";
  createdAt: Instant;
  version: number;
}
