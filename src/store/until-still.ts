import { Transient } from "../domain/errors.js";
import type { Plan } from "../domain/plan.js";
import { apply } from "./apply.js";
import { type Database, Moved } from "./database.js";

/** Under load a row moves a few times between load and apply; past this it is left to a later run. */
const ROUNDS_MAX = 8;

/**
 * Does what loads, decides and applies; again from its load while rows move under it.
 *
 * @param what what it is about, for the log: `incident inc_1`.
 * @returns what the round that was applied returns, or one that had nothing to write.
 * @throws Transient `database_busy` when rows moved in every round; else what a round throws.
 */
export async function untilStill<T>(what: string, round: () => Promise<T>): Promise<T> {
  let cause: unknown;
  for (let n = 0; n < ROUNDS_MAX; n += 1) {
    try {
      return await round();
    } catch (error) {
      if (!(error instanceof Moved)) throw error;
      cause = error;
    }
  }
  throw new Transient("database_busy", { detail: `${what} moved in every round`, cause });
}

/**
 * Applies a plan where the loser has nothing to do: somebody else has done the same, or will look again.
 *
 * @returns false when a row has moved, and nothing is written.
 */
export async function applyIfStill(database: Database, plan: Plan): Promise<boolean> {
  try {
    return await apply(database, plan);
  } catch (error) {
    if (error instanceof Moved) return false;
    throw error;
  }
}
