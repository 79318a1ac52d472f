import { Transient } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import { OWN_SOURCE } from "../domain/own-signal.js";
import { type HandOverDeps, handOver } from "../ingest/door.js";
import { deliveryOf } from "../operations/delivery-of.js";
import type { ReconcileDeps } from "../operations/reconcile/index.js";

/** What such a delivery says in place of the secret that verified it. */
const VERIFIED_BY = "reconciliation";
const OWN = "our own watch";

/** Sends an event that we asked its source for, or that we tell ourselves, into the queue, as the door does with one that is delivered. */
export function createSendEvent(deps: HandOverDeps & { ids: Ids }): ReconcileDeps["sendEvent"] {
  return async (source, body) => {
    const made = await deliveryOf(source, body, source.id === OWN_SOURCE ? OWN : VERIFIED_BY, deps);
    const { kind } = await handOver(deps, made.delivery, made.body);
    if (kind === "unavailable") throw new Transient("queue_unavailable");
    return { eventKey: made.delivery.eventKey };
  };
}
