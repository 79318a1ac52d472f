import type { Fact, SignalLevel } from "../../domain/facts.js";
import { markerIn } from "../../domain/test-event.js";
import type { Instant } from "../../domain/time.js";
import {
  at,
  bodyObject,
  firstText,
  idText,
  isObject,
  type JsonObject,
  needId,
  needObject,
  oneLine,
  shortText,
  text,
  unexpected,
  webUrl,
} from "../read.js";
import type { NormaliseContext } from "../source.js";
import {
  type Delivery,
  deliveryOf,
  occurredAtOf,
  RESOURCE_HEADER,
  TIMESTAMP_HEADER,
} from "./delivery.js";

interface Happening extends Delivery {
  occurredAt: Instant;
  ours: ReadonlySet<string>;
}

/**
 * Issues, issue alerts and metric alerts as signals. An alert on an issue has the issue's own group, so
 * both are one incident. The `error` resource is sent for every single event and stays without facts.
 * Users, addresses and requests are in these bodies; nothing of them is in a fact but the title. A test event
 * of ours raises nothing: that it came is what is asked.
 */
export function normalise(
  headers: Readonly<Record<string, string>>,
  body: Uint8Array<ArrayBuffer>,
  context: NormaliseContext,
): Fact[] {
  const object = bodyObject(body);
  const resource = text(headers[RESOURCE_HEADER]);
  // Without it nobody knows what the body is about: better a dead letter than an event lost in silence.
  if (resource === null) unexpected("the header Sentry-Hook-Resource must be there");
  const delivery = deliveryOf(resource, object);
  const happening: Happening = {
    ...delivery,
    occurredAt: occurredAtOf(delivery, headers[TIMESTAMP_HEADER] ?? null) ?? context.receivedAt,
    ours: context.ours,
  };
  const marker = markerIn(titleOf(happening) ?? "");
  if (marker !== null) {
    return [{ kind: "test.arrived", marker, occurredAt: happening.occurredAt }];
  }
  switch (delivery.resource) {
    case "issue":
      return factsOfIssue(happening);
    case "event_alert":
      return delivery.action === "triggered" ? factsOfEventAlert(happening) : [];
    case "metric_alert":
      return factsOfMetricAlert(happening);
    default:
      return [];
  }
}

const titleOf = ({ data }: Happening): string | null =>
  firstText(at(data, "issue", "title"), at(data, "event", "title"));

const ISSUE_MEANS: ReadonlyMap<string, "raised" | "resolved" | "acknowledged"> = new Map([
  ["created", "raised"],
  ["unresolved", "raised"],
  ["resolved", "resolved"],
  // The documents say `archived`, the wire `ignored`: somebody decided that it is no trouble.
  ["ignored", "resolved"],
  ["archived", "resolved"],
  ["assigned", "acknowledged"],
]);

function factsOfIssue(h: Happening): Fact[] {
  const means = ISSUE_MEANS.get(h.action);
  if (means === undefined) return [];
  const issue = needObject(h.data.issue, "data.issue");
  // Its ownership rules assign by themselves, which no person has seen.
  if (h.action === "assigned" && h.actorType !== "user") return [];
  const base = {
    groupKey: issueGroup(h, needId(issue.id, "data.issue.id")),
    signalKind: "error" as const,
    title: oneLine(firstText(issue.title, issue.culprit, issue.shortId) ?? "An issue"),
    occurredAt: h.occurredAt,
  };
  // Who did it is a person's name; it stays in the stored body.
  if (means === "resolved") return [{ kind: "signal.resolved", ...base, by: null }];
  if (means === "acknowledged") return [{ kind: "signal.acknowledged", ...base, by: null }];
  const project = isObject(issue.project) ? issue.project : {};
  return [
    {
      kind: "signal.raised",
      ...base,
      level: levelOf(issue.level),
      service: oneLine(firstText(project.slug, project.name, idText(project.id)) ?? "unknown"),
      environment: null,
      url: webUrl(issue.web_url) ?? webUrl(issue.permalink),
      ours: isOurs(h, idText(project.id), project.slug),
    },
  ];
}

function factsOfEventAlert(h: Happening): Fact[] {
  const event = needObject(h.data.event, "data.event");
  const project = idText(event.project);
  const slug = projectSlugOf(event);
  return [
    {
      kind: "signal.raised",
      groupKey: issueGroup(h, needId(event.issue_id, "data.event.issue_id")),
      signalKind: "error",
      level: levelOf(event.level),
      title: oneLine(firstText(event.title, h.data.triggered_rule) ?? "An alert"),
      service: oneLine(slug ?? project ?? "unknown"),
      environment: shortText(event.environment) ?? tagOf(event, "environment"),
      url: webUrl(event.web_url),
      ours: isOurs(h, project, slug),
      occurredAt: h.occurredAt,
    },
  ];
}

function factsOfMetricAlert(h: Happening): Fact[] {
  if (!["critical", "warning", "open", "resolved"].includes(h.action)) return [];
  const alert = needObject(h.data.metric_alert, "data.metric_alert");
  const base = {
    groupKey: groupOf(h, "metric", needId(alert.id, "data.metric_alert.id")),
    signalKind: "metric" as const,
    title: oneLine(firstText(h.data.description_title, alert.title) ?? "A metric alert"),
    occurredAt: h.occurredAt,
  };
  if (h.action === "resolved") return [{ kind: "signal.resolved", ...base, by: null }];
  const projects = (Array.isArray(alert.projects) ? alert.projects : [])
    .map(idText)
    .filter((project) => project !== null);
  const environment = at(alert, "alert_rule", "environment");
  return [
    {
      kind: "signal.raised",
      ...base,
      level: h.action === "warning" ? "warning" : "error",
      ...(h.action === "critical" ? { tags: { called: h.action } } : {}),
      service: oneLine(projects[0] ?? "unknown"),
      environment: shortText(environment),
      url: webUrl(h.data.web_url),
      ours: isOurs(h, ...projects),
    },
  ];
}

function issueGroup(h: Happening, issueId: string): string {
  return groupOf(h, "issue", issueId);
}

function groupOf(h: Happening, what: "issue" | "metric", id: string): string {
  return `sentry:${h.installation || "none"}:${what}:${id}`;
}

function levelOf(level: unknown): SignalLevel {
  switch (level) {
    case "fatal":
    case "warning":
    case "info":
      return level;
    case "debug":
      return "info";
    default:
      return "error";
  }
}

function isOurs(h: Happening, ...names: readonly unknown[]): boolean {
  return names.some((name) => typeof name === "string" && h.ours.has(name.toLowerCase()));
}

/** An event names its project by number only; the slug stands in the address of the event. */
function projectSlugOf(event: JsonObject): string | null {
  const slug = /\/projects\/[^/]+\/([^/]+)\/events\//.exec(text(event.url) ?? "")?.[1];
  return text(slug);
}

/** Tags are a list of pairs. */
function tagOf(event: JsonObject, name: string): string | null {
  const tags = Array.isArray(event.tags) ? event.tags : [];
  return shortText(
    at(
      tags.find((tag) => at(tag, 0) === name),
      1,
    ),
  );
}
