import type { Kv } from "../../domain/ports.js";
import { DAY_MS } from "../../domain/time.js";
import {
  type AuditSeal,
  archivedByEntry,
  archivedOf,
  entriesOf,
  findSeal,
  type ListedSeal,
  lastSeal,
  NEVER,
  returnedEntries,
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

/** What a call reads: some 2 MB of entries, or a hundred seals of few. */
export const AT_ONCE = { seals: 100, entries: ENTRIES_AT_ONCE };
/** More say no more. */
const TOLD_MAX = 100;

export interface VerifyDeps {
  database: Database;
  kv: Pick<Kv, "get">;
}

/** Through which seal somebody has archived the trail: kept here too, where the database's owner cannot write. */
export const ARCHIVED_KEY = "audit:archived";
/** For good; KV wants a time. */
export const REMEMBERED_MS = 3_660 * DAY_MS;

/**
 * Holds the seals after a number against each other and against their entries, as many as fit a call.
 *
 * @param after the last seal that was verified; 0 for the beginning.
 * @throws Transient when the database is not to be had, or KV where something was archived.
 */
export async function verifyAudit(
  after: number,
  { database, kv }: VerifyDeps,
): Promise<VerifiedSlice> {
  const before = after === 0 ? undefined : await findSeal(database, after);
  const seals = await sealsAfter(database, after, AT_ONCE);
  const [first, last] = [seals[0], seals.at(-1)];
  if (first === undefined || last === undefined) {
    return { through: after, seals: 0, entries: 0, archived: 0, faults: [], isEnd: true };
  }
  const kept = seals.filter(({ archivedAt }) => archivedAt === null);
  const isAnyArchived = kept.length < seals.length;
  const span = {
    since: before?.settledBefore ?? NEVER,
    until: last.settledBefore,
    to: last.number,
  };
  const [entries, strays, returned, archivedThrough, newest] = await Promise.all([
    entriesOf(
      database,
      kept.flatMap(({ entryIds }) => entryIds),
    ),
    strayEntries(database, span, TOLD_MAX),
    isAnyArchived
      ? returnedEntries(database, { from: first.number, to: last.number }, TOLD_MAX)
      : [],
    isAnyArchived ? archivedByPerson(database, kv) : 0,
    lastSeal(database),
  ]);
  const found = kept.flatMap((seal) => entryFaults(seal, entries));
  const faults = [
    ...chainFaults(seals, after, before),
    ...(await withoutArchived(found, database)),
    ...seals
      .filter(({ archivedAt, number }) => archivedAt !== null && number > archivedThrough)
      .map(({ number }) => faultOf("archived_by_nobody", number)),
    ...returned.map(({ id, number }) => faultOf("entry_added", number, id)),
    ...strays.map((id) => faultOf("entry_added", last.number, id)),
  ];
  const archived = seals.length - kept.length;
  const counts = { seals: seals.length, entries: entries.size, archived };
  const isEnd = newest === null || last.number >= newest.number;
  return { through: last.number, ...counts, faults, isEnd };
}

/** What the trail says of it, but no more than KV remembers, if it does. */
async function archivedByPerson(database: Database, kv: Pick<Kv, "get">): Promise<number> {
  const [said, remembered] = await Promise.all([archivedByEntry(database), kv.get(ARCHIVED_KEY)]);
  return remembered === null ? said : Math.min(said, Number(remembered));
}

/** An archive may take entries away between the look at a seal and the look at its entries. */
async function withoutArchived(
  faults: readonly AuditFault[],
  database: Database,
): Promise<AuditFault[]> {
  if (faults.length === 0) return [];
  const archived = await archivedOf(
    database,
    faults.map(({ seal }) => seal),
  );
  return faults.filter(({ seal }) => !archived.has(seal));
}

const faultOf = (
  kind: AuditFault["kind"],
  seal: number,
  entryId: string | null = null,
): AuditFault => ({ kind, seal, entryId });

/** @param before the seal that is there before the first of them; none where that is missing. */
function chainFaults(
  seals: readonly AuditSeal[],
  after: number,
  before: ListedSeal | undefined,
): AuditFault[] {
  const isLost = before === undefined && after > 0;
  const faults = isLost ? [faultOf("seal_missing", after)] : [];
  const none = { number: after, hash: isLost ? null : "", settledBefore: NEVER };
  let previous: { number: number; hash: string | null; settledBefore: string } = before ?? none;
  for (const seal of seals) {
    if (seal.number !== previous.number + 1) {
      faults.push(faultOf("seal_missing", previous.number + 1));
    } else if (previous.hash !== null && seal.previousHash !== previous.hash) {
      faults.push(faultOf("seal_changed", seal.number));
    }
    const isWhole = seal.hash === hashOf(seal) && seal.entryIds.length === seal.digests.length;
    // A settled time that falls would let entries of long ago into the next seal.
    const isLater =
      previous.settledBefore === NEVER || seal.settledBefore >= previous.settledBefore;
    if (!isWhole || !isLater) faults.push(faultOf("seal_changed", seal.number));
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
