import { Permanent } from "../domain/errors.js";
import type { EventRun } from "../handlers/run-event.js";
import type { Delivery } from "../queues/delivery.js";
import type { Database } from "../store/database.js";
import { readBody, readEventRow } from "../store/events.js";

/**
 * An event as it is kept, to be run again by the same code; null when it is kept no more. Bytes that are
 * gone are told as `body_lost`.
 */
export async function keptRun(
  database: Database,
  eventId: string,
  by: Pick<EventRun, "attemptId" | "startedAt" | "completes"> & { runId: string },
): Promise<EventRun | null> {
  const [event, kept] = await Promise.all([
    readEventRow(database, eventId),
    readBody(database, eventId),
  ]);
  if (event === null) return null;
  const { source, eventKey, type, occurredAt, receivedAt, requestId, trace } = event;
  const { runId, ...rest } = by;
  const delivery: Delivery = {
    v: 1,
    source,
    eventKey,
    type,
    occurredAt,
    receivedAt,
    requestId,
    verifiedBy: trace.verifiedBy,
    headers: kept?.headers ?? {},
    encoding: "raw",
    runId,
  };
  const lost = new Permanent("body_lost", { detail: "The database has none of them" });
  return { delivery, body: kept?.body ?? lost, ...rest };
}
