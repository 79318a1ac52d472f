import type { Instant } from "../../domain/time.js";
import {
  at,
  firstText,
  instantOfIso,
  instantOfSeconds,
  isObject,
  type JsonObject,
  shortText,
  text,
} from "../read.js";

export const RESOURCE_HEADER = "sentry-hook-resource";
export const TIMESTAMP_HEADER = "sentry-hook-timestamp";

/** A delivery as far as every resource has it: what it is about stands in a header, what happened in the body. */
export interface Delivery {
  resource: string;
  action: string;
  /** The installation's uuid: the body names no organisation. Empty when it is not said. */
  installation: string;
  /** Who did it: `user`, or `application` for Sentry itself. */
  actorType: string | null;
  data: JsonObject;
}

export function deliveryOf(resource: string | null, body: JsonObject): Delivery {
  const data = body.data;
  return {
    resource: resource?.trim().toLowerCase() || "unknown",
    action: text(body.action) ?? "unknown",
    installation: shortText(at(body, "installation", "uuid")) ?? "",
    actorType: text(at(body, "actor", "type")),
    data: isObject(data) ? data : {},
  };
}

/**
 * When it happened. Most resources carry a time; for an issue that was not just created only the
 * (unsigned) time of the sending is known.
 *
 * @param sentAt the header's text.
 */
export function occurredAtOf(delivery: Delivery, sentAt: string | null): Instant | null {
  return timeInside(delivery) ?? instantOfSeconds(sentAt);
}

function timeInside({ resource, action, data }: Delivery): Instant | null {
  switch (resource) {
    case "error":
    case "event_alert": {
      const event = data[resource === "error" ? "error" : "event"];
      return instantOfIso(at(event, "datetime")) ?? instantOfSeconds(at(event, "timestamp"));
    }
    case "issue":
      return action === "created" ? instantOfIso(at(data, "issue", "firstSeen")) : null;
    case "metric_alert":
      return metricTime(data.metric_alert, action);
    case "comment":
      return instantOfIso(data.timestamp);
    default:
      return null;
  }
}

function metricTime(alert: unknown, action: string): Instant | null {
  if (action === "resolved") return instantOfIso(at(alert, "date_closed"));
  return instantOfIso(firstText(at(alert, "date_detected"), at(alert, "date_started")));
}
