import type { Kv, Log } from "../domain/ports.js";
import type { Publisher } from "../queues/publish.js";
import { fromBase64 } from "./body.js";
import { SPILL_INDEX, type Spilled } from "./spill.js";

const BATCH = 100;

/**
 * Publishes the deliveries that the door had to leave in KV. A crash between publish and delete sends one
 * twice, which the event's claim takes care of; nothing is deleted before the queue has it.
 *
 * @returns how many were published.
 * @throws Transient when the queue still takes nothing; what is left stays in KV.
 */
export async function sweepSpills(deps: {
  kv: Kv;
  publisher: Publisher;
  log: Log;
}): Promise<number> {
  let published = 0;
  for (;;) {
    const keys = await deps.kv.parked(SPILL_INDEX, BATCH);
    for (const key of keys) {
      const text = await deps.kv.get(key);
      if (text === null) {
        deps.log.error("spill.missing", { key }); // its time to live ended unpublished: say it loudly
      } else {
        const { sealed, deduplicationId, body } = JSON.parse(text) as Spilled;
        const message = { sealed, deduplicationId, body: fromBase64(body) };
        await deps.publisher.publishDelivery(message);
        published += 1;
      }
      await deps.kv.unpark(SPILL_INDEX, key);
    }
    if (keys.length < BATCH) return published;
  }
}
