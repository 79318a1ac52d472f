import type { NoticeContent } from "../../notice-data.js";
import type { EmailContent } from "./content.js";
import { customerMail } from "./customer-mail.js";

const PAUSED = {
  th: {
    title: "ระงับการชำระเงินชั่วคราว",
    body: "การชำระเงินชั่วคราวไม่สามารถทำได้ กรุณาลองใหม่ในภายหลัง",
    why: "ระบบกำลังได้รับการแก้ไข เราขออภัยในความไม่สะดวก",
    paid: "หากคุณชำระเงินไปแล้ว โปรดอย่าชำระซ้ำ เราเก็บรายการของคุณไว้แล้วและจะแจ้งผลให้ทราบทางอีเมล",
    since: "ตั้งแต่",
    until: "คาดว่าจะใช้ได้อีกครั้ง",
    closing: "เราจะแจ้งให้ทราบเมื่อชำระเงินได้ตามปกติ",
  },
  en: {
    title: "Payments are paused",
    body: "Payments are temporarily unavailable. Please try again later.",
    why: "System is being fixed. We apologize for the inconvenience.",
    paid: "If you have paid already, please do not pay again: your payment is kept, and we will tell you its result by email.",
    since: "Since",
    until: "Expected back",
    closing: "We will tell you when you can pay as usual.",
  },
} as const;

/** Tells a person that nothing can be paid just now, and that what they have paid is not lost. */
export function paymentsPaused(notice: NoticeContent): EmailContent {
  return customerMail(notice, "attention", ({ language, time }) => {
    const { title, body, why, paid, since, until, closing } = PAUSED[language];
    return {
      title,
      paragraphs: [body, why, paid],
      rows: [
        [since, time("pausedAt")],
        [until, time("expectedUntil")],
      ],
      closing,
    };
  });
}

const RESUMED = {
  th: {
    title: "ชำระเงินได้ตามปกติแล้ว",
    body: "ระบบชำระเงินกลับมาใช้งานได้ตามปกติแล้ว ขอขอบคุณที่รอ และขออภัยในความไม่สะดวก",
    what: "หากคุณยังไม่ได้ชำระเงิน สามารถชำระได้แล้วตอนนี้ หากชำระไปแล้ว โปรดอย่าชำระซ้ำ เราจะส่งอีเมลยืนยันให้",
    at: "ใช้ได้ตั้งแต่",
    button: "ชำระเงิน",
    closing: "หากคุณไม่มีรายการที่รอชำระ ไม่ต้องดำเนินการใด ๆ",
  },
  en: {
    title: "Payments are working again",
    body: "You can pay as usual again. Thank you for waiting; we apologize for the inconvenience.",
    what: "If you have not paid yet, you can do so now. If you have, please do not pay again: we will confirm it by email.",
    at: "Since",
    button: "Pay now",
    closing: "If you have nothing to pay, there is nothing to do.",
  },
} as const;

/** Tells a person that they can pay again. */
export function paymentsResumed(notice: NoticeContent): EmailContent {
  return customerMail(notice, "good", ({ language, time }) => {
    const { title, body, what, at, button, closing } = RESUMED[language];
    return {
      title,
      paragraphs: [body, what],
      rows: [[at, time("resumedAt")]],
      action: { label: button, key: "payUrl" },
      closing,
    };
  });
}
