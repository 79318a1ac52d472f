import { describeError } from "../domain/describe-error.js";
import { countField, countsKey, SWEPT } from "../domain/door-counts.js";
import { isByDoor } from "../domain/event.js";
import type { Kv, Log } from "../domain/ports.js";
import type { Secret } from "../domain/secret.js";
import { type Clock, SECOND_MS } from "../domain/time.js";
import { openDelivery, sealDelivery } from "../queues/delivery.js";
import { type Published, type Publisher, QueueRefused } from "../queues/publish.js";
import { fromBase64 } from "./body.js";
import { packAsClaim } from "./pack.js";
import { SPILL_INDEX, SPILL_TTL_MS, type Spilled } from "./spill.js";
import { COUNTS_KEPT_MS } from "./tally.js";

const BATCH = 100;
/** Of one sweep, so that it ends though the door parks as fast as it publishes; the next one goes on. */
const BATCHES_MAX = 50;
/** However many are parked and however slow the queue is, the minute's other work has its turn. */
const SWEEP_MS = 20 * SECOND_MS;
/** Refused so often in a row, it is the queue that is down and not a message that is wrong. */
const REFUSALS_MAX = 3;

interface SpillSweepDeps {
  kv: Kv;
  publisher: Publisher;
  /** The live token, which seals, and the one before. */
  queueTokens: readonly Secret[];
  clock: Clock;
  log: Log;
}

type Message = Parameters<Publisher["publishDelivery"]>[0];

/**
 * Publishes the deliveries that the door had to leave in KV. A crash between publish and delete sends one
 * twice, which the event's claim takes care of; nothing is deleted before the queue has it. One that the
 * queue refuses, even as a claim, goes to the end of the line, so that it never keeps the others from their turn.
 *
 * @returns how many were published; after `SWEEP_MS` or `BATCHES_MAX` batches the rest is the next sweep's.
 * @throws Transient when KV is not to be had, or the queue did not take all; what it did not take stays in KV.
 */
export async function sweepSpills(deps: SpillSweepDeps): Promise<number> {
  const swept: Swept = {};
  try {
    return await sweep(swept, deps);
  } finally {
    await noteSwept(swept, deps);
  }
}

/** By minute and source, how many of the door's deliveries became messages. */
type Swept = Record<string, Record<string, number>>;

/** Told once and never again: a count that is lost does less harm than one that is in there twice. */
async function noteSwept(swept: Swept, { kv, log }: SpillSweepDeps): Promise<void> {
  if (Object.keys(swept).length === 0) return;
  try {
    await kv.tally(swept, {}, { ttlMs: COUNTS_KEPT_MS, listMax: 1 });
  } catch (error) {
    log.warn("tally.lost", { detail: describeError(error) });
  }
}

async function sweep(swept: Swept, deps: SpillSweepDeps): Promise<number> {
  const { kv, clock, log } = deps;
  const refused = new Set<string>();
  let inARow = 0;
  let refusal: unknown = null;
  let published = 0;
  for await (const key of inTurn(refused, deps)) {
    const text = await kv.get(key);
    try {
      published += await publishSpilled(key, text, swept, deps);
      inARow = 0;
    } catch (error) {
      refusal = error;
      inARow += 1;
      if (inARow >= REFUSALS_MAX) throw error;
      refused.add(key);
      log.error("spill.refused", { key, detail: describeError(error) });
      await kv.park(SPILL_INDEX, key, text ?? "", clock.now(), SPILL_TTL_MS);
      continue;
    }
    await kv.unpark(SPILL_INDEX, key);
  }
  if (refusal !== null) throw refusal;
  return published;
}

/** The parked keys, the oldest first, until all but the refused have had their turn or the sweep's time is over. */
async function* inTurn(
  refused: ReadonlySet<string>,
  { kv, clock, log }: SpillSweepDeps,
): AsyncGenerator<string> {
  const endBy = clock.now() + SWEEP_MS;
  for (let batch = 0; batch < BATCHES_MAX && clock.now() < endBy; batch += 1) {
    const keys = (await kv.parked(SPILL_INDEX, BATCH)).filter((key) => !refused.has(key));
    if (keys.length === 0) return;
    for (const key of keys) {
      if (clock.now() >= endBy) break;
      yield key;
    }
  }
  const left = await kv.count(SPILL_INDEX);
  if (left > 0) log.warn("spill.left", { left });
}

async function publishSpilled(
  key: string,
  text: string | null,
  swept: Swept,
  deps: SpillSweepDeps,
): Promise<0 | 1> {
  const { publisher, log } = deps;
  if (text === null) {
    log.error("spill.missing", { key }); // its time to live ended unpublished: say it loudly
    return 0;
  }
  const { sealed, deduplicationId, body } = JSON.parse(text) as Spilled;
  const message = { sealed, deduplicationId, body: fromBase64(body) };
  let answer: Published;
  try {
    answer = await publisher.publishDelivery(message);
  } catch (error) {
    const claim = error instanceof QueueRefused ? await asClaim(message, deps) : null;
    if (claim === null) throw error;
    answer = await publisher.publishDelivery(claim);
    log.warn("spill.claimed", { key, detail: describeError(error) });
  }
  if (!answer.deduplicated) count(sealed, swept, deps);
  return 1;
}

/** What the queue has taken as a message of its own. What we asked a source for was parked too, but never counted at the door. */
function count(sealed: string, swept: Swept, { queueTokens }: SpillSweepDeps): void {
  const delivery = openDelivery(sealed, queueTokens);
  if (delivery === null || !isByDoor(delivery.verifiedBy)) return;
  const key = countsKey(delivery.receivedAt);
  const field = countField(delivery.source, SWEPT);
  const fields = swept[key] ?? {};
  swept[key] = { ...fields, [field]: (fields[field] ?? 0) + 1 };
}

/**
 * The message without its body, which is the likeliest cause for the queue to refuse this one alone: we were told that
 * it takes more than it does, or the door could not reach KV in time. What is parked stays whole until the queue has it.
 *
 * @returns null for what is a claim already, or was not sealed by us.
 * @throws Transient when KV is not to be had.
 */
async function asClaim(
  { sealed, body, deduplicationId }: Message,
  { kv, queueTokens }: SpillSweepDeps,
): Promise<Message | null> {
  const [token] = queueTokens;
  const delivery = openDelivery(sealed, queueTokens);
  if (token === undefined || delivery === null) return null;
  const packed = await packAsClaim({ delivery, body }, deduplicationId, kv);
  if (packed === null) return null;
  return { sealed: sealDelivery(packed.delivery, token), body: packed.body, deduplicationId };
}
