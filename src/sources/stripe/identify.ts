import { keyOfParts, typeName, unreadable } from "../identity.js";
import {
  at,
  firstText,
  instantOfIso,
  instantOfSeconds,
  isObject,
  readBody,
  text,
} from "../read.js";
import type { Identity } from "../source.js";

/**
 * `evt_…`, with the connected account before it where there is one (ids of two accounts are not
 * promised to differ from each other).
 *
 * A thin event (`v2.core.event`) tells of the same change as a snapshot event, and may name it. It has
 * a key of its own all the same, `thin:…`: we draw no facts from it, and under the snapshot's key it
 * would make the snapshot, which has the money, a duplicate.
 */
export async function identify(
  _headers: Headers,
  body: Uint8Array<ArrayBuffer>,
): Promise<Identity> {
  const reading = readBody(body);
  if (reading.kind !== "object") return unreadable(body);
  const event = reading.value;
  const type = typeName(text(event.type) ?? "unknown");
  const id = text(event.id);
  if (id === null) return unreadable(body, type);

  const account = text(event.account);
  const scope = account === null ? [] : [account];
  if (event.object === "v2.core.event") {
    const named = isObject(event.snapshot_event)
      ? at(event.snapshot_event, "id")
      : event.snapshot_event;
    const eventKey = await keyOfParts(...scope, "thin", firstText(named, id) ?? id);
    return { eventKey, type, occurredAt: instantOfIso(event.created) };
  }
  return {
    eventKey: await keyOfParts(...scope, id),
    type,
    occurredAt: instantOfSeconds(event.created),
  };
}
