import type { Log } from "../../domain/ports.js";
import { type Clock, SECOND_MS } from "../../domain/time.js";
import {
  insertSeal,
  lastSeal,
  NEVER,
  type SealedEntry,
  settledBefore,
  unsealedEntries,
} from "../../store/audit-seals.js";
import { type Database, Moved } from "../../store/database.js";
import { digestOf, ENTRIES_AT_ONCE, hashOf, lineOf } from "./seal-of.js";

export interface SealDeps {
  database: Database;
  clock: Clock;
  log: Log;
}

/** Of the lines under one seal, which travel together in an answer; Vercel's has 4.5 MB at most. */
const CHARS_MAX = 1_000_000;
/** A sweep has other things to do; the next one goes on. */
const BUDGET_MS = 5 * SECOND_MS;

/**
 * Seals the entries that no seal holds yet, each batch with the hash of the one before. An entry whose transaction
 * began long ago and has just been committed is in the next seal, so none is ever left out: see `settledBefore`.
 *
 * @returns how many seals and entries; `left` when the time was up before the last entry.
 * @throws Transient when the database is not to be had.
 */
export async function sealAudit({
  database,
  clock,
  log,
}: SealDeps): Promise<{ seals: number; entries: number; left: boolean }> {
  const done = { seals: 0, entries: 0, left: false };
  const until = clock.now() + BUDGET_MS;
  const newest = await lastSeal(database);
  let last = newest ?? { number: 0, hash: "", settledBefore: NEVER };
  for (;;) {
    const settled = await settledBefore(database);
    const found = await unsealedEntries(database, last.settledBefore, ENTRIES_AT_ONCE);
    const taken = firstLines(found);
    const end = taken.at(-1)?.entry.recordedAt;
    if (end === undefined) return done;
    const isAll = taken.length === found.length && found.length < ENTRIES_AT_ONCE;
    const content = {
      number: last.number + 1,
      previousHash: last.hash,
      settledBefore: later(last.settledBefore, isAll || settled < end ? settled : end),
      digests: taken.map(({ line }) => digestOf(line)),
    };
    const seal = {
      ...content,
      hash: hashOf(content),
      entryIds: taken.map(({ entry }) => entry.id),
    };
    try {
      await insertSeal(database, seal);
    } catch (error) {
      if (error instanceof Moved) return done; // another sweep seals; nothing is left out
      throw error;
    }
    const { number, hash } = seal;
    // Outside the database too, where whoever can write to it cannot: the log tells what the chain was.
    log.info("audit.sealed", { number, hash, entries: taken.length });
    done.seals += 1;
    done.entries += taken.length;
    if (isAll) return done;
    if (clock.now() >= until) return { ...done, left: true };
    last = seal;
  }
}

/** One at least, and then as many as stay under the limit. */
function firstLines(entries: readonly SealedEntry[]): { entry: SealedEntry; line: string }[] {
  const taken: { entry: SealedEntry; line: string }[] = [];
  let chars = 0;
  for (const entry of entries) {
    const line = lineOf(entry);
    chars += line.length;
    if (chars > CHARS_MAX && taken.length > 0) break;
    taken.push({ entry, line });
  }
  return taken;
}

/** The settled time never falls, and verifying holds it to that: else a seal could make room for entries of long ago. */
const later = (a: string, b: string): string => (a !== NEVER && a > b ? a : b);
