import { describeError } from "../domain/describe-error.js";
import { Permanent } from "../domain/errors.js";
import type { OutboxRow } from "../domain/outbox.js";
import type { Log } from "../domain/ports.js";
import type { Clock } from "../domain/time.js";
import { type Publisher, QueueRefused } from "../queues/publish.js";
import { noteOutboxRefusal, putBackOutbox, takeOverdueOutbox } from "../store/outbox.js";
import { type BuryDeps, buryMessage } from "./bury-message.js";
import { isForAll } from "./is-for-all.js";

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
 * Refusals of a row, the last of which hands it to a person. From first to last they take two hours or more
 * (1, 2, 4 … minutes, an hour at most): long enough to mend what refuses everything, such as a limit of
 * the plan, and not much longer, because a notice that nobody gets is not to wait unseen.
 */
const REFUSALS_MAX = 8;

/**
 * Publishes rows whose time has passed and that no receiver has completed: the relay failed, or what it
 * published was lost. Each take pushes the next one further away, so that a slow receiver is not flooded.
 * A row that the queue refuses is logged and waits for its next take; the others pass it. Refused again and
 * again it becomes a dead letter `queue_refused`, and ends.
 *
 * @returns how many were published.
 * @throws Transient when the database or the queue is not to be had; what was taken and not sent is put back.
 */
export async function sweepOutbox(deps: OutboxSweepDeps): Promise<number> {
  let published = 0;
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const rows = await takeOverdueOutbox(deps.database, deps.clock.now(), BATCH);
    if (rows.length === 0) break;
    published += await publishTaken(rows, deps);
  }
  return published;
}

export interface OutboxSweepDeps extends RelayDeps, BuryDeps {
  clock: Clock;
}

async function publishTaken(rows: readonly OutboxRow[], deps: OutboxSweepDeps): Promise<number> {
  try {
    await deps.publisher.publishOutbox(rows);
    return rows.length;
  } catch (error) {
    if (error instanceof QueueRefused) return publishOneByOne(rows, deps);
    // What the queue would not take has not been sent: the next sweep takes it, not one in an hour.
    await putBackOutbox(deps.database, rows, deps.clock.now());
    throw error;
  }
}

/** What of the batch the queue took already, it knows again by its deduplication id. */
async function publishOneByOne(rows: readonly OutboxRow[], deps: OutboxSweepDeps): Promise<number> {
  let published = 0;
  for (const [i, row] of rows.entries()) {
    try {
      await deps.publisher.publishOutbox([row]);
      published += 1;
    } catch (error) {
      if (!(error instanceof QueueRefused)) {
        await putBackOutbox(deps.database, rows.slice(i), deps.clock.now());
        throw error;
      }
      await noteRefusal(row, error, deps);
    }
  }
  return published;
}

/** @throws Transient when the database is gone; the row stays, and its next take comes here again. */
async function noteRefusal(
  row: OutboxRow,
  { detail }: QueueRefused,
  deps: OutboxSweepDeps,
): Promise<void> {
  const { id, publishes, message } = row;
  // Not by its takes: those of an outage, or of a receiver that does not come to an end, are no refusals.
  const refusals = await noteOutboxRefusal(deps.database, id);
  const fields = { outboxId: id, type: message.type, publishes, refusals };
  deps.log.error("outbox.refused", { ...fields, detail });
  if (refusals < REFUSALS_MAX) return;
  const said = `${refusals} times, last at publish ${publishes} of outbox row ${id}: ${detail}`;
  const error = new Permanent("queue_refused", { detail: said });
  try {
    const fate = await buryMessage({ outboxId: id, message }, error, deps);
    deps.log.error("outbox.ended", { ...fields, fate });
  } catch (cause) {
    if (isForAll(cause)) throw cause;
    deps.log.error("outbox.stuck", { ...fields, detail: describeError(cause) });
  }
}
