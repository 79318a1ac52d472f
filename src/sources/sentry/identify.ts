import { keyOfParts, sha256Hex, typeName, unreadable } from "../identity.js";
import { at, firstText, idText, instantOfIso, readBody, text } from "../read.js";
import type { Identity } from "../source.js";
import {
  type Delivery,
  deliveryOf,
  occurredAtOf,
  RESOURCE_HEADER,
  TIMESTAMP_HEADER,
} from "./delivery.js";

/**
 * There is no id of an event here: the `Request-ID` header is fresh on every attempt. So the key is
 * made of the installation, the resource with its action, and what makes this happening of it one of a kind;
 * where nothing does (an issue can be resolved twice), the bytes do.
 */
export async function identify(headers: Headers, body: Uint8Array<ArrayBuffer>): Promise<Identity> {
  const resource = headers.get(RESOURCE_HEADER);
  const reading = readBody(body);
  if (reading.kind !== "object") {
    return unreadable(body, resource === null ? "unreadable" : typeName(`${resource}.unknown`));
  }
  const delivery = deliveryOf(resource, reading.value);
  const type = typeName(`${delivery.resource}.${delivery.action}`);
  const own = ownParts(delivery) ?? [await sha256Hex(body)];
  return {
    eventKey: await keyOfParts(delivery.installation || "none", type, ...own),
    type,
    occurredAt: occurredAtOf(delivery, headers.get(TIMESTAMP_HEADER)),
  };
}

/** The parts that a retry of the same happening repeats and no other happening has; null where there are none. */
function ownParts({ resource, action, data }: Delivery): string[] | null {
  switch (resource) {
    case "error":
      return allOf(idText(at(data, "error", "event_id")));
    case "event_alert":
      return allOf(idText(at(data, "event", "event_id")), text(data.triggered_rule));
    case "metric_alert": {
      const alert = data.metric_alert;
      const since = instantOfIso(firstText(at(alert, "date_closed"), at(alert, "date_started")));
      return allOf(idText(at(alert, "id")), since === null ? null : String(since));
    }
    case "comment":
      return allOf(idText(data.comment_id), text(data.timestamp));
    case "seer":
      return allOf(idText(data.run_id), action);
    default:
      return null;
  }
}

function allOf(...parts: readonly (string | null)[]): string[] | null {
  return parts.every((part) => part !== null) ? [...parts] : null;
}
