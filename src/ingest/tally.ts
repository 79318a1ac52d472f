import { describeError } from "../domain/describe-error.js";
import { countField, countsKey, toldAgain } from "../domain/door-counts.js";
import type { Kv, Log, WaitUntil } from "../domain/ports.js";
import { REFUSALS_MAX, type Refusal, refusalsKey } from "../domain/refusal.js";
import { type Clock, DAY_MS, type Instant, SECOND_MS } from "../domain/time.js";

const FLUSH_EVERY_MS = SECOND_MS;
export const COUNTS_KEPT_MS = 8 * DAY_MS;

export interface Tally {
  /**
   * Counts an outcome of a source, and keeps the refusal if it was one.
   *
   * @param receivedAt its minute is the one that is counted, as it is the event's, so that the two can be compared.
   */
  note(source: string, outcome: string, receivedAt: Instant, refusal: Refusal | null): void;
}

export interface TallyDeps {
  kv: Kv;
  clock: Clock;
  log: Log;
  waitUntil: WaitUntil;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Gathers counts per instance and flushes them after the answer, at most once a second, so that no
 * delivery waits for KV and a burst costs one call. Counts that KV does not take are kept for the next flush;
 * whether it has taken them all the same is not known, so they are marked (see `toldAgain`).
 */
export function createTally({ kv, clock, log, waitUntil }: TallyDeps): Tally {
  let counts: Record<string, Record<string, number>> = {};
  let refusals: Record<string, string[]> = {};
  let flushing = false;
  let lastFlushAt = 0;

  const flush = async (): Promise<void> => {
    await wait(Math.max(0, lastFlushAt + FLUSH_EVERY_MS - clock.now()));
    const taken = { counts, refusals };
    counts = {};
    refusals = {};
    lastFlushAt = clock.now();
    flushing = false;
    try {
      const options = { ttlMs: COUNTS_KEPT_MS, listMax: REFUSALS_MAX };
      await kv.tally(taken.counts, taken.refusals, options);
    } catch (error) {
      log.warn("tally.postponed", { detail: describeError(error) });
      putBack(taken);
    }
  };
  const putBack = (taken: { counts: typeof counts; refusals: typeof refusals }): void => {
    for (const [key, fields] of Object.entries(taken.counts)) {
      for (const [field, count] of Object.entries(toldAgain(fields))) add(key, field, count);
    }
    for (const [key, list] of Object.entries(taken.refusals)) {
      refusals[key] = [...list, ...(refusals[key] ?? [])].slice(-REFUSALS_MAX);
    }
  };
  const add = (key: string, field: string, count: number): void => {
    const fields = counts[key] ?? {};
    counts[key] = fields;
    fields[field] = (fields[field] ?? 0) + count;
  };

  return {
    note(source, outcome, receivedAt, refusal) {
      add(countsKey(receivedAt), countField(source, outcome), 1);
      if (refusal !== null) {
        const key = refusalsKey(source);
        refusals[key] = [...(refusals[key] ?? []), JSON.stringify(refusal)].slice(-REFUSALS_MAX);
      }
      if (flushing) return;
      flushing = true;
      waitUntil(flush());
    },
  };
}
