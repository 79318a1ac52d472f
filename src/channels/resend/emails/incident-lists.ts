import type { Language } from "../../../domain/notice.js";
import { DIGEST_WORDS, figureLabel } from "../../digest-words.js";
import { digestView, stormView } from "../../incident-view.js";
import {
  bySeverity,
  figureText,
  INCIDENT_WORDS,
  instantText,
  insteadText,
  stormTitle,
} from "../../incident-words.js";
import { clip, type NoticeContent } from "../../notice-data.js";
import type { LineView } from "../../notice-lists.js";
import { personOf } from "../../people.js";
import { durationText } from "../../wording.js";
import { contentIn, type EmailContent, type EmailTable, rowsOf } from "./content.js";

const TITLE_CHARS_MAX = 160;
/** A mail that is longer is cut by some mail programs. */
const LINES_MAX = 100;

/** Tells of many incidents at once, so that nobody is told of each. */
export function incidentStorm(notice: NoticeContent): EmailContent {
  const view = stormView(notice);
  return contentIn(notice, "alarm", (language, locale) => {
    const words = INCIDENT_WORDS[language];
    const title = stormTitle(view, language, locale);
    const links = [
      { label: words.acknowledge, url: view.ackUrl },
      { label: words.console, url: view.consoleUrl },
    ].flatMap(({ label, url }) => (url === null ? [] : [{ label, url }]));
    return {
      subject: `[${view.severityName}] ${title}`,
      subjectShort: title,
      title,
      highlight: null,
      paragraphs: [STORM[language].what, insteadText(view.insteadOf, language)].filter(
        (line) => line !== null,
      ),
      rows: rowsOf([
        [words.since, instantText(view.startedAt, locale, view.timeZone)],
        [words.nextStep, view.nextStep],
        [words.why, view.why],
      ]),
      tables: tablesOf(view.lines, view.count, language, locale),
      action: links[0] ?? null,
      links: links.slice(1),
      closing: STORM[language].closing,
    };
  });
}

const STORM = {
  th: {
    what: "มีเหตุขัดข้องใหม่จำนวนมากในเวลาใกล้กัน จึงสรุปรวมไว้ในข้อความเดียว แทนการแจ้งทีละเหตุ",
    closing: "ทุกเหตุถูกบันทึกไว้ครบถ้วน",
  },
  en: {
    what: "Many incidents began at about the same time. They are told together, instead of one by one.",
    closing: "Each of them is kept, with all that is known of it.",
  },
} as const;

/** The day's incidents, and what else the platform wants to know of it. */
export function incidentDigest(notice: NoticeContent): EmailContent {
  const view = digestView(notice);
  const tone = view.count + view.toldAtOnce > 0 ? "attention" : "good";
  return contentIn(notice, tone, (language, locale) => {
    const words = DIGEST_WORDS[language];
    const day = view.day === null ? "" : ` ${view.day}`;
    return {
      subject: `${words.title}${day}`,
      subjectShort: words.title,
      title: `${words.title}${day}`,
      highlight: null,
      paragraphs: [words.count(view.count, view.toldAtOnce)],
      rows: rowsOf([
        [DIGEST[language].from, instantText(view.from, locale, view.timeZone)],
        [DIGEST[language].to, instantText(view.to, locale, view.timeZone)],
      ]),
      tables: [
        ...tablesOf(view.lines, view.count, language, locale),
        ...view.sections.map(({ section, figures }) => ({
          title: words.sections[section],
          head: [],
          rows: figures.map((figure) => [
            figureLabel(figure, language),
            figureText(figure, locale),
          ]),
        })),
      ],
      action:
        view.consoleUrl === null
          ? null
          : { label: INCIDENT_WORDS[language].console, url: view.consoleUrl },
      closing: DIGEST[language].closing,
    };
  });
}

const DIGEST = {
  th: {
    from: "ตั้งแต่",
    to: "ถึง",
    closing: "สรุปนี้ส่งวันละครั้ง และไม่ส่งในวันที่ไม่มีอะไรต้องแจ้ง",
  },
  en: {
    from: "From",
    to: "Until",
    closing: "This summary comes once a day, and not on a day that has nothing to tell.",
  },
} as const;

/** A table for each severity, the worst first. */
function tablesOf(
  lines: readonly LineView[],
  count: number,
  language: Language,
  locale: string,
): EmailTable[] {
  const words = INCIDENT_WORDS[language];
  const shown = lines.slice(0, LINES_MAX);
  const tables = bySeverity(shown).map(({ name, lines: of }) => ({
    title: `${name} (${of.length})`,
    head: [words.incident, words.state, words.duration],
    rows: of.map((line) => [
      `${clip(line.title, TITLE_CHARS_MAX)}${line.service === "" ? "" : ` (${line.service})`}, ${line.id}`,
      stateOf(line, language),
      durationText(line.lastedMs, locale),
    ]),
  }));
  const rest = count - shown.length;
  if (rest <= 0 || tables.length === 0) return tables;
  return [...tables, { title: DIGEST_WORDS[language].more(rest), head: [], rows: [] }];
}

function stateOf({ status, acknowledgedBy }: LineView, language: Language): string {
  const state = INCIDENT_WORDS[language].status[status];
  if (acknowledgedBy === null || status !== "acknowledged") return state;
  const who = personOf(acknowledgedBy);
  return who === null ? state : `${state}: ${clip(who[language], 60)}`;
}
