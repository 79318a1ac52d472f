import type { Instant } from "../../domain/time.js";
import { at, idText, instantOfIso, isObject, type JsonObject, text } from "../read.js";

export type IncidentState = "started" | "acknowledged" | "resolved" | "reopened" | "comment";

/**
 * The bodies that are sent, told apart by shape: no header says which. What fits none (a template of
 * the owner's own, an exported log record) is `other`.
 */
export type Delivery =
  | {
      kind: "incident";
      id: string | null;
      state: IncidentState;
      token: string | null;
      attributes: JsonObject;
    }
  | { kind: "error"; id: string | null; event: string; attributes: JsonObject }
  /** Configuration of a monitor changed; up and down are incidents. */
  | { kind: "resource"; resource: string; id: string | null; event: string; attributes: JsonObject }
  | { kind: "status_page"; event: string; page: string; incident: unknown }
  | { kind: "other"; event: string };

export function deliveryOf(body: JsonObject): Delivery {
  const data = body.data;
  const event = text(body.event)?.toLowerCase() ?? null;
  if (isObject(data) && text(data.type) !== null) {
    const id = idText(data.id);
    const attributes = isObject(data.attributes) ? data.attributes : {};
    const resource = text(data.type)?.toLowerCase() ?? "";
    if (resource === "incident") {
      return { kind: "incident", id, state: stateOf(event, attributes), token: event, attributes };
    }
    const inner = event ?? text(attributes.event)?.toLowerCase() ?? "unknown";
    return resource === "error"
      ? { kind: "error", id, event: inner, attributes }
      : { kind: "resource", resource, id, event: inner, attributes };
  }
  if (isObject(body.page) || text(body.event_type) !== null) {
    return {
      kind: "status_page",
      event: text(body.event_type)?.toLowerCase() ?? "unknown",
      page: idText(at(body, "page", "id")) ?? "none",
      incident: body.incident,
    };
  }
  return { kind: "other", event: event ?? "unknown" };
}

const TOKENS: ReadonlyMap<string, IncidentState> = new Map([
  ["created", "started"],
  ["started", "started"],
  ["acknowledged", "acknowledged"],
  ["resolved", "resolved"],
  ["reopened", "reopened"],
  ["comment", "comment"],
  ["commented", "comment"],
]);

/** The event's word where it is a known one; else what the times say, as the body of the API has no event. */
function stateOf(event: string | null, attributes: JsonObject): IncidentState {
  const told = TOKENS.get(event?.replace(/^incident[._ -]/, "") ?? "");
  if (told !== undefined) return told;
  if (instantOfIso(attributes.resolved_at) !== null) return "resolved";
  if (instantOfIso(attributes.acknowledged_at) !== null) return "acknowledged";
  return "started";
}

/** The time of the state; a reopening and a comment have none of their own. */
export function stateTime(state: IncidentState, attributes: JsonObject): Instant | null {
  switch (state) {
    case "started":
      return instantOfIso(attributes.started_at);
    case "acknowledged":
      return instantOfIso(attributes.acknowledged_at);
    case "resolved":
      return instantOfIso(attributes.resolved_at);
    case "reopened":
    case "comment":
      return null;
  }
}

/** True when the event's word was one that we know (or there was none), so that state and time name the event. */
export function isKnownToken(token: string | null): boolean {
  return token === null || TOKENS.has(token.replace(/^incident[._ -]/, ""));
}
