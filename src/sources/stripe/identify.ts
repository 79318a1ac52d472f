import { keyOfParts } from "../identity.js";
import { identifyNamed } from "../named-event.js";
import { at, firstText, instantOfIso, instantOfSeconds, isObject, text } from "../read.js";
import type { Identity } from "../source.js";

/**
 * `evt_…`, with the connected account before it where there is one (ids of two accounts are not
 * promised to differ from each other).
 *
 * A thin event (`v2.core.event`) tells of the same change as a snapshot event, and may name it. It has
 * a key of its own all the same, `thin:…`: we draw no facts from it, and under the snapshot's key it
 * would make the snapshot, which has the money, a duplicate.
 */
export function identify(_headers: Headers, body: Uint8Array<ArrayBuffer>): Promise<Identity> {
  return identifyNamed(body, async (event, id) => {
    const account = text(event.account);
    const scope = account === null ? [] : [account];
    if (event.object !== "v2.core.event") {
      const eventKey = await keyOfParts(...scope, id);
      return { eventKey, occurredAt: instantOfSeconds(event.created) };
    }
    const named = isObject(event.snapshot_event)
      ? at(event.snapshot_event, "id")
      : event.snapshot_event;
    const eventKey = await keyOfParts(...scope, "thin", firstText(named, id) ?? id);
    return { eventKey, occurredAt: instantOfIso(event.created) };
  });
}
