import type { Language } from "../../../domain/notice.js";
import { clip, type NoticeContent, requiredTextIn, textIn } from "../../notice-data.js";
import { numberIn } from "../../notice-lists.js";
import { durationText } from "../../wording.js";
import type { EmailContent, Tone } from "./content.js";
import { customerMail } from "./customer-mail.js";

const SERVICE_CHARS_MAX = 80;

const WORDS = {
  th: {
    service: "บริการ",
    since: "ตั้งแต่",
    lasted: "ระยะเวลา",
    resolved: "กลับมาใช้ได้เมื่อ",
    statusPage: "ดูหน้าสถานะระบบ",
    thanks: "ขอบคุณที่รอ และขออภัยในความไม่สะดวก",
    next: (minutes: string) => `เราจะแจ้งให้ทราบอีกครั้งภายใน ${minutes} หรือทันทีที่แก้ไขเสร็จ`,
    later: "เราจะแจ้งให้ทราบเมื่อแก้ไขเสร็จ",
  },
  en: {
    service: "Service",
    since: "Since",
    lasted: "Lasted",
    resolved: "Works again since",
    statusPage: "See the status page",
    thanks: "Thank you for waiting. We apologize for the inconvenience.",
    next: (minutes: string) => `We will write again within ${minutes}, or as soon as it is over.`,
    later: "We will write when it is over.",
  },
} as const;

const TITLES = {
  th: {
    began: "ระบบขัดข้อง",
    update: "ความคืบหน้าการแก้ไขระบบ",
    resolved: "ระบบกลับมาใช้งานได้แล้ว",
  },
  en: {
    began: "We are having a problem",
    update: "An update on the problem",
    resolved: "The problem is solved",
  },
} as const;

/** Tells a user that something does not work, in the policy's own words, and when they hear again. */
export const userIncident = (notice: NoticeContent): EmailContent => trouble(notice, "began");

/** Tells a user that it is still being worked on. */
export const userUpdate = (notice: NoticeContent): EmailContent => trouble(notice, "update");

function trouble(notice: NoticeContent, stage: "began" | "update"): EmailContent {
  const minutes = numberIn(notice.data, "nextUpdateMinutes");
  return customerMail(notice, "attention", ({ language, time }) => {
    const words = WORDS[language];
    const next =
      minutes === null ? words.later : words.next(durationText(minutes * 60_000, language));
    return {
      title: titleOf(notice, TITLES[language][stage]),
      paragraphs: [messageIn(notice, language), next],
      rows: [
        [words.service, serviceIn(notice)],
        [words.since, time("startedAt")],
      ],
      action: { label: words.statusPage, key: "statusPageUrl" },
      closing: language === "th" ? "ไม่ต้องดำเนินการใด ๆ" : "There is nothing for you to do.",
    };
  });
}

/** Tells a user that it works again, and for how long it did not. */
export function userResolved(notice: NoticeContent): EmailContent {
  const lastedMs = numberIn(notice.data, "lastedMs");
  return customerMail(notice, "good", ({ language, time }) => {
    const words = WORDS[language];
    return {
      title: titleOf(notice, TITLES[language].resolved),
      paragraphs: [messageIn(notice, language), words.thanks],
      rows: [
        [words.service, serviceIn(notice)],
        [words.lasted, lastedMs === null ? null : durationText(lastedMs, language)],
        [words.resolved, time("resolvedAt")],
      ],
      action: { label: words.statusPage, key: "statusPageUrl" },
      closing:
        language === "th"
          ? "หากยังพบปัญหา โปรดติดต่อเรา"
          : "If it still does not work for you, please contact us.",
    };
  });
}

const MAINTENANCE = {
  th: {
    scheduled: "แจ้งกำหนดปรับปรุงระบบ",
    begun: "เริ่มปรับปรุงระบบแล้ว",
    completed: "ปรับปรุงระบบเสร็จแล้ว",
    failed: "การปรับปรุงระบบใช้เวลานานกว่าที่คาด",
    canceled: "ยกเลิกการปรับปรุงระบบ",
    what: "งานที่ทำ",
    from: "เริ่ม",
    until: "ถึง",
    plan: "ระหว่างนี้บริการอาจใช้งานไม่ได้ โปรดวางแผนล่วงหน้า",
    over: "ใช้งานได้ตามปกติแล้ว ขอบคุณที่รอ",
    wrong: "มีบางอย่างไม่เป็นไปตามแผน เรากำลังแก้ไข และจะแจ้งให้ทราบอีกครั้ง",
    off: "จะไม่มีการปรับปรุงระบบตามกำหนดนี้ บริการใช้งานได้ตามปกติ",
    closing: "ไม่ต้องดำเนินการใด ๆ",
  },
  en: {
    scheduled: "Planned maintenance",
    begun: "Maintenance has begun",
    completed: "Maintenance is finished",
    failed: "Maintenance takes longer than planned",
    canceled: "Maintenance is canceled",
    what: "What is done",
    from: "From",
    until: "Until",
    plan: "The service may not be available in this time. Please plan ahead.",
    over: "Everything can be used as usual. Thank you for waiting.",
    wrong: "Something did not go as planned. We are working on it, and will write again.",
    off: "It will not take place. Everything can be used as usual.",
    closing: "There is nothing for you to do.",
  },
} as const;

const PHASES = {
  scheduled: { says: "plan", tone: "attention" },
  begun: { says: null, tone: "attention" },
  completed: { says: "over", tone: "good" },
  failed: { says: "wrong", tone: "attention" },
  canceled: { says: "off", tone: "good" },
} as const satisfies Record<string, { says: string | null; tone: Tone }>;

/** Tells a user of a maintenance: that it will be, that it is, that it was. */
export function userMaintenance(notice: NoticeContent): EmailContent {
  const said = textIn(notice.data, "phase");
  const phase = isPhase(said) ? said : "scheduled";
  const { says, tone } = PHASES[phase];
  return customerMail(notice, tone, ({ language, time }) => {
    const words = MAINTENANCE[language];
    const own = phase === "begun" ? messageIn(notice, language) : null;
    return {
      title: titleOf(notice, words[phase]),
      paragraphs: [own, says === null ? null : words[says]],
      rows: [
        [words.what, titleIn(notice, language)],
        [WORDS[language].service, serviceIn(notice)],
        [words.from, time("startsAt")],
        [words.until, time("endsAt")],
      ],
      action: { label: WORDS[language].statusPage, key: "statusPageUrl" },
      closing: words.closing,
    };
  });
}

const isPhase = (text: string | null): text is keyof typeof PHASES =>
  text !== null && Object.hasOwn(PHASES, text);

/** The policy's own message. @throws Permanent `channel_refused` without it: there would be nothing to say. */
const messageIn = (notice: NoticeContent, language: Language): string =>
  (language === "th" ? textIn(notice.data, "messageTh") : null) ??
  requiredTextIn(notice, "messageEn");

const titleIn = (notice: NoticeContent, language: Language): string | null =>
  (language === "th" ? textIn(notice.data, "titleTh") : null) ?? textIn(notice.data, "titleEn");

function serviceIn(notice: NoticeContent): string | null {
  const service = textIn(notice.data, "service");
  return service === null ? null : clip(service, SERVICE_CHARS_MAX);
}

function titleOf(notice: NoticeContent, title: string): string {
  const service = serviceIn(notice);
  return service === null ? title : `${title}: ${service}`;
}
