import { type Instant, isoOf } from "../../domain/time.js";
import type { PageReport, ReportState } from "./report.js";

/** What is sent: the path under the page's address. `follows` is the report that it adds to. */
export interface PageRequest extends Record<string, unknown> {
  method: "POST" | "PATCH";
  path: string;
  body: Record<string, unknown>;
  follows: string | null;
}

/** A service that shows a status page, by its own API. */
export interface PageService {
  name: string;
  authorization(token: string): string;
  /** `follows`: the service's id of the report that this is about, null for a new one. */
  request(report: PageReport, follows: string | null, resources: readonly string[]): PageRequest;
  /** The report's id in the answer to a request that made one. */
  idIn(answer: Readonly<Record<string, unknown>>): string | null;
}

const BETTER_STACK_STATUS: Readonly<Record<ReportState, string>> = {
  investigating: "degraded",
  working: "degraded",
  resolved: "resolved",
  scheduled: "maintenance",
  in_progress: "maintenance",
  completed: "resolved",
  told: "resolved",
};

/**
 * Better Stack's status reports. Of its documentation: the paths, the fields, their names for a resource's status, that an
 * update must name the affected resources, and `data.id`. Not said there, and from memory: that an update without
 * resources is taken, and how a token is refused.
 *
 * @see https://betterstack.com/docs/uptime/api/create-a-new-status-page-report
 * @see https://betterstack.com/docs/uptime/api/create-a-new-status-update
 */
const betterStack: PageService = {
  name: "Better Stack",
  authorization: (token) => `Bearer ${token}`,
  request(report, follows, resources) {
    const { state, title, body: message, startsAt, endsAt } = report;
    const affected = resources.map((id) => ({
      status_page_resource_id: id,
      status: BETTER_STACK_STATUS[state],
    }));
    if (follows !== null) {
      const path = `/status-reports/${encodeURIComponent(follows)}/status-updates`;
      return { method: "POST", path, follows, body: { message, affected_resources: affected } };
    }
    const planned = state === "scheduled" || state === "in_progress";
    const over = endsAt !== null && (planned || state === "told" || state === "resolved");
    return {
      method: "POST",
      path: "/status-reports",
      follows,
      body: {
        title,
        message,
        report_type: planned ? "maintenance" : "manual",
        affected_resources: affected,
        ...timeOf("starts_at", startsAt),
        ...(over ? timeOf("ends_at", endsAt) : {}),
      },
    };
  },
  idIn({ data }) {
    const id = typeof data === "object" && data !== null && "id" in data ? data.id : null;
    return textOf(id);
  },
};

const STATUSPAGE_STATUS: Readonly<Record<ReportState, string>> = {
  investigating: "investigating",
  working: "identified",
  resolved: "resolved",
  scheduled: "scheduled",
  in_progress: "in_progress",
  completed: "completed",
  told: "resolved",
};
const STATUSPAGE_COMPONENT: Readonly<Record<ReportState, string>> = {
  investigating: "partial_outage",
  working: "partial_outage",
  resolved: "operational",
  scheduled: "operational",
  in_progress: "under_maintenance",
  completed: "operational",
  told: "operational",
};

/**
 * Statuspage's incidents, and whatever speaks like it. Of its documentation: the paths, the `OAuth` header, `name`,
 * `status`, `body`, `scheduled_for`, `scheduled_until`, and that a PATCH adds an update. From memory: `components` with
 * `component_ids`, `impact_override`, and 420 as its other word for too many requests.
 *
 * @see https://developer.statuspage.io/#tag/incidents
 */
const statuspage: PageService = {
  name: "Statuspage",
  authorization: (token) => `OAuth ${token}`,
  request(report, follows, resources) {
    const { state, title, body, startsAt, endsAt } = report;
    const components = Object.fromEntries(resources.map((id) => [id, STATUSPAGE_COMPONENT[state]]));
    const about = {
      status: STATUSPAGE_STATUS[state],
      body,
      ...(resources.length === 0 ? {} : { components, component_ids: [...resources] }),
    };
    if (follows !== null) {
      const path = `/incidents/${encodeURIComponent(follows)}`;
      return { method: "PATCH", path, follows, body: { incident: about } };
    }
    const planned = state === "scheduled" || state === "in_progress";
    const incident = {
      name: title,
      ...about,
      ...(state === "told" ? { impact_override: "none" } : {}),
      ...(planned ? timeOf("scheduled_for", startsAt) : {}),
      ...(planned ? timeOf("scheduled_until", endsAt) : {}),
    };
    return { method: "POST", path: "/incidents", follows, body: { incident } };
  },
  idIn: ({ id }) => textOf(id),
};

export const PAGE_SERVICES = { "better-stack": betterStack, statuspage } as const;

function timeOf(key: string, at: Instant | null): Record<string, string> {
  return at === null ? {} : { [key]: isoOf(at) };
}

function textOf(id: unknown): string | null {
  if (typeof id === "number") return String(id);
  return typeof id === "string" && id !== "" ? id : null;
}
