import type { Language } from "./content.js";

/** The footer's sentence. */
export function sentBy(language: Language, platformName: string): string {
  return language === "th"
    ? `อีเมลฉบับนี้ส่งโดยอัตโนมัติจาก ${platformName}`
    : `This message was sent automatically by ${platformName}.`;
}
