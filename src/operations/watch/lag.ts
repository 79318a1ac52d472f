import { OWN_LABELS } from "../../domain/metric.js";
import { DAY_MS, type Instant, isoOf, MINUTE_MS, SECOND_MS } from "../../domain/time.js";
import { SILENCE_DAYS, silenceOf } from "../../policy/silence.js";
import {
  heldSources,
  lastRunOf,
  minutesWithEvents,
  oldestUnfinished,
  openDeadLetters,
  settledLetters,
  unendedMaintenances,
} from "../../store/watch.js";
import type { WatchDeps } from "./deps.js";
import { ended, type Finding, openAlerts, tellFindings } from "./tell.js";
import { uptimeFindings } from "./uptime.js";

const PREFIX = "monitor:";
const LETTER = "monitor:dead-letter:";
export const CANARY = "monitor:canary:";
const OLDEST = "monitor:lag:events";
const MAINTENANCE = "monitor:maintenance:";
/** After the time in which its looks could have ended it. */
const UNENDED_AFTER_MS = 5 * MINUTE_MS;
/** Of a kind, told one by one; beyond it the first ones say enough. */
const TOLD_MAX = 100;

/** What of our own work is late, lost or silent. @returns how many troubles began and were over. */
export async function watchLag(deps: WatchDeps): Promise<{ raised: number; resolved: number }> {
  const now = deps.clock.now();
  const alerts = await openAlerts(PREFIX, deps);
  const { open } = alerts;
  const found = [
    ...(await oldestEvent(now, deps)),
    ...(await deadPayments(now, open, deps)),
    ...(await failedRuns(deps)),
    ...(await unendedWork(now, open, deps)),
    ...(await uptimeFindings(now, open, deps)),
  ];
  const blind = new Set([
    ...open,
    ...found.flatMap((one) => (one.state === "there" ? [one.groupKey] : [])),
  ]);
  return tellFindings([...found, ...(await silences(now, blind, deps))], alerts, deps);
}

const minutesSince = (at: Instant, now: Instant): number => Math.floor((now - at) / MINUTE_MS);

/** Over only when it is half as late as it may be, so that a queue at its limit is one trouble. */
async function oldestEvent(now: Instant, { database, policy }: WatchDeps): Promise<Finding[]> {
  const limitMinutes = policy.lag.oldestEventMinutes;
  const oldest = await oldestUnfinished(database);
  const base = {
    groupKey: OLDEST,
    signalKind: "lag" as const,
    level: "error" as const,
    service: OWN_LABELS.service,
    tags: { check: "lag" },
  };
  const ageMinutes = oldest === null ? 0 : minutesSince(oldest.recordedAt, now);
  if (oldest !== null && ageMinutes > limitMinutes) {
    const { source, type, unfinished, recordedAt } = oldest;
    const title = `The oldest unfinished event (${source} ${type}) waits for ${ageMinutes} min, wanted under ${limitMinutes} min; ${unfinished} wait in all`;
    return [{ ...base, state: "there", at: recordedAt + limitMinutes * MINUTE_MS, title }];
  }
  if (ageMinutes * 2 > limitMinutes) return [];
  return [{ ...base, state: "over", at: now, title: "No event waits for longer than it may" }];
}

/** Each dead letter of a source that keeps a ledger is a payment that is not recorded. */
async function deadPayments(
  now: Instant,
  open: ReadonlySet<string>,
  { database, sources }: WatchDeps,
): Promise<Finding[]> {
  const ledgers = sources.filter(({ readObject }) => readObject !== undefined);
  const told = [...open].filter((key) => key.startsWith(LETTER));
  const ids = told.map((key) => key.slice(LETTER.length));
  const [letters, settled] = await Promise.all([
    openDeadLetters(
      database,
      ledgers.map(({ id }) => id),
      TOLD_MAX,
    ),
    ids.length === 0 ? [] : settledLetters(database, ids),
  ]);
  const base = {
    signalKind: "payment" as const,
    level: "error" as const,
    service: OWN_LABELS.payments,
    tags: { check: "dead-letter" },
  };
  const there = letters.map(
    ({ id, source, type, code, diedAt }): Finding => ({
      ...base,
      state: "there",
      groupKey: `${LETTER}${id}`,
      at: diedAt,
      title: `A payment's event could not be worked on: ${source} ${type} (${code}) is dead letter ${id}`,
    }),
  );
  const over = settled.map(
    (id): Finding => ({
      ...base,
      state: "over",
      groupKey: `${LETTER}${id}`,
      at: now,
      title: `Dead letter ${id} is settled`,
    }),
  );
  return [...there, ...over];
}

async function failedRuns({ database, sources }: WatchDeps): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { id: source, readObject } of sources) {
    if (readObject === undefined) continue;
    const run = await lastRunOf(database, source);
    if (run === null) continue;
    const isWell = run.status === "succeeded";
    findings.push({
      state: isWell ? "over" : "there",
      groupKey: `monitor:reconciliation:${source}`,
      at: run.endedAt,
      signalKind: "payment",
      level: "error",
      service: OWN_LABELS.payments,
      tags: { check: "reconciliation", source },
      title: isWell
        ? `Reconciliation ${run.id} of ${source} succeeded`
        : `Reconciliation ${run.id} of ${source} ${run.status === "failed" ? "failed" : "left something out"}: the ledger is not proven`,
    });
  }
  return findings;
}

/** A maintenance whose services nothing could look at ends by nobody's word but a person's, who has to hear of it. */
async function unendedWork(
  now: Instant,
  open: ReadonlySet<string>,
  { database, policy }: WatchDeps,
): Promise<Finding[]> {
  const patienceMs = policy.deployments.forSeconds * SECOND_MS + UNENDED_AFTER_MS;
  const unended = await unendedMaintenances(database, now - patienceMs, TOLD_MAX);
  const base = {
    signalKind: "lag" as const,
    level: "warning" as const,
    service: OWN_LABELS.service,
    tags: { check: "maintenance" },
  };
  const there = unended.map(
    ({ id, title, endsAt }): Finding => ({
      ...base,
      state: "there",
      groupKey: `${MAINTENANCE}${id}`,
      at: endsAt + patienceMs,
      title: `Maintenance "${title}" was to end at ${isoOf(endsAt)}, and nothing could tell whether all is well. Look, and say so: npx --no signalbox maintenance complete ${id} --reason "…" (or fail)`,
    }),
  );
  const lasting = new Set(there.map(({ groupKey }) => groupKey));
  const over = [...open]
    .filter((key) => key.startsWith(MAINTENANCE) && !lasting.has(key))
    .map((groupKey): Finding => {
      const title = `Maintenance ${groupKey.slice(MAINTENANCE.length)} has ended`;
      return { ...base, state: "over", groupKey, at: now, title };
    });
  return [...there, ...over];
}

/** Fourteen days are read for it: not each minute, and no silence is told to the minute. */
const SILENCE_EVERY_MINUTES = 5;

/** @param blind troubles that make a source look silent: of these nothing new is said. */
async function silences(
  now: Instant,
  blind: ReadonlySet<string>,
  { database, sources, policy }: WatchDeps,
): Promise<Finding[]> {
  if (Math.floor(now / MINUTE_MS) % SILENCE_EVERY_MINUTES !== 0) return [];
  const [minutes, held] = await Promise.all([
    minutesWithEvents(database, now - SILENCE_DAYS * DAY_MS),
    heldSources(database),
  ]);
  return sources.flatMap(({ id: source }): Finding[] => {
    const silence = silenceOf(minutes.get(source) ?? [], now, policy.lag.silentTimesUsual);
    if (silence === null || held.has(source)) return [];
    const { since, usualMs, limitMs, isSilent } = silence;
    if (isSilent && (blind.has(OLDEST) || blind.has(`${CANARY}${source}`))) return [];
    const usual = Math.ceil(usualMs / MINUTE_MS);
    return [
      {
        state: isSilent ? "there" : "over",
        groupKey: `monitor:silence:${source}`,
        at: isSilent ? since + limitMs : now,
        signalKind: "lag",
        level: "warning",
        service: source,
        tags: { check: "silence", source },
        title: isSilent
          ? `${source} has been silent since ${isoOf(since)}, for ${minutesSince(since, now)} min; at this time of day ${usual} min are usual`
          : `${source} speaks again`,
      },
    ];
  });
}

/** Open alerts of a check that is not made any more. */
export const orphans = (open: ReadonlySet<string>, prefix: string, at: Instant): Finding[] =>
  [...open]
    .filter((key) => key.startsWith(prefix))
    .map((key) => ({ ...ended(key, at, "This is not looked at any more"), state: "over" }));
