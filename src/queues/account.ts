import { Client } from "@upstash/qstash";
import { Transient } from "../domain/errors.js";
import { QUEUES, type QueueConfig, type QueueName, queueUrl } from "./publish.js";

/** A message that the queue gave up on. */
export interface DeadMessage {
  dlqId: string;
  messageId: string;
  /** Which of our queues it was for; null when it is for none, which is a setting gone wrong. */
  queue: QueueName | null;
  headers: Headers;
  body: Uint8Array<ArrayBuffer>;
  createdAt: number;
  /** The worker's last answer; 0 when there was none. */
  responseStatus: number;
  responseBody: string;
}

export interface Schedule {
  id: string;
  cron: string;
  path: string;
}

/** What is asked of QStash besides publishing: its dead letter queue, schedules, flow control. */
export interface QueueAccount {
  /** This deployment's dead messages, a page at a time. */
  listDead(cursor: string | undefined): Promise<{ messages: DeadMessage[]; cursor?: string }>;
  deleteDead(dlqId: string): Promise<void>;
  ensureSchedule(schedule: Schedule): Promise<"created" | "kept">;
}

const PAGE = 20;
const CALL_TIMEOUT_MS = 10_000;

/** What the SDK's own type of a dead message lacks, or calls by other names in its versions. */
interface RawDeadMessage {
  dlqId: string;
  messageId: string;
  url: string;
  header?: Record<string, string[]>;
  body?: string;
  bodyBase64?: string;
  createdAt: number;
  responseStatus?: number;
  responseBody?: string;
  responseBodyBase64?: string;
  label?: string;
  labels?: string[];
}

/** The SDK has no time limit of its own; without one a hung QStash would hold a worker to its end. */
async function bounded<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no answer in time`)), CALL_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } catch (cause) {
    throw new Transient("queue_unavailable", { detail: what, cause });
  } finally {
    clearTimeout(timer);
  }
}

const bytesOf = (text: string | undefined, base64: string | undefined): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(base64 === undefined ? Buffer.from(text ?? "") : Buffer.from(base64, "base64"));

export function createQueueAccount(config: QueueConfig): QueueAccount {
  const client = new Client({
    baseUrl: config.url,
    token: config.token.reveal(),
    retry: false,
    enableTelemetry: false,
  });
  const queueOfUrl = (url: string): QueueName | null =>
    QUEUES.find((queue) => new URL(url).pathname === new URL(queueUrl(config, queue)).pathname) ??
    null;
  const toDead = (raw: RawDeadMessage): DeadMessage => ({
    dlqId: raw.dlqId,
    messageId: raw.messageId,
    queue: queueOfUrl(raw.url),
    headers: new Headers(
      Object.entries(raw.header ?? {}).map(([name, values]) => [name, values.join(", ")]),
    ),
    body: bytesOf(raw.body, raw.bodyBase64),
    createdAt: raw.createdAt,
    responseStatus: raw.responseStatus ?? 0,
    responseBody: new TextDecoder().decode(bytesOf(raw.responseBody, raw.responseBodyBase64)),
  });
  return {
    async listDead(cursor) {
      const page = await bounded(
        "list the dead letter queue",
        client.dlq.listMessages({
          count: PAGE,
          filter: { label: config.label },
          ...(cursor === undefined ? {} : { cursor }),
        }),
      );
      const messages = (page.messages as unknown as RawDeadMessage[]).map(toDead);
      return page.cursor ? { messages, cursor: page.cursor } : { messages };
    },
    async deleteDead(dlqId) {
      await bounded("delete a dead message", client.dlq.delete(dlqId));
    },
    async ensureSchedule({ id, cron, path }) {
      const scheduleId = `${config.label}-${id}`;
      const destination = `${config.publicBaseUrl}${path}`;
      const existing = await bounded("list schedules", client.schedules.list());
      const same = existing.some(
        (s) => s.scheduleId === scheduleId && s.cron === cron && s.destination === destination,
      );
      if (same) return "kept";
      const schedule = { scheduleId, destination, cron, retries: 0, method: "POST" as const };
      await bounded("create a schedule", client.schedules.create(schedule));
      return "created";
    },
  };
}
