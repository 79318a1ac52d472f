import type { ChannelId, NoticeData } from "../domain/notice.js";
import type { DigestFigure, DigestSection, IncidentLine } from "../domain/notice-templates.js";
import { SEVERITIES, type Severity } from "../domain/severity.js";
import { instantIn, textIn } from "./notice-data.js";

/** How a channel is called where a person reads it. */
export const CHANNEL_NAMES: Readonly<Record<ChannelId, string>> = {
  email: "Email",
  slack: "Slack",
  pagerduty: "PagerDuty",
  sms: "SMS",
  platform: "The platform's application",
  status_page: "The status page",
};

/** `Email, Slack`: by what these are told. */
export const channelsText = (ways: readonly { channel: ChannelId }[]): string =>
  ways.length === 0
    ? "nothing"
    : [...new Set(ways.map(({ channel }) => CHANNEL_NAMES[channel]))].join(", ");

const SECTIONS: readonly DigestSection["section"][] = [
  "health",
  "performance",
  "security",
  "payments",
  "infrastructure",
  "alerts",
];
const UNITS: readonly DigestFigure["unit"][] = ["count", "percent", "ms", "amount", "seconds"];
const STATUSES: readonly IncidentLine["status"][] = ["open", "acknowledged", "resolved"];

/** A line as it is shown: what is missing is told apart from what is empty. */
export interface LineView extends Omit<IncidentLine, "severity"> {
  severity: Severity;
}

/** The severity as the engine knows it. An unreadable one is P1: too loud is mended by a person, too quiet by nobody. */
export function severityIn(data: NoticeData, key = "severity"): Severity {
  const severity = textIn(data, key);
  return SEVERITIES.find((known) => known === severity) ?? "P1";
}

/** The list of incidents that a summary carries; what can't be read of it is left out, never the message. */
export function incidentLinesIn(data: NoticeData): LineView[] {
  return recordsIn(data.incidents).flatMap((line) => {
    const id = textIn(line, "id");
    if (id === null) return [];
    const status = textIn(line, "status");
    return {
      id,
      severity: severityIn(line),
      severityName: textIn(line, "severityName"),
      title: textIn(line, "title") ?? "Incident",
      service: textIn(line, "service") ?? "",
      status: STATUSES.find((known) => known === status) ?? "open",
      openedAt: instantIn(line, "openedAt") ?? 0,
      lastedMs: finite(line.lastedMs) ?? 0,
      acknowledgedBy: textIn(line, "acknowledgedBy"),
    };
  });
}

/** The daily report's figures; a section without any is left out. */
export function digestSectionsIn(data: NoticeData): DigestSection[] {
  return recordsIn(data.sections).flatMap((entry) => {
    const section = SECTIONS.find((known) => known === textIn(entry, "section"));
    const figures = recordsIn(entry.figures).flatMap((figure) => figureOf(figure) ?? []);
    return section === undefined || figures.length === 0 ? [] : [{ section, figures }];
  });
}

function figureOf(figure: NoticeData): DigestFigure | null {
  const key = textIn(figure, "key");
  const unit = UNITS.find((known) => known === textIn(figure, "unit"));
  if (key === null || unit === undefined) return null;
  const [currency, label] = [textIn(figure, "currency"), textIn(figure, "label")];
  return {
    key,
    unit,
    value: finite(figure.value),
    ...(currency === null ? {} : { currency }),
    ...(label === null ? {} : { label }),
  };
}

/** A count or a duration; null when absent or no number that could be shown. */
export function numberIn(data: NoticeData, key: string): number | null {
  return finite(data[key]);
}

function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && Math.abs(value) <= 1e15
    ? value
    : null;
}

/** A list travels as JSON text at the top, and as a list inside one. */
function recordsIn(value: unknown): NoticeData[] {
  const list = typeof value === "string" ? parsed(value) : value;
  if (!Array.isArray(list)) return [];
  return list.filter((entry) => typeof entry === "object" && entry !== null);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
