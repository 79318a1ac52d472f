import type { Log } from "../../domain/ports.js";
import { type Clock, SECOND_MS } from "../../domain/time.js";
import {
  type AuditSeal,
  insertSeal,
  lastSeal,
  NEVER,
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
  let last = await lastSeal(database);
  for (;;) {
    const settled = await settledBefore(database);
    const entries = await unsealedEntries(database, last?.settledBefore ?? NEVER, ENTRIES_AT_ONCE);
    const newest = entries.at(-1);
    if (newest === undefined) return done;
    const isFull = entries.length === ENTRIES_AT_ONCE;
    const content = {
      number: (last?.number ?? 0) + 1,
      previousHash: last?.hash ?? "",
      settledBefore: isFull && newest.recordedAt < settled ? newest.recordedAt : settled,
      digests: entries.map((entry) => digestOf(lineOf(entry))),
    };
    const seal = { ...content, hash: hashOf(content), entryIds: entries.map(({ id }) => id) };
    try {
      await insertSeal(database, seal);
    } catch (error) {
      if (error instanceof Moved) return done; // another sweep seals; nothing is left out
      throw error;
    }
    const { number, hash } = seal;
    // Outside the database too, where whoever can write to it cannot: the log tells what the chain was.
    log.info("audit.sealed", { number, hash, entries: entries.length });
    done.seals += 1;
    done.entries += entries.length;
    if (!isFull) return done;
    if (clock.now() >= until) return { ...done, left: true };
    last = seal as AuditSeal;
  }
}
