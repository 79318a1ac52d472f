import type { Instant } from "../../domain/time.js";
import { languageOf } from "../incident-words.js";
import {
  clip,
  instantIn,
  type NoticeContent,
  noSuchTemplate,
  requiredInstantIn,
  requiredTextIn,
  textIn,
} from "../notice-data.js";
import { dayText } from "../wording.js";

/** Where a report has come to, in our own words; each service has its own for them. */
export type ReportState =
  | "investigating"
  | "working"
  | "resolved"
  | "scheduled"
  | "in_progress"
  | "completed"
  /** Nothing is wrong: something is told. */
  | "told";

/** What users read on the page, whatever the service. */
export interface PageReport {
  state: ReportState;
  title: string;
  body: string;
  startsAt: Instant | null;
  endsAt: Instant | null;
}

/** The least of what the services take, as far as is known. */
const TITLE_CHARS_MAX = 200;

const TITLES = {
  "user-incident": { th: "ระบบขัดข้อง", en: "We are having a problem" },
  "user-update": { th: "ระบบขัดข้อง", en: "We are having a problem" },
  "user-resolved": { th: "ระบบกลับมาใช้งานได้แล้ว", en: "The problem is solved" },
} as const;

const PHASES = {
  scheduled: {
    state: "scheduled",
    th: "ระหว่างนี้บริการอาจใช้งานไม่ได้ โปรดวางแผนล่วงหน้า",
    en: "The service may not be available in this time. Please plan ahead.",
  },
  begun: { state: "in_progress", th: null, en: null },
  completed: {
    state: "completed",
    th: "ปรับปรุงระบบเสร็จแล้ว ใช้งานได้ตามปกติ",
    en: "Maintenance is finished. Everything can be used as usual.",
  },
  failed: {
    state: "in_progress",
    th: "การปรับปรุงระบบใช้เวลานานกว่าที่คาด เรากำลังแก้ไข",
    en: "Maintenance takes longer than planned. We are working on it.",
  },
  canceled: {
    state: "completed",
    th: "ยกเลิกการปรับปรุงระบบ ใช้งานได้ตามปกติ",
    en: "Maintenance is canceled. Everything can be used as usual.",
  },
} as const;

/** @throws Permanent `channel_refused` for a template that is not told to users, or without its message. */
export function pageReport(notice: NoticeContent): PageReport {
  switch (notice.template) {
    case "user-incident":
      return trouble(notice, "user-incident", "investigating");
    case "user-update":
      return trouble(notice, "user-update", "working");
    case "user-resolved":
      return trouble(notice, "user-resolved", "resolved");
    case "user-maintenance":
      return maintenance(notice);
    case "deployment-finished":
      return deployment(notice);
    default:
      return noSuchTemplate(notice);
  }
}

function trouble(
  notice: NoticeContent,
  template: keyof typeof TITLES,
  state: ReportState,
): PageReport {
  const { data } = notice;
  const service = textIn(data, "service");
  const title = inLanguages(notice, TITLES[template].en, TITLES[template].th, " · ");
  return {
    state,
    title: clip(service === null ? title : `${title}: ${service}`, TITLE_CHARS_MAX),
    body: messageIn(notice),
    startsAt: instantIn(data, "startedAt"),
    endsAt: instantIn(data, "resolvedAt"),
  };
}

function maintenance(notice: NoticeContent): PageReport {
  const { data } = notice;
  const said = textIn(data, "phase");
  const phase = PHASES[isPhase(said) ? said : "scheduled"];
  const title = inLanguages(
    notice,
    requiredTextIn(notice, "titleEn"),
    textIn(data, "titleTh"),
    " · ",
  );
  const body = phase.en === null ? messageIn(notice) : inLanguages(notice, phase.en, phase.th);
  return {
    state: phase.state,
    title: clip(title, TITLE_CHARS_MAX),
    body,
    startsAt: requiredInstantIn(notice, "startsAt"),
    endsAt: requiredInstantIn(notice, "endsAt"),
  };
}

const isPhase = (text: string | null): text is keyof typeof PHASES =>
  text !== null && Object.hasOwn(PHASES, text);

function deployment(notice: NoticeContent): PageReport {
  const { data } = notice;
  const finishedAt = requiredInstantIn(notice, "finishedAt");
  const name = requiredTextIn(notice, "deployment");
  const project = requiredTextIn(notice, "project");
  const commit = textIn(data, "commit");
  const zone = textIn(data, "timeZone") ?? "UTC";
  const en = `${project} was updated to ${name}${commit === null ? "" : ` (${commit})`} on ${dayText(finishedAt, "en-GB", zone)}.`;
  const th = `${project} อัปเดตเป็น ${name}${commit === null ? "" : ` (${commit})`} เมื่อ ${dayText(finishedAt, "th-TH", zone)}`;
  return {
    state: "told",
    title: clip(
      inLanguages(notice, `${project} updated`, `อัปเดต ${project}`, " · "),
      TITLE_CHARS_MAX,
    ),
    body: inLanguages(notice, en, th),
    startsAt: finishedAt,
    endsAt: finishedAt,
  };
}

/** The policy's own message. @throws Permanent `channel_refused` without it. */
const messageIn = (notice: NoticeContent): string =>
  inLanguages(notice, requiredTextIn(notice, "messageEn"), textIn(notice.data, "messageTh"));

/** One page is read by all: Thai first and English second where the platform's first language is Thai, else English. */
function inLanguages(
  notice: NoticeContent,
  en: string,
  th: string | null,
  between = "\n\n",
): string {
  const { language } = languageOf(notice.locale);
  return language === "th" && th !== null ? `${th}${between}${en}` : en;
}
