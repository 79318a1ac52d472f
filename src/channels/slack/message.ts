import type { Language, Notice } from "../../domain/notice.js";
import type { Severity } from "../../domain/severity.js";
import { DIGEST_WORDS, figureLabel } from "../digest-words.js";
import {
  type DeploymentView,
  type DigestView,
  type IncidentHappening,
  type IncidentView,
  renderIncident,
  type StormView,
} from "../incident-view.js";
import {
  bySeverity,
  figureText,
  INCIDENT_WORDS,
  instantText,
  insteadText,
  languageOf,
  sentencesOf,
  stormTitle,
} from "../incident-words.js";
import { clip } from "../notice-data.js";
import type { LineView } from "../notice-lists.js";
import { durationText, placeText } from "../wording.js";

/** Slack's own limits. @see https://docs.slack.dev/reference/block-kit/blocks */
const HEADER_CHARS_MAX = 150;
const SECTION_CHARS_MAX = 3_000;
const FIELD_CHARS_MAX = 300;
const FIELDS_MAX = 10;
/** More than this nobody reads on a phone; the rest is counted. */
const LINES_MAX = 20;

const MARK: Readonly<Record<Severity, string>> = { P0: "🔴", P1: "🟠", P2: "🟡", P3: "🔵" };
const MARKS: Readonly<Record<IncidentHappening, string | null>> = {
  raised: null,
  escalated: "⏫",
  acknowledged: "👀",
  reopened: "🔁",
  resolved: "✅",
  task_due: "📋",
};
const HAPPENED = {
  en: {
    raised: "raised",
    escalated: "escalated",
    acknowledged: "acknowledged",
    reopened: "reopened",
    resolved: "resolved",
    task_due: "task due",
  },
  th: INCIDENT_WORDS.th.happening,
} as const;

type Block = Record<string, unknown>;
type Row = [label: string, value: string | null];
interface Reader {
  language: Language;
  locale: string;
  platformName: string;
}

/** @throws Permanent `channel_refused` for a template that is not about incidents. */
export function renderSlack(notice: Notice, platformName: string): Record<string, unknown> {
  const reader = { ...languageOf(notice.locale), platformName };
  return renderIncident(notice, {
    incident: (happening, view) => incidentMessage(happening, view, reader),
    storm: (view) => stormMessage(view, reader),
    digest: (view) => digestMessage(view, reader),
  });
}

function incidentMessage(
  happening: IncidentHappening,
  view: IncidentView,
  reader: Reader,
): Record<string, unknown> {
  const { language, locale } = reader;
  const words = INCIDENT_WORDS[language];
  const mark = MARKS[happening] ?? MARK[view.severity];
  const headline = `${mark} ${view.severityName} ${HAPPENED[language][happening]}`;
  const sentences = sentencesOf(happening, view, language, locale);
  const wanted = happening === "raised" || happening === "escalated" || happening === "reopened";
  const { title, service } = view;
  return message(`${headline}: ${title}${placeText(title, service)}`, [
    header(`${headline}: ${title}`),
    // The header cuts a long title; only then is it told whole.
    ...(title.length > 100 ? [{ type: "section", text: plain(title) }] : []),
    ...sectionOf(sentences.map((line) => escapeMrkdwn(line, SECTION_CHARS_MAX))),
    ...fieldsOf(rowsOf(happening, view, reader)),
    ...(wanted ? causeBlocks(view, language) : []),
    ...(happening === "task_due" ? paragraph(words.nextStep, view.nextStep) : []),
    ...(wanted ? paragraph(words.why, view.why) : []),
    ...buttons(wanted ? view : { ...view, ackUrl: null }, language),
    footer(view.incidentId, view.url, reader),
  ]);
}

function rowsOf(happening: IncidentHappening, view: IncidentView, reader: Reader): Row[] {
  const { language, locale } = reader;
  const words = INCIDENT_WORDS[language];
  const at = (instant: number | null) => instantText(instant, locale, view.timeZone);
  const head: Row[] = [
    [words.service, view.service],
    [words.environment, view.environment],
  ];
  if (happening === "resolved") {
    const lasted = view.lastedMs === null ? null : durationText(view.lastedMs, locale);
    return [
      ...head,
      [words.lasted, lasted],
      [words.resolvedBy, view.resolvedBy?.[language] ?? null],
      [words.resolvedAt, at(view.resolvedAt)],
    ];
  }
  const many = (count: number | null) => (count === null || count < 2 ? null : String(count));
  return [
    ...head,
    [words.kind, view.kind],
    [words.since, at(view.openedAt)],
    [words.alerts, many(view.alerts)],
    [words.signals, many(view.signals)],
    [words.acknowledgedAt, happening === "acknowledged" ? at(view.acknowledgedAt) : null],
  ];
}

/** The deployment that is suspected, the good one before it, and what to do about it. */
function causeBlocks(view: IncidentView, language: Language): Block[] {
  const words = INCIDENT_WORDS[language];
  const said = (label: string, deployment: DeploymentView | null): string[] =>
    deployment === null ? [] : [`*${label}*: ${deploymentMrkdwn(deployment)}`];
  return [
    ...sectionOf([...said(words.suspect, view.suspect), ...said(words.lastGood, view.lastGood)]),
    ...paragraph(words.nextStep, view.nextStep),
  ];
}

function deploymentMrkdwn({ name, url, commit }: DeploymentView): string {
  const shown = escapeMrkdwn(name, FIELD_CHARS_MAX);
  const linked = url === null ? shown : `<${linkOf(url)}|${shown.replaceAll("|", "¦")}>`;
  return commit === null ? linked : `${linked} (${escapeMrkdwn(commit, 80)})`;
}

function stormMessage(view: StormView, reader: Reader): Record<string, unknown> {
  const { language, locale } = reader;
  const words = INCIDENT_WORDS[language];
  const headline = `${MARK[view.severity]} ${view.severityName}: ${stormTitle(view, language, locale)}`;
  const told = [insteadText(view.insteadOf, language)].filter((line) => line !== null);
  return message(headline, [
    header(headline),
    ...sectionOf(told.map((line) => escapeMrkdwn(line, SECTION_CHARS_MAX))),
    ...sectionOf(listOf(view.lines, view.count, reader)),
    ...paragraph(words.nextStep, view.nextStep),
    ...paragraph(words.why, view.why),
    ...buttons({ ...view, url: null }, language),
    footer(view.stormId, null, reader),
  ]);
}

function digestMessage(view: DigestView, reader: Reader): Record<string, unknown> {
  const { language, locale } = reader;
  const words = DIGEST_WORDS[language];
  const headline = `${words.title}${view.day === null ? "" : ` ${view.day}`}`;
  return message(headline, [
    header(headline),
    ...sectionOf([escapeMrkdwn(words.count(view.count, view.toldAtOnce), FIELD_CHARS_MAX)]),
    ...bySeverity(view.lines).flatMap(({ name, lines }) =>
      sectionOf([`*${escapeMrkdwn(name, 80)}*`, ...listOf(lines, lines.length, reader)]),
    ),
    ...view.sections.flatMap(({ section, figures }) => [
      ...sectionOf([`*${words.sections[section]}*`]),
      ...fieldsOf(
        figures.map((figure) => [figureLabel(figure, language), figureText(figure, locale)]),
      ),
    ]),
    ...buttons({ ackUrl: null, url: null, consoleUrl: view.consoleUrl }, language),
    footer(null, null, reader),
  ]);
}

function listOf(lines: readonly LineView[], count: number, reader: Reader): string[] {
  const { language, locale } = reader;
  const words = INCIDENT_WORDS[language];
  const shown = lines.slice(0, LINES_MAX).map((line) => {
    const name = line.severityName ?? line.severity;
    const state = `${words.status[line.status]}, ${durationText(line.lastedMs, locale)}`;
    const where = placeText(line.title, line.service);
    return escapeMrkdwn(`• ${name} ${line.id}: ${clip(line.title, 80)}${where}. ${state}`, 220);
  });
  const rest = count - shown.length;
  return rest > 0 ? [...shown, DIGEST_WORDS[language].more(rest)] : shown;
}

/** `text` is what a phone's notification and a screen reader say; the blocks are what is seen. */
function message(text: string, blocks: Block[]): Record<string, unknown> {
  return {
    text: escapeMrkdwn(text, SECTION_CHARS_MAX),
    blocks,
    unfurl_links: false,
    unfurl_media: false,
  };
}

const header = (text: string): Block => ({ type: "header", text: plain(text, HEADER_CHARS_MAX) });

/** Lines that are escaped already; as many as a section takes. */
function sectionOf(lines: readonly string[]): Block[] {
  const kept: string[] = [];
  let length = 0;
  for (const line of lines) {
    length += line.length + 1;
    if (length > SECTION_CHARS_MAX) break;
    kept.push(line);
  }
  return kept.length === 0 ? [] : [{ type: "section", text: mrkdwn(kept.join("\n")) }];
}

function paragraph(label: string, text: string | null): Block[] {
  return text === null ? [] : sectionOf([`*${label}*`, escapeMrkdwn(text, 2_800)]);
}

function fieldsOf(rows: readonly Row[]): Block[] {
  const fields = rows.flatMap(([label, value]) => (value === null ? [] : [field(label, value)]));
  const sections: Block[] = [];
  for (let at = 0; at < fields.length; at += FIELDS_MAX) {
    sections.push({ type: "section", fields: fields.slice(at, at + FIELDS_MAX) });
  }
  return sections;
}

/** Buttons that are links: whoever clicks one comes to a page, and nothing is done before that. */
function buttons(
  { ackUrl, consoleUrl, url }: Pick<IncidentView, "ackUrl" | "consoleUrl" | "url">,
  language: Language,
): Block[] {
  const words = INCIDENT_WORDS[language];
  const elements = [
    button("acknowledge", words.acknowledge, ackUrl, "primary"),
    button("console", words.console, consoleUrl),
    // With nothing to do but look, the link in the footer is enough.
    button("source", words.open, ackUrl === null ? null : url),
  ].flat();
  return elements.length === 0 ? [] : [{ type: "actions", elements }];
}

function button(id: string, label: string, url: string | null, style?: "primary"): Block[] {
  if (url === null) return [];
  const text = { type: "plain_text", text: label, emoji: false };
  return [{ type: "button", action_id: id, text, url, ...(style === undefined ? {} : { style }) }];
}

function footer(id: string | null, url: string | null, { language, platformName }: Reader): Block {
  const source = url === null ? "" : ` · <${linkOf(url)}|${INCIDENT_WORDS[language].open}>`;
  const ours = [platformName, id].flatMap((part) => (part === null ? [] : escapeMrkdwn(part, 255)));
  return { type: "context", elements: [mrkdwn(`${ours.join(" · ")}${source}`)] };
}

/** In a link `|` and `>` end the address. */
function linkOf(url: string): string {
  return url.replaceAll("&", "&amp;").replaceAll("|", "%7C").replaceAll(">", "%3E");
}

const field = (label: string, value: string): Block =>
  mrkdwn(`*${escapeMrkdwn(label, 100)}*\n${escapeMrkdwn(value, FIELD_CHARS_MAX)}`);

const mrkdwn = (text: string): Block => ({ type: "mrkdwn", text, verbatim: true });

function plain(text: string, charsMax = SECTION_CHARS_MAX): Block {
  return { type: "plain_text", text: clip(text, charsMax), emoji: false };
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/**
 * Makes foreign text harmless in mrkdwn: no mention, link or channel call can be written with it.
 * Cut by what Slack counts, and never inside an escape.
 *
 * @see https://docs.slack.dev/messaging/formatting-message-text#escaping
 */
export function escapeMrkdwn(text: string, charsMax: number): string {
  const escaped = [...text].map((character) => ESCAPES[character] ?? character);
  let length = 0;
  const kept = escaped.filter((part) => {
    length += part.length;
    return length < charsMax;
  });
  return kept.length === escaped.length ? escaped.join("") : `${kept.join("").trimEnd()}…`;
}
