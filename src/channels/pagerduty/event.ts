import type { Notice } from "../../domain/notice.js";
import type { Severity } from "../../domain/severity.js";
import { isoOf } from "../../domain/time.js";
import { type IncidentView, renderIncident } from "../incident-view.js";
import { clip } from "../notice-data.js";

/** The vendor's own limits. @see https://developer.pagerduty.com/docs/send-alert-event */
const SUMMARY_CHARS_MAX = 1_024;
const DEDUP_KEY_CHARS_MAX = 255;

const SEVERITY: Readonly<Record<Severity, "critical" | "error" | "warning" | "info">> = {
  P0: "critical",
  P1: "error",
  P2: "warning",
  P3: "info",
};

/** The event without its routing key, which is added on the way out and stored nowhere. */
export function renderPagerDuty(notice: Notice, platformName: string): Record<string, unknown> {
  return renderIncident<Record<string, unknown>>(notice, {
    raised: (view) => trigger(view, platformName),
    resolved: (view) => ({ event_action: "resolve", dedup_key: dedupKey(view) }),
  });
}

function trigger(view: IncidentView, platformName: string): Record<string, unknown> {
  const { service, environment, kind, url, openedAt } = view;
  const where = [service, environment].filter((part) => part !== null).join(", ");
  return {
    event_action: "trigger",
    dedup_key: dedupKey(view),
    client: platformName,
    ...(url === null
      ? {}
      : { client_url: url, links: [{ href: url, text: "Open at the source" }] }),
    payload: {
      summary: clip(`${view.title}${where === "" ? "" : ` (${where})`}`, SUMMARY_CHARS_MAX),
      source: service ?? platformName,
      severity: SEVERITY[view.severity],
      ...(openedAt === null ? {} : { timestamp: isoOf(openedAt) }),
      ...(service === null ? {} : { component: service }),
      ...(environment === null ? {} : { group: environment }),
      ...(kind === null ? {} : { class: kind }),
      custom_details: { incident_id: view.incidentId, severity: view.severity, environment, kind },
    },
  };
}

function dedupKey(view: IncidentView): string {
  return view.incidentId.slice(0, DEDUP_KEY_CHARS_MAX);
}
