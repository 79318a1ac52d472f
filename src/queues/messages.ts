import { z } from "zod";
import { CHANNELS } from "../domain/notice.js";

/**
 * What our own queues carry, by version. An old version stays readable until the queues have drained
 * twice after its last writer is gone; `tests/queues/golden/` pins the wire form of each.
 * Webhooks themselves travel as their own bytes: see `delivery.ts`.
 */
const outboxId = z.string().min(1);
const runId = z.string().min(1);
const requestId = z.string().min(1);

const noticeDueV1 = z.strictObject({
  type: z.literal("notice.due.v1"),
  noticeId: z.string().min(1),
  channel: z.enum(CHANNELS),
  /** Only the queue's pace hangs on it, so a worker may leave it aside. Absent in what was written before it. */
  urgent: z.literal(true).optional(),
  runId,
  requestId,
  outboxId,
});
const timerDueV1 = z.strictObject({
  type: z.literal("timer.due.v1"),
  timerId: z.string().min(1),
  dueAt: z.int(),
  runId,
  requestId,
  outboxId,
});
const eventReplayV1 = z.strictObject({
  type: z.literal("event.replay.v1"),
  eventId: z.string().min(1),
  runId,
  requestId,
  outboxId,
});

export const queueMessage = z.discriminatedUnion("type", [noticeDueV1, timerDueV1, eventReplayV1]);
export type QueueMessage = z.infer<typeof queueMessage>;
