import { describeError } from "../domain/describe-error.js";
import type { Kv, Log } from "../domain/ports.js";
import type { Clock } from "../domain/time.js";
import type { Publisher } from "../queues/publish.js";
import { fromBase64 } from "./body.js";
import { SPILL_INDEX, SPILL_TTL_MS, type Spilled } from "./spill.js";

const BATCH = 100;
/** Of one sweep, so that it ends though the door parks as fast as it publishes; the next one goes on. */
const BATCHES_MAX = 50;
/** Refused so often in a row, it is the queue that is down and not a message that is wrong. */
const REFUSALS_MAX = 3;

interface SpillSweepDeps {
  kv: Kv;
  publisher: Publisher;
  clock: Clock;
  log: Log;
}

/**
 * Publishes the deliveries that the door had to leave in KV. A crash between publish and delete sends one
 * twice, which the event's claim takes care of; nothing is deleted before the queue has it. One that the
 * queue refuses goes to the end of the line, so that it never keeps the others from their turn.
 *
 * @returns how many were published; after `BATCHES_MAX` batches more may be left for the next sweep.
 * @throws Transient when KV is not to be had, or the queue did not take all; what it did not take stays in KV.
 */
export async function sweepSpills(deps: SpillSweepDeps): Promise<number> {
  const refused = new Set<string>();
  let inARow = 0;
  let refusal: unknown = null;
  let published = 0;
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const keys = (await deps.kv.parked(SPILL_INDEX, BATCH)).filter((key) => !refused.has(key));
    if (keys.length === 0) break;
    for (const key of keys) {
      const text = await deps.kv.get(key);
      try {
        published += await publishSpilled(key, text, deps);
        inARow = 0;
      } catch (error) {
        refusal = error;
        inARow += 1;
        if (inARow >= REFUSALS_MAX) throw error;
        refused.add(key);
        deps.log.error("spill.refused", { key, detail: describeError(error) });
        await deps.kv.park(SPILL_INDEX, key, text ?? "", deps.clock.now(), SPILL_TTL_MS);
        continue;
      }
      await deps.kv.unpark(SPILL_INDEX, key);
    }
  }
  if (refusal !== null) throw refusal;
  return published;
}

async function publishSpilled(
  key: string,
  text: string | null,
  { publisher, log }: SpillSweepDeps,
): Promise<0 | 1> {
  if (text === null) {
    log.error("spill.missing", { key }); // its time to live ended unpublished: say it loudly
    return 0;
  }
  const { sealed, deduplicationId, body } = JSON.parse(text) as Spilled;
  await publisher.publishDelivery({ sealed, deduplicationId, body: fromBase64(body) });
  return 1;
}
