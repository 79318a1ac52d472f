import { z } from "zod";
import { AppError, Transient } from "../domain/errors.js";
import type { Kv } from "../domain/ports.js";
import { REFUSALS_MAX, type Refusal, refusalsKey } from "../domain/refusal.js";
import { limitParam, oneOfThese } from "./requests.js";
import { refusal } from "./schemas.js";

/** What was posted to no source at all. */
const UNKNOWN = "unknown";

export function refusalsQuery(sources: readonly string[]) {
  return z.strictObject({ source: oneOfThese(UNKNOWN, ...sources), limit: limitParam });
}

/**
 * The latest refused deliveries of a source, or of all; newest first. KV keeps 200 of each for 8 days.
 *
 * @throws Transient `kv_unavailable`.
 */
export async function listRefusals(
  { kv, sources }: { kv: Kv; sources: readonly string[] },
  source: string | undefined,
  limit: number,
): Promise<z.output<typeof refusal>[]> {
  const wanted = source === undefined ? [...sources, UNKNOWN] : [source];
  const lists = await Promise.all(
    wanted.map(async (name) => {
      const kept = await keptOf(kv, name);
      return kept.map((text) => refusal.parse({ ...(JSON.parse(text) as Refusal), source: name }));
    }),
  );
  const all = lists.flat().sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  return all.slice(0, limit);
}

async function keptOf(kv: Kv, source: string): Promise<string[]> {
  try {
    return await kv.list(refusalsKey(source), REFUSALS_MAX);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new Transient("kv_unavailable", { cause });
  }
}
