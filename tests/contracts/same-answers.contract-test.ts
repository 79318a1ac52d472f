import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand } from "../../emulators/upstash-redis/commands/index.js";
import type { Outcome, Reply } from "../../emulators/upstash-redis/reply.js";
import { Store } from "../../emulators/upstash-redis/store.js";
import { anySequence } from "./random-commands.js";
import { backendOf, type RealRedis, startRealRedis } from "./redis-rest-front.js";

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
const RUNS = Number(process.env.RUNS ?? 400);
/** Redis hands these out in no promised order. */
const UNORDERED = ["smembers", "keys", "hkeys", "hvals"];

describe("the emulator's commands beside a real Redis", () => {
  let redis: RealRedis;
  beforeAll(async () => {
    redis = await startRealRedis();
  });
  afterAll(async () => {
    await redis.stop();
  });

  it(`give the same answers to any sequence of commands (seed ${SEED})`, async () => {
    const backend = backendOf(redis.client);
    const check = async (commands: string[][]) => {
      const store = new Store();
      await redis.client.call("flushall");
      store.now = Date.now();
      const ours = commands.map((words) => {
        const { wrote: _, ...outcome } = runCommand(store, words);
        return outcome;
      });
      const theirs = await backend.pipeline(commands);
      expect(ours.map((o, i) => comparable(commands[i], o))).toEqual(
        theirs.map((o, i) => comparable(commands[i], o)),
      );
    };
    await fc.assert(fc.asyncProperty(anySequence, check), { seed: SEED, numRuns: RUNS });
  });

  it("of two equal expiries neither is later, as Redis has it: GT and LT leave the first", () => {
    const store = new Store();
    store.now = 1_000_000; // stands still, as a real Redis does not
    const answer = (...words: string[]) => runCommand(store, words);
    answer("set", "k", "v", "ex", "100");
    expect(answer("expire", "k", "100", "gt")).toMatchObject({ result: 0 });
    expect(answer("expire", "k", "100", "lt")).toMatchObject({ result: 0 });
    expect(answer("expire", "k", "101", "gt")).toMatchObject({ result: 1 });
    expect(answer("expire", "k", "100", "lt")).toMatchObject({ result: 1 });
  });
});

function comparable(words: readonly string[] | undefined, outcome: Outcome): unknown {
  const name = words?.[0]?.toLowerCase() ?? "";
  if ("error" in outcome) return { words, error: outcome.error };
  const { result } = outcome;
  if (name === "hgetall" && Array.isArray(result)) return { words, result: sortPairs(result) };
  if (UNORDERED.includes(name) && Array.isArray(result)) {
    return { words, result: result.map(String).sort() };
  }
  // The two sides take the time some milliseconds apart: seconds may be rounded apart by one.
  if (name === "ttl") return { words, result: Math.round(Number(result) / 10) };
  return { words, result };
}

function sortPairs(flat: readonly Reply[]): string[] {
  const pairs: string[] = [];
  for (let i = 0; i < flat.length; i += 2) pairs.push(`${flat[i]}=${flat[i + 1]}`);
  return pairs.sort();
}
