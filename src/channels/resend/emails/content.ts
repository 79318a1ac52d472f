import type { Language } from "../../../domain/notice.js";
import type { NoticeContent } from "../../notice-data.js";
import { knownLocale } from "../../wording.js";

/** One language's part of a mail, as plain data: the HTML and the text part are made from the same. */
export interface EmailPart {
  language: Language;
  title: string;
  /** Shown large under the title; null where nothing deserves it. */
  highlight: string | null;
  paragraphs: string[];
  rows: EmailRow[];
  tables: EmailTable[];
  action: EmailLink | null;
  /** What else may be opened; under the button. */
  links: EmailLink[];
  closing: string;
}

export interface EmailLink {
  label: string;
  url: string;
}

/** Rows under a title, with names for the columns where they need any; every row has as many cells. */
export interface EmailTable {
  title: string;
  head: string[];
  rows: string[][];
}

export interface EmailRow {
  label: string;
  value: string;
}

export type Tone = "good" | "attention" | "alarm";

export interface EmailContent {
  subject: string;
  tone: Tone;
  /** In the order in which they are read; the first one's language is the mail's own. */
  parts: [EmailPart, ...EmailPart[]];
}

/** What a template gives for one language; `locale` is for numbers and dates. */
export interface Draft extends Omit<EmailPart, "language" | "tables" | "links"> {
  tables?: EmailTable[];
  links?: EmailLink[];
  /** The part's share of the subject: the first stands whole, a second adds `subjectShort`. */
  subject: string;
  subjectShort: string;
}

type DraftIn = (language: Language, locale: string) => Draft;

/** Thai readers get Thai first and English second; everybody else gets English. */
export function contentIn(notice: NoticeContent, tone: Tone, draft: DraftIn): EmailContent {
  const locale = knownLocale(notice.locale);
  const { language } = new Intl.Locale(locale);
  if (language !== "th") {
    const { subject, ...english } = draft("en", language === "en" ? locale : "en");
    return { subject, tone, parts: [partOf("en", english)] };
  }
  const [thai, english] = [draft("th", "th-TH"), draft("en", "en-GB")];
  return {
    subject: `${thai.subject} · ${english.subjectShort}`,
    tone,
    parts: [partOf("th", thai), partOf("en", english)],
  };
}

/** Rows without a value are left out, so that no mail shows a blank. */
export function rowsOf(rows: [label: string, value: string | null][]): EmailRow[] {
  return rows.flatMap(([label, value]) => (value === null ? [] : [{ label, value }]));
}

function partOf(language: Language, draft: Omit<Draft, "subject">): EmailPart {
  const { title, highlight, paragraphs, rows, tables = [], action, links = [], closing } = draft;
  return { language, title, highlight, paragraphs, rows, tables, action, links, closing };
}
