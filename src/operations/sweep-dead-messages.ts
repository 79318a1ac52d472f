import { Permanent } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import type { Kv, Log } from "../domain/ports.js";
import { type Clock, DAY_MS, MINUTE_MS } from "../domain/time.js";
import type { DeadMessage, QueueAccount } from "../queues/account.js";
import { type QueueMessage, queueMessage } from "../queues/messages.js";
import type { Publisher } from "../queues/publish.js";
import { outboxCreatedAt } from "../store/outbox.js";
import { type BuryDeps, buryMessage } from "./bury-message.js";
import { type DeadPagesDeps, deadPages } from "./dead-pages.js";
import { isForAll } from "./is-for-all.js";

export interface DeadSweepDeps extends BuryDeps, Pick<DeadPagesDeps, "lastRun"> {
  account: QueueAccount;
  publisher: Publisher;
  kv: Kv;
  clock: Clock;
  ids: Ids;
  log: Log;
  /** Writes the message's event as a dead letter of ours. */
  buryEvent(message: DeadMessage, error: Permanent): Promise<void>;
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
/**
 * QStash's free plan forgets an entry after three days. One that has waited this long is published anew
 * though its part is still gone: it fails and dies again, as an entry with three more days. Of all ways to
 * keep it, this one needs nothing but the queue, which holds it already; the database may be what is gone.
 *
 * @see https://upstash.com/pricing/qstash
 */
const KEEP_SAFE_AFTER_MS = 2 * DAY_MS;
/** What is published anew without a part that is known to be back waits as long as it has tried, and this at most. */
const REDRIVE_EVERY_MS_MAX = 30 * 60_000;
/** When a message died first; each re-drive is a new message to the queue, and forgets. */
const SINCE_HEADER = "signalbox-redriven-since";
/** When it was re-driven last. */
const SENT_HEADER = "signalbox-redriven-at";
/** Of the queue's own; everything else of a message was ours and travels again. */
const DROPPED_HEADERS = /^(upstash-|user-agent$|host$|content-length$|connection$|accept)/;
/** Of one sweep, because settling costs time. */
const SETTLED_MAX = 400;
/** Where each waits for a database that is busy: the function ends after five minutes. */
const BUDGET_MS = 2 * MINUTE_MS;

/**
 * Empties QStash's dead letter queue of this deployment's messages. What failed for want of a part is
 * published again once that part answers; what no retry mends, or has not in seven days, becomes a dead
 * letter of ours; what the outbox still holds is dropped, because the outbox sends it again. Only then is the
 * entry deleted. An entry that cannot be settled stays and does not keep the others from their turn; nor
 * do any number that wait, because a sweep goes on where the last one ended.
 *
 * @throws Transient when the queue itself is not to be had, or the database goes away in between. Is the
 *   database gone from the start, then everything waits that needs it.
 */
export async function sweepDeadMessages(deps: DeadSweepDeps): Promise<DeadSweepReport> {
  const report: DeadSweepReport = { redriven: 0, buried: 0, dropped: 0, waiting: 0, stuck: 0 };
  const parts = partsThatAnswer(deps);
  const until = deps.clock.now() + BUDGET_MS;
  const settled = (): number => report.redriven + report.buried + report.dropped;
  for await (const messages of deadPages(deps)) {
    for (const message of messages) {
      if (deps.clock.now() >= until) return report; // the page is the next run's
      const { queue, messageId, responseStatus } = message;
      try {
        const fate = await settle(message, parts, deps);
        report[fate] += 1;
        if (fate === "waiting") continue; // said by the report; a line for each, each minute, says no more
        deps.log.info("dead_message.settled", { queue, messageId, responseStatus, fate });
      } catch (error) {
        if (isForAll(error)) throw error;
        report.stuck += 1;
        const detail = (error as Error).message;
        deps.log.error("dead_message.stuck", { queue, messageId, responseStatus, detail });
      }
    }
    if (settled() >= SETTLED_MAX) break;
  }
  return report;
}

type Fate = Exclude<keyof DeadSweepReport, "stuck">;

async function settle(message: DeadMessage, parts: Parts, deps: DeadSweepDeps): Promise<Fate> {
  const own = ownMessageOf(message);
  let fate = await decideFate(message, own, parts, deps);
  if (fate === "waiting") return fate;
  if (fate === "redriven") await redrive(message, own, deps);
  if (fate === "buried") fate = await buryOrKeep(message, own, deps);
  await deps.account.deleteDead(message.dlqId);
  return fate;
}

/** One that cannot be buried is stuck, and a person hears of it; until it is mended it must not be forgotten. */
async function buryOrKeep(
  message: DeadMessage,
  own: QueueMessage | null,
  deps: DeadSweepDeps,
): Promise<Fate> {
  try {
    return await bury(message, own, deps);
  } catch (error) {
    if (isForAll(error) || !isNearlyForgotten(message, deps)) throw error;
    await redrive(message, own, deps);
    return "redriven";
  }
}

const isNearlyForgotten = ({ createdAt }: DeadMessage, { clock }: DeadSweepDeps): boolean =>
  clock.now() - createdAt > KEEP_SAFE_AFTER_MS;

async function decideFate(
  message: DeadMessage,
  own: QueueMessage | null,
  parts: Parts,
  deps: DeadSweepDeps,
): Promise<Fate> {
  // The failure callback only hints at this very sweep, and a schedule's own call comes again by itself.
  if (message.isSchedule || message.queue === "failed") return "dropped";
  // Never deleted unread: it bears our label, so somebody published it as ours.
  if (message.queue === null) throw new Error("its address ends in none of our queues");
  const now = deps.clock.now();
  const kept = isNearlyForgotten(message, deps) ? "redriven" : "waiting";
  if (!(await parts.database())) return kept;
  // Each publish of the outbox is a message of its own: its row knows since when it has been tried.
  const decidedAt = own === null ? null : await outboxCreatedAt(deps.database, own.outboxId);
  const old = now - Math.min(diedAt(message), decidedAt ?? now) > REDRIVE_FOR_MS;
  if (old || !wantsRetry(message)) return "buried";
  // The outbox sends it again; and a timer's row is the truth, and is swept.
  if (decidedAt !== null || own?.type === "timer.due.v1") return "dropped";
  return isDue(message, now) && (await parts.neededBy(codeOf(message))) ? "redriven" : kept;
}

/**
 * At once where a part of ours was missing that now answers. Anything else may be down for days, or be a
 * message that crashes every worker: each time waits as long as it had been tried when it was sent last. All
 * by our own clock, because the queue's may be ahead of it.
 */
function isDue(message: DeadMessage, now: number): boolean {
  if (/^(database|kv)_/.test(codeOf(message))) return true;
  const sentAt = Number(message.headers.get(SENT_HEADER) ?? message.createdAt);
  const triedForMs = sentAt - diedAt(message);
  const waitedMs = Math.max(0, now - sentAt);
  return waitedMs >= Math.min(triedForMs, REDRIVE_EVERY_MS_MAX);
}

const diedAt = (message: DeadMessage): number =>
  Number(message.headers.get(SINCE_HEADER) ?? message.createdAt);

async function redrive(
  message: DeadMessage,
  own: QueueMessage | null,
  deps: DeadSweepDeps,
): Promise<void> {
  const { queue, body } = message;
  if (queue === null) throw new Error("a message of no queue is never re-driven");
  const kept = [...message.headers].filter(([name]) => !DROPPED_HEADERS.test(name));
  const now = deps.clock.now();
  const headers = {
    ...Object.fromEntries(kept),
    [SINCE_HEADER]: String(Math.min(diedAt(message), now)),
    [SENT_HEADER]: String(now),
  };
  const deduplicationId = deps.ids.next("run");
  await deps.publisher.republish({ queue, message: own, headers, body, deduplicationId });
}

/**
 * No answer, or one that says "later": the worker or something it needs was not there. Nor was it when a 5xx
 * has no code of ours: that is the platform's page for a worker that crashed, was cut off or is not deployed.
 */
function wantsRetry(message: DeadMessage): boolean {
  const { responseStatus } = message;
  if (responseStatus >= 500 && codeOf(message) === NO_CODE) return true;
  return [0, 401, 404, 408, 429, 502, 503, 504].includes(responseStatus);
}

/** A message of our own contracts; null for a webhook, and for what no version can read. */
function ownMessageOf(message: DeadMessage): QueueMessage | null {
  if (message.headers.has("signalbox-delivery")) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(message.body);
    return queueMessage.parse(JSON.parse(text));
  } catch {
    return null; // unreadable: it is buried, or dropped, by what its queue was
  }
}

/** Of an answer that is not our worker's: a platform's error page, or none. */
const NO_CODE = "unknown";

function codeOf(message: DeadMessage): string {
  try {
    const answer = JSON.parse(message.responseBody) as { code?: unknown } | null;
    return typeof answer?.code === "string" ? answer.code : NO_CODE;
  } catch {
    return NO_CODE;
  }
}

interface Parts {
  database(): Promise<boolean>;
  /** The part for want of which a worker answered with this code. */
  neededBy(code: string): Promise<boolean>;
}

/** Asks each part once a sweep whether it answers again. */
function partsThatAnswer(deps: DeadSweepDeps): Parts {
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
  const database = () => once("database", () => deps.database.query("SELECT 1", []));
  const kv = () => once("kv", () => deps.kv.ping());
  return { database, neededBy: (code) => (code.startsWith("kv_") ? kv() : database()) };
}

async function bury(
  message: DeadMessage,
  own: QueueMessage | null,
  deps: DeadSweepDeps,
): Promise<"buried" | "dropped"> {
  const { responseStatus } = message;
  const detail = `after all retries its worker's last answer was ${responseStatus} ${codeOf(message)}`;
  const error = new Permanent("worker_refused", { detail });
  if (own !== null) return buryMessage({ outboxId: own.outboxId, message: own }, error, deps);
  await deps.buryEvent(message, error);
  return "buried";
}
