import { Client } from "@upstash/qstash";
import { inTime } from "../domain/in-time.js";
import { flowKeyOf, QUEUES, type QueueConfig, type QueueName, queueError } from "./publish.js";

/** A message that the queue gave up on. */
export interface DeadMessage {
  dlqId: string;
  messageId: string;
  /** Which of our queues it was for; null when it is for none: a schedule's call, or a setting gone wrong. */
  queue: QueueName | null;
  /** A cron job's own call, which comes again by itself. */
  isSchedule: boolean;
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
  /** This deployment's dead messages, a page at a time: the label says whose they are, not the address. */
  listDead(cursor: string | undefined): Promise<DeadPage>;
  /** An entry that is gone already was deleted by another instance, which is as good. */
  deleteDead(dlqId: string): Promise<void>;
  ensureSchedule(schedule: Schedule): Promise<"created" | "kept">;
  /** Whether QStash answers, and to our token; asked by health, so it is a small question. */
  ping(): Promise<void>;
  /** What QStash holds a flow control key to; null when nothing was published under it yet. */
  flow(name: string): Promise<FlowState | null>;
}

export interface DeadPage {
  messages: DeadMessage[];
  cursor?: string;
}

export interface FlowState {
  key: string;
  isPaused: boolean;
  /** Set by hand at QStash; what is published no longer changes it. */
  isPinned: boolean;
  parallelismMax: number;
  /** Messages that are due and wait for their turn. */
  waiting: number;
}

const PAGE = 20;
const CALL_TIMEOUT_MS = 10_000;

/** What the SDK's own type of a dead message lacks, or calls by other names in its versions. */
interface RawDeadMessage {
  dlqId: string;
  messageId: string;
  url: string;
  scheduleId?: string;
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

type LabelledSchedule = Awaited<ReturnType<Client["schedules"]["list"]>>[number] &
  Pick<RawDeadMessage, "label" | "labels">;

/**
 * The SDK has no time limit of its own; without one a hung QStash would hold a worker to its end.
 *
 * @throws QueueRefused for a 4xx that speaks of this call alone; else Transient `queue_unavailable`. The
 *   SDK's errors carry the `status` of the answer; what has none never got one.
 */
async function bounded<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await inTime(CALL_TIMEOUT_MS, work, () => new Error(`${what}: no answer in time`));
  } catch (cause) {
    throw queueError(statusOf(cause), { detail: what, cause });
  }
}

function statusOf(error: unknown): number | undefined {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === "number" ? status : undefined;
}

const pathOf = (url: string): string => new URL(url).pathname;

/**
 * By the end of the path alone: what was published under a `PUBLIC_BASE_URL` that has been corrected since
 * is ours all the same, and goes to the address of today.
 */
function queueOfUrl(url: string): QueueName | null {
  return QUEUES.find((queue) => pathOf(url).endsWith(`/api/queues/${queue}`)) ?? null;
}

/** The call's answer, or null when QStash knows nothing of what it names. */
async function found<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
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
  const toDead = (raw: RawDeadMessage): DeadMessage => ({
    dlqId: raw.dlqId,
    messageId: raw.messageId,
    queue: queueOfUrl(raw.url),
    isSchedule: raw.scheduleId !== undefined || /\/api\/cron\/\w+$/.test(pathOf(raw.url)),
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
      await bounded("delete a dead message", found(client.dlq.delete(dlqId)));
    },
    async ensureSchedule({ id, cron, path }) {
      const scheduleId = `${config.label}-${id}`;
      const destination = `${config.publicBaseUrl}${path}`;
      const existing = await bounded("list schedules", client.schedules.list());
      const { label } = config;
      // By its label a failed call of a schedule is found in the dead letter queue, and leaves it.
      const same = (existing as LabelledSchedule[]).some(
        (s) =>
          s.scheduleId === scheduleId &&
          s.cron === cron &&
          s.destination === destination &&
          (s.label === label || s.labels?.includes(label) === true),
      );
      if (same) return "kept";
      const schedule = {
        scheduleId,
        destination,
        cron,
        retries: 0,
        method: "POST" as const,
        label,
      };
      await bounded("create a schedule", client.schedules.create(schedule));
      return "created";
    },
    async ping() {
      await bounded("ask for the parallelism", client.flowControl.getGlobalParallelism());
    },
    async flow(name) {
      const key = flowKeyOf(config, name);
      const state = await bounded("ask for flow control", found(client.flowControl.get(key)));
      if (state === null) return null;
      const { isPaused, isPinnedParallelism, parallelismMax, waitListSize: waiting } = state;
      return { key, isPaused, isPinned: isPinnedParallelism, parallelismMax, waiting };
    },
  };
}
