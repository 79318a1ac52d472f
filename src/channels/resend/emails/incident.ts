import type { Language } from "../../../domain/notice.js";
import { type IncidentHappening, type IncidentView, incidentView } from "../../incident-view.js";
import { deploymentText, INCIDENT_WORDS, instantText, sentencesOf } from "../../incident-words.js";
import { clip, type NoticeContent } from "../../notice-data.js";
import { durationText } from "../../wording.js";
import { contentIn, type EmailContent, rowsOf, type Tone } from "./content.js";

const TITLE_CHARS_MAX = 200;

const TONES: Readonly<Record<IncidentHappening, Tone>> = {
  raised: "alarm",
  escalated: "alarm",
  acknowledged: "attention",
  reopened: "alarm",
  resolved: "good",
  task_due: "attention",
};

const CLOSINGS = {
  th: {
    raised: "เราจะแจ้งให้ทราบเมื่อเหตุนี้ได้รับการแก้ไข",
    escalated: "เราจะแจ้งให้ทราบเมื่อเหตุนี้ได้รับการแก้ไข",
    acknowledged: "เราจะแจ้งให้ทราบเมื่อเหตุนี้ได้รับการแก้ไข",
    reopened: "เราจะแจ้งให้ทราบเมื่อเหตุนี้ได้รับการแก้ไข",
    resolved: "หากเกิดขึ้นอีก เราจะแจ้งให้ทราบ",
    task_due: "ระบบแจ้งเรื่องนี้เพียงครั้งเดียว",
  },
  en: {
    raised: "You will be told when it is resolved.",
    escalated: "You will be told when it is resolved.",
    acknowledged: "You will be told when it is resolved.",
    reopened: "You will be told when it is resolved.",
    resolved: "If it happens again, you will be told.",
    task_due: "You are told of this once.",
  },
} as const;

/** What an escalation asks of its reader: nothing where there is no link to answer by, or somebody has it. */
const ESCALATED = {
  th: {
    answer: "รับเรื่องนี้เพื่อให้ระบบไม่ต้องแจ้งผู้อื่นอีก",
    has: (who: string) => `${who} รับเรื่องนี้แล้ว`,
  },
  en: {
    answer: "Acknowledge it so that nobody else is told.",
    has: (who: string) => `${who} has it.`,
  },
} as const;

function closingOf(happening: IncidentHappening, view: IncidentView, language: Language): string {
  const closing = CLOSINGS[language][happening];
  if (happening !== "escalated") return closing;
  const words = ESCALATED[language];
  if (view.acknowledgedBy !== null) return `${words.has(view.acknowledgedBy[language])} ${closing}`;
  return view.ackUrl === null ? closing : words.answer;
}

/** Tells what has happened to an incident: what, where, how bad, since when, and what to do about it. */
export const incidentMail =
  (told: Exclude<IncidentHappening, "task_due">) =>
  (notice: NoticeContent): EmailContent => {
    const view = incidentView(notice);
    const happening = told === "escalated" && view.taskDue !== null ? "task_due" : told;
    const wanted = happening === "raised" || happening === "escalated" || happening === "reopened";
    return contentIn(notice, TONES[happening], (language, locale) => {
      const words = INCIDENT_WORDS[language];
      const title = words.happening[happening];
      const what = clip(view.title, TITLE_CHARS_MAX);
      const ack = wanted && view.ackUrl !== null ? view.ackUrl : null;
      const links = [
        { label: words.open, url: view.url },
        { label: words.console, url: view.consoleUrl },
      ].flatMap(({ label, url }) => (url === null ? [] : [{ label, url }]));
      const [first, ...others] =
        ack === null ? links : [{ label: words.acknowledge, url: ack }, ...links];
      return {
        subject: `[${view.severityName}] ${title}: ${what}`,
        subjectShort: title,
        title,
        highlight: null,
        paragraphs: [what, ...sentencesOf(happening, view, language, locale)],
        rows: rowsOf([
          ...headRows(view, language),
          ...(wanted ? causeRows(view, language) : []),
          [words.nextStep, happening === "task_due" ? view.nextStep : null],
          ...courseRows(happening, view, language, locale),
          [words.id, view.incidentId],
        ]),
        action: first ?? null,
        links: others,
        closing: closingOf(happening, view, language),
      };
    });
  };

type Row = [label: string, value: string | null];

function headRows(view: IncidentView, language: Language): Row[] {
  const words = INCIDENT_WORDS[language];
  return [
    [words.severity, view.severityName],
    [words.service, view.service],
    [words.environment, view.environment],
    [words.kind, view.kind],
  ];
}

/** What is suspected, what to do, and why the reader is told. */
function causeRows(view: IncidentView, language: Language): Row[] {
  const words = INCIDENT_WORDS[language];
  return [
    [words.suspect, deploymentText(view.suspect)],
    [words.lastGood, deploymentText(view.lastGood)],
    [words.nextStep, view.nextStep],
    [words.why, view.why],
  ];
}

function courseRows(
  happening: IncidentHappening,
  view: IncidentView,
  language: Language,
  locale: string,
): Row[] {
  const words = INCIDENT_WORDS[language];
  const at = (instant: number | null) => instantText(instant, locale, view.timeZone);
  if (happening === "resolved") {
    const lasted = view.lastedMs === null ? null : durationText(view.lastedMs, locale);
    return [
      [words.lasted, lasted],
      [words.resolvedAt, at(view.resolvedAt)],
      [words.resolvedBy, view.resolvedBy?.[language] ?? null],
    ];
  }
  const since: Row = [words.since, at(view.openedAt)];
  if (happening !== "acknowledged") return [since];
  return [
    since,
    [words.acknowledgedAt, at(view.acknowledgedAt)],
    [words.acknowledgedBy, view.acknowledgedBy?.[language] ?? null],
  ];
}
