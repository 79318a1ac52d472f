import {
  type AuditSeal,
  archivedByEntry,
  entriesOf,
  findSeal,
  NEVER,
  type SealedEntry,
  sealsAfter,
  strayEntries,
} from "../../store/audit-seals.js";
import type { Database } from "../../store/database.js";
import { digestOf, ENTRIES_AT_ONCE, hashOf, lineOf } from "./seal-of.js";

/** What of the trail is not as it was sealed. */
export interface AuditFault {
  kind:
    | "entry_changed"
    | "entry_missing"
    | "entry_added"
    | "seal_changed"
    | "seal_missing"
    | "archived_by_nobody";
  /** The seal at which it shows. */
  seal: number;
  entryId: string | null;
}

export interface VerifiedSlice {
  /** The last seal that was looked at. */
  through: number;
  seals: number;
  entries: number;
  /** Seals of which only the chain could be looked at: their entries are in an archive. */
  archived: number;
  faults: AuditFault[];
  /** There is no later seal. */
  isEnd: boolean;
}

const SEALS_MAX = 100;
/** More say no more. */
const STRAYS_MAX = 100;

/**
 * Holds the seals after a number against each other and against their entries, as many as fit a call.
 *
 * @param after the last seal that was verified; 0 for the beginning.
 * @throws Transient when the database is not to be had.
 */
export async function verifyAudit(after: number, database: Database): Promise<VerifiedSlice> {
  const before = after === 0 ? undefined : await findSeal(database, after);
  const found = await sealsAfter(database, after, SEALS_MAX);
  const seals = found.slice(0, howManyFit(found));
  const last = seals.at(-1);
  if (last === undefined) {
    return { through: after, seals: 0, entries: 0, archived: 0, faults: [], isEnd: true };
  }
  const kept = seals.filter(({ archivedAt }) => archivedAt === null);
  const since = before?.settledBefore ?? NEVER;
  const span = { since, until: last.settledBefore, to: last.number };
  const [entries, strays, archives] = await Promise.all([
    entriesOf(
      database,
      kept.flatMap(({ entryIds }) => entryIds),
    ),
    strayEntries(database, span, STRAYS_MAX),
    kept.length === seals.length ? 0 : archivedByEntry(database),
  ]);
  const faults = [
    ...chainFaults(seals, after, before),
    ...kept.flatMap((seal) => entryFaults(seal, entries)),
    ...seals
      .filter(({ archivedAt, number }) => archivedAt !== null && number > archives)
      .map(({ number }) => faultOf("archived_by_nobody", number)),
    ...strays.map((id) => faultOf("entry_added", last.number, id)),
  ];
  const archived = seals.length - kept.length;
  const isEnd = seals.length === found.length && found.length < SEALS_MAX;
  const counts = { seals: seals.length, entries: entries.size, archived };
  return { through: last.number, ...counts, faults, isEnd };
}

const faultOf = (
  kind: AuditFault["kind"],
  seal: number,
  entryId: string | null = null,
): AuditFault => ({ kind, seal, entryId });

/** One at least, however many entries it has. */
export function howManyFit(seals: readonly AuditSeal[]): number {
  let entries = 0;
  const tooMany = seals.findIndex((seal, i) => {
    entries += seal.archivedAt === null ? seal.entryIds.length : 0;
    return entries > ENTRIES_AT_ONCE && i > 0;
  });
  return tooMany === -1 ? seals.length : tooMany;
}

/** @param before the seal that is there before the first of them; none where that is missing. */
function chainFaults(
  seals: readonly AuditSeal[],
  after: number,
  before: AuditSeal | undefined,
): AuditFault[] {
  const isLost = before === undefined && after > 0;
  const faults = isLost ? [faultOf("seal_missing", after)] : [];
  let previous: { number: number; hash: string | null } = before ?? {
    number: after,
    hash: isLost ? null : "",
  };
  for (const seal of seals) {
    if (seal.number !== previous.number + 1) {
      faults.push(faultOf("seal_missing", previous.number + 1));
    } else if (previous.hash !== null && seal.previousHash !== previous.hash) {
      faults.push(faultOf("seal_changed", seal.number));
    }
    if (seal.hash !== hashOf(seal) || seal.entryIds.length !== seal.digests.length) {
      faults.push(faultOf("seal_changed", seal.number));
    }
    previous = seal;
  }
  return faults;
}

function entryFaults(
  { number, entryIds, digests }: AuditSeal,
  entries: ReadonlyMap<string, SealedEntry>,
): AuditFault[] {
  return entryIds.flatMap((id, i) => {
    const entry = entries.get(id);
    if (entry === undefined) return [faultOf("entry_missing", number, id)];
    return digestOf(lineOf(entry)) === digests[i] ? [] : [faultOf("entry_changed", number, id)];
  });
}
