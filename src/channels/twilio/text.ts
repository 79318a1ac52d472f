import type { Notice } from "../../domain/notice.js";
import {
  type IncidentHappening,
  type IncidentView,
  type InsteadView,
  renderIncident,
  type StormView,
} from "../incident-view.js";
import { minutesText, stormTitle } from "../incident-words.js";
import { durationText, placeText, timeText } from "../wording.js";
import { fitsTwoSegments, plainLetters } from "./segments.js";

/** A title that is cut to less says nothing: then something else gives way. */
const TITLE_CHARS_MIN = 16;

/** What an SMS is made of. Head, id and link are kept whole, the title is cut, and the rest is dropped from the end. */
interface Sms {
  head: string;
  /** Kept in any case: by it the trouble is found and acknowledged. */
  id: string | null;
  title: string;
  /** The most needed first. */
  more: readonly (string | null)[];
  link: string | null;
}

/**
 * At most two segments. A text with letters outside GSM-7 keeps them while it fits; else it is written without.
 *
 * @throws Permanent `channel_refused` for a template that is not about incidents, and for a digest.
 */
export function renderSms(notice: Notice, platformName: string): string {
  return renderIncident(notice, {
    incident: (happening, view) => written(incidentSms(happening, view, platformName)),
    storm: (view) => written(stormSms(view, platformName)),
  });
}

function incidentSms(happening: IncidentHappening, view: IncidentView, platformName: string): Sms {
  const { ackUrl, url, openedAt, timeZone } = view;
  const place = placeText(view.title, view.service, view.environment);
  const since = openedAt === null ? null : ` since ${timeText(openedAt, "en-GB", timeZone)}`;
  const wanted = happening === "raised" || happening === "escalated" || happening === "reopened";
  const link = wanted && ackUrl !== null ? ` Ack: ${ackUrl}` : url === null ? null : ` ${url}`;
  return {
    head: `${platformName} ${view.severityName}${stateOf(happening, view)}`,
    id: view.incidentId,
    title: view.title,
    more: [
      insteadOf(view.insteadOf),
      place === "" ? null : place,
      happening === "resolved" ? courseOf(view) : since,
      ".",
    ],
    link,
  };
}

function stateOf(happening: IncidentHappening, view: IncidentView): string {
  const { unansweredMinutes, acknowledgedBy } = view;
  switch (happening) {
    case "raised":
      return "";
    case "escalated":
      return unansweredMinutes === null
        ? " escalated"
        : ` unanswered for ${minutesText(unansweredMinutes, "en")}`;
    case "acknowledged":
      return acknowledgedBy === null
        ? " acknowledged"
        : ` acknowledged by ${cut(acknowledgedBy.en, 30)}`;
    case "reopened":
      return " is back";
    case "resolved":
      return " resolved";
    case "task_due":
      return " task due";
  }
}

function courseOf({ lastedMs, resolvedBy }: IncidentView): string | null {
  const after = lastedMs === null ? "" : ` after ${durationText(lastedMs, "en")}`;
  const by = resolvedBy === null ? "" : ` by ${cut(resolvedBy.en, 30)}`;
  return after === "" && by === "" ? null : `${after}${by}`;
}

function stormSms(view: StormView, platformName: string): Sms {
  const { ackUrl, consoleUrl, lines } = view;
  return {
    head: `${platformName} ${view.severityName}: ${stormTitle(view, "en", "en")}`,
    id: null,
    title: lines
      .map(({ id, title, service }) => `${id} ${title}${placeText(title, service)}`)
      .join("; "),
    more: [insteadOf(view.insteadOf), "."],
    link: ackUrl !== null ? ` Ack: ${ackUrl}` : consoleUrl === null ? null : ` ${consoleUrl}`,
  };
}

const insteadOf = (instead: InsteadView | null): string | null =>
  instead === null ? null : ` [${instead.channel} unreachable]`;

function written(sms: Sms): string {
  return fitted(sms) ?? fitted(inPlainLetters(sms)) ?? shortest(sms);
}

/** The longest that fits: less and less is added, until the title has its room. */
function fitted({ head, id, title, more, link }: Sms): string | null {
  const start = id === null ? `${head}. ` : `${head} ${id}: `;
  const parts = more.filter((part) => part !== null);
  for (let count = parts.length; count >= 0; count -= 1) {
    const tail = `${parts.slice(0, count).join("")}${link ?? ""}`;
    const text = withTitle(start, title, tail);
    if (text !== null) return text;
  }
  return null;
}

function withTitle(head: string, title: string, tail: string): string | null {
  if (fitsTwoSegments(`${head}${title}${tail}`)) return `${head}${title}${tail}`;
  for (let chars = title.length - 1; chars >= TITLE_CHARS_MIN; chars -= 1) {
    const text = `${head}${cut(title, chars)}${tail}`;
    if (fitsTwoSegments(text)) return text;
  }
  return null;
}

function inPlainLetters({ head, id, title, more, link }: Sms): Sms {
  return {
    head: plainLetters(head),
    id: id === null ? null : plainLetters(id),
    title: plainLetters(title) || "incident",
    // A space at the beginning parts it from what stands before it.
    more: more.map((part) => (part === null ? null : part.replace(/\S.*/su, plainLetters))),
    link,
  };
}

/** A link so long that nothing else has room: it leads to all the rest. */
function shortest({ head, id, link }: Sms): string {
  const named = id === null ? "" : ` ${cut(plainLetters(id), 40)}`;
  const start = `${cut(plainLetters(head), 60)}${named}`;
  return link !== null && fitsTwoSegments(`${start}${link}`) ? `${start}${link}` : start;
}

/** Three full stops: the sign for them is outside GSM-7. Never half a character. */
function cut(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const kept: string[] = [];
  let length = 3;
  for (const character of text) {
    length += character.length;
    if (length > charsMax) break;
    kept.push(character);
  }
  return `${kept.join("").trimEnd()}...`;
}
