import type { Language } from "../domain/notice.js";
import type { DigestFigure } from "../domain/notice-templates.js";
import type {
  DeploymentView,
  IncidentHappening,
  IncidentView,
  InsteadView,
} from "./incident-view.js";
import { moneyText } from "./notice-data.js";
import type { LineView } from "./notice-lists.js";
import { durationText, knownLocale, timeText } from "./wording.js";

/** What people on call read of incidents, whatever the channel. */
export const INCIDENT_WORDS = {
  en: {
    happening: {
      raised: "Incident",
      escalated: "Incident escalated",
      acknowledged: "Incident acknowledged",
      reopened: "Incident reopened",
      resolved: "Incident resolved",
      task_due: "Task due",
    },
    severity: "Severity",
    service: "Service",
    environment: "Environment",
    kind: "Kind",
    since: "Since",
    lasted: "Lasted",
    resolvedAt: "Resolved on",
    resolvedBy: "Resolved by",
    acknowledgedAt: "Acknowledged on",
    acknowledgedBy: "Acknowledged by",
    id: "Incident id",
    alerts: "Alerts",
    signals: "Signals",
    why: "Why you are told",
    suspect: "Suspect deployment",
    lastGood: "Last good deployment",
    nextStep: "What to do next",
    acknowledge: "Acknowledge",
    open: "Open at the source",
    console: "Open in the console",
    status: { open: "Open", acknowledged: "Acknowledged", resolved: "Resolved" },
    incident: "Incident",
    state: "State",
    duration: "Duration",
  },
  th: {
    happening: {
      raised: "เกิดเหตุขัดข้อง",
      escalated: "ยกระดับเหตุขัดข้อง",
      acknowledged: "มีผู้รับเรื่องแล้ว",
      reopened: "เหตุขัดข้องเกิดขึ้นอีก",
      resolved: "แก้ไขเหตุขัดข้องแล้ว",
      task_due: "งานถึงกำหนดแล้ว",
    },
    severity: "ระดับความรุนแรง",
    service: "บริการ",
    environment: "สภาพแวดล้อม",
    kind: "ประเภท",
    since: "ตั้งแต่",
    lasted: "ระยะเวลา",
    resolvedAt: "แก้ไขเมื่อ",
    resolvedBy: "แก้ไขโดย",
    acknowledgedAt: "รับเรื่องเมื่อ",
    acknowledgedBy: "รับเรื่องโดย",
    id: "รหัสเหตุ",
    alerts: "การแจ้งเตือน",
    signals: "สัญญาณ",
    why: "เหตุผลที่แจ้งคุณ",
    suspect: "ดีพลอยเมนต์ที่น่าสงสัย",
    lastGood: "ดีพลอยเมนต์ล่าสุดที่ใช้ได้",
    nextStep: "สิ่งที่ต้องทำต่อไป",
    acknowledge: "รับเรื่อง",
    open: "เปิดดูที่ต้นทาง",
    console: "เปิดในคอนโซล",
    status: { open: "ยังไม่มีผู้รับเรื่อง", acknowledged: "รับเรื่องแล้ว", resolved: "แก้ไขแล้ว" },
    incident: "เหตุ",
    state: "สถานะ",
    duration: "ระยะเวลา",
  },
} as const;

/** A reader of Thai reads Thai; everybody else English. */
export function languageOf(locale: string): { language: Language; locale: string } {
  const known = knownLocale(locale);
  const { language } = new Intl.Locale(known);
  if (language === "th") return { language: "th", locale: "th-TH" };
  return { language: "en", locale: language === "en" && known !== "en" ? known : "en-GB" };
}

/** What has happened, in sentences; the facts that fit a table are left to it. */
export function sentencesOf(
  happening: IncidentHappening,
  view: IncidentView,
  language: Language,
  locale: string,
): string[] {
  const course =
    language === "th" ? courseTh(happening, view, locale) : courseEn(happening, view, locale);
  return [...course, insteadText(view.insteadOf, language)].filter((line) => line !== null);
}

function courseEn(
  happening: IncidentHappening,
  view: IncidentView,
  locale: string,
): (string | null)[] {
  const { unansweredMinutes, escalatedTo, acknowledgedBy, reopenings, lastedMs } = view;
  switch (happening) {
    case "raised":
      return [];
    case "escalated":
      return [
        unansweredMinutes === null
          ? ongoing("It has lasted for", view, locale)
          : `Nobody has acknowledged this for ${minutesText(unansweredMinutes, locale)}.`,
        escalatedTo === null ? null : `Told now: ${escalatedTo}.`,
      ];
    case "acknowledged":
      return [
        `${acknowledgedBy?.en ?? "Somebody"} has taken it on: nobody else is called for now.`,
      ];
    case "reopened":
      return [
        reopenings === null || reopenings < 2
          ? "It had ended, and has begun again."
          : `It had ended, and has begun again: the ${ordinal(reopenings)} time.`,
      ];
    case "resolved":
      return [lastedMs === null ? null : `It is over after ${durationText(lastedMs, locale)}.`];
    case "task_due":
      return [
        `The incident is over; due now, and not done: ${view.taskDue}.`,
        escalatedTo === null ? null : `It is with: ${escalatedTo}.`,
      ];
  }
}

function courseTh(
  happening: IncidentHappening,
  view: IncidentView,
  locale: string,
): (string | null)[] {
  const { unansweredMinutes, escalatedTo, acknowledgedBy, reopenings, lastedMs } = view;
  switch (happening) {
    case "raised":
      return [];
    case "escalated":
      return [
        unansweredMinutes === null
          ? ongoing("เหตุนี้เกิดขึ้นมาแล้ว", view, locale)
          : `ยังไม่มีผู้รับเรื่องนี้มา ${minutesText(unansweredMinutes, locale)}แล้ว`,
        escalatedTo === null ? null : `แจ้งเพิ่มเติมถึง ${escalatedTo}`,
      ];
    case "acknowledged":
      return [
        acknowledgedBy === null
          ? "มีผู้รับเรื่องแล้ว ระบบจะยังไม่แจ้งผู้อื่นเพิ่ม"
          : `${acknowledgedBy.th} รับเรื่องแล้ว ระบบจะยังไม่แจ้งผู้อื่นเพิ่ม`,
      ];
    case "reopened":
      return [
        reopenings === null || reopenings < 2
          ? "เหตุนี้สิ้นสุดไปแล้ว แต่เกิดขึ้นอีก"
          : `เหตุนี้สิ้นสุดไปแล้ว แต่เกิดขึ้นอีกเป็นครั้งที่ ${reopenings}`,
      ];
    case "resolved":
      return [lastedMs === null ? null : `เหตุสิ้นสุดแล้ว ใช้เวลา ${durationText(lastedMs, locale)}`];
    case "task_due":
      return [
        `เหตุสิ้นสุดแล้ว แต่งานนี้ถึงกำหนดและยังไม่เสร็จ: ${view.taskDue}`,
        escalatedTo === null ? null : `ผู้รับผิดชอบ: ${escalatedTo}`,
      ];
  }
}

/** Told further although it was answered, because it lasts. */
function ongoing(words: string, view: IncidentView, locale: string): string | null {
  const { lastedMs, resolvedAt } = view;
  if (lastedMs === null || resolvedAt !== null) return null;
  return `${words} ${durationText(lastedMs, locale)}${words.startsWith("It") ? "." : ""}`;
}

/** Says that this comes another way than it was meant to; null where it does not. */
export function insteadText(instead: InsteadView | null, language: Language): string | null {
  if (instead === null) return null;
  const { channel, because } = instead;
  const why = because === null ? "" : ` (${because})`;
  return language === "th"
    ? `ข้อความนี้ส่งมาทางนี้แทน เพราะไม่สามารถติดต่อ ${channel} ได้${why}`
    : `This comes another way because ${channel} could not be reached${why}.`;
}

/** `web-4f2c (a1b2c3d)`. */
export function deploymentText(deployment: DeploymentView | null): string | null {
  if (deployment === null) return null;
  const { name, commit } = deployment;
  return commit === null ? name : `${name} (${commit})`;
}

export function instantText(at: number | null, locale: string, timeZone: string): string | null {
  return at === null ? null : timeText(at, locale, timeZone);
}

/** The lines of a list by their severity, the worst first, each under the platform's own name for it. */
export function bySeverity(lines: readonly LineView[]): { name: string; lines: LineView[] }[] {
  const groups = new Map<string, LineView[]>();
  for (const line of [...lines].sort((a, b) => (a.severity < b.severity ? -1 : 1))) {
    const name = line.severityName ?? line.severity;
    groups.set(name, [...(groups.get(name) ?? []), line]);
  }
  return [...groups].map(([name, of]) => ({ name, lines: of }));
}

/** What a storm is called: how many, in how long. */
export function stormTitle(
  { count, minutes }: { count: number; minutes: number | null },
  language: Language,
  locale: string,
): string {
  const within = minutes === null ? null : minutesText(minutes, locale);
  if (language === "th") {
    return `เกิดเหตุขัดข้อง ${count} เหตุ${within === null ? "" : `ภายใน ${within}`}`;
  }
  return `${count} incidents${within === null ? " at once" : ` in ${within}`}`;
}

export const minutesText = (minutes: number, locale: string): string =>
  durationText(minutes * 60_000, locale);

/** A figure as people write it; a dash where nothing was measured. */
export function figureText({ value, unit, currency }: DigestFigure, locale: string): string {
  if (value === null) return "–";
  const number = (digits: number): string =>
    new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
  switch (unit) {
    case "percent":
      return `${number(2)} %`;
    case "ms":
      return `${number(0)} ms`;
    case "seconds":
      return durationText(value * 1_000, locale);
    case "amount":
      return moneyText(
        { amountMinor: Math.round(value), currency: (currency ?? "").toUpperCase() },
        locale,
      );
    case "count":
      return number(1);
  }
}

function ordinal(count: number): string {
  const ends = { one: "st", two: "nd", few: "rd", other: "th", zero: "th", many: "th" };
  return `${count}${ends[new Intl.PluralRules("en", { type: "ordinal" }).select(count)]}`;
}
