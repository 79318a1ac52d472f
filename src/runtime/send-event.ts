import { Transient } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import { type HandOverDeps, handOver } from "../ingest/door.js";
import type { ReconcileDeps } from "../operations/reconcile/index.js";

/** What such a delivery says in place of the secret that verified it. */
const VERIFIED_BY = "reconciliation";

/** Sends an event that we asked its source for into the queue, as the door does with one that is delivered. */
export function createSendEvent(deps: HandOverDeps & { ids: Ids }): ReconcileDeps["sendEvent"] {
  return async (source, body) => {
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    const identity = await source.identify(new Headers(), bytes);
    const receivedAt = deps.clock.now();
    const { kind } = await handOver(
      deps,
      {
        v: 1,
        source: source.id,
        ...identity,
        occurredAt: identity.occurredAt ?? receivedAt,
        receivedAt,
        requestId: deps.ids.next("request"),
        verifiedBy: VERIFIED_BY,
        headers: {},
        encoding: "raw",
      },
      bytes,
    );
    if (kind === "unavailable") throw new Transient("queue_unavailable");
    return { eventKey: identity.eventKey };
  };
}
