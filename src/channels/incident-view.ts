import { SEVERITIES, type Severity } from "../domain/severity.js";
import type { Instant } from "../domain/time.js";
import {
  instantIn,
  type NoticeContent,
  noSuchTemplate,
  requiredTextIn,
  textIn,
  urlIn,
} from "./notice-data.js";

/** What every channel says about an incident, read leniently: a page with a gap beats no page. */
export interface IncidentView {
  incidentId: string;
  severity: Severity;
  title: string;
  service: string | null;
  environment: string | null;
  kind: string | null;
  url: string | null;
  openedAt: Instant | null;
  resolvedAt: Instant | null;
  resolvedBy: string | null;
  timeZone: string;
}

/** An unreadable severity is taken as P1: too loud is mended by a person, too quiet by nobody. */
const SEVERITY_UNREADABLE: Severity = "P1";

/** @throws Permanent `channel_refused` when `incidentId` is missing: nothing could be joined or resolved. */
export function incidentView(notice: NoticeContent): IncidentView {
  const { data } = notice;
  const severity = textIn(data, "severity");
  return {
    incidentId: requiredTextIn(notice, "incidentId"),
    severity: SEVERITIES.find((s) => s === severity) ?? SEVERITY_UNREADABLE,
    title: textIn(data, "title") ?? "Incident",
    service: textIn(data, "service"),
    environment: textIn(data, "environment"),
    kind: textIn(data, "kind"),
    url: urlIn(data, "url"),
    openedAt: instantIn(data, "openedAt"),
    resolvedAt: instantIn(data, "resolvedAt"),
    resolvedBy: textIn(data, "resolvedBy"),
    timeZone: textIn(data, "timeZone") ?? "UTC",
  };
}

/**
 * What a channel that only speaks of incidents makes of a notice.
 *
 * @throws Permanent `channel_refused` for a template that is not about an incident.
 */
export function renderIncident<Rendered>(
  notice: NoticeContent,
  says: { raised(view: IncidentView): Rendered; resolved(view: IncidentView): Rendered },
): Rendered {
  switch (notice.template) {
    case "incident-raised":
      return says.raised(incidentView(notice));
    case "incident-resolved":
      return says.resolved(incidentView(notice));
    default: // mails to customers: no business of a channel that speaks to the people on call
      return noSuchTemplate(notice);
  }
}
