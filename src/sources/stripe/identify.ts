import { keyOfParts } from "../identity.js";
import { identifyNamed } from "../named-event.js";
import {
  at,
  firstText,
  instantOfIso,
  instantOfSeconds,
  isObject,
  type JsonObject,
  text,
} from "../read.js";
import type { Identity } from "../source.js";

/**
 * `evt_…`, with the connected account before it where there is one (ids of two accounts are not
 * promised to differ from each other).
 *
 * A thin event (`v2.core.event`) that names the snapshot event of the same change has that one's key: where
 * two endpoints send both, the first to come is worked on, and the other is a duplicate. Either is enough,
 * because the object that a thin one mentions is fetched.
 */
export function identify(_headers: Headers, body: Uint8Array<ArrayBuffer>): Promise<Identity> {
  return identifyNamed(body, async (event, id) => {
    const account = accountOf(event);
    const scope = account === null ? [] : [account];
    if (event.object !== "v2.core.event") {
      const eventKey = await keyOfParts(...scope, id);
      return { eventKey, occurredAt: instantOfSeconds(event.created) };
    }
    const named = isObject(event.snapshot_event)
      ? at(event.snapshot_event, "id")
      : event.snapshot_event;
    const eventKey = await keyOfParts(...scope, firstText(named, id) ?? id);
    return { eventKey, occurredAt: instantOfIso(event.created) };
  });
}

/**
 * The connected account that an event is of, null for our own: `account`, or in a thin one the end of its
 * `context` (`acct_…`, or a path to it below an organisation).
 *
 * @see https://docs.stripe.com/api/v2/core/events/object
 */
export function accountOf(event: JsonObject): string | null {
  const own = text(event.account);
  if (own !== null || event.object !== "v2.core.event") return own;
  return text(event.context)?.match(/(?:^|\/)(acct_[^/]+)$/)?.[1] ?? null;
}
