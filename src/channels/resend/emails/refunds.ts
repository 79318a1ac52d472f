import type { Language } from "../../../domain/notice.js";
import { moneyIn, type NoticeContent, textIn } from "../../notice-data.js";
import type { EmailContent } from "./content.js";
import { customerMail, LABELS } from "./customer-mail.js";

/** Said wherever money goes back: nobody should wonder on the second day where it is. */
export const REFUND_ARRIVES: Readonly<Record<Language, string>> = {
  th: "เงินจะคืนเข้าบัตรหรือบัญชีที่คุณใช้ชำระเงิน โดยทั่วไปภายใน 5\u00a0ถึง\u00a010\u00a0วันทำการ ขึ้นอยู่กับธนาคารของคุณ",
  en: "The money goes back to the card or account that you paid with, usually within 5\u00a0to\u00a010 business days, depending on your bank.",
};

const ISSUED = {
  th: {
    subject: (refund: string) => `คืนเงิน ${refund} แล้ว`,
    full: {
      title: "คืนเงินเต็มจำนวนแล้ว",
      body: (refund: string, _paid: string) => `เราได้คืนเงินเต็มจำนวน ${refund} ให้คุณแล้ว`,
    },
    rest: {
      title: "คืนเงินครบเต็มจำนวนแล้ว",
      body: (refund: string, paid: string) =>
        `เราได้คืนเงินส่วนที่เหลือ ${refund} ให้คุณแล้ว รวมกับที่คืนไปก่อนหน้านี้ครบเต็มจำนวนที่ชำระ ${paid}`,
    },
    partial: {
      title: "คืนเงินบางส่วนแล้ว",
      body: (refund: string, paid: string) => `เราได้คืนเงิน ${refund} จากยอดที่ชำระ ${paid} ให้คุณแล้ว`,
    },
    refunded: "จำนวนเงินที่คืน",
    paid: "ยอดที่ชำระ",
    refundedAt: "วันที่คืนเงิน",
    closing: "ไม่ต้องดำเนินการใด ๆ เพิ่มเติม หากพ้นกำหนดแล้วยังไม่ได้รับเงิน โปรดติดต่อเรา",
  },
  en: {
    subject: (refund: string) => `Refund of ${refund}`,
    full: {
      title: "Refund in full",
      body: (refund: string, _paid: string) => `We have refunded the full amount of ${refund}.`,
    },
    rest: {
      title: "Refund completed",
      body: (refund: string, paid: string) =>
        `We have refunded the remaining ${refund}. Together with what was refunded before, that is all of the ${paid} that you paid.`,
    },
    partial: {
      title: "Partial refund",
      body: (refund: string, paid: string) =>
        `We have refunded ${refund} of the ${paid} that you paid.`,
    },
    refunded: "Refunded",
    paid: "Paid",
    refundedAt: "Refunded on",
    closing:
      "There is nothing more to do. If the money has not arrived by then, please contact us.",
  },
} as const;

/** Tells a person that money goes back to them: all of it, the rest of it, or a part. */
export function refundIssued(notice: NoticeContent): EmailContent {
  const [refund, paid] = [moneyIn(notice, "refundMinor"), moneyIn(notice)];
  const isWhole = refund.amountMinor >= paid.amountMinor;
  const kind = isWhole ? "full" : notice.data.full === true ? "rest" : "partial";
  return customerMail(notice, "good", (reading) => {
    const { language, money, moneyWithCode, time, packageName, reference } = reading;
    const [words, labels] = [ISSUED[language], LABELS[language]];
    const { title, body } = words[kind];
    return {
      title,
      subject: words.subject(money("refundMinor")),
      highlight: money("refundMinor"),
      paragraphs: [body(money("refundMinor"), money()), REFUND_ARRIVES[language]],
      rows: [
        [words.refunded, moneyWithCode("refundMinor")],
        [words.paid, moneyWithCode()],
        [labels.item, packageName],
        [labels.until, time("entitlementEndsAt")],
        [words.refundedAt, time("refundedAt")],
        [labels.reference, reference],
      ],
      closing: words.closing,
    };
  });
}

const FAILED = {
  th: {
    title: "การคืนเงินยังไม่สำเร็จ",
    subject: (refund: string) => `การคืนเงิน ${refund} ยังไม่สำเร็จ`,
    body: (refund: string) => `เราพยายามคืนเงินจำนวน ${refund} ให้คุณ แต่ธนาคารของคุณไม่รับรายการคืนเงินนี้`,
    cardGone: "สาเหตุคือบัตรที่ใช้ชำระเงินหมดอายุหรือถูกยกเลิกแล้ว",
    next: "เงินจำนวนนี้ยังเป็นของคุณ เราจะติดต่อคุณเพื่อคืนเงินด้วยวิธีอื่น คุณไม่ต้องดำเนินการใด ๆ ในตอนนี้",
    refund: "จำนวนเงินที่จะคืน",
    failedAt: "วันที่ทำรายการ",
    closing: "เพื่อความปลอดภัย เราจะไม่ขอหมายเลขบัตร รหัสผ่าน หรือรหัส OTP ของคุณทางอีเมล",
  },
  en: {
    title: "Refund not completed",
    subject: (refund: string) => `Your refund of ${refund} is not complete yet`,
    body: (refund: string) =>
      `We tried to refund ${refund} to you, but your bank did not accept it.`,
    cardGone: "The card that you paid with has expired or was canceled.",
    next: "The money is still yours. We will contact you to return it in another way; you don't need to do anything now.",
    refund: "To be refunded",
    failedAt: "Tried on",
    closing: "For your safety, we will never ask for a card number, a password or a code by email.",
  },
} as const;

/** Tells a person that a refund came back, and that the money is not lost. */
export function refundFailed(notice: NoticeContent): EmailContent {
  const isCardGone = /expired|cancel/i.test(textIn(notice.data, "failureCode") ?? "");
  return customerMail(notice, "attention", (reading) => {
    const { language, money, moneyWithCode, time, packageName, reference } = reading;
    const [words, labels] = [FAILED[language], LABELS[language]];
    return {
      title: words.title,
      subject: words.subject(money("refundMinor")),
      paragraphs: [
        words.body(money("refundMinor")),
        isCardGone ? words.cardGone : null,
        words.next,
      ],
      rows: [
        [words.refund, moneyWithCode("refundMinor")],
        [labels.item, packageName],
        [words.failedAt, time("failedAt")],
        [labels.reference, reference],
      ],
      closing: words.closing,
    };
  });
}
