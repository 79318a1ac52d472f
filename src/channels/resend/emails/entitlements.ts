import type { NoticeContent } from "../../notice-data.js";
import type { EmailContent } from "./content.js";
import { customerMail, LABELS } from "./customer-mail.js";

const itemIn = {
  th: (item: string | null) => (item === null ? "แพ็กเกจของคุณ" : `แพ็กเกจ ${item} ของคุณ`),
  en: (item: string | null) => (item === null ? "Your package" : `Your ${item} package`),
} as const;

const EXPIRING = {
  th: {
    title: "แพ็กเกจของคุณใกล้หมดอายุ",
    on: (item: string, day: string) => `${item}จะหมดอายุในวันที่ ${day}`,
    soon: (item: string) => `${item}จะหมดอายุในเร็ว ๆ นี้`,
    what: "หากต้องการใช้งานอย่างต่อเนื่อง โปรดต่ออายุก่อนวันหมดอายุ",
    at: "หมดอายุ",
    button: "ต่ออายุแพ็กเกจ",
    closing: "หากคุณต่ออายุแล้ว ไม่ต้องดำเนินการใด ๆ เพิ่มเติม",
  },
  en: {
    title: "Your package ends soon",
    on: (item: string, day: string) => `${item} ends on ${day}.`,
    soon: (item: string) => `${item} ends soon.`,
    what: "To keep your access without a break, please renew it before then.",
    at: "Ends on",
    button: "Renew package",
    closing: "If you have renewed it already, there is nothing more to do.",
  },
} as const;

/** Warns a person that what they paid for will end. */
export function entitlementExpiring(notice: NoticeContent): EmailContent {
  return customerMail(notice, "attention", ({ language, time, day, packageName }) => {
    const words = EXPIRING[language];
    const item = itemIn[language](packageName);
    const endsOn = day("endsAt");
    return {
      title: words.title,
      paragraphs: [endsOn === null ? words.soon(item) : words.on(item, endsOn), words.what],
      rows: [
        [LABELS[language].item, packageName],
        [words.at, time("endsAt")],
      ],
      action: { label: words.button, key: "renewUrl" },
      closing: words.closing,
    };
  });
}

const EXPIRED = {
  th: {
    title: "แพ็กเกจของคุณหมดอายุแล้ว",
    on: (item: string, day: string) => `${item}หมดอายุแล้วเมื่อวันที่ ${day}`,
    over: (item: string) => `${item}หมดอายุแล้ว`,
    what: "คุณจึงไม่สามารถใช้สิทธิ์ของแพ็กเกจนี้ได้อีก หากต้องการใช้งานต่อ โปรดต่ออายุ",
    at: "หมดอายุเมื่อ",
    button: "ต่ออายุแพ็กเกจ",
    closing: "ขอขอบคุณที่ใช้บริการของเรา",
  },
  en: {
    title: "Your package has ended",
    on: (item: string, day: string) => `${item} ended on ${day}.`,
    over: (item: string) => `${item} has ended.`,
    what: "You no longer have access to what it included. To continue, please renew it.",
    at: "Ended on",
    button: "Renew package",
    closing: "Thank you for being with us.",
  },
} as const;

/** Tells a person that what they paid for has ended. */
export function entitlementExpired(notice: NoticeContent): EmailContent {
  return customerMail(notice, "attention", ({ language, time, day, packageName }) => {
    const words = EXPIRED[language];
    const item = itemIn[language](packageName);
    const endedOn = day("endedAt");
    return {
      title: words.title,
      paragraphs: [endedOn === null ? words.over(item) : words.on(item, endedOn), words.what],
      rows: [
        [LABELS[language].item, packageName],
        [words.at, time("endedAt")],
      ],
      action: { label: words.button, key: "renewUrl" },
      closing: words.closing,
    };
  });
}
