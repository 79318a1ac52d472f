import { z } from "zod";
import { countsKey, minuteOf, readCountField } from "../domain/door-counts.js";
import type { Kv } from "../domain/ports.js";
import { type Clock, isoOf, MINUTE_MS } from "../domain/time.js";
import type { doorCounts } from "./schemas.js";

/** One call to KV each. */
const MINUTES_MAX = 60;
const error = `must be a whole number from 1 to ${MINUTES_MAX}`;

export const doorCountsQuery = z.strictObject({
  minutes: z.coerce
    .number({ error })
    .int({ error })
    .min(1, error)
    .max(MINUTES_MAX, error)
    .default(MINUTES_MAX)
    .meta({ description: "How far back, this minute included" }),
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
        bySource.set(source, { ...bySource.get(source), [outcome]: count });
      }
      return [...bySource]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([source, counts]) => ({ minute: isoOf(at), source, counts }));
    }),
  );
  return rows.flat();
}
