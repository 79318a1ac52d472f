import { durationText, timeText } from "../../../channels/wording.js";
import { shortCommit } from "../../../domain/deployment.js";
import { BY_RECOVERY, type IncidentEntry, type IncidentTask } from "../../../domain/incident.js";
import type { Template } from "../../../domain/notice.js";
import type { Instant } from "../../../domain/time.js";
import { titlesOf } from "../../../policy/recipients.js";
import { clocksOf, routeOf } from "../../../policy/route.js";
import type { Clocks, Policy } from "../../../policy/schema.js";
import type { IncidentReport, ToldNotice } from "../../../store/incident-report.js";
import { entryText } from "./entries.js";
import { plain } from "./markdown.js";
import { REPORT_WORDS, type ReportLocale, type ReportWords } from "./words.js";

/** What both documents are written with. */
export interface ReportContext {
  report: IncidentReport;
  policy: Policy;
  now: Instant;
  words: ReportWords;
  clocks: Clocks | undefined;
  time(at: Instant): string;
  took(ms: number): string;
  /** A role by the title that people know. */
  role(id: string): string;
  /** `operator:anna` is anna; what a program did has its own name. */
  who(actor: string): string;
  template(template: Template): string;
  /** An entry of the timeline: our own sentences in the reader's language. */
  said(entry: IncidentEntry): string;
  /** What a notice told. */
  told(notice: Pick<ToldNotice, "template" | "step">): string;
}

export function contextOf(
  report: IncidentReport,
  policy: Policy,
  { locale, now }: { locale: ReportLocale; now: Instant },
): ReportContext {
  const words = REPORT_WORDS[locale];
  const { severity } = report.incident;
  return {
    ...{ report, policy, now, words },
    clocks: clocksOf(policy, severity),
    time: (at) => timeText(at, locale, policy.timeZone),
    took: (ms) => durationText(ms, locale),
    role: (id) => plain(titlesOf([id], policy).join()),
    who: (actor) => {
      const link = /^link:(.+)$/.exec(actor)?.[1];
      if (link !== undefined) return plain(words.byLink(link));
      return plain(actor.replace(/^(operator|system|source):/, ""));
    },
    said: (entry) => plain(entryText(entry, locale)),
    template: (template) => words.templates[template] ?? template,
    told: ({ template, step }) =>
      words.steps[step.split(":")[0] ?? ""] ?? words.templates[template] ?? template,
  };
}

/** Who writes what only people know: who owes it, else who had it, else who was called first. */
export function writer(context: ReportContext, task?: IncidentTask): string {
  const { report, policy, role, who } = context;
  const { acknowledgedBy, route, severity } = report.incident;
  if (task !== undefined) return role(task.role);
  if (acknowledgedBy !== null) return who(acknowledgedBy);
  const first = routeOf(policy, route, severity).steps[0]?.roles[0];
  return first === undefined ? "on-call" : role(first);
}

export function severityText({ report, policy }: ReportContext): string {
  const { severity } = report.incident;
  const { name } = policy.severities[severity];
  return plain(name === severity ? severity : `${name} (${severity})`);
}

export function statusText({ report, words, time, who }: ReportContext): string {
  const { status, openedAt, acknowledgedAt, acknowledgedBy, resolvedAt, resolvedBy } =
    report.incident;
  if (status === "resolved" && resolvedAt !== null) {
    const by = resolvedBy === null || resolvedBy === BY_RECOVERY ? words.byItself : who(resolvedBy);
    return words.statusResolved(time(resolvedAt), by);
  }
  if (acknowledgedAt !== null) {
    return words.statusAcknowledged(who(acknowledgedBy ?? ""), time(acknowledgedAt));
  }
  return words.statusOpen(time(openedAt));
}

/** What happened, in the sources' own words, and how much of it. */
export function summaryText(context: ReportContext, symptomAt: Instant): string {
  const { report, words, time, took, now } = context;
  const { incident, alerts, signals } = report;
  const sources = [...new Set(alerts.map(({ source }) => source))].join(", ");
  const { title, service, resolvedAt, reopenings } = incident;
  const count = signals.reduce((sum, one) => sum + one.count, 0);
  const said = {
    at: time(symptomAt),
    service: plain(service),
    title: plain(title),
    sources: plain(sources === "" ? "—" : sources),
  };
  return [
    words.summary(said),
    words.counts(alerts.length, count),
    words.lasted(took((resolvedAt ?? now) - symptomAt), resolvedAt !== null),
    ...(reopenings > 0 ? [words.reopened(reopenings)] : []),
  ].join(" ");
}

/** What was deployed, as one can find it again. */
export function deploymentText(
  { time }: ReportContext,
  one: NonNullable<IncidentReport["suspect"]>,
): string {
  const commit = one.commit === null ? "" : ` (${shortCommit(one)})`;
  return `${plain(one.name)}${commit}, ${time(one.stateAsOf)}${one.url === null ? "" : `, ${plain(one.url)}`}`;
}

/** Services that alerts of it named, beside its own. */
export function servicesOf({ incident, alerts }: IncidentReport): string[] {
  const named = alerts.flatMap(({ service }) => (service === null ? [] : [service]));
  return [...new Set([incident.service, ...named])].map(plain);
}

/** What is known of its effect; the rest is asked of who knows. */
export function impactLines(context: ReportContext): string[] {
  const { report, words } = context;
  const { environment } = report.incident;
  const services = servicesOf(report).join(", ");
  const where = environment === null ? "" : ` (${plain(environment)})`;
  return [
    `${words.fields.service}: ${services}${where}`,
    ...report.users
      .filter(({ template }) => template === "user-incident")
      .map(({ people, template }) => words.usersTold(people, context.template(template))),
    words.fillIn(writer(context), words.ask.impact),
  ];
}
