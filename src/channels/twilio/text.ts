import type { Notice } from "../../domain/notice.js";
import { type IncidentView, renderIncident } from "../incident-view.js";
import { clip } from "../notice-data.js";
import { durationText, timeText } from "../wording.js";

/** Two segments of plain letters, or five with a letter outside GSM-7; each segment is paid for. */
export const SMS_CHARS_MAX = 320;

/** A longer link would leave no room for what happened. */
const URL_CHARS_MAX = 120;

/** @throws Permanent `channel_refused` for a template that is not about an incident. */
export function renderSms(notice: Notice, platformName: string): string {
  return renderIncident(notice, {
    raised: (view) => raised(view, platformName),
    resolved: (view) => resolved(view, platformName),
  });
}

/** Head and tail are kept whole; the title gives way. */
function message(start: string, view: IncidentView, end: string): string {
  const head = clip(start, 60);
  const place = [view.service, view.environment].filter((part) => part !== null).join(", ");
  const where = place === "" ? "" : ` (${clip(place, 60)})`;
  const link = view.url !== null && view.url.length <= URL_CHARS_MAX ? ` ${view.url}` : "";
  const tail = `${where}${end}${link}`;
  return `${head}${clip(view.title, SMS_CHARS_MAX - head.length - tail.length)}${tail}`;
}

function raised(view: IncidentView, platformName: string): string {
  const { openedAt, timeZone } = view;
  const since = openedAt === null ? "" : ` since ${timeText(openedAt, "en-GB", timeZone)}.`;
  return message(`${platformName} ${view.severity}: `, view, since);
}

function resolved(view: IncidentView, platformName: string): string {
  const { openedAt, resolvedAt, resolvedBy } = view;
  const known = openedAt !== null && resolvedAt !== null;
  const after = known ? ` after ${durationText(resolvedAt - openedAt, "en")}` : "";
  const by = resolvedBy === null ? "" : ` by ${clip(resolvedBy, 30)}`;
  const end = after === "" && by === "" ? "" : `${after}${by}.`;
  return message(`${platformName} ${view.severity} resolved: `, view, end);
}
