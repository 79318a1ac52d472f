import type { Language } from "../../../domain/notice.js";
import {
  clip,
  instantIn,
  moneyIn,
  moneyText,
  type NoticeContent,
  textIn,
  urlIn,
} from "../../notice-data.js";
import { dayText, timeText } from "../../wording.js";
import { contentIn, type Draft, type EmailContent, rowsOf, type Tone } from "./content.js";

const NAME_CHARS_MAX = 80;
const PACKAGE_CHARS_MAX = 80;
const REFERENCE_CHARS_MAX = 120;

const NO_BREAK = "\u00a0";

/** An address written into the name field would become a link in a mail that carries our name. */
const LOOKS_LIKE_AN_ADDRESS = /[/:@<>\\]|[^\s.]\.[^\s.]{2,}/u;

/** What several mails call by the same name. */
export const LABELS = {
  th: {
    amount: "จำนวนเงิน",
    item: "แพ็กเกจ",
    until: "ใช้ได้ถึง",
    reference: "หมายเลขอ้างอิง",
    contact: "ติดต่อเรา",
  },
  en: {
    amount: "Amount",
    item: "Package",
    until: "Valid until",
    reference: "Reference",
    contact: "Contact us",
  },
} as const;

/** A notice's data, each as the reader writes it; null where it is absent or can't be shown. */
export interface Reading {
  language: Language;
  /** `฿1,999.00`. @throws Permanent `channel_refused` without it: a mail about money must not guess. */
  money(key?: string): string;
  /** The same with the currency's code, since `$` is many currencies' sign. */
  moneyWithCode(key?: string): string;
  /** Day, time and zone. */
  time(key: string): string | null;
  /** The day alone, for sentences; it is never broken over two lines. */
  day(key: string): string | null;
  packageName: string | null;
  reference: string | null;
}

/** What a mail to a customer says in one language. The greeting and the fallbacks are added. */
export interface CustomerDraft {
  title: string;
  /** The title when absent. */
  subject?: string;
  highlight?: string;
  /** After the greeting; a null is left out. */
  paragraphs: (string | null)[];
  rows: [label: string, value: string | null][];
  /** A button to the address under `key`, where there is one. */
  action?: { label: string; key: string };
  closing: string;
}

/** A mail to a customer in their languages: greeted by name, with a button for help where no other is. */
export function customerMail(
  notice: NoticeContent,
  tone: Tone,
  draft: (reading: Reading) => CustomerDraft,
): EmailContent {
  return contentIn(notice, tone, (language, locale): Draft => {
    const said = draft(readingOf(notice, language, locale));
    const { title, subject = title, highlight = null, action, closing } = said;
    return {
      subject,
      subjectShort: title,
      title,
      highlight,
      paragraphs: [greeting(notice, language), ...said.paragraphs].filter((line) => line !== null),
      rows: rowsOf(said.rows),
      action:
        (action === undefined ? null : linkIn(notice, action.key, action.label)) ??
        linkIn(notice, "supportUrl", LABELS[language].contact),
      closing,
    };
  });
}

function readingOf(notice: NoticeContent, language: Language, locale: string): Reading {
  const { data } = notice;
  const timeZone = textIn(data, "timeZone") ?? "UTC";
  const money = (key?: string) => moneyText(moneyIn(notice, key), locale);
  const written = (key: string, write: typeof timeText): string | null => {
    const at = instantIn(data, key);
    return at === null ? null : write(at, locale, timeZone);
  };
  return {
    language,
    money,
    moneyWithCode(key) {
      const [amount, { currency }] = [money(key), moneyIn(notice, key)];
      return amount.includes(currency) ? amount : `${amount} (${currency})`;
    },
    time: (key) => written(key, timeText),
    day: (key) => written(key, dayText)?.replaceAll(" ", NO_BREAK) ?? null,
    packageName: clipped(textIn(data, "packageRef"), PACKAGE_CHARS_MAX),
    reference: clipped(
      textIn(data, "paymentExternalId") ??
        textIn(data, "paymentId") ??
        textIn(data, "subscriptionExternalId") ??
        textIn(data, "subscriptionId"),
      REFERENCE_CHARS_MAX,
    ),
  };
}

/** `Hello Somchai,`; without a name where there is none, or where it is something else than a name. */
function greeting(notice: NoticeContent, language: Language): string {
  const name = textIn(notice.data, "userName");
  const fit = name !== null && name.length <= NAME_CHARS_MAX && !LOOKS_LIKE_AN_ADDRESS.test(name);
  if (language === "th")
    return fit ? `สวัสดีคุณ${/^\p{Script=Thai}/u.test(name) ? "" : " "}${name}` : "สวัสดี";
  return fit ? `Hello ${name},` : "Hello,";
}

function linkIn(
  notice: NoticeContent,
  key: string,
  label: string,
): { label: string; url: string } | null {
  const url = urlIn(notice.data, key);
  return url === null ? null : { label, url };
}

function clipped(text: string | null, charsMax: number): string | null {
  return text === null ? null : clip(text, charsMax);
}
