import type { Language } from "../../../domain/notice.js";
import type { NoticeContent } from "../../notice-data.js";

const UNITS = {
  th: { day: "วัน", week: "สัปดาห์", month: "เดือน", year: "ปี" },
  en: { day: "day", week: "week", month: "month", year: "year" },
} as const;

/** A price with its period: `฿299.00 ต่อเดือน`, `$90.00 every 3 months`; the price alone where the period is not known. */
export function pricePer(price: string, notice: NoticeContent, language: Language): string {
  const { interval, intervalCount } = notice.data;
  const count = Number.isSafeInteger(intervalCount) ? Number(intervalCount) : 1;
  const unit = Object.entries(UNITS[language]).find(([name]) => name === interval)?.[1];
  if (unit === undefined || count < 1) return price;
  if (language === "th") return count === 1 ? `${price} ต่อ${unit}` : `${price} ทุก ${count} ${unit}`;
  return count === 1 ? `${price} a ${unit}` : `${price} every ${count} ${unit}s`;
}

export const SUBSCRIPTION_WORDS = {
  th: {
    price: "ค่าบริการ",
    next: "เรียกเก็บเงินครั้งถัดไป",
    started: {
      title: "สมัครสมาชิกเรียบร้อยแล้ว",
      body: (item: string | null) =>
        `คุณสมัครสมาชิก${item ? `แพ็กเกจ ${item} ` : ""}เรียบร้อยแล้ว ขอขอบคุณ`,
      trial: (day: string) => `คุณทดลองใช้ได้ฟรีถึงวันที่ ${day} และจะยังไม่มีการเรียกเก็บเงินจนถึงวันนั้น`,
      trialEnds: "ทดลองใช้ฟรีถึง",
      at: "วันที่เริ่มต้น",
      closing: "ระบบจะเรียกเก็บเงินโดยอัตโนมัติทุกรอบ จนกว่าคุณจะยกเลิกการสมัครสมาชิก",
    },
    renewed: {
      title: "ต่ออายุสมาชิกเรียบร้อยแล้ว",
      subject: (amount: string) => `ต่ออายุสมาชิกเรียบร้อยแล้ว ${amount}`,
      body: (amount: string) => `เราได้รับค่าสมาชิกรอบใหม่จำนวน ${amount} เรียบร้อยแล้ว ขอขอบคุณ`,
      at: "วันที่ต่ออายุ",
      closing: "โปรดเก็บอีเมลฉบับนี้ไว้เป็นหลักฐาน ไม่ต้องดำเนินการใด ๆ เพิ่มเติม",
    },
    failing: {
      title: "เรียกเก็บค่าสมาชิกไม่สำเร็จ",
      subject: (amount: string) => `เรียกเก็บค่าสมาชิก ${amount} ไม่สำเร็จ`,
      body: (amount: string) => `เราไม่สามารถเรียกเก็บค่าสมาชิกจำนวน ${amount} จากช่องทางชำระเงินของคุณได้`,
      what: "โปรดตรวจสอบหรือเปลี่ยนช่องทางชำระเงินของคุณ เพื่อให้ใช้งานได้อย่างต่อเนื่อง",
      again: (day: string) => `เราจะเรียกเก็บเงินอีกครั้งในวันที่ ${day}`,
      until: (day: string) => `หากยังไม่ได้รับการชำระเงิน คุณจะใช้แพ็กเกจนี้ได้ถึงวันที่ ${day}`,
      at: "วันที่ทำรายการ",
      nextTry: "เรียกเก็บอีกครั้ง",
      button: "เปลี่ยนช่องทางชำระเงิน",
      closing: "หากคุณชำระเงินแล้ว ไม่ต้องดำเนินการใด ๆ เพิ่มเติม",
    },
    canceled: {
      title: "ยกเลิกการสมัครสมาชิกแล้ว",
      body: (item: string | null) => `การสมัครสมาชิก${item ? `แพ็กเกจ ${item} ` : ""}ของคุณถูกยกเลิกแล้ว`,
      until: (day: string) => `คุณยังใช้งานได้ถึงวันที่ ${day} และจะไม่มีการเรียกเก็บเงินอีก`,
      ended: "สิทธิ์การใช้งานสิ้นสุดแล้ว และจะไม่มีการเรียกเก็บเงินอีก",
      at: "วันที่ยกเลิก",
      endedAt: "สิ้นสุดเมื่อ",
      closing: "หากต้องการกลับมาใช้งาน คุณสมัครใหม่ได้ทุกเมื่อ หากคุณไม่ได้ขอยกเลิก โปรดติดต่อเรา",
    },
  },
  en: {
    price: "Price",
    next: "Next payment",
    started: {
      title: "Subscription started",
      body: (item: string | null) =>
        `Your subscription${item ? ` to the ${item} package` : ""} has started. Thank you.`,
      trial: (day: string) =>
        `Your free trial runs until ${day}, and nothing will be charged before then.`,
      trialEnds: "Free trial until",
      at: "Started on",
      closing: "It is charged automatically each period, until you cancel it.",
    },
    renewed: {
      title: "Subscription renewed",
      subject: (amount: string) => `Subscription renewed: ${amount}`,
      body: (amount: string) =>
        `We have received ${amount} for the next period of your subscription. Thank you.`,
      at: "Renewed on",
      closing: "There is nothing more to do. Please keep this message for your records.",
    },
    failing: {
      title: "Subscription payment failed",
      subject: (amount: string) => `Subscription payment of ${amount} failed`,
      body: (amount: string) => `We could not collect ${amount} for your subscription.`,
      what: "Please check or update your payment method, so that you keep your access.",
      again: (day: string) => `We will try again on ${day}.`,
      until: (day: string) => `If no payment arrives, you can use your package until ${day}.`,
      at: "Tried on",
      nextTry: "Next try",
      button: "Update payment method",
      closing: "If you have paid since then, there is nothing more to do.",
    },
    canceled: {
      title: "Subscription canceled",
      body: (item: string | null) =>
        `Your subscription${item ? ` to the ${item} package` : ""} has been canceled.`,
      until: (day: string) =>
        `You can still use it until ${day}, and nothing more will be charged.`,
      ended: "It has ended, and nothing more will be charged.",
      at: "Canceled on",
      endedAt: "Ended on",
      closing:
        "You are welcome to subscribe again at any time. If you did not ask for this, please contact us.",
    },
  },
} as const;
