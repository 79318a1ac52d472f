import { BY_RECOVERY } from "../../domain/incident.js";
import type { Instant } from "../../domain/time.js";
import type { Policy } from "../../policy/schema.js";
import type { IncidentReport } from "../../store/incident-report.js";
import { groupBy } from "../reconcile/group-by.js";
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
import { type Duration, durationsOf, firstSymptomAt } from "./report/durations.js";
import { entriesBeside } from "./report/entries.js";
import { heading, list, page, plain, table } from "./report/markdown.js";
import type { ReportLocale } from "./report/words.js";

/**
 * The review after an incident, as Markdown. Times, notices, deployments and what is owed are filled in; the cause, the
 * lessons and what only people know are marked with who is to write them, and never made up.
 */
export function incidentReview(
  report: IncidentReport,
  policy: Policy,
  o: { locale: ReportLocale; now: Instant },
): string {
  const context = contextOf(report, policy, o);
  const { words } = context;
  const { heads } = words;
  const { id, title } = report.incident;
  const durations = durationsOf(report, policy, o.now);
  return page([
    heading(1, `${words.review} ${id}: ${plain(title)}`),
    facts(context),
    heading(2, heads.summary),
    summaryText(context, firstSymptomAt(report)),
    heading(2, heads.timeline),
    timeline(context),
    heading(2, heads.durations),
    durationTable(durations, context),
    heading(2, heads.rootCause),
    words.fillIn(writer(context, taskLike(context, /cause/)), words.ask.rootCause),
    heading(2, heads.factors),
    list(factors(durations, context)),
    heading(2, heads.impact),
    list(impactLines(context)),
    heading(2, heads.resolution),
    resolution(context),
    heading(2, heads.lessons),
    words.fillIn(writer(context), words.ask.lessons),
    heading(2, heads.items),
    items(context),
  ]);
}

/** The task that asks for this, so that who owes it is who writes it. */
const taskLike = ({ report }: ReportContext, name: RegExp) =>
  report.tasks.find(({ task }) => name.test(task));

function facts(context: ReportContext): string {
  const { report, words, time } = context;
  const { id, createdAt, resolvedAt, service } = report.incident;
  const { fields } = words;
  return table(
    [fields.id, id],
    [
      [fields.severity, severityText(context)],
      [fields.service, plain(service)],
      [fields.began, time(firstSymptomAt(report))],
      [fields.detected, time(createdAt)],
      [fields.ended, resolvedAt === null ? words.notYet : time(resolvedAt)],
      [fields.status, statusText(context)],
    ],
  );
}

/** Alerts, what was decided and done, and what left, in one order; what left at once by many ways is one line. */
function timeline({ report, words, time, who, template, told, said }: ReportContext): string {
  const lines: { at: Instant; who: string; what: string }[] = [];
  for (const { openedAt, resolvedAt, source, title } of report.alerts) {
    lines.push({ at: openedAt, who: source, what: words.alertBegan(source, plain(title)) });
    if (resolvedAt === null) continue;
    lines.push({ at: resolvedAt, who: source, what: words.alertEnded(source, plain(title)) });
  }
  for (const entry of entriesBeside(report)) {
    lines.push({ at: entry.at, who: who(entry.actor), what: said(entry) });
  }
  for (const notices of groupBy(
    report.notices,
    (one) => `${one.createdAt} ${told(one)} ${one.channel}`,
  ).values()) {
    const [first] = notices;
    if (first === undefined) continue;
    const to = notices.map(({ recipient }) => plain(recipient)).join(", ");
    const what = words.noticeTold(first.channel, told(first), to);
    lines.push({ at: first.sentAt ?? first.createdAt, who: "signalbox", what });
  }
  for (const { template: word, people, firstAt } of report.users) {
    lines.push({ at: firstAt, who: "signalbox", what: words.usersTold(people, template(word)) });
  }
  const { at, what, who: by } = words.columns;
  const rows = lines
    .map((line, i) => ({ ...line, i }))
    .sort((a, b) => a.at - b.at || a.i - b.i)
    .map((line) => [time(line.at), plain(line.who), line.what]);
  return rows.length === 0 ? words.none : table([at, by, what], rows);
}

function durationTable(durations: readonly Duration[], { words, took }: ReportContext): string {
  const { what, took: lasted, wanted, kept } = words.columns;
  const judged = { true: words.yes, false: `**${words.no}**`, null: "" };
  return table(
    [what, lasted, wanted, kept],
    durations.map((one) => [
      words.durations[one.what],
      one.isBefore === true ? words.before : one.tookMs === null ? words.notYet : took(one.tookMs),
      one.wantedMs === null ? "" : took(one.wantedMs),
      judged[`${one.isKept}`],
    ]),
  );
}

/** What is known to have made it longer or possible; which of it mattered is for people. */
function factors(durations: readonly Duration[], context: ReportContext): string[] {
  const { report, words } = context;
  const { suspect, notices, incident } = report;
  return [
    ...(suspect === null ? [] : [words.suspect(deploymentText(context, suspect))]),
    ...durations
      .filter(({ isKept }) => isKept === false)
      .map(({ what }) => words.late(words.durations[what])),
    ...notices
      .filter(({ status }) => status === "failed" || status === "bounced" || status === "unknown")
      .map(({ channel, recipient, errorCode, status }) =>
        words.notDelivered(channel, plain(recipient), errorCode ?? status),
      ),
    ...(incident.reopenings > 0 ? [words.reopened(incident.reopenings)] : []),
    words.fillIn(writer(context), words.ask.factors),
  ];
}

function resolution(context: ReportContext): string {
  const { report, words } = context;
  const { resolvedBy, lastGood, suspect } = {
    ...report.incident,
    lastGood: report.lastGood,
    suspect: report.suspect,
  };
  const notes = report.entries.filter(({ kind }) => kind === "note").map(({ text }) => plain(text));
  const isByPerson = resolvedBy !== null && resolvedBy !== BY_RECOVERY;
  return list([
    statusText(context),
    ...notes,
    ...(suspect !== null && lastGood !== null
      ? [words.goBack(deploymentText(context, lastGood))]
      : []),
    ...(isByPerson || notes.length > 0
      ? []
      : [words.fillIn(writer(context), words.heads.resolution.toLowerCase())]),
  ]);
}

function items(context: ReportContext): string {
  const { report, words, time, role, who } = context;
  const { action, owner, due, priority, state } = words.columns;
  const rank = words.priority[report.incident.severity];
  const owed = report.tasks.map((task) => [
    plain(task.title),
    role(task.role),
    time(task.dueAt),
    rank,
    task.doneAt === null
      ? words.open
      : `${words.done}: ${time(task.doneAt)}, ${who(task.doneBy ?? "")}`,
  ]);
  const prevention = taskLike(context, /prevent/);
  const ask = words.fillIn(writer(context, prevention), words.ask.item);
  return table([action, owner, due, priority, state], [...owed, [ask, "", "", "", ""]]);
}
