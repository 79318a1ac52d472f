import { z } from "zod";
import { ASIDE, countsKey, minuteOf, readCountField } from "../domain/door-counts.js";
import type { Kv } from "../domain/ports.js";
import { type Clock, isoOf, MINUTE_MS } from "../domain/time.js";
import type { DoorBalance } from "../operations/watch/index.js";
import type { doorBalance, doorCounts } from "./schemas.js";

/** One call to KV each. */
const MINUTES_MAX = 60;
const error = `must be a whole number from 1 to ${MINUTES_MAX}`;
/** As far back as the watch looks. */
const BALANCE_MINUTES_MAX = 360;
const balanceError = `must be a whole number from 1 to ${BALANCE_MINUTES_MAX}`;

export const doorCountsQuery = z.strictObject({
  minutes: z.coerce
    .number({ error })
    .int({ error })
    .min(1, error)
    .max(MINUTES_MAX, error)
    .default(MINUTES_MAX)
    .meta({ description: "How far back, this minute included" }),
});

export const doorBalanceQuery = z.strictObject({
  minutes: z.coerce
    .number({ error: balanceError })
    .int({ error: balanceError })
    .min(1, balanceError)
    .max(BALANCE_MINUTES_MAX, balanceError)
    .default(60)
    .meta({ description: "How many, up to the last one that is settled: some fifteen ago" }),
});

export interface DoorOperations {
  readDoorBalance(minutes: number): Promise<DoorBalance[]>;
}

export const balanceOf = ({ from, to, ...row }: DoorBalance): z.output<typeof doorBalance> => ({
  ...row,
  from: isoOf(from),
  to: isoOf(to),
});

/**
 * What the door answered, a row per minute and source that had any; newest first.
 * Instances add theirs within seconds after the answer, so the last row is still growing.
 *
 * @throws Transient `kv_unavailable`.
 */
export async function listDoorCounts(
  { kv, clock }: { kv: Kv; clock: Clock },
  minutes: number,
): Promise<z.output<typeof doorCounts>[]> {
  const newest = minuteOf(clock.now());
  const starts = Array.from({ length: minutes }, (_, back) => newest - back * MINUTE_MS);
  const rows = await Promise.all(
    starts.map(async (at) => {
      const bySource = new Map<string, Record<string, number>>();
      for (const [field, count] of Object.entries(await kv.counts(countsKey(at)))) {
        const { source, outcome } = readCountField(field);
        if (ASIDE.has(outcome)) continue;
        bySource.set(source, { ...bySource.get(source), [outcome]: count });
      }
      return [...bySource]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([source, counts]) => ({ minute: isoOf(at), source, counts }));
    }),
  );
  return rows.flat();
}
