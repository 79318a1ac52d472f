import type { Instant } from "../../domain/time.js";
import { bodyKey, keyOfParts, sha256Hex, typeName, unreadable } from "../identity.js";
import { at, idText, instantOfIso, readBody } from "../read.js";
import type { Identity } from "../source.js";
import { type Delivery, deliveryOf, isKnownToken, stateTime } from "./delivery.js";

/**
 * A delivery has no id. The key is what it is about, its state and the time of that state; where the
 * state has no time of its own (a reopening, a comment) or no word that we know, the bytes are part of it.
 */
export async function identify(
  _headers: Headers,
  body: Uint8Array<ArrayBuffer>,
): Promise<Identity> {
  const reading = readBody(body);
  if (reading.kind !== "object") return unreadable(body);
  const named = nameOf(deliveryOf(reading.value));
  const { parts, timeless } = named;
  const unique = parts !== null && timeless ? [...parts, await sha256Hex(body)] : parts;
  return {
    eventKey: unique === null ? await bodyKey(body) : await keyOfParts(...unique),
    type: typeName(named.type),
    occurredAt: named.occurredAt,
  };
}

interface Named {
  type: string;
  /** Null: only the bytes name it. */
  parts: string[] | null;
  /** True when the parts alone could be those of another happening too. */
  timeless: boolean;
  occurredAt: Instant | null;
}

function nameOf(delivery: Delivery): Named {
  switch (delivery.kind) {
    case "incident": {
      const { id, state, token, attributes } = delivery;
      const known = isKnownToken(token);
      const time = stateTime(state, attributes);
      const type = known ? `incident.${state}` : `incident.${token}`;
      const parts = id === null ? null : ["incident", id, known ? state : `${token}`];
      if (time === null || !known) return { type, parts, timeless: true, occurredAt: time };
      return { type, parts: parts && [...parts, String(time)], timeless: false, occurredAt: time };
    }
    case "error": {
      const { id, event } = delivery;
      const parts = id === null ? null : ["error", id, event];
      return { type: `error.${event}`, parts, timeless: true, occurredAt: null };
    }
    case "resource": {
      const { resource, id, event, attributes } = delivery;
      const time = instantOfIso(attributes.updated_at);
      const parts =
        id === null ? null : [resource, id, event, ...(time === null ? [] : [`${time}`])];
      return { type: `${resource}.${event}`, parts, timeless: time === null, occurredAt: time };
    }
    case "status_page":
      return nameOfStatusPage(delivery);
    case "other":
      return { type: delivery.event, parts: null, timeless: false, occurredAt: null };
  }
}

/** A status page's incident grows by updates: the newest of them is the news. */
function nameOfStatusPage(delivery: Extract<Delivery, { kind: "status_page" }>): Named {
  const { event, page, incident } = delivery;
  const type = `status_page.${event}`;
  const list = at(incident, "incident_updates");
  let newest: { id: string; time: Instant } | null = null;
  for (const update of Array.isArray(list) ? list : []) {
    const id = idText(at(update, "id"));
    const time = instantOfIso(at(update, "created_at"));
    if (id === null || time === null) continue;
    if (newest === null || time > newest.time) newest = { id, time };
  }
  if (newest === null) return { type, parts: null, timeless: false, occurredAt: null };
  const parts = ["status_page", event, page, newest.id];
  return { type, parts, timeless: false, occurredAt: newest.time };
}
