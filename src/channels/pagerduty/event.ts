import type { Notice } from "../../domain/notice.js";
import type { Severity } from "../../domain/severity.js";
import { isoOf } from "../../domain/time.js";
import { type IncidentView, renderIncident, type StormView } from "../incident-view.js";
import { deploymentText, insteadText, stormTitle } from "../incident-words.js";
import { clip } from "../notice-data.js";
import { placeText } from "../wording.js";

/** The vendor's own limits. @see https://developer.pagerduty.com/docs/send-alert-event */
const SUMMARY_CHARS_MAX = 1_024;
const DEDUP_KEY_CHARS_MAX = 255;
const STORM_LINES_MAX = 50;

const SEVERITY: Readonly<Record<Severity, "critical" | "error" | "warning" | "info">> = {
  P0: "critical",
  P1: "error",
  P2: "warning",
  P3: "info",
};

/**
 * The event without its routing key, which is added on the way out and stored nowhere. An escalation triggers under
 * the same key: PagerDuty logs it on the open alert, and opens one where there is none. What becomes worse has a key of its
 * own, for of an alert that somebody has acknowledged there nobody is called again.
 *
 * @throws Permanent `channel_refused` for a template that is not about incidents, and for a digest.
 */
export function renderPagerDuty(notice: Notice, platformName: string): Record<string, unknown> {
  return renderIncident<Record<string, unknown>>(notice, {
    incident(happening, view) {
      switch (happening) {
        case "acknowledged":
          return { event_action: "acknowledge", dedup_key: dedupKey(view.alertKey) };
        case "resolved":
          return { event_action: "resolve", dedup_key: dedupKey(view.alertKey) };
        default:
          return trigger(view, platformName);
      }
    },
    storm: (view) => stormTrigger(view, platformName),
  });
}

function trigger(view: IncidentView, platformName: string): Record<string, unknown> {
  const { service, environment, kind, url, openedAt, consoleUrl, ackUrl } = view;
  const clientUrl = consoleUrl ?? url;
  return {
    event_action: "trigger",
    dedup_key: dedupKey(view.alertKey),
    client: platformName,
    ...(clientUrl === null ? {} : { client_url: clientUrl }),
    ...linksOf([
      ["Acknowledge", ackUrl],
      ["Open at the source", url],
      ["Open in the console", consoleUrl],
      ["Suspect deployment", view.suspect?.url ?? null],
      ["Last good deployment", view.lastGood?.url ?? null],
    ]),
    payload: {
      summary: clip(
        `${view.title}${placeText(view.title, service, environment)}`,
        SUMMARY_CHARS_MAX,
      ),
      source: service ?? platformName,
      severity: SEVERITY[view.severity],
      ...(openedAt === null ? {} : { timestamp: isoOf(openedAt) }),
      ...(service === null ? {} : { component: service }),
      ...(environment === null ? {} : { group: environment }),
      ...(kind === null ? {} : { class: kind }),
      custom_details: {
        incident_id: view.incidentId,
        severity: view.severityName,
        environment,
        kind,
        ...present({
          acknowledge: view.taskDue === null ? acknowledgeHint(view.incidentId, view.ackUrl) : null,
          why: view.why,
          suspect: deploymentText(view.suspect),
          last_good: deploymentText(view.lastGood),
          next_step: view.nextStep,
          escalated_to: view.escalatedTo,
          instead_of: insteadText(view.insteadOf, "en"),
          reopenings: view.reopenings,
        }),
      },
    },
  };
}

function stormTrigger(view: StormView, platformName: string): Record<string, unknown> {
  const { ackUrl, consoleUrl, startedAt } = view;
  return {
    event_action: "trigger",
    dedup_key: dedupKey(`storm:${view.stormId}`),
    client: platformName,
    ...(consoleUrl === null ? {} : { client_url: consoleUrl }),
    ...linksOf([
      ["Acknowledge", ackUrl],
      ["Open in the console", consoleUrl],
    ]),
    payload: {
      summary: clip(stormTitle(view, "en", "en"), SUMMARY_CHARS_MAX),
      source: platformName,
      severity: SEVERITY[view.severity],
      ...(startedAt === null ? {} : { timestamp: isoOf(startedAt) }),
      custom_details: {
        severity: view.severityName,
        incidents: view.lines
          .slice(0, STORM_LINES_MAX)
          .map(({ id, title, service }) => clip(`${id} ${title}${placeText(title, service)}`, 200)),
        ...present({
          acknowledge: acknowledgeHint("INC-…", view.ackUrl),
          why: view.why,
          next_step: view.nextStep,
          instead_of: insteadText(view.insteadOf, "en"),
        }),
      },
    },
  };
}

function linksOf(links: [text: string, href: string | null][]): Record<string, unknown> {
  const there = links.flatMap(([text, href]) => (href === null ? [] : [{ href, text }]));
  return there.length === 0 ? {} : { links: there };
}

/** PagerDuty's own button says nothing to us: paging would go on, and nobody would know why. */
function acknowledgeHint(id: string, ackUrl: string | null): string {
  const byLink = ackUrl === null ? "by" : "by the link, or by";
  return `Signalbox does not hear PagerDuty's own button. Acknowledge ${byLink}: npx --no signalbox incidents ack ${id}`;
}

const present = (details: Record<string, string | number | null>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(details).filter(([, value]) => value !== null));

const dedupKey = (id: string): string => id.slice(0, DEDUP_KEY_CHARS_MAX);
