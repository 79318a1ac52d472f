import { type IncidentView, incidentView } from "../../incident-view.js";
import { clip, type NoticeContent } from "../../notice-data.js";
import { durationText, timeText } from "../../wording.js";
import { contentIn, type EmailContent, type EmailRow, type Language, rowsOf } from "./content.js";

const TITLE_CHARS_MAX = 200;

const WORDS = {
  th: {
    raised: "เกิดเหตุขัดข้อง",
    resolved: "แก้ไขเหตุขัดข้องแล้ว",
    severity: "ระดับความรุนแรง",
    service: "บริการ",
    environment: "สภาพแวดล้อม",
    kind: "ประเภท",
    since: "ตั้งแต่",
    lasted: "ระยะเวลา",
    at: "แก้ไขเมื่อ",
    by: "แก้ไขโดย",
    id: "รหัสเหตุ",
    open: "เปิดดูที่ต้นทาง",
    raisedClosing: "เราจะแจ้งให้ทราบเมื่อเหตุนี้ได้รับการแก้ไข",
    resolvedClosing: "หากเกิดขึ้นอีก ระบบจะแจ้งเป็นเหตุใหม่",
  },
  en: {
    raised: "Incident",
    resolved: "Incident resolved",
    severity: "Severity",
    service: "Service",
    environment: "Environment",
    kind: "Kind",
    since: "Since",
    lasted: "Lasted",
    at: "Resolved on",
    by: "Resolved by",
    id: "Incident id",
    open: "Open at the source",
    raisedClosing: "You will be told when it is resolved.",
    resolvedClosing: "If it happens again, it will be told as a new incident.",
  },
} as const;

/** Tells that something broke: what, where, how bad and since when. */
export function incidentRaised(notice: NoticeContent): EmailContent {
  const view = incidentView(notice);
  return contentIn(notice, "alarm", (language, locale) => {
    const words = WORDS[language];
    const since = view.openedAt === null ? null : timeText(view.openedAt, locale, view.timeZone);
    return {
      ...headOf(view, words.raised),
      rows: rowsIn(view, language, [[words.since, since]]),
      action: view.url === null ? null : { label: words.open, url: view.url },
      closing: words.raisedClosing,
    };
  });
}

/** Tells that it works again: after how long, and by whom or what. */
export function incidentResolved(notice: NoticeContent): EmailContent {
  const view = incidentView(notice);
  const { openedAt, resolvedAt, timeZone } = view;
  const known = openedAt !== null && resolvedAt !== null;
  return contentIn(notice, "good", (language, locale) => {
    const words = WORDS[language];
    return {
      ...headOf(view, words.resolved),
      rows: rowsIn(view, language, [
        [words.lasted, known ? durationText(resolvedAt - openedAt, locale) : null],
        [words.at, resolvedAt === null ? null : timeText(resolvedAt, locale, timeZone)],
        [words.by, view.resolvedBy],
      ]),
      action: view.url === null ? null : { label: words.open, url: view.url },
      closing: words.resolvedClosing,
    };
  });
}

function headOf(view: IncidentView, title: string) {
  const what = clip(view.title, TITLE_CHARS_MAX);
  return {
    subject: `[${view.severity}] ${title}: ${what}`,
    subjectShort: title,
    title,
    highlight: null,
    paragraphs: [what],
  };
}

function rowsIn(
  view: IncidentView,
  language: Language,
  course: [label: string, value: string | null][],
): EmailRow[] {
  const words = WORDS[language];
  return rowsOf([
    [words.severity, view.severity],
    [words.service, view.service],
    [words.environment, view.environment],
    [words.kind, view.kind],
    ...course,
    [words.id, view.incidentId],
  ]);
}
