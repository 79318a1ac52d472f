import type { Notice } from "../../../domain/notice.js";
import { instantIn, moneyIn, moneyText, textIn } from "../../notice-data.js";
import { timeText } from "../../wording.js";
import { type EmailRow, type Language, rowsOf } from "./content.js";

const NAME_CHARS_MAX = 80;

/** An address written into the name field would become a link in a mail that carries our name. */
const LOOKS_LIKE_AN_ADDRESS = /[/:@<>\\]|[^\s.]\.[^\s.]{2,}/u;

const LABELS = {
  th: { amount: "จำนวนเงิน", item: "แพ็กเกจ", reference: "หมายเลขอ้างอิง" },
  en: { amount: "Amount", item: "Package", reference: "Reference" },
} as const;

/** `Hello Somchai,`; without a name where there is none, or where it is something else than a name. */
export function greeting(notice: Notice, language: Language): string {
  const name = textIn(notice.data, "userName");
  const fit = name !== null && name.length <= NAME_CHARS_MAX && !LOOKS_LIKE_AN_ADDRESS.test(name);
  if (language === "th")
    return fit ? `สวัสดีคุณ${/^\p{Script=Thai}/u.test(name) ? "" : " "}${name}` : "สวัสดี";
  return fit ? `Hello ${name},` : "Hello,";
}

/** The amount as the reader writes it: `฿1,999.00`. */
export function amountOf(notice: Notice, locale: string): string {
  return moneyText(moneyIn(notice), locale);
}

/** What was or would have been paid, with the currency's code, since `$` is many currencies' sign. */
export function paymentRows(
  notice: Notice,
  language: Language,
  locale: string,
  when: { label: string; key: string },
): EmailRow[] {
  const { data } = notice;
  const labels = LABELS[language];
  const { currency } = moneyIn(notice);
  const amount = amountOf(notice, locale);
  const at = instantIn(data, when.key);
  const timeZone = textIn(data, "timeZone") ?? "UTC";
  return rowsOf([
    [labels.amount, amount.includes(currency) ? amount : `${amount} (${currency})`],
    [labels.item, textIn(data, "packageRef")],
    [when.label, at === null ? null : timeText(at, locale, timeZone)],
    [labels.reference, textIn(data, "paymentExternalId")],
  ]);
}
