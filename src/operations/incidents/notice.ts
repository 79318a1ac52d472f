import { type Instant, MINUTE_MS } from "../../domain/time.js";
import type { Policy } from "../../policy/schema.js";
import type { IncidentReport } from "../../store/incident-report.js";
import {
  contextOf,
  deploymentText,
  impactLines,
  type ReportContext,
  severityText,
  statusText,
  summaryText,
  writer,
} from "./report/context.js";
import { firstSymptomAt } from "./report/durations.js";
import { heading, list, page, plain, table } from "./report/markdown.js";
import type { ReportLocale } from "./report/words.js";

/**
 * The notice of an incident, as Markdown: what it is, how it stands, what was done and what comes, and who was told by which
 * channel. All of it is what was written down; what only people know is marked with who is to fill it in.
 */
export function incidentNotice(
  report: IncidentReport,
  policy: Policy,
  o: { locale: ReportLocale; now: Instant },
): string {
  const context = contextOf(report, policy, o);
  const { words } = context;
  const { id, title } = report.incident;
  return page([
    heading(1, `${words.notice} ${id}: ${plain(title)}`),
    facts(context),
    heading(2, words.heads.summary),
    summaryText(context, firstSymptomAt(report)),
    heading(2, words.heads.impact),
    list(impactLines(context)),
    heading(2, words.heads.actions),
    actions(context),
    heading(2, words.heads.next),
    list(nextSteps(context)),
    heading(2, words.heads.channel),
    told(context),
  ]);
}

function facts(context: ReportContext): string {
  const { report, words, time, who } = context;
  const { id, createdAt, service, acknowledgedBy } = report.incident;
  const { fields } = words;
  return table(
    [fields.id, id],
    [
      [fields.severity, severityText(context)],
      [fields.detected, time(createdAt)],
      [fields.status, statusText(context)],
      [fields.service, plain(service)],
      [fields.who, acknowledgedBy === null ? words.nobodyYet : who(acknowledgedBy)],
    ],
  );
}

/** What the clock did, who took it, what people noted; not each alert that joined. */
function actions({ report, words, time, who, said }: ReportContext): string {
  const rows = report.entries
    .filter(({ kind }) => kind === "transition" || kind === "step" || kind === "note")
    .map((entry) => [time(entry.at), who(entry.actor), said(entry)]);
  const { at, who: by, what } = words.columns;
  return rows.length === 0 ? words.none : table([at, by, what], rows);
}

function nextSteps(context: ReportContext): string[] {
  const { report, words, time, role, clocks } = context;
  const { incident, tasks, suspect, lastGood, users } = report;
  const steps: string[] = [];
  if (incident.status !== "resolved") {
    if (suspect !== null) steps.push(words.suspect(deploymentText(context, suspect)));
    if (suspect !== null && lastGood !== null) {
      steps.push(words.goBack(deploymentText(context, lastGood)));
    }
    const every = clocks?.tellUsersEveryMinutes ?? null;
    const last = Math.max(0, ...users.map(({ lastAt }) => lastAt));
    if (every !== null && last > 0) {
      steps.push(words.nextUpdate(time(last + every * MINUTE_MS)));
    }
    steps.push(words.fillIn(writer(context), words.ask.eta));
  }
  for (const task of tasks.filter(({ doneAt }) => doneAt === null)) {
    steps.push(words.taskDue(plain(task.title), role(task.role), time(task.dueAt)));
  }
  return steps.length === 0 ? [words.none] : steps;
}

/** Who was told, when, by which channel, and what became of it. */
function told({ report, words, time, template, told }: ReportContext): string {
  const { at, channel, recipient, what, state } = words.columns;
  const rows = report.notices.map((one) => [
    time(one.sentAt ?? one.createdAt),
    one.channel,
    plain(one.recipient),
    told(one),
    one.errorCode === null ? one.status : `${one.status}: ${one.errorCode}`,
  ]);
  const people = report.users.map((one) => [
    time(one.firstAt),
    "email",
    words.usersTold(one.people, template(one.template)),
    template(one.template),
    "",
  ]);
  const all = [...rows, ...people];
  return all.length === 0 ? words.notTold : table([at, channel, recipient, what, state], all);
}
