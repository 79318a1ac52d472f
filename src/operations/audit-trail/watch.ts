import { OWN_LABELS } from "../../domain/metric.js";
import { DAY_MS, type Instant, MINUTE_MS, SECOND_MS } from "../../domain/time.js";
import { archivedByEntry, findSeal, lastSeal, waitingEntries } from "../../store/audit-seals.js";
import type { WatchDeps } from "../watch/index.js";
import { type Finding, openAlerts, tellFindings } from "../watch/tell.js";
import { ARCHIVED_KEY, type AuditFault, REMEMBERED_MS, verifyAudit } from "./verify.js";

const PREFIX = "monitor:audit:";
/** What the chain was when it was looked at last: kept where whoever can write to the database cannot. */
const HEAD_KEY = "audit:head";
/** How far the trail was verified. */
const PLACE_KEY = "audit:verified";
/** All of the trail is verified so often, a piece each minute. */
const VERIFY_EVERY_MS = DAY_MS;
/** At once, of those that nobody was told of; the log has them all. */
const TOLD_MAX = 10;

/** Of what was found of the trail: for a person to end. */
const BASE = {
  state: "there",
  once: true,
  signalKind: "security",
  level: "error",
  service: OWN_LABELS.service,
  tags: { check: "audit" },
} as const;
/** A sweep seals each minute. */
const WAITS_MINUTES_MAX = 15;
/** A sweep has other things to do; the next one goes on. */
const BUDGET_MS = 2 * SECOND_MS;

interface Head {
  number: number;
  hash: string;
}
interface Place {
  through: number;
  begunAt: Instant;
  isEnd: boolean;
}

/**
 * Holds the trail against its seals, a piece each time and all of it each day, and the seals against what KV remembers
 * of them. What does not fit is raised as an incident, each fault once and for a person to end.
 *
 * @throws Transient when the database or KV is not to be had.
 */
export async function watchAudit(deps: WatchDeps): Promise<{ verified: number; raised: number }> {
  const { kv, database, clock, log } = deps;
  const now = clock.now();
  const head = await read<Head>(HEAD_KEY, kv);
  const { faults, verified, place } = await verifyPiece(now, deps);
  for (const { kind, seal, entryId } of faults) log.error("audit.faulty", { kind, seal, entryId });
  const alerts = await openAlerts(PREFIX, deps);
  const found = faults.map((fault) => findingOf(fault, now));
  const findings = [
    ...(await headFindings(head, now, deps)),
    ...found.filter(({ groupKey }) => !alerts.open.has(groupKey)).slice(0, TOLD_MAX),
    await waitingFinding(deps),
  ];
  const { raised } = await tellFindings(findings, alerts, deps);
  const last = await lastSeal(database);
  if (last !== null) await write(HEAD_KEY, { number: last.number, hash: last.hash }, kv);
  if (place !== null) await write(PLACE_KEY, place, kv);
  if ((await kv.get(ARCHIVED_KEY)) === null) {
    // From now on only an archive that is made by this deployment raises it.
    await kv.setFor(ARCHIVED_KEY, String(await archivedByEntry(database)), REMEMBERED_MS);
  }
  return { verified, raised };
}

/** As much of the day's pass as there is time for. */
async function verifyPiece(now: Instant, deps: WatchDeps) {
  const place = await read<Place>(PLACE_KEY, deps.kv);
  const faults: AuditFault[] = [];
  let verified = 0;
  if (place?.isEnd && now - place.begunAt < VERIFY_EVERY_MS) {
    return { faults, verified, place: null };
  }
  const next: Place =
    place === null || place.isEnd ? { through: 0, begunAt: now, isEnd: false } : { ...place };
  do {
    const slice = await verifyAudit(next.through, deps);
    faults.push(...slice.faults);
    verified += slice.entries;
    next.through = slice.through;
    next.isEnd = slice.isEnd;
  } while (!next.isEnd && deps.clock.now() - now < BUDGET_MS);
  return { faults, verified, place: next };
}

async function read<T>(key: string, kv: WatchDeps["kv"]): Promise<T | null> {
  const text = await kv.get(key);
  return text === null ? null : (JSON.parse(text) as T);
}

const write = (key: string, value: Head | Place, kv: WatchDeps["kv"]): Promise<void> =>
  kv.setFor(key, JSON.stringify(value), REMEMBERED_MS);

/** A chain that was cut off and grown anew is whole in itself; that it is another one only this shows. */
async function headFindings(
  head: Head | null,
  now: Instant,
  { database }: WatchDeps,
): Promise<Finding[]> {
  if (head === null) return []; // the first time, or KV has lost it: there is nothing to compare with
  const seal = await findSeal(database, head.number);
  if (seal?.hash === head.hash) return [];
  const known = `${head.number}:${head.hash.slice(0, 12)}`;
  const title = `The audit trail is another one than before: entries were taken out of its end, or the database was put back to an earlier time. See npx --no signalbox audit verify --expect ${known}`;
  return [{ ...BASE, groupKey: `${PREFIX}head-${known.replace(":", "-")}`, at: now, title }];
}

/** Without seals nobody would see an edit. Over again by itself, as it began: by the database's clock. */
async function waitingFinding({ database }: WatchDeps): Promise<Finding> {
  const { once: _, ...base } = BASE;
  const { count, oldestAt, asOf } = await waitingEntries(database);
  const waits = Math.floor((asOf - (oldestAt ?? asOf)) / MINUTE_MS);
  const isLate = waits >= WAITS_MINUTES_MAX;
  return {
    ...base,
    state: isLate ? "there" : "over",
    signalKind: "lag",
    groupKey: `${PREFIX}waiting`,
    // The same in the next minute, whose sweep may not know yet that it was told.
    at: isLate ? Math.floor(oldestAt ?? asOf) + WAITS_MINUTES_MAX * MINUTE_MS : Math.floor(asOf),
    title: isLate
      ? `${count} audit ${count === 1 ? "entry waits" : "entries wait"} for a seal, the oldest for ${waits} min: see what auditSeals says in the log of the sweep (cron.finished)`
      : "Audit entries are sealed again",
  };
}

const WORDS: Record<AuditFault["kind"], string> = {
  entry_changed: "was changed after it was sealed",
  entry_missing: "was deleted",
  entry_added: "was put into the trail afterwards",
  seal_changed: "was changed",
  seal_missing: "was deleted",
  archived_by_nobody: "is marked as archived, and nobody has archived it",
};

/** One line for people. */
const faultWords = ({ kind, seal, entryId }: AuditFault): string =>
  entryId === null
    ? `Seal ${seal} of the audit trail ${WORDS[kind]}`
    : `Audit entry ${entryId} ${WORDS[kind]} (seal ${seal})`;

const findingOf = (fault: AuditFault, at: Instant): Finding => ({
  ...BASE,
  groupKey: `${PREFIX}${fault.kind}-${fault.entryId ?? fault.seal}`,
  at,
  title: `${faultWords(fault)}. See npx --no signalbox audit verify`,
});
