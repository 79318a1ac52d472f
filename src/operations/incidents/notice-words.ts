import type { Language } from "../../domain/notice.js";

/** The sentences of a message that only who decided it can say. What a rule is there for stands in its policy's own words. */
export interface NoticeWords {
  /** @param is `CRITICAL (P0)` */
  severity(is: string): string;
  byRule(is: string, rule: string, because: string): string;
  goesOnServing(deployment: string): string;
  /** @param command null where the source has none. */
  rollBack(suspect: string, lastGood: string, command: string | null): string;
  storm(incidents: number, minutes: number): string;
  stormNext: string;
  stormHad(incidents: number): string;
  stormOver(incidents: number): string;
  whenDone(command: string): string;
}

export const NOTICE_WORDS: Readonly<Record<Language, NoticeWords>> = {
  en: {
    severity: (is) => `It is ${is}.`,
    byRule: (is, rule, because) => `It is ${is} by the rule ${rule}: ${because}.`,
    goesOnServing: (name) => `${name} goes on serving; nothing is to be rolled back.`,
    rollBack: (suspect, lastGood, command) =>
      `${suspect} was deployed shortly before. If it is the cause, go back to the last good deployment, ${lastGood}${command === null ? "." : `: ${command}`}`,
    storm: (incidents, minutes) =>
      `More than ${incidents} incidents in ${minutes} min are told as one.`,
    stormNext:
      "Look for what they have in common first; each is kept, and can be acknowledged, on its own.",
    stormHad: (incidents) => `Each of the ${incidents} incidents that were told together`,
    stormOver: (incidents) => `All ${incidents} incidents that were told together are over`,
    whenDone: (command) => `When it is done: ${command}`,
  },
  th: {
    severity: (is) => `เหตุนี้อยู่ในระดับ ${is}`,
    byRule: (is, rule, because) => `เหตุนี้อยู่ในระดับ ${is} ตามกฎ ${rule}: ${because}`,
    goesOnServing: (name) => `${name} ยังให้บริการอยู่ตามปกติ ไม่ต้องย้อนกลับ`,
    rollBack: (suspect, lastGood, command) =>
      `${suspect} ถูกดีพลอยก่อนเกิดเหตุไม่นาน หากเป็นสาเหตุ ให้ย้อนกลับไปใช้ดีพลอยเมนต์ล่าสุดที่ใช้ได้ ${lastGood}${command === null ? "" : `: ${command}`}`,
    storm: (incidents, minutes) =>
      `เมื่อมีเหตุมากกว่า ${incidents} เหตุภายใน ${minutes} นาที ระบบจะแจ้งรวมเป็นข้อความเดียว`,
    stormNext: "ให้หาสาเหตุร่วมก่อน แต่ละเหตุยังถูกบันทึกแยกกัน และรับเรื่องแยกกันได้",
    stormHad: (incidents) => `เหตุทั้ง ${incidents} เหตุที่แจ้งรวมกัน`,
    stormOver: (incidents) => `เหตุทั้ง ${incidents} เหตุที่แจ้งรวมกันสิ้นสุดแล้ว`,
    whenDone: (command) => `เมื่อทำเสร็จแล้ว ให้สั่ง: ${command}`,
  },
};
