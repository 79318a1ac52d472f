import { AUDIT_ARCHIVED, AUDIT_TRAIL } from "../../domain/audit.js";
import { Permanent } from "../../domain/errors.js";
import type { Ids } from "../../domain/ids.js";
import { PlanBuilder } from "../../domain/plan.js";
import type { Kv, Log } from "../../domain/ports.js";
import { type Clock, DAY_MS, type Instant, isoOf, SECOND_MS } from "../../domain/time.js";
import { apply } from "../../store/apply.js";
import {
  type AuditSeal,
  archivedByEntry,
  archivedThrough,
  dropSealed,
  entriesOf,
  findSeal,
  type ListedSeal,
  sealsAfter,
} from "../../store/audit-seals.js";
import type { Database } from "../../store/database.js";
import { lineOf } from "./seal-of.js";
import { ARCHIVED_KEY, AT_ONCE, REMEMBERED_MS } from "./verify.js";

export interface ArchiveDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  log: Log;
  kv: Pick<Kv, "get" | "setFor">;
  /** How long the platform keeps its trail; null: for good. */
  keptDays: number | null;
}

/** A seal with the lines of its entries, from which its digests and its hash can be computed anew. */
export interface ExportedSeal extends ListedSeal {
  /** Of the entries that are there; none once they are archived. */
  lines: string[];
  /** It is as old as the platform's policy wants entries kept. */
  mayBeArchived: boolean;
}

/** A call for whoever watches; the next one goes on. */
const BUDGET_MS = 5 * SECOND_MS;

const mayBeArchived = (
  { recordedAt }: Pick<AuditSeal, "recordedAt">,
  now: Instant,
  keptDays: number | null,
): boolean => keptDays !== null && recordedAt < now - keptDays * DAY_MS;

/** The seals after a number with all that they seal, as many as fit an answer. @throws Transient */
export async function exportAudit(
  after: number,
  { database, clock, keptDays }: ArchiveDeps,
): Promise<ExportedSeal[]> {
  const seals = await sealsAfter(database, after, AT_ONCE);
  const entries = await entriesOf(
    database,
    seals.flatMap(({ entryIds, archivedAt }) => (archivedAt === null ? entryIds : [])),
  );
  const now = clock.now();
  return seals.map(({ entryIds, digests: _, ...seal }) => ({
    ...seal,
    lines: entryIds.flatMap((id) => {
      const entry = entries.get(id);
      return entry === undefined ? [] : [lineOf(entry)];
    }),
    entries: entryIds.length,
    mayBeArchived: mayBeArchived(seal, now, keptDays),
  }));
}

export interface ArchiveRequest {
  /** The last seal whose entries somebody has in an archive, with its hash, so that no other chain is meant. */
  through: number;
  hash: string;
  reason: string;
  actor: string;
}

/**
 * Deletes the entries of all seals up to one, which are in an archive; the seals stay, so that the archive can be
 * held against them. That it was done, by whom and why is written first, and sealed with what comes after.
 *
 * @returns how far it has come; ask again until `isDone`.
 * @throws Permanent `not_found` for a seal that is not there, `conflict` for one of another hash, or that is to be kept.
 */
export async function archiveAudit(
  { through, hash, reason, actor }: ArchiveRequest,
  deps: ArchiveDeps,
): Promise<{ through: number; entries: number; isDone: boolean }> {
  const { database, clock, ids, log, kv } = deps;
  await demandArchivable(through, hash, deps);
  if ((await archivedByEntry(database)) < through) {
    const now = clock.now();
    const requestId = ids.next("request");
    const plan = new PlanBuilder({ now, ids, actor, eventId: null, requestId }).audit(
      AUDIT_ARCHIVED,
      AUDIT_TRAIL,
      { through, hash, reason },
    );
    await apply(database, plan.build());
  }
  // Outside the database too: there anybody with its password can write such an entry.
  const remembered = Number((await kv.get(ARCHIVED_KEY)) ?? 0);
  if (remembered < through) await kv.setFor(ARCHIVED_KEY, String(through), REMEMBERED_MS);
  const until = clock.now() + BUDGET_MS;
  let [at, entries] = [await archivedThrough(database), 0];
  while (at < through && clock.now() < until) {
    const found = await sealsAfter(database, at, AT_ONCE);
    const numbers = found.map(({ number }) => number).filter((number) => number <= through);
    entries += await dropSealed(database, numbers, actor);
    at = numbers.at(-1) ?? through;
  }
  log.info("audit.archived", { through: at, entries, actor });
  return { through: at, entries, isDone: at >= through };
}

async function demandArchivable(
  through: number,
  hash: string,
  { database, clock, keptDays }: ArchiveDeps,
): Promise<void> {
  if (keptDays === null) {
    const detail =
      "The platform's policy keeps the audit trail for good (retention.auditDays is null): nothing was deleted.";
    throw new Permanent("conflict", { detail });
  }
  const seal = await findSeal(database, through);
  if (seal === undefined) {
    throw new Permanent("not_found", { detail: `There is no seal ${through}.` });
  }
  if (seal.hash !== hash) {
    const detail = `Seal ${through} has another hash than the archive: nothing was deleted. Archive again, from this deployment.`;
    throw new Permanent("conflict", { detail });
  }
  if (!mayBeArchived(seal, clock.now(), keptDays)) {
    const detail = `Seal ${through} is of ${isoOf(seal.recordedAt)}, and the policy keeps entries for ${keptDays} days: nothing was deleted.`;
    throw new Permanent("conflict", { detail });
  }
}
