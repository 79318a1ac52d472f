import { Transient } from "../domain/errors.js";
import { OWN_VERIFIERS } from "../domain/event.js";
import type { Ids } from "../domain/ids.js";
import { OWN_SOURCE } from "../domain/own-signal.js";
import { type HandOverDeps, handOver } from "../ingest/door.js";
import { deliveryOf } from "../operations/delivery-of.js";
import type { ReconcileDeps } from "../operations/reconcile/index.js";

/** Sends an event that we asked its source for, or that we tell ourselves, into the queue, as the door does with one that is delivered. */
export function createSendEvent(deps: HandOverDeps & { ids: Ids }): ReconcileDeps["sendEvent"] {
  return async (source, body) => {
    const { watch, reconciliation } = OWN_VERIFIERS;
    const verifiedBy = source.id === OWN_SOURCE ? watch : reconciliation;
    const made = await deliveryOf(source, body, verifiedBy, deps);
    const { kind } = await handOver(deps, made.delivery, made.body);
    if (kind === "unavailable") throw new Transient("queue_unavailable");
    return { eventKey: made.delivery.eventKey };
  };
}
