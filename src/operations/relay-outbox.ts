import type { OutboxRow } from "../domain/outbox.js";
import type { Log } from "../domain/ports.js";
import type { Clock } from "../domain/time.js";
import type { Publisher } from "../queues/publish.js";
import type { Database } from "../store/database.js";
import { putBackOutbox, takeOverdueOutbox } from "../store/outbox.js";

/** Publishes fresh rows right after their commit. Never throws: a sweep publishes what this could not. */
export type Relay = (rows: readonly OutboxRow[]) => Promise<void>;

export interface RelayDeps {
  publisher: Publisher;
  log: Log;
}

export function createRelay({ publisher, log }: RelayDeps): Relay {
  return async (rows) => {
    if (rows.length === 0) return;
    try {
      await publisher.publishOutbox(rows);
    } catch (error) {
      log.warn("outbox.left", { rows: rows.length, detail: (error as Error).message });
    }
  };
}

const BATCH = 100;
const BATCHES_MAX = 20;

/**
 * Publishes rows whose time has passed and that no receiver has completed: the relay failed, or what it
 * published was lost. Each take pushes the next one further away, so that a slow receiver is not flooded.
 *
 * @returns how many were published.
 * @throws Transient when the database or the queue is not to be had; what was taken is put back.
 */
export async function sweepOutbox(deps: {
  database: Database;
  publisher: Publisher;
  clock: Clock;
}): Promise<number> {
  let published = 0;
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const rows = await takeOverdueOutbox(deps.database, deps.clock.now(), BATCH);
    if (rows.length === 0) break;
    try {
      await deps.publisher.publishOutbox(rows);
    } catch (error) {
      // What the queue would not take has not been sent: the next sweep takes it, not one in an hour.
      await putBackOutbox(deps.database, rows, deps.clock.now());
      throw error;
    }
    published += rows.length;
  }
  return published;
}
