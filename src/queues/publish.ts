import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { Transient } from "../domain/errors.js";
import type { OutboxMessage, OutboxRow } from "../domain/outbox.js";
import type { Post } from "../domain/ports.js";
import type { Secret } from "../domain/secret.js";
import type { Instant } from "../domain/time.js";
import { DELIVERY_HEADER } from "./delivery.js";

export const QUEUES = ["events", "notifications", "timers", "failed"] as const;
export type QueueName = (typeof QUEUES)[number];

export interface QueueConfig {
  /** QStash's address, without a slash at the end. */
  url: string;
  token: Secret;
  /** Exactly as QStash will call it, because it signs that. */
  publicBaseUrl: string;
  /** Marks this deployment's messages: the dead letter queue is shared by the whole account. */
  label: string;
  /** Events at once, over all instances; keep it under the database pool. */
  eventParallelism: number;
  /** Mails a second that the account may send. */
  emailPerSecond: number;
  publishTimeoutMs: number;
}

/** Attempts after the first; then the dead letter queue, which a sweep re-drives. Plans allow as few as 3. */
const RETRIES = "3";
/** Milliseconds before each: 10 s, 30 s, 90 s; the default backoff would take six hours by the fourth. */
const RETRY_DELAY = "min(300000, 10000 * pow(3, retried))";

export interface Published {
  messageId: string;
  /** The queue has seen this deduplication id within its window and took nothing new. */
  deduplicated: boolean;
}

export interface Publisher {
  /** The one call before the ack. `sealed` is the delivery header; the body goes as it is. */
  publishDelivery(message: {
    sealed: string;
    body: Uint8Array<ArrayBuffer>;
    deduplicationId: string;
  }): Promise<Published>;
  /**
   * Publishes messages of our own in one call; each carries its outbox id, by which its receiver completes it.
   *
   * @throws QueueRefused when QStash will not take the batch, or one of it: publish them one by one.
   */
  publishOutbox(
    rows: readonly Pick<OutboxRow, "id" | "message" | "createdAt" | "publishes">[],
  ): Promise<void>;
  /**
   * Publishes a message of any of our queues once more, under an id that no window has seen. `message` is
   * what it carries of ours, which keeps the flow control it had; null for a webhook.
   */
  republish(message: {
    queue: QueueName;
    message: OutboxMessage | null;
    headers: Readonly<Record<string, string>>;
    body: Uint8Array<ArrayBuffer>;
    deduplicationId: string;
  }): Promise<void>;
}

export const queueUrl = (config: Pick<QueueConfig, "publicBaseUrl">, queue: QueueName): string =>
  `${config.publicBaseUrl}/api/queues/${queue}`;

/** QStash is there and answers, but does not take this very request; another may go through. */
export class QueueRefused extends Transient {}

/** These speak of the account or of the service, and so of every request; all other 4xx of this one alone. */
const GONE_STATUSES = [401, 403, 408, 429];

/**
 * What a call to QStash failed with, by the status it answered; undefined when there was no answer.
 * Both are `queue_unavailable`: whoever cannot tell one message from another keeps all and tries later.
 */
export function queueError(
  status: number | undefined,
  o: { detail: string; cause?: unknown },
): Transient {
  const isRefusal =
    status !== undefined && status >= 400 && status < 500 && !GONE_STATUSES.includes(status);
  return new (isRefusal ? QueueRefused : Transient)("queue_unavailable", o);
}

/** Messages of one flow control key that are worked on at once, where nothing else is set. */
const PARALLELISM = 2;
/** Every webhook's key; `signalbox setup` asks QStash about it. */
export const EVENTS_FLOW = "events";
/** Of webhooks that are published anew out of the queue's dead letters. */
export const REDRIVE_FLOW = "redrive";

function flowOf(config: QueueConfig, message: OutboxMessage | null): [key: string, value: string] {
  const few = `parallelism=${PARALLELISM}`;
  if (message === null) return [EVENTS_FLOW, `parallelism=${config.eventParallelism}`];
  if (message.type === "timer.due.v1") return ["timers", few];
  if (message.type === "event.replay.v1") return ["replays", few];
  // One key per channel, and two for mail, so that a page never waits behind mails to users.
  const flow = `notices-${message.channel}`;
  if (message.channel !== "email" || config.emailPerSecond <= 0) {
    return [message.urgent ? `${flow}-urgent` : flow, few];
  }
  const { urgent, users } = mailRates(config.emailPerSecond);
  return message.urgent ? [`${flow}-urgent`, urgent] : [flow, users];
}

/**
 * The account's rate in two parts that never exceed it together: a quarter, and one at least, for mails to people
 * on call. They are few, but thousands to users may have been planned just before them.
 */
function mailRates(perSecond: number): { urgent: string; users: string } {
  const half = "rate=1, period=2s";
  if (perSecond < 2) return { urgent: half, users: half };
  const urgent = Math.ceil(perSecond / 4);
  return {
    urgent: `rate=${urgent}, period=1s`,
    users: `rate=${perSecond - urgent}, period=1s`,
  };
}

export const flowKeyOf = (config: Pick<QueueConfig, "label">, flow: string): string =>
  `${config.label}-${flow}`;

/** What a mail is given for its statements; its call to the vendor holds no connection. */
const MAIL_ON_DATABASE_SECONDS = 0.1;

/** How many messages QStash may have us work on the database for at once, over all instances, by what they are. */
export function messagesAtOnce(
  config: Pick<QueueConfig, "eventParallelism" | "emailPerSecond">,
): Readonly<Record<string, number>> {
  return {
    events: config.eventParallelism,
    replays: PARALLELISM,
    "re-driven events": PARALLELISM,
    timers: PARALLELISM,
    // Mail is held by its rate, not by how many there are at once.
    mails:
      config.emailPerSecond > 0
        ? Math.ceil(config.emailPerSecond * MAIL_ON_DATABASE_SECONDS)
        : PARALLELISM,
    "notices of other channels": 4 * PARALLELISM,
  };
}

export const queueOf = (message: OutboxMessage): QueueName => {
  switch (message.type) {
    case "notice.due.v1":
      return "notifications";
    case "timer.due.v1":
      return "timers";
    case "event.replay.v1":
      return "events";
  }
};

function headersFor(config: QueueConfig, message: OutboxMessage | null): Record<string, string> {
  const [flowKey, flowValue] = flowOf(config, message);
  return {
    "Upstash-Method": "POST",
    "Upstash-Retries": RETRIES,
    "Upstash-Retry-Delay": RETRY_DELAY,
    "Upstash-Timeout": "60s",
    "Upstash-Label": config.label,
    "Upstash-Failure-Callback": queueUrl(config, "failed"),
    // Only a hint, so it is not billed again and again: the sweep of the next minute finds what it hints at.
    "Upstash-Failure-Callback-Retries": "0",
    "Upstash-Flow-Control-Key": flowKeyOf(config, flowKey),
    "Upstash-Flow-Control-Value": flowValue,
  };
}

/**
 * QStash wakes a timer at its time; seconds, rounded up so that it is never early. One that was due when it was
 * written goes at once: a page must not wait for the second, nor for QStash's clock.
 */
function notBeforeOf(
  message: OutboxMessage,
  createdAt: Instant = Number.NEGATIVE_INFINITY,
): Record<string, string> {
  if (message.type !== "timer.due.v1" || message.dueAt <= createdAt) return {};
  return { "Upstash-Not-Before": String(Math.ceil(message.dueAt / 1000)) };
}

/** Publishing is one plain POST: QStash's client has no time limit, and the ack path has one call to spend. */
export function createPublisher(config: QueueConfig, post: Post): Publisher {
  const authorization = `Bearer ${config.token.reveal()}`;
  const eventsUrl = `${config.url}/v2/publish/${queueUrl(config, "events")}`;
  const eventHeaders = Object.freeze({
    ...headersFor(config, null),
    Authorization: authorization,
    "Content-Type": "application/octet-stream",
  });
  const send: Post = async (request) => {
    try {
      return await post(request);
    } catch (cause) {
      throw new Transient("queue_unavailable", { cause });
    }
  };
  const timeoutMs = config.publishTimeoutMs;
  return {
    async publishDelivery({ sealed, body, deduplicationId }) {
      const headers = {
        // Before what is spread, which has neither of them: behind it each costs a microsecond on Node 20.
        "Upstash-Deduplication-Id": deduplicationId,
        [`Upstash-Forward-${DELIVERY_HEADER}`]: sealed,
        ...eventHeaders,
      };
      const answer = await send({ url: eventsUrl, headers, body, timeoutMs });
      return readPublished(answer);
    },
    async publishOutbox(rows) {
      const batch = rows.map(({ id, message, createdAt, publishes }) => ({
        destination: queueUrl(config, queueOf(message)),
        headers: {
          ...headersFor(config, message),
          ...notBeforeOf(message, createdAt),
          "Upstash-Deduplication-Id": `${id}-${publishes}`,
          "Content-Type": "application/json",
        },
        body: JSON.stringify({ ...message, outboxId: id }),
      }));
      const headers = { Authorization: authorization, "Content-Type": "application/json" };
      const body = JSON.stringify(batch);
      const answer = await send({ url: `${config.url}/v2/batch`, headers, body, timeoutMs });
      if (answer.status >= 300) throw refusal(answer.status);
      assertAllTaken(answer.text);
    },
    async republish({ queue, message, headers: forwarded, body, deduplicationId }) {
      const forward = Object.entries(forwarded).map(([name, value]) => [
        name === "content-type" ? name : `Upstash-Forward-${name}`,
        value,
      ]);
      // Webhooks of a past outage don't stand before those of now; ours keep the rate of their vendor.
      const slow = {
        "Upstash-Flow-Control-Key": flowKeyOf(config, REDRIVE_FLOW),
        "Upstash-Flow-Control-Value": `parallelism=${PARALLELISM}`,
      };
      const headers = {
        ...headersFor(config, message),
        ...(message === null ? slow : {}),
        Authorization: authorization,
        "Upstash-Deduplication-Id": deduplicationId,
        ...Object.fromEntries(forward),
      };
      const url = `${config.url}/v2/publish/${queueUrl(config, queue)}`;
      readPublished(await send({ url, headers, body, timeoutMs }));
    },
  };
}

const refusal = (status: number): Transient =>
  queueError(status, { detail: `QStash answered ${status}` });

/**
 * A batch is answered with a success though an element of it was refused: that one carries an `error`.
 *
 * @see https://upstash.com/docs/qstash/features/batch
 */
function assertAllTaken(text: string): void {
  let answers: unknown;
  try {
    answers = JSON.parse(text);
  } catch (cause) {
    throw new Transient("queue_unavailable", { detail: "QStash's answer is unreadable", cause });
  }
  const refused = (Array.isArray(answers) ? answers : []).some((one) => one?.error !== undefined);
  if (refused) throw new QueueRefused("queue_unavailable", { detail: "one of a batch is refused" });
}

function readPublished(answer: { status: number; text: string }): Published {
  if (answer.status < 200 || answer.status >= 300) throw refusal(answer.status);
  try {
    const { messageId, deduplicated } = JSON.parse(answer.text) as Partial<Published>;
    if (typeof messageId !== "string") throw new TypeError("messageId is missing");
    return { messageId, deduplicated: deduplicated === true };
  } catch (cause) {
    throw new Transient("queue_unavailable", { detail: "QStash's answer is unreadable", cause });
  }
}

/** Hashed, because QStash refuses `:` in an id and a header takes ASCII only. */
export function deduplicationIdOf(source: string, eventKey: string): string {
  return bytesToHex(sha256(utf8ToBytes(`${source}\n${eventKey}`)));
}
