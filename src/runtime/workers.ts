import type { Channels } from "../channels/channel.js";
import { Permanent } from "../domain/errors.js";
import type { Gateway } from "../domain/gateway.js";
import type { Ids } from "../domain/ids.js";
import type { Kv, Log } from "../domain/ports.js";
import type { Secret } from "../domain/secret.js";
import type { Clock } from "../domain/time.js";
import {
  type EventResult,
  type EventRun,
  isOurs,
  type RunEventDeps,
  runEvent,
} from "../handlers/run-event.js";
import { sendNotification } from "../handlers/send-notification/index.js";
import { unpack } from "../ingest/unpack.js";
import type { Relay } from "../operations/relay-outbox.js";
import { keptRun } from "../operations/run-kept-event.js";
import { runTimer, type TimerDeps } from "../operations/run-timer.js";
import type { Policy } from "../policy/schema.js";
import { type Consumed, type Handled, noteError, type Worker } from "../queues/consume.js";
import { DELIVERY_HEADER, type Delivery, openDelivery } from "../queues/delivery.js";
import { type QueueMessage, queueMessage } from "../queues/messages.js";
import type { QueueName } from "../queues/publish.js";
import type { Source } from "../sources/source.js";
import type { Database } from "../store/database.js";
import { completeOutbox, readTimer } from "../store/outbox.js";

export interface WorkerDeps
  extends Pick<TimerDeps, "runIncident" | "checkDeployment" | "tellOfLockdown"> {
  database: Database;
  channels: Channels;
  clock: Clock;
  ids: Ids;
  kv: Kv;
  log: Log;
  relay: Relay;
  /** The tokens that may have sealed a delivery. */
  queueTokens: readonly Secret[];
  sourceById(id: string): Source | undefined;
  ours: ReadonlySet<string>;
  policy: Policy;
  tellsPlatform: boolean;
  gatewayOf(sourceId: string): Gateway | undefined;
  /** Looks into the queue's dead letters now; the failure callback only hints at it. */
  sweepDead(): Promise<unknown>;
}

/** What each of our queues does with a message. */
export function createWorkers(deps: WorkerDeps): Readonly<Record<QueueName, Worker>> {
  return Object.freeze({
    events: (message: Consumed) =>
      message.headers.has(DELIVERY_HEADER)
        ? workDelivery(message, deps)
        : workReplay(message, deps),
    notifications: (message: Consumed) => workNotice(message, deps),
    timers: (message: Consumed) => workTimer(message, deps),
    failed: async () => {
      await deps.sweepDead();
      return { status: "swept", requestId: "unknown" };
    },
  });
}

const attemptIdOf = ({ messageId, retried }: Pick<Consumed, "messageId" | "retried">): string =>
  `${messageId}:${retried}`;

async function workDelivery(message: Consumed, deps: WorkerDeps): Promise<Handled> {
  const delivery = openDelivery(message.headers.get(DELIVERY_HEADER), deps.queueTokens);
  if (delivery === null) throw new Permanent("forged_message");
  const { startedAt } = message;
  const body = await tied(delivery.requestId, () => unpack(delivery, message.body, deps.kv));
  const run: EventRun = { delivery, body, attemptId: attemptIdOf(message), startedAt };
  const handled = await work(run, deps);
  if (delivery.claimKey !== undefined) await forgetClaim(delivery.claimKey, delivery, deps);
  return handled;
}

/** Runs the event, publishes what it decided, and ties whatever fails to its request id. */
async function work(run: EventRun, deps: WorkerDeps): Promise<Handled> {
  const { requestId } = run.delivery;
  try {
    const result = await runEvent(run, deps);
    await deps.relay(result.outbox);
    noteFinished(run, result, deps.log);
    return { status: result.outcome, requestId };
  } catch (error) {
    noteError(error, { requestId, quiet: isOurs(run, deps) });
    throw error;
  }
}

/** A dead event waits for a person: its line is an error, and says of what it died and where it lies. */
function noteFinished({ delivery }: EventRun, result: EventResult, log: Log): void {
  const { requestId, source, type } = delivery;
  const { eventId, outcome, died } = result;
  const fetches = (result.fetches ?? 0) > 0 ? { fetches: result.fetches } : {};
  const fields = { requestId, source, type, eventId, outcome, ...fetches };
  if (died === undefined) log.info("event.finished", fields);
  else log.error("event.finished", { ...fields, ...died });
}

/** The body is stored with the event now; what stays behind in KV goes by its time to live. */
async function forgetClaim(key: string, delivery: Delivery, deps: WorkerDeps): Promise<void> {
  try {
    await deps.kv.delete(key);
  } catch (error) {
    const { requestId } = delivery;
    deps.log.warn("claim.left", { requestId, detail: (error as Error).name });
  }
}

/** @throws Permanent `unreadable_message` when no version of ours reads it. */
function readMessage<T extends QueueMessage["type"]>(
  message: Consumed,
  type: T,
): Extract<QueueMessage, { type: T }> {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(message.body);
    const parsed = queueMessage.parse(JSON.parse(text));
    if (parsed.type !== type) throw new TypeError(`expected ${type}`);
    return parsed as Extract<QueueMessage, { type: T }>;
  } catch (cause) {
    throw new Permanent("unreadable_message", { detail: `wanted ${type}`, cause });
  }
}

async function workReplay(message: Consumed, deps: WorkerDeps): Promise<Handled> {
  const replay = readMessage(message, "event.replay.v1");
  const { requestId, outboxId } = replay;
  const run = await tied(requestId, async () => {
    const kept = await keptRun(deps.database, replay.eventId, {
      attemptId: attemptIdOf(message),
      startedAt: message.startedAt,
      runId: replay.runId,
      completes: outboxId,
    });
    if (kept === null) await completeOutbox(deps.database, outboxId);
    return kept;
  });
  return run === null ? { status: "gone", requestId } : work(run, deps);
}

async function workNotice(message: Consumed, deps: WorkerDeps): Promise<Handled> {
  const due = readMessage(message, "notice.due.v1");
  const { requestId } = due;
  return tied(requestId, async () => {
    const sent = await orGone(sendNotification(due, deps));
    if (sent === null) {
      await completeOutbox(deps.database, due.outboxId);
      return { status: "gone", requestId };
    }
    await deps.relay(sent.outbox);
    return { status: sent.outcome, requestId };
  });
}

/** Null when what the message is about is kept no more: nothing is left to do, and to bury nobody. */
async function orGone<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Permanent && error.code === "not_found") return null;
    throw error;
  }
}

async function workTimer(message: Consumed, deps: WorkerDeps): Promise<Handled> {
  const { timerId, requestId, outboxId } = readMessage(message, "timer.due.v1");
  return tied(requestId, async () => {
    const timer = await readTimer(deps.database, timerId);
    const by = { requestId, outboxId };
    const status = timer === null ? "gone" : await runTimer(timer, deps, by);
    if (status !== "ran") await completeOutbox(deps.database, outboxId);
    return { status, requestId };
  });
}

/** Whatever fails in the work carries the request that it began with, into the log and the report. */
async function tied<T>(requestId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    noteError(error, { requestId, quiet: false });
    throw error;
  }
}

/** Writes a message that its queue gave up on as a dead letter of ours, whatever can be read of it. */
export async function buryEvent(
  message: Pick<Consumed, "headers" | "body" | "messageId">,
  error: Permanent,
  deps: RunEventDeps & Pick<WorkerDeps, "queueTokens" | "kv">,
): Promise<void> {
  const opened = openDelivery(message.headers.get(DELIVERY_HEADER), deps.queueTokens);
  const now = deps.clock.now();
  const nameless: Delivery = {
    v: 1,
    source: "unknown",
    eventKey: `message:${message.messageId}`,
    type: "unreadable",
    occurredAt: now,
    receivedAt: now,
    requestId: "unknown",
    verifiedBy: "nobody",
    headers: {},
    encoding: "raw",
  };
  const delivery = opened ?? nameless;
  const body = await unpack(delivery, message.body, deps.kv);
  const isForged = opened === null && message.headers.has(DELIVERY_HEADER);
  const verdict = isForged ? new Permanent("forged_message") : error;
  const attemptId = `${message.messageId}:buried`;
  const run: EventRun = { delivery, body, attemptId, startedAt: now, verdict };
  noteFinished(run, await runEvent(run, deps), deps.log);
}
