import { type NoticeContent, textIn } from "../../notice-data.js";
import type { EmailContent } from "./content.js";
import { customerMail, LABELS } from "./customer-mail.js";
import { failureReason } from "./failure-reasons.js";

const RECEIVED = {
  th: {
    title: "ชำระเงินเรียบร้อยแล้ว",
    subject: (amount: string) => `ชำระเงินเรียบร้อยแล้ว ${amount}`,
    body: "เราได้รับการชำระเงินของคุณเรียบร้อยแล้ว ขอขอบคุณ",
    until: (item: string | null, day: string) =>
      `คุณใช้แพ็กเกจ${item ? ` ${item} ` : "นี้"}ได้ถึงวันที่ ${day}`,
    paidAt: "วันที่ชำระเงิน",
    closing: "โปรดเก็บอีเมลฉบับนี้ไว้เป็นหลักฐาน ไม่ต้องดำเนินการใด ๆ เพิ่มเติม",
  },
  en: {
    title: "Payment received",
    subject: (amount: string) => `Payment received: ${amount}`,
    body: "We have received your payment. Thank you.",
    until: (item: string | null, day: string) =>
      `You can use ${item ? `the ${item} package` : "your package"} until ${day}.`,
    paidAt: "Paid on",
    closing: "There is nothing more to do. Please keep this message for your records.",
  },
} as const;

/** Tells a person that their payment has come in, and until when they have what they paid for. */
export function paymentReceived(notice: NoticeContent): EmailContent {
  return customerMail(notice, "good", (reading) => {
    const { language, money, moneyWithCode, time, day, packageName, reference } = reading;
    const [words, labels] = [RECEIVED[language], LABELS[language]];
    const endsOn = day("entitlementEndsAt");
    return {
      title: words.title,
      subject: words.subject(money()),
      highlight: money(),
      paragraphs: [words.body, endsOn === null ? null : words.until(packageName, endsOn)],
      rows: [
        [labels.amount, moneyWithCode()],
        [labels.item, packageName],
        [labels.until, time("entitlementEndsAt")],
        [words.paidAt, time("paidAt")],
        [labels.reference, reference],
      ],
      closing: words.closing,
    };
  });
}

const FAILED = {
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

/** Tells a person why a payment failed, in plain words for the provider's code, and what to do. */
export function paymentFailed(notice: NoticeContent): EmailContent {
  const reason = failureReason(textIn(notice.data, "failureCode"));
  return customerMail(notice, "attention", (reading) => {
    const { language, money, moneyWithCode, time, packageName, reference } = reading;
    const [words, labels] = [FAILED[language], LABELS[language]];
    const { why, what } = reason[language];
    return {
      title: words.title,
      subject: words.subject(money()),
      paragraphs: [words.body(money()), why, what],
      rows: [
        [labels.amount, moneyWithCode()],
        [labels.item, packageName],
        [words.failedAt, time("failedAt")],
        [labels.reference, reference],
      ],
      action: { label: words.again, key: "retryUrl" },
      closing: words.closing,
    };
  });
}

const ACTION = {
  th: {
    title: "โปรดยืนยันการชำระเงิน",
    subject: (amount: string) => `โปรดยืนยันการชำระเงิน ${amount}`,
    body: (amount: string) =>
      `ธนาคารของคุณขอให้คุณยืนยันการชำระเงินจำนวน ${amount} รายการนี้จะยังไม่สมบูรณ์จนกว่าคุณจะยืนยัน`,
    what: "โปรดยืนยันรายการในแอปของธนาคาร หรือด้วยรหัสที่ธนาคารส่งให้",
    by: "โปรดยืนยันภายใน",
    button: "ยืนยันการชำระเงิน",
    closing: "หากคุณไม่ได้ทำรายการนี้ โปรดอย่ายืนยัน และจะไม่มีการเรียกเก็บเงิน",
  },
  en: {
    title: "Please confirm your payment",
    subject: (amount: string) => `Please confirm your payment of ${amount}`,
    body: (amount: string) =>
      `Your bank asks you to confirm your payment of ${amount}. It is not complete until you do.`,
    what: "Please confirm it in your bank's app, or with the code that the bank sends you.",
    by: "Confirm by",
    button: "Confirm payment",
    closing: "If you did not start this payment, do not confirm it, and nothing will be charged.",
  },
} as const;

/** Asks a person to confirm a payment with their bank, and until when. */
export function paymentActionRequired(notice: NoticeContent): EmailContent {
  return customerMail(notice, "attention", (reading) => {
    const { language, money, moneyWithCode, time, packageName, reference } = reading;
    const [words, labels] = [ACTION[language], LABELS[language]];
    return {
      title: words.title,
      subject: words.subject(money()),
      paragraphs: [words.body(money()), words.what],
      rows: [
        [labels.amount, moneyWithCode()],
        [labels.item, packageName],
        [words.by, time("actionBy")],
        [labels.reference, reference],
      ],
      action: { label: words.button, key: "actionUrl" },
      closing: words.closing,
    };
  });
}
