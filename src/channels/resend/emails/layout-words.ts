import type { Language } from "../../../domain/notice.js";

/** The footer's sentence. */
export function sentBy(language: Language, platformName: string): string {
  return language === "th"
    ? `อีเมลฉบับนี้ส่งโดยอัตโนมัติจาก ${platformName}`
    : `This message was sent automatically by ${platformName}.`;
}

/** The footer's link, on mail that one may do without. */
export function unsubscribeLabel(language: Language): string {
  return language === "th" ? "ยกเลิกการรับอีเมลประเภทนี้" : "Unsubscribe from messages like this";
}
