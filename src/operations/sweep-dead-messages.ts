import { Permanent, Transient } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import type { Kv, Log } from "../domain/ports.js";
import { type Clock, DAY_MS } from "../domain/time.js";
import type { DeadMessage, QueueAccount } from "../queues/account.js";
import { queueMessage } from "../queues/messages.js";
import type { Publisher } from "../queues/publish.js";
import type { Database } from "../store/database.js";
import { outboxExists } from "../store/outbox.js";

export interface DeadSweepDeps {
  account: QueueAccount;
  publisher: Publisher;
  database: Database;
  kv: Kv;
  clock: Clock;
  ids: Ids;
  log: Log;
  /** Writes the message's event as a dead letter of ours. */
  buryEvent(message: DeadMessage, error: Permanent): Promise<void>;
  /** Writes the message's notice as a dead letter of ours. */
  buryNotice(due: { noticeId: string; requestId: string }, error: Permanent): Promise<void>;
}

export interface DeadSweepReport {
  redriven: number;
  buried: number;
  dropped: number;
  waiting: number;
  /** Could not be settled for a cause of their own; they stay, and the log says why. */
  stuck: number;
}

/** A part that is gone for longer needs a person, who then finds the dead letters in one place. */
const REDRIVE_FOR_MS = 7 * DAY_MS;
/** When a message died first; each re-drive is a new message to the queue, and forgets. */
const SINCE_HEADER = "signalbox-redriven-since";
/** Of the queue's own; everything else of a message was ours and travels again. */
const DROPPED_HEADERS = /^(upstash-|user-agent$|host$|content-length$|connection$|accept)/;
const MESSAGES_MAX = 400;

/**
 * Empties QStash's dead letter queue of this deployment's messages. What failed for want of a part is
 * published again once that part answers; what no retry mends becomes a dead letter of ours; what the
 * outbox still holds is dropped, because the outbox sends it again. Only then is the entry deleted.
 * An entry that cannot be settled stays and does not keep the others from their turn.
 *
 * @throws Transient when the database or the queue itself is not to be had.
 */
export async function sweepDeadMessages(deps: DeadSweepDeps): Promise<DeadSweepReport> {
  const report: DeadSweepReport = { redriven: 0, buried: 0, dropped: 0, waiting: 0, stuck: 0 };
  const answers = partsThatAnswer(deps);
  let cursor: string | undefined;
  let seen = 0;
  do {
    const page = await deps.account.listDead(cursor);
    for (const message of page.messages) {
      const { queue, messageId, responseStatus } = message;
      try {
        const fate = await settle(message, answers, deps);
        report[fate] += 1;
        deps.log.info("dead_message.settled", { queue, messageId, responseStatus, fate });
      } catch (error) {
        if (isForAll(error)) throw error;
        report.stuck += 1;
        const detail = (error as Error).message;
        deps.log.error("dead_message.stuck", { queue, messageId, responseStatus, detail });
      }
    }
    seen += page.messages.length;
    cursor = page.cursor;
  } while (cursor !== undefined && seen < MESSAGES_MAX);
  return report;
}

/** Without the database or the queue no entry can be settled; the next sweep begins again. */
function isForAll(error: unknown): boolean {
  const codes = ["database_unavailable", "queue_unavailable"];
  return error instanceof Transient && codes.includes(error.code);
}

type Fate = Exclude<keyof DeadSweepReport, "stuck">;

async function settle(
  message: DeadMessage,
  answers: (code: string) => Promise<boolean>,
  deps: DeadSweepDeps,
): Promise<Fate> {
  const fate = await decideFate(message, answers, deps);
  if (fate === "waiting") return fate;
  if (fate === "redriven") {
    await redrive(message, deps);
  } else if (fate === "buried") {
    await bury(message, deps);
  }
  await deps.account.deleteDead(message.dlqId);
  return fate;
}

async function decideFate(
  message: DeadMessage,
  answers: (code: string) => Promise<boolean>,
  deps: DeadSweepDeps,
): Promise<Fate> {
  // The failure callback only hints at this very sweep, and a sweep's own call comes again by itself.
  if (message.queue === null || message.queue === "failed") return "dropped";
  const own = ownMessageOf(message);
  if (own !== null && (await outboxExists(deps.database, own.outboxId))) return "dropped";
  if (own?.type === "timer.due.v1") return "dropped"; // the timer's row is the truth, and is swept
  const old = deps.clock.now() - diedAt(message) > REDRIVE_FOR_MS;
  if (old || !wantsRetry(message)) return "buried";
  return (await answers(codeOf(message))) ? "redriven" : "waiting";
}

const diedAt = (message: DeadMessage): number =>
  Number(message.headers.get(SINCE_HEADER) ?? message.createdAt);

async function redrive(message: DeadMessage, deps: DeadSweepDeps): Promise<void> {
  const { queue, body } = message;
  if (queue === null) throw new Error("a message of no queue is never re-driven");
  const kept = [...message.headers].filter(([name]) => !DROPPED_HEADERS.test(name));
  const headers = { ...Object.fromEntries(kept), [SINCE_HEADER]: String(diedAt(message)) };
  const deduplicationId = deps.ids.next("run");
  await deps.publisher.republish({ queue, headers, body, deduplicationId });
}

/** No answer, or one that says "later": the worker or something it needs was not there. */
function wantsRetry({ responseStatus }: DeadMessage): boolean {
  return [0, 401, 404, 408, 429, 502, 503, 504].includes(responseStatus);
}

/** A message of our own contracts; null for a webhook, and for what no version can read. */
function ownMessageOf(message: DeadMessage) {
  if (message.headers.has("signalbox-delivery")) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(message.body);
    return queueMessage.parse(JSON.parse(text));
  } catch {
    return null; // unreadable: it is buried, or dropped, by what its queue was
  }
}

function codeOf(message: DeadMessage): string {
  try {
    const { code } = JSON.parse(message.responseBody) as { code?: unknown };
    return typeof code === "string" ? code : "unknown";
  } catch {
    return "unknown"; // not our worker's answer: a platform's error page, or none
  }
}

/** Asks each part once a sweep whether it answers again. */
function partsThatAnswer(deps: DeadSweepDeps): (code: string) => Promise<boolean> {
  const asked = new Map<string, Promise<boolean>>();
  const once = (part: string, ask: () => Promise<unknown>): Promise<boolean> => {
    const known = asked.get(part);
    if (known !== undefined) return known;
    const answer = ask().then(
      () => true,
      () => false, // down still: the message waits in the queue's dead letters
    );
    asked.set(part, answer);
    return answer;
  };
  return (code) => {
    if (code.startsWith("kv_")) return once("kv", () => deps.kv.ping());
    return once("database", () => deps.database.query("SELECT 1", []));
  };
}

async function bury(message: DeadMessage, deps: DeadSweepDeps): Promise<void> {
  const { responseStatus } = message;
  const detail = `after all retries its worker's last answer was ${responseStatus} ${codeOf(message)}`;
  const error = new Permanent("worker_refused", { detail });
  const own = ownMessageOf(message);
  if (own?.type === "notice.due.v1") await deps.buryNotice(own, error);
  else await deps.buryEvent(message, error);
}
