import type { Notice } from "../../../domain/notice.js";
import { contentIn, type EmailContent } from "./content.js";
import { amountOf, greeting, paymentRows } from "./payment-words.js";

const WORDS = {
  th: {
    title: "ชำระเงินเรียบร้อยแล้ว",
    body: "เราได้รับการชำระเงินของคุณเรียบร้อยแล้ว ขอขอบคุณ",
    paidAt: "วันที่ชำระเงิน",
    closing: "โปรดเก็บอีเมลฉบับนี้ไว้เป็นหลักฐาน",
  },
  en: {
    title: "Payment received",
    body: "We have received your payment. Thank you.",
    paidAt: "Paid on",
    closing: "Please keep this message for your records.",
  },
} as const;

/**
 * Tells a person that their payment has come in. Needs `amountMinor` and `currency`; shows
 * `userName`, `packageRef`, `paidAt` (instant, in `timeZone`) and `paymentExternalId` where given.
 */
export function paymentReceived(notice: Notice): EmailContent {
  return contentIn(notice, "good", (language, locale) => {
    const words = WORDS[language];
    const amount = amountOf(notice, locale);
    return {
      subject: language === "th" ? `${words.title} ${amount}` : `${words.title}: ${amount}`,
      subjectShort: words.title,
      title: words.title,
      highlight: amount,
      paragraphs: [greeting(notice, language), words.body],
      rows: paymentRows(notice, language, locale, { label: words.paidAt, key: "paidAt" }),
      action: null,
      closing: words.closing,
    };
  });
}
