import { OWN_LABELS } from "../../domain/metric.js";
import { DAY_MS, type Instant } from "../../domain/time.js";
import { findSeal, lastSeal } from "../../store/audit-seals.js";
import type { WatchDeps } from "../watch/index.js";
import { type Finding, openAlerts, tellFindings } from "../watch/tell.js";
import { type AuditFault, verifyAudit } from "./verify.js";

const PREFIX = "monitor:audit:";
/** What the chain was when it was looked at last: kept where whoever can write to the database cannot. */
const HEAD_KEY = "audit:head";
/** How far the trail was verified. */
const PLACE_KEY = "audit:verified";
/** Longer than a deployment stands still. */
const KEPT_MS = 400 * DAY_MS;
/** All of the trail is verified so often, a piece each minute. */
const VERIFY_EVERY_MS = DAY_MS;
/** Of one piece: beyond it the first ones say enough. */
const TOLD_MAX = 10;

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
  const { kv, database, clock } = deps;
  const now = clock.now();
  const head = (await read<Head>(HEAD_KEY, kv)) ?? null;
  const place = await read<Place>(PLACE_KEY, kv);
  const isDue = place === null || !place.isEnd || now - place.begunAt >= VERIFY_EVERY_MS;
  const from = place === null || place.isEnd ? { through: 0, begunAt: now } : place;
  const slice = isDue ? await verifyAudit(from.through, database) : null;
  const findings = [
    ...(head === null ? [] : await headFindings(head, now, deps)),
    ...(slice?.faults ?? []).slice(0, TOLD_MAX).map((fault) => findingOf(fault, now)),
  ];
  const alerts = await openAlerts(PREFIX, deps);
  const { raised } = await tellFindings(findings, alerts, deps);
  const last = await lastSeal(database);
  if (last !== null) await write(HEAD_KEY, { number: last.number, hash: last.hash }, kv);
  if (slice !== null) {
    const { through, isEnd } = slice;
    await write(PLACE_KEY, { through, begunAt: from.begunAt, isEnd }, kv);
  }
  return { verified: slice?.entries ?? 0, raised };
}

async function read<T>(key: string, kv: WatchDeps["kv"]): Promise<T | null> {
  const text = await kv.get(key);
  return text === null ? null : (JSON.parse(text) as T);
}

const write = (key: string, value: Head | Place, kv: WatchDeps["kv"]): Promise<void> =>
  kv.setFor(key, JSON.stringify(value), KEPT_MS);

/** A chain that was cut off and grown anew is whole in itself; that it is another one only this shows. */
async function headFindings(head: Head, now: Instant, { database }: WatchDeps): Promise<Finding[]> {
  const seal = await findSeal(database, head.number);
  if (seal?.hash === head.hash) return [];
  const title = `The audit trail is another one than before: seal ${head.number} was ${head.hash.slice(0, 12)}… Entries were taken out of its end, or the database was put back to an earlier time`;
  return [finding(`head-${head.number}-${head.hash.slice(0, 12)}`, title, now)];
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

const findingOf = (fault: AuditFault, now: Instant): Finding =>
  finding(`${fault.kind}-${fault.entryId ?? fault.seal}`, faultWords(fault), now);

const finding = (key: string, what: string, at: Instant): Finding => ({
  state: "there",
  once: true,
  groupKey: `${PREFIX}${key}`,
  at,
  signalKind: "security",
  level: "error",
  service: OWN_LABELS.service,
  tags: { check: "audit" },
  title: `${what}. See npx --no signalbox audit verify`,
});
