import { newMessageId } from "./ids.js";
import type { Answer, CallbackSpec, MessageSpec, NewMessage, WaitingMessage } from "./message.js";
import { withoutUndefined } from "./publish-request.js";

interface EndedAttempt {
  message: WaitingMessage;
  answer: Answer | null;
  /** Set when the message went to the DLQ with this attempt. */
  dlqId: string | null;
  nowMs: number;
}

/**
 * The callback messages of one attempt: `callback` after every attempt, `failureCallback` only
 * when the message has failed for good.
 * @see https://upstash.com/docs/qstash/features/callbacks
 */
export function callbacksOf(attempt: EndedAttempt): NewMessage[] {
  const { callback, failureCallback } = attempt.message.spec;
  const made: NewMessage[] = [];
  if (callback !== undefined) made.push(callbackMessage(callback, attempt, null));
  if (failureCallback !== undefined && attempt.dlqId !== null) {
    made.push(callbackMessage(failureCallback, attempt, attempt.dlqId));
  }
  return made;
}

function callbackMessage(
  callback: CallbackSpec,
  attempt: EndedAttempt,
  dlqId: string | null,
): NewMessage {
  const { message, nowMs } = attempt;
  const spec: MessageSpec = withoutUndefined({
    url: callback.url,
    method: callback.method,
    header: callback.header,
    maxRetries: callback.maxRetries ?? message.spec.maxRetries,
    retryDelayExpression: callback.retryDelayExpression,
    timeoutMs: callback.timeoutMs,
    createdAtMs: nowMs,
    notBeforeMs: nowMs,
    // So that a callback can be told apart by the same label; whether QStash does is UNCONFIRMED.
    labels: message.spec.labels,
    callerIp: message.spec.callerIp,
  });
  const body = Buffer.from(JSON.stringify(callbackBody(attempt, dlqId)));
  return { id: newMessageId(nowMs), spec, body, dueAtMs: nowMs, rank: 0, dedupKey: null };
}

function callbackBody({ message, answer }: EndedAttempt, dlqId: string | null) {
  const { spec } = message;
  return {
    // What QStash writes when there was no answer at all is UNCONFIRMED.
    status: answer?.status ?? 0,
    header: answer?.header ?? {},
    body: (answer?.body ?? Buffer.alloc(0)).toString("base64"),
    retried: message.retried,
    maxRetries: spec.maxRetries,
    ...(dlqId === null ? {} : { dlqId }),
    sourceMessageId: message.id,
    url: spec.url,
    method: spec.method,
    sourceHeader: spec.header,
    sourceBody: message.body.toString("base64"),
    // The docs print both as strings; whether they are is UNCONFIRMED.
    notBefore: String(spec.notBeforeMs),
    createdAt: String(spec.createdAtMs),
    scheduleId: spec.scheduleId,
    callerIp: spec.callerIp,
  };
}
