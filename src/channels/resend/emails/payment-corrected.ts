import { type NoticeContent, textIn } from "../../notice-data.js";
import type { EmailContent } from "./content.js";
import { customerMail, LABELS, type Reading } from "./customer-mail.js";
import { REFUND_ARRIVES } from "./refunds.js";

const WORDS = {
  th: {
    title: "แก้ไขรายการชำระเงินของคุณแล้ว",
    body: "เราพบว่าระบบของเราบันทึกรายการชำระเงินของคุณไม่ถูกต้อง และได้แก้ไขแล้ว เราขออภัยในความไม่สะดวก",
    refunded: (amount: string) => `เราได้คืนเงินจำนวน ${amount} ให้คุณแล้ว`,
    granted: (item: string) => `คุณใช้${item}ได้แล้ว`,
    grantedUntil: (item: string, day: string) => `คุณใช้${item}ได้แล้ว จนถึงวันที่ ${day}`,
    revoked: (item: string) =>
      `เราได้ยกเลิกสิทธิ์การใช้${item} เนื่องจากระบบเปิดสิทธิ์ให้ไม่ตรงกับการชำระเงินของคุณ`,
    canceled: (amount: string) =>
      `รายการชำระเงินจำนวน ${amount} ถูกยกเลิกแล้ว และจะไม่มีการเรียกเก็บเงินสำหรับรายการนี้`,
    item: (name: string | null) => (name === null ? "แพ็กเกจของคุณ" : `แพ็กเกจ ${name} `),
    refundedRow: "จำนวนเงินที่คืน",
    amountRow: "ยอดของรายการ",
    at: "วันที่แก้ไข",
    closing: "ไม่ต้องดำเนินการใด ๆ เพิ่มเติม หากมีข้อสงสัย โปรดติดต่อเรา",
  },
  en: {
    title: "Your payment record is corrected",
    body: "We found that our system had recorded your payment wrongly, and we have put it right. We apologize for the inconvenience.",
    refunded: (amount: string) => `We have refunded ${amount} to you.`,
    granted: (item: string) => `You can use ${item} now.`,
    grantedUntil: (item: string, day: string) => `You can use ${item} now, until ${day}.`,
    revoked: (item: string) =>
      `We have withdrawn ${item}, because it was given without a payment that matches it.`,
    canceled: (amount: string) =>
      `The payment of ${amount} was canceled, and nothing will be charged for it.`,
    item: (name: string | null) => (name === null ? "your package" : `the ${name} package`),
    refundedRow: "Refunded",
    amountRow: "Payment",
    at: "Corrected on",
    closing: "There is nothing more to do. If you have a question, please contact us.",
  },
} as const;

/** Tells a person what was put right after their payment had been recorded wrongly. */
export function paymentCorrected(notice: NoticeContent): EmailContent {
  const correction = textIn(notice.data, "correction");
  const isRefund = correction === "refunded";
  const refundKey = typeof notice.data.refundMinor === "number" ? "refundMinor" : "amountMinor";
  return customerMail(notice, "good", (reading) => {
    const { language, moneyWithCode, time, packageName, reference } = reading;
    const [words, labels] = [WORDS[language], LABELS[language]];
    return {
      title: words.title,
      paragraphs: [
        words.body,
        changeIn(correction, reading, refundKey),
        isRefund ? REFUND_ARRIVES[language] : null,
      ],
      rows: [
        [words.refundedRow, isRefund ? moneyWithCode(refundKey) : null],
        [words.amountRow, moneyWithCode()],
        [labels.item, packageName],
        [labels.until, correction === "granted" ? time("entitlementEndsAt") : null],
        [words.at, time("correctedAt")],
        [labels.reference, reference],
      ],
      closing: words.closing,
    };
  });
}

function changeIn(correction: string | null, reading: Reading, refundKey: string): string | null {
  const words = WORDS[reading.language];
  const item = words.item(reading.packageName);
  const endsOn = reading.day("entitlementEndsAt");
  switch (correction) {
    case "refunded":
      return words.refunded(reading.money(refundKey));
    case "granted":
      return endsOn === null ? words.granted(item) : words.grantedUntil(item, endsOn);
    case "revoked":
      return words.revoked(item.trimEnd());
    case "canceled":
      return words.canceled(reading.money());
    default: // newer than this release: the general sentence and the rows must do
      return null;
  }
}
