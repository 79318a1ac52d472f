import { type Incident, type IncidentEntry, isEndedByUs } from "../domain/incident.js";
import type { TimerRow } from "../domain/outbox.js";
import type { DecideContext, PlanBuilder } from "../domain/plan.js";

/** Writes a line of the timeline. */
export function addEntry(
  plan: PlanBuilder,
  incidentId: string,
  entry: Pick<IncidentEntry, "kind" | "text">,
  { ids, now, actor }: DecideContext,
): void {
  const id = ids.next("incidentEntry");
  plan.insert("incidentEntry", { id, incidentId, at: now, actor, ...entry });
}

/**
 * Has the incident's clock looked at: at once, for a transition changes what it asks for. One timer for
 * each incident, so that whichever message wakes it finds all that is due.
 */
export function windClock(
  plan: PlanBuilder,
  incidentId: string,
  timer: TimerRow | undefined,
  ctx: DecideContext,
  dueAt = ctx.now,
): void {
  const { ids, now, requestId } = ctx;
  const id = timer?.id ?? ids.next("timer");
  const wound = { dueAt, status: "waiting" as const };
  if (timer === undefined) {
    const row = { id, kind: "incident.due" as const, subject: incidentId, ...wound };
    plan.insert("timer", { ...row, createdAt: now, version: 0 });
  } else plan.update("timer", timer, wound);
  const runId = ids.next("run");
  plan.send({ type: "timer.due.v1", timerId: id, dueAt, runId, requestId }, dueAt - now);
}

type Change = Partial<Incident>;

/** It is over. By a person it ends although an alert may be open still. */
export const resolvedBy = (by: string, at: number): Change => ({
  status: "resolved",
  resolvedAt: at,
  resolvedBy: by,
});

/**
 * It has come back. Where it had ended by itself it goes on as it was: who had acknowledged it is still on it, and
 * who had not is late by all that time. Where a person had said that it is over, it is nobody's, and its route
 * begins anew. A source's own resolver is none of us: a monitor names itself.
 */
export function reopened(incident: Incident, now: number): Change {
  const back = {
    resolvedAt: null,
    resolvedBy: null,
    greenSince: null,
    reopenedAt: now,
    reopenings: incident.reopenings + 1,
  };
  if (!isEndedByUs(incident)) {
    return { ...back, status: incident.acknowledgedAt === null ? "open" : "acknowledged" };
  }
  const anew = { acknowledgedAt: null, acknowledgedBy: null, routedAt: now };
  return { ...back, ...anew, status: "open", routings: incident.routings + 1 };
}
