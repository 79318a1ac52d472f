import type { SignalRaised } from "../../domain/facts.js";
import { type Alert, BY_RECOVERY, type Incident, type Signal } from "../../domain/incident.js";
import type { PlanBuilder } from "../../domain/plan.js";
import { isWorse } from "../../domain/severity.js";
import { MINUTE_MS } from "../../domain/time.js";
import type { HandlerContext } from "../handler.js";
import { addEntry, resolvedBy } from "../incident-plan.js";
import { lasts, type PlaceRows, tellChange } from "./place.js";

interface StaleRows extends PlaceRows {
  /** The newest raising signal of the open alert. */
  lastRaised: Signal[];
  /** Another alert of that incident: one that is open, or else the one that ended last. */
  others: Alert[];
}

/**
 * An error's source often never says that it is over. One that was quiet for longer than the policy's window is new
 * trouble: whoever had acknowledged it weeks ago is not on it now.
 */
export function isStale(
  incident: Incident,
  alert: Alert,
  fact: SignalRaised,
  rows: StaleRows,
  ctx: HandlerContext,
): boolean {
  if (alert.kind !== "error" || incident.status === "resolved") return false;
  const last = rows.lastRaised[0]?.occurredAt ?? alert.openedAt;
  if (fact.occurredAt - last <= ctx.policy.grouping.windowMinutes * MINUTE_MS) return false;
  return incident.id !== rows.newest[0]?.id || !lasts(incident, fact, rows, ctx);
}

/**
 * Who takes a deprecation notice on has not taken on the outage that is part of the same incident. Nor has who
 * acknowledged before it became what people are paged for now, though the word comes late.
 */
export function isOfNow(
  { occurredAt }: { occurredAt: number },
  alert: Alert,
  { routedAt, reopenedAt }: Incident,
  { lastRaised, worstOfGroup: [worst] }: { lastRaised: Signal[]; worstOfGroup: Alert[] },
): boolean {
  if (worst !== undefined && isWorse(worst.severity, alert.severity)) return false;
  const since = Math.max(routedAt, reopenedAt ?? 0);
  return occurredAt >= since || occurredAt >= (lastRaised[0]?.occurredAt ?? 0);
}

/** What the alert was part of ended when that was last heard of, unless something else of it is open. */
export function leave(
  plan: PlanBuilder,
  incident: Incident,
  alert: Alert,
  rows: StaleRows,
  ctx: HandlerContext,
): void {
  const [other] = rows.others;
  if (other !== undefined && other.status !== "resolved") {
    plan.update("incident", incident, { updatedAt: ctx.now });
    return;
  }
  const last = rows.lastRaised[0]?.occurredAt ?? alert.openedAt;
  const at = Math.max(last, other?.resolvedAt ?? 0);
  const ended = { ...resolvedBy(BY_RECOVERY, at), greenSince: at };
  plan
    .update("incident", incident, { ...ended, updatedAt: ctx.now })
    .audit("incident.resolved", incident.id, { before: incident.status, after: "resolved" });
  const text = `resolved: nothing was heard of it for longer than ${ctx.policy.grouping.windowMinutes} min`;
  addEntry(plan, incident.id, { kind: "transition", text }, ctx);
  tellChange(plan, incident, rows, ctx);
}
