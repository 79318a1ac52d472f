import type { Severity } from "../domain/severity.js";
import type { Instant } from "../domain/time.js";
import {
  instantIn,
  type NoticeContent,
  noSuchTemplate,
  requiredTextIn,
  textIn,
  urlIn,
} from "./notice-data.js";
import {
  CHANNEL_NAMES,
  digestSectionsIn,
  incidentLinesIn,
  type LineView,
  numberIn,
  severityIn,
} from "./notice-lists.js";
import { type Person, personOf } from "./people.js";

export interface DeploymentView {
  name: string;
  url: string | null;
  commit: string | null;
}

/** Who could not be reached, so that this comes another way. */
export interface InsteadView {
  channel: string;
  because: string | null;
}

/** What every channel says about an incident, read leniently: a page with a gap beats no page. */
export interface IncidentView {
  incidentId: string;
  /** By what a pager's service joins what is told of it. */
  alertKey: string;
  severity: Severity;
  /** What this platform calls the severity. */
  severityName: string;
  title: string;
  service: string | null;
  environment: string | null;
  kind: string | null;
  url: string | null;
  openedAt: Instant | null;
  acknowledgedAt: Instant | null;
  acknowledgedBy: Person | null;
  resolvedAt: Instant | null;
  resolvedBy: Person | null;
  lastedMs: number | null;
  timeZone: string;
  why: string | null;
  suspect: DeploymentView | null;
  /** Where to go back to; null without a suspect, when it is what serves already. */
  lastGood: DeploymentView | null;
  nextStep: string | null;
  ackUrl: string | null;
  consoleUrl: string | null;
  escalatedTo: string | null;
  unansweredMinutes: number | null;
  alerts: number | null;
  signals: number | null;
  reopenings: number | null;
  insteadOf: InsteadView | null;
  /** What was owed after it, and is due: that is told, and not that it goes on. */
  taskDue: string | null;
}

/** Many incidents at once, told as one. */
export interface StormView {
  stormId: string;
  count: number;
  minutes: number | null;
  lines: LineView[];
  severity: Severity;
  severityName: string;
  startedAt: Instant | null;
  timeZone: string;
  why: string | null;
  nextStep: string | null;
  ackUrl: string | null;
  consoleUrl: string | null;
  escalatedTo: string | null;
  insteadOf: InsteadView | null;
}

export type IncidentHappening =
  | "raised"
  | "escalated"
  | "acknowledged"
  | "reopened"
  | "resolved"
  | "task_due";

/** @throws Permanent `channel_refused` when `incidentId` is missing: nothing could be joined or resolved. */
export function incidentView(notice: NoticeContent): IncidentView {
  const { data } = notice;
  const severity = severityIn(data);
  const [openedAt, resolvedAt] = [instantIn(data, "openedAt"), instantIn(data, "resolvedAt")];
  const known = openedAt !== null && resolvedAt !== null;
  const suspect = deploymentIn(notice, "suspect");
  return {
    incidentId: requiredTextIn(notice, "incidentId"),
    alertKey: textIn(data, "alertKey") ?? requiredTextIn(notice, "incidentId"),
    severity,
    severityName: textIn(data, "severityName") ?? severity,
    title: textIn(data, "title") ?? "Incident",
    service: textIn(data, "service"),
    environment: textIn(data, "environment"),
    kind: textIn(data, "kind"),
    url: urlIn(data, "url"),
    openedAt,
    acknowledgedAt: instantIn(data, "acknowledgedAt"),
    acknowledgedBy: personIn(notice, "acknowledgedBy"),
    resolvedAt,
    resolvedBy: personIn(notice, "resolvedBy"),
    lastedMs: numberIn(data, "lastedMs") ?? (known ? resolvedAt - openedAt : null),
    timeZone: textIn(data, "timeZone") ?? "UTC",
    why: textIn(data, "why"),
    suspect,
    lastGood: suspect === null ? null : deploymentIn(notice, "lastGood"),
    nextStep: textIn(data, "nextStep"),
    ackUrl: urlIn(data, "ackUrl"),
    consoleUrl: urlIn(data, "consoleUrl"),
    escalatedTo: textIn(data, "escalatedTo"),
    unansweredMinutes: numberIn(data, "unansweredMinutes"),
    alerts: numberIn(data, "alerts"),
    signals: numberIn(data, "signals"),
    reopenings: numberIn(data, "reopenings"),
    insteadOf: insteadIn(notice),
    taskDue: textIn(data, "taskDue"),
  };
}

/** @throws Permanent `channel_refused` when `stormId` is missing: its repeats could not be joined. */
export function stormView(notice: NoticeContent): StormView {
  const { data } = notice;
  const lines = incidentLinesIn(data);
  const severity = severityIn(data);
  return {
    stormId: requiredTextIn(notice, "stormId"),
    count: numberIn(data, "count") ?? lines.length,
    minutes: numberIn(data, "minutes"),
    lines,
    severity,
    severityName: textIn(data, "severityName") ?? severity,
    startedAt: instantIn(data, "startedAt"),
    timeZone: textIn(data, "timeZone") ?? "UTC",
    why: textIn(data, "why"),
    nextStep: textIn(data, "nextStep"),
    ackUrl: urlIn(data, "ackUrl"),
    consoleUrl: urlIn(data, "consoleUrl"),
    escalatedTo: textIn(data, "escalatedTo"),
    insteadOf: insteadIn(notice),
  };
}

/** A day's incidents and figures. */
export function digestView(notice: NoticeContent) {
  const { data } = notice;
  const lines = incidentLinesIn(data);
  return {
    day: textIn(data, "day"),
    from: instantIn(data, "from"),
    to: instantIn(data, "to"),
    timeZone: textIn(data, "timeZone") ?? "UTC",
    count: numberIn(data, "count") ?? lines.length,
    toldAtOnce: numberIn(data, "toldAtOnce") ?? 0,
    lines,
    sections: digestSectionsIn(data),
    consoleUrl: urlIn(data, "consoleUrl"),
  };
}
export type DigestView = ReturnType<typeof digestView>;

function deploymentIn({ data }: NoticeContent, key: "suspect" | "lastGood"): DeploymentView | null {
  const name = textIn(data, key);
  if (name === null) return null;
  return { name, url: urlIn(data, `${key}Url`), commit: textIn(data, `${key}Commit`) };
}

function personIn({ data }: NoticeContent, key: string): Person | null {
  const actor = textIn(data, key);
  return actor === null ? null : personOf(actor);
}

function insteadIn({ data }: NoticeContent): InsteadView | null {
  const channel = textIn(data, "insteadOf");
  if (channel === null) return null;
  const names: Readonly<Record<string, string>> = CHANNEL_NAMES;
  return { channel: names[channel] ?? channel, because: textIn(data, "insteadOfBecause") };
}

/** What a channel says of incidents; `digest` only where it has room for one. */
export interface SaysOfIncidents<Rendered> {
  incident(happening: IncidentHappening, view: IncidentView): Rendered;
  storm(view: StormView): Rendered;
  digest?(view: DigestView): Rendered;
}

/**
 * What a channel that only speaks of incidents makes of a notice.
 *
 * @throws Permanent `channel_refused` for a template that is not about incidents.
 */
export function renderIncident<Rendered>(
  notice: NoticeContent,
  says: SaysOfIncidents<Rendered>,
): Rendered {
  switch (notice.template) {
    case "incident-raised":
      return says.incident("raised", incidentView(notice));
    case "incident-escalated": {
      const view = incidentView(notice);
      return says.incident(view.taskDue === null ? "escalated" : "task_due", view);
    }
    case "incident-acknowledged":
      return says.incident("acknowledged", incidentView(notice));
    case "incident-reopened":
      return says.incident("reopened", incidentView(notice));
    case "incident-resolved":
      return says.incident("resolved", incidentView(notice));
    case "incident-storm":
      return says.storm(stormView(notice));
    case "incident-digest":
      return says.digest?.(digestView(notice)) ?? noSuchTemplate(notice);
    default: // mails to customers: no business of a channel that speaks to the people on call
      return noSuchTemplate(notice);
  }
}
