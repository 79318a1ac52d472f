import { type Deployment, shortCommit } from "../../domain/deployment.js";
import type { Incident, IncidentTask } from "../../domain/incident.js";
import type { NoticeData } from "../../domain/notice.js";
import type {
  IncidentLine,
  IncidentNoticeData,
  TemplateData,
} from "../../domain/notice-templates.js";
import { type Instant, MINUTE_MS } from "../../domain/time.js";
import { languageOnCall } from "../../policy/recipients.js";
import type { Policy } from "../../policy/schema.js";
import { NOTICE_WORDS, type NoticeWords } from "./notice-words.js";
import type { IncidentRows } from "./rows.js";

const namesOf = <P extends "suspect" | "lastGood">(prefix: P, one: Deployment | undefined) => ({
  [prefix]: one?.name ?? null,
  [`${prefix}Url`]: one?.url ?? null,
  [`${prefix}Commit`]: one === undefined ? null : shortCommit(one),
});

/** What to do first, where something is known that would help. */
export type RollbackHint = (to: Deployment) => string | null;

function nextStepOf(
  rows: IncidentRows,
  rollbackHint: RollbackHint,
  words: NoticeWords,
): string | null {
  const { suspect, lastGood } = rows;
  if (lastGood === undefined) return null;
  const name = lastGood.url ?? lastGood.externalId;
  if (suspect === undefined) {
    // The last good one is what serves: to go back to it would change nothing.
    return isFailedDeployment(rows) ? words.goesOnServing(name) : null;
  }
  const commit = lastGood.commit === null ? "" : ` (${shortCommit(lastGood)})`;
  return words.rollBack(suspect.name, `${name}${commit}`, rollbackHint(lastGood));
}

/** Nothing but deployments that never served anybody: checks and lockdowns, which are of this kind too, are our own word. */
const isFailedDeployment = ({ counts, lastGood }: IncidentRows): boolean =>
  counts.alerts > 0 && counts.ofWhatServes === 0 && lastGood?.checked !== "failed";

/** What every notice of an incident may tell; each template shows what it needs. */
export function incidentData(
  rows: IncidentRows,
  policy: Policy,
  now: Instant,
  rollbackHint: RollbackHint,
  words: NoticeWords = NOTICE_WORDS[languageOnCall(policy)],
): IncidentNoticeData {
  const { incident, suspect, lastGood, counts } = rows;
  const { id, severity, title, service, environment, kind, url, openedAt } = incident;
  const { acknowledgedAt, acknowledgedBy, resolvedAt, resolvedBy, reopenedAt, reopenings } =
    incident;
  return {
    incidentId: id,
    severity,
    severityName: policy.severities[severity].name,
    ...{ title, service, environment, kind, url, openedAt },
    timeZone: policy.timeZone,
    why: whyOf(incident, policy, words),
    ...namesOf("suspect", suspect),
    ...namesOf("lastGood", lastGood),
    nextStep: nextStepOf(rows, rollbackHint, words),
    ...{ acknowledgedAt, acknowledgedBy, resolvedAt, resolvedBy, reopenedAt, reopenings },
    lastedMs: (resolvedAt ?? now) - openedAt,
    signals: counts.signals,
    alerts: counts.alerts,
  };
}

/** From the first page on: in a maintenance, or while it was held back, there was nothing to answer. */
export function minutesUnanswered({ incident, steps }: IncidentRows, now: Instant): number {
  const first = steps.find(({ step }) => step === `page:${incident.routings}:0`);
  return Math.round((now - (first?.takenAt ?? incident.routedAt)) / MINUTE_MS);
}

/** The rule that made it what it is, for who wonders why they are told. */
function whyOf({ rule, severity }: Incident, policy: Policy, words: NoticeWords): string {
  const { name } = policy.severities[severity];
  const because = policy.rules.find(({ id }) => id === rule)?.because;
  const is = name === severity ? severity : `${name} (${severity})`;
  return because === undefined ? words.severity(is) : words.byRule(is, rule, because);
}

/** How whoever owes a task says that it is done. */
export const whenDone = ({ incidentId, task }: IncidentTask, policy: Policy): string =>
  NOTICE_WORDS[languageOnCall(policy)].whenDone(
    `npx --no signalbox incidents done ${incidentId} ${task}`,
  );

/** A line of a list of incidents. */
export const lineOf = (incident: Incident, policy: Policy, now: Instant): IncidentLine => ({
  id: incident.id,
  severity: incident.severity,
  severityName: policy.severities[incident.severity].name,
  title: incident.title,
  service: incident.service,
  status: incident.status,
  openedAt: incident.openedAt,
  lastedMs: (incident.resolvedAt ?? now) - incident.openedAt,
  acknowledgedBy: incident.acknowledgedBy,
});

export function stormData(
  { storm }: IncidentRows,
  policy: Policy,
  now: Instant,
): TemplateData["incident-storm"] & NoticeData {
  const worst = storm.incidents[0]?.severity ?? "P0";
  const { incidents, minutes } = policy.storm;
  const words = NOTICE_WORDS[languageOnCall(policy)];
  return {
    stormId: storm.id,
    count: storm.count,
    minutes,
    incidents: JSON.stringify(storm.incidents.map((one) => lineOf(one, policy, now))),
    severity: worst,
    severityName: policy.severities[worst].name,
    startedAt: Number(storm.id),
    timeZone: policy.timeZone,
    why: words.storm(incidents, minutes),
    nextStep: words.stormNext,
  };
}
