import type { Ids } from "../domain/ids.js";
import type { Clock } from "../domain/time.js";
import type { Delivery } from "../queues/delivery.js";
import type { Source } from "../sources/source.js";

/**
 * A delivery that we make ourselves, of something that we asked its source for: nobody has signed it.
 *
 * @param verifiedBy what it says in place of the secret that verifies one that comes to the door.
 */
export async function deliveryOf(
  source: Source,
  body: object,
  verifiedBy: string,
  { clock, ids }: { clock: Clock; ids: Ids },
): Promise<{ delivery: Delivery; body: Uint8Array<ArrayBuffer> }> {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const identity = await source.identify(new Headers(), bytes);
  const receivedAt = clock.now();
  const delivery: Delivery = {
    v: 1,
    source: source.id,
    ...identity,
    occurredAt: identity.occurredAt ?? receivedAt,
    receivedAt,
    requestId: ids.next("request"),
    verifiedBy,
    headers: {},
    encoding: "raw",
  };
  return { delivery, body: bytes };
}
