import type { Notice } from "../../../domain/notice.js";
import { textIn, urlIn } from "../../notice-data.js";
import { contentIn, type EmailContent } from "./content.js";
import { failureReason } from "./failure-reasons.js";
import { amountOf, greeting, paymentRows } from "./payment-words.js";

const WORDS = {
  th: {
    title: "การชำระเงินไม่สำเร็จ",
    subject: (amount: string) => `การชำระเงิน ${amount} ไม่สำเร็จ`,
    body: (amount: string) => `การชำระเงินจำนวน ${amount} ไม่สำเร็จ และเรายังไม่ได้รับเงินสำหรับรายการนี้`,
    failedAt: "วันที่ทำรายการ",
    again: "ชำระเงินอีกครั้ง",
    closing: "หากคุณชำระเงินสำเร็จแล้วหลังจากนี้ ไม่ต้องดำเนินการใด ๆ เพิ่มเติม",
  },
  en: {
    title: "Payment failed",
    subject: (amount: string) => `Payment of ${amount} failed`,
    body: (amount: string) =>
      `Your payment of ${amount} did not go through, and we have not received any money for it.`,
    failedAt: "Tried on",
    again: "Try again",
    closing: "If you have paid since then, there is nothing more to do.",
  },
} as const;

/**
 * Tells a person why a payment failed and what to do. Needs `amountMinor` and `currency`; shows
 * `failureCode` in plain words, `userName`, `packageRef`, `failedAt` (instant, in `timeZone`),
 * `paymentExternalId` and a button to `retryUrl` where given.
 */
export function paymentFailed(notice: Notice): EmailContent {
  const reason = failureReason(textIn(notice.data, "failureCode"));
  const retryUrl = urlIn(notice.data, "retryUrl");
  return contentIn(notice, "attention", (language, locale) => {
    const words = WORDS[language];
    const amount = amountOf(notice, locale);
    const { why, what } = reason[language];
    return {
      subject: words.subject(amount),
      subjectShort: words.title,
      title: words.title,
      highlight: null,
      paragraphs: [greeting(notice, language), words.body(amount), why, what],
      rows: paymentRows(notice, language, locale, { label: words.failedAt, key: "failedAt" }),
      action: retryUrl === null ? null : { label: words.again, url: retryUrl },
      closing: words.closing,
    };
  });
}
