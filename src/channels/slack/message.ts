import type { Notice } from "../../domain/notice.js";
import type { Severity } from "../../domain/severity.js";
import { type IncidentView, renderIncident } from "../incident-view.js";
import { clip } from "../notice-data.js";
import { durationText, timeText } from "../wording.js";

/** Slack's own limits. @see https://docs.slack.dev/reference/block-kit/blocks */
const HEADER_CHARS_MAX = 150;
const SECTION_CHARS_MAX = 3_000;
const FIELD_CHARS_MAX = 300;

const MARK: Readonly<Record<Severity, string>> = { P0: "🔴", P1: "🟠", P2: "🟡", P3: "🔵" };

type Block = Record<string, unknown>;

/** @throws Permanent `channel_refused` for a template that is not about an incident. */
export function renderSlack(notice: Notice, platformName: string): Record<string, unknown> {
  return renderIncident(notice, {
    raised: (view) => raised(view, platformName),
    resolved: (view) => resolved(view, platformName),
  });
}

function raised(view: IncidentView, platformName: string): Record<string, unknown> {
  const headline = `${MARK[view.severity]} ${view.severity} raised`;
  const since = view.openedAt === null ? null : timeText(view.openedAt, "en-GB", view.timeZone);
  return message(headline, view, platformName, [
    ["Service", view.service],
    ["Environment", view.environment],
    ["Kind", view.kind],
    ["Since", since],
  ]);
}

function resolved(view: IncidentView, platformName: string): Record<string, unknown> {
  const { openedAt, resolvedAt } = view;
  const known = openedAt !== null && resolvedAt !== null;
  return message(`✅ ${view.severity} resolved`, view, platformName, [
    ["Service", view.service],
    ["Environment", view.environment],
    ["Lasted", known ? durationText(resolvedAt - openedAt, "en") : null],
    ["Resolved by", view.resolvedBy],
    ["At", resolvedAt === null ? null : timeText(resolvedAt, "en-GB", view.timeZone)],
  ]);
}

/** `text` is what a phone's notification and a screen reader say; the blocks are what is seen. */
function message(
  headline: string,
  view: IncidentView,
  platformName: string,
  rows: [label: string, value: string | null][],
): Record<string, unknown> {
  const fields = rows.flatMap(([label, value]) => (value === null ? [] : [field(label, value)]));
  const blocks: Block[] = [
    { type: "header", text: plain(`${headline}: ${view.title}`, HEADER_CHARS_MAX) },
    // The header cuts a long title; only then is it told whole.
    ...(view.title.length > 100 ? [{ type: "section", text: plain(view.title) }] : []),
    ...(fields.length > 0 ? [{ type: "section", fields }] : []),
    { type: "context", elements: [mrkdwn(footer(view, platformName), SECTION_CHARS_MAX)] },
  ];
  const where = view.service === null ? "" : ` (${view.service})`;
  return {
    text: escapeMrkdwn(`${headline}: ${view.title}${where}`, SECTION_CHARS_MAX),
    blocks,
    unfurl_links: false,
    unfurl_media: false,
  };
}

function footer(view: IncidentView, platformName: string): string {
  const source = view.url === null ? "" : ` · <${linkOf(view.url)}|Open at the source>`;
  const ours = `${escapeMrkdwn(platformName, 100)} · ${escapeMrkdwn(view.incidentId, 255)}`;
  return `${ours}${source}`;
}

/** In a link `|` and `>` end the address. */
function linkOf(url: string): string {
  return url.replaceAll("&", "&amp;").replaceAll("|", "%7C").replaceAll(">", "%3E");
}

function field(label: string, value: string): Block {
  return mrkdwn(`*${label}*\n${escapeMrkdwn(value, FIELD_CHARS_MAX)}`, 2_000);
}

function mrkdwn(text: string, charsMax: number): Block {
  return { type: "mrkdwn", text: text.slice(0, charsMax), verbatim: true };
}

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
