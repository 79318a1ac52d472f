import { AUDIT_ARCHIVED, AUDIT_TRAIL, type AuditEntry } from "../domain/audit.js";
import type { Instant } from "../domain/time.js";
import type { Database } from "./database.js";

/** As Postgres keeps it, to the microsecond, in UTC: `2026-11-22T08:16:36.000001Z`. */
export type ExactTime = string;

/** An entry as it is sealed: all of its row. */
export type SealedEntry = Omit<AuditEntry, "at"> & { at: ExactTime; recordedAt: ExactTime };

/** What a seal says, and so what its hash is of. */
export interface SealContent {
  /** From 1 on, without a gap. */
  number: number;
  /** That of the seal before it; of the first one, nothing. */
  previousHash: string;
  /** Every entry that was recorded before is in this seal or an earlier one. */
  settledBefore: ExactTime;
  /** SHA-256 of each entry's line, in hex, in the order of `entryIds`. */
  digests: string[];
}

export interface AuditSeal extends SealContent {
  hash: string;
  entryIds: string[];
  recordedAt: Instant;
  /** Since then its entries are in an archive, and not here. */
  archivedAt: Instant | null;
  archivedBy: string | null;
}

/** A seal without what it seals, which may be thousands of ids. */
export type ListedSeal = Omit<AuditSeal, "entryIds" | "digests"> & { entries: number };

/** Before the first seal. */
export const NEVER: ExactTime = "-infinity";

const exact = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

const LISTED = `s.number, s.previous_hash AS "previousHash", s.hash, ${exact("s.settled_before")} AS "settledBefore",
  ${ms("s.recorded_at")} AS "recordedAt", ${ms("s.archived_at")} AS "archivedAt", s.archived_by AS "archivedBy"`;
const SEAL = `${LISTED}, s.entry_ids AS "entryIds", encode(s.digests, 'hex') AS digests`;
const ENTRY = `a.id, ${exact("a.at")} AS at, ${exact("a.recorded_at")} AS "recordedAt", a.action, a.actor, a.subject,
  a.event_id AS "eventId", a.details`;

type SealRow = Omit<AuditSeal, "digests"> & { digests: string };
const HEX_CHARS = 64;

const sealOf = ({ digests, ...row }: SealRow): AuditSeal => ({
  digests: Array.from({ length: digests.length / HEX_CHARS }, (_, i) =>
    digests.slice(i * HEX_CHARS, (i + 1) * HEX_CHARS),
  ),
  ...row,
});

/** The newest seal; null before the first. */
export const lastSeal = async (database: Database): Promise<ListedSeal | null> =>
  (await sealsBefore(database, null, 1))[0] ?? null;

/** The first seals after a number, the oldest first: one at least, and as many as have so many entries together. */
export async function sealsAfter(
  database: Database,
  number: number,
  { seals, entries }: { seals: number; entries: number },
): Promise<AuditSeal[]> {
  const rows = await database.query<SealRow>(
    `SELECT ${SEAL} FROM audit_seal s JOIN (
      SELECT l.number, row_number() OVER w AS nth, sum(l.entries) OVER w AS entries
      FROM (SELECT number, cardinality(entry_ids) AS entries FROM audit_seal WHERE number > $1 ORDER BY number LIMIT $2) l
      WINDOW w AS (ORDER BY l.number)) n ON n.number = s.number
    WHERE n.nth = 1 OR n.entries <= $3 ORDER BY s.number`,
    [number, seals, entries],
  );
  return rows.map(sealOf);
}

/** Seals before this number, the newest first; null: the newest of all. */
export async function sealsBefore(
  database: Database,
  number: number | null,
  limit: number,
): Promise<ListedSeal[]> {
  return database.query(
    `SELECT ${LISTED}, cardinality(s.entry_ids) AS entries FROM audit_seal s
    WHERE s.number < coalesce($1::int, 2147483647) ORDER BY s.number DESC LIMIT $2`,
    [number, limit],
  ) as Promise<never>;
}

/** A seal by its number. */
export async function findSeal(
  database: Database,
  number: number,
): Promise<ListedSeal | undefined> {
  const [found] = await sealsBefore(database, number + 1, 1);
  return found?.number === number ? found : undefined;
}

/** Of the server's own clock, should it be put back. */
const MARGIN = "interval '1 minute'";

/**
 * No transaction that is yet to commit began before this, and an entry is recorded as of its transaction's beginning.
 * Ask for it before the entries are read: what commits in between then counts as later.
 *
 * @see https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW (`xact_start`; a
 * role sees its own sessions, and entries are written by no other than ours)
 */
export async function settledBefore(database: Database): Promise<ExactTime> {
  const rows = await database.query<{ at: ExactTime }>(
    `SELECT ${exact(`(least(clock_timestamp(), min(xact_start)) - ${MARGIN})`)} AS at FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'`,
    [],
  );
  return rows[0]?.at ?? NEVER;
}

/** Of entries that were recorded at `$1` or later: no seal that may hold them does. None is sealed before it is recorded. */
const isUnsealed = (
  seals = "",
): string => `NOT EXISTS (SELECT FROM (SELECT unnest(s.entry_ids) AS id
  FROM audit_seal s WHERE s.recorded_at >= $1::timestamptz - ${MARGIN}${seals}) x WHERE x.id = a.id)`;

/** Entries that no seal holds, in the order of their recording. `since`: up to then there is none. */
export function unsealedEntries(
  database: Database,
  since: ExactTime,
  limit: number,
): Promise<SealedEntry[]> {
  return database.query(
    `SELECT ${ENTRY} FROM audit_entry a WHERE a.recorded_at >= $1::timestamptz AND ${isUnsealed()}
    ORDER BY a.recorded_at, a.id LIMIT $2`,
    [since, limit],
  ) as Promise<never>;
}

export interface WaitingEntries {
  count: number;
  oldestAt: Instant | null;
  /** Now by the server's clock, of which `oldestAt` is: ours may be another. */
  asOf: Instant;
}

/** How many entries wait for their seal, and how long the oldest does. */
export async function waitingEntries(database: Database): Promise<WaitingEntries> {
  const since = (await lastSeal(database))?.settledBefore ?? NEVER;
  const rows = await database.query<WaitingEntries & Record<string, unknown>>(
    `SELECT count(*)::int AS count, ${ms("min(a.recorded_at)")} AS "oldestAt",
      ${ms("clock_timestamp()")} AS "asOf"
    FROM audit_entry a
    WHERE a.recorded_at >= $1::timestamptz AND ${isUnsealed()}`,
    [since],
  );
  if (rows[0] === undefined) throw new Error("a count is one row");
  return rows[0];
}

/**
 * Entries that a seal should hold and none does, recorded from the settled time of the seal before `from` to that of
 * `to`: somebody has put them there afterwards.
 */
export async function strayEntries(
  database: Database,
  span: { since: ExactTime; until: ExactTime; to: number },
  limit: number,
): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `SELECT a.id FROM audit_entry a WHERE a.recorded_at >= $1::timestamptz AND a.recorded_at < $2::timestamptz
      AND ${isUnsealed(" AND s.number <= $3")} ORDER BY a.recorded_at, a.id LIMIT $4`,
    [span.since, span.until, span.to, limit],
  );
  return rows.map(({ id }) => id);
}

/** Of these entries the ones that are there. */
export async function entriesOf(
  database: Database,
  ids: readonly string[],
): Promise<Map<string, SealedEntry>> {
  const rows = await database.query<SealedEntry & Record<string, unknown>>(
    `SELECT ${ENTRY} FROM audit_entry a WHERE a.id = ANY($1::text[])`,
    [[...ids]],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** @throws Moved when there is a seal of this number: another sweep was at it. */
export async function insertSeal(
  database: Database,
  seal: SealContent & { hash: string; entryIds: readonly string[] },
): Promise<void> {
  await database.query(
    `INSERT INTO audit_seal (number, previous_hash, hash, entry_ids, digests, settled_before)
    VALUES ($1, $2, $3, $4::text[], decode($5, 'hex'), $6::timestamptz)`,
    [
      seal.number,
      seal.previousHash,
      seal.hash,
      [...seal.entryIds],
      seal.digests.join(""),
      seal.settledBefore,
    ],
  );
}

/** Through which seal the trail itself says that it was archived; 0 when nobody said so. */
export async function archivedByEntry(database: Database): Promise<number> {
  const rows = await database.query<{ number: number }>(
    `SELECT coalesce(max((a.details ->> 'through')::int), 0) AS number FROM audit_entry a
    WHERE a.subject = $1 AND a.action = $2`,
    [AUDIT_TRAIL, AUDIT_ARCHIVED],
  );
  return rows[0]?.number ?? 0;
}

/** Entries that are here although these seals' entries are in an archive: somebody has put them back. */
export function returnedEntries(
  database: Database,
  { from, to }: { from: number; to: number },
  limit: number,
): Promise<{ id: string; number: number }[]> {
  return database.query(
    `SELECT a.id, s.number FROM audit_seal s CROSS JOIN unnest(s.entry_ids) x(id) JOIN audit_entry a ON a.id = x.id
    WHERE s.number >= $1 AND s.number <= $2 AND s.archived_at IS NOT NULL ORDER BY s.number, a.id LIMIT $3`,
    [from, to, limit],
  );
}

/** Of these seals the ones whose entries are in an archive by now. */
export async function archivedOf(
  database: Database,
  numbers: readonly number[],
): Promise<Set<number>> {
  const rows = await database.query<{ number: number }>(
    "SELECT number FROM audit_seal WHERE number = ANY($1::int[]) AND archived_at IS NOT NULL",
    [[...numbers]],
  );
  return new Set(rows.map(({ number }) => number));
}

/** The newest seal whose entries are in an archive; 0 when none is. */
export async function archivedThrough(database: Database): Promise<number> {
  const rows = await database.query<{ number: number }>(
    "SELECT coalesce(max(number), 0)::int AS number FROM audit_seal WHERE archived_at IS NOT NULL",
    [],
  );
  return rows[0]?.number ?? 0;
}

/** Deletes the entries of these seals and notes who has them, all or nothing. @returns how many entries. */
export async function dropSealed(
  database: Database,
  numbers: readonly number[],
  by: string,
): Promise<number> {
  const rows = await database.query<{ n: number }>(
    `WITH seals AS (UPDATE audit_seal SET archived_at = now(), archived_by = $2
      WHERE number = ANY($1::int[]) AND archived_at IS NULL RETURNING entry_ids),
    gone AS (DELETE FROM audit_entry a USING (SELECT unnest(entry_ids) AS id FROM seals) x WHERE a.id = x.id RETURNING 1)
    SELECT count(*)::int AS n FROM gone`,
    [[...numbers], by],
  );
  return rows[0]?.n ?? 0;
}
