import { Transient } from "../../domain/errors.js";
import type { Ids } from "../../domain/ids.js";
import type { NoticeWay } from "../../domain/notice.js";
import type { Clock, Instant } from "../../domain/time.js";
import type { Policy } from "../../policy/schema.js";
import type { Database } from "../../store/database.js";
import { applyIfStill } from "../../store/until-still.js";
import type { Relay } from "../relay-outbox.js";
import { type DueContext, decideDue, type UsersTelling } from "./decide-due.js";
import { type IncidentRows, loadIncident } from "./rows.js";

export interface IncidentClockDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  policy: Policy;
  ackUrl(incidentId: string, way: NoticeWay, now: Instant): string | null;
  rollbackHint: DueContext["rollbackHint"];
  /** Publishes what a plan wants published; never throws, for a sweep makes sure. */
  relay: Relay;
  /** Tells all users of the service; doing it again tells nobody twice. @throws Transient */
  tellUsers(rows: IncidentRows, telling: UsersTelling): Promise<void>;
}

/** Which incident, and the message that woke its clock, which is completed with what is written. */
export interface DueIncident {
  incidentId: string;
  requestId?: string | undefined;
  outboxId?: string | undefined;
}

/** Steps change what comes next, and rows move; past this it is left to the timer's next wake-up. */
const ROUNDS_MAX = 12;

/**
 * Does all that the incident's clock asks for now: each step once, whoever else is at it, and none that an
 * acknowledgement or an end which was committed before has made moot.
 *
 * @returns the names of the steps that were taken.
 * @throws Permanent `not_found` when the incident is kept no more; Transient.
 */
export async function runIncidentClock(
  { incidentId, requestId, outboxId }: DueIncident,
  deps: IncidentClockDeps,
): Promise<{ took: string[] }> {
  const { database, clock, ids, policy, ackUrl, rollbackHint } = deps;
  const request = requestId ?? ids.next("request");
  const took: string[] = [];
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const now = clock.now();
    const rows = await loadIncident(incidentId, policy, now, database);
    const due = decideDue(rows, {
      ...{ now, ids, policy, ackUrl, rollbackHint },
      actor: "system:incidents",
      eventId: rows.eventId,
      requestId: request,
    });
    for (const telling of due.users) await deps.tellUsers(rows, telling);
    // The message that woke it is done with when nothing is due any more: a crash before that wakes it again.
    const isLast = due.took.length === 0;
    const completes = isLast && outboxId !== undefined ? [outboxId] : [];
    if (!(await applyIfStill(database, { ...due.plan, completes }))) continue;
    took.push(...due.took);
    // Each round for itself: a page does not wait until thousands of users are told.
    await deps.relay(due.plan.inserts.outbox ?? []);
    if (isLast) return { took };
  }
  throw new Transient("database_busy", { detail: `incident ${incidentId} moved in every round` });
}
