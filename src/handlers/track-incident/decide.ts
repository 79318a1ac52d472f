import type { DeploymentTarget } from "../../domain/deployment.js";
import type { SignalFact, SignalRaised } from "../../domain/facts.js";
import { type Alert, BY_RECOVERY, type Incident, type Signal } from "../../domain/incident.js";
import { type Plan, PlanBuilder } from "../../domain/plan.js";
import { isWorse } from "../../domain/severity.js";
import type { HandlerContext } from "../handler.js";
import { addEntry, resolvedBy } from "../incident-plan.js";
import {
  calledOf,
  decisionOf,
  openEnded,
  type PlaceRows,
  placeAlert,
  tellChange,
  worsened,
} from "./place.js";
import { isOfNow, isStale, leave } from "./stale.js";

export interface AlertRows extends PlaceRows {
  /** The newest alerts of the group, newest first. */
  alerts: Alert[];
  /**
   * The newest raising signal of the open alert: an end that is older does not end it. One that joins
   * meanwhile moves no version; the database's `alert_last_word` sees it as the alert ends.
   */
  lastRaised: Signal[];
  /** The incident of the newest alert. */
  incident: Incident[];
  /** Another alert of that incident: one that is open, or else the one that ended last. */
  others: Alert[];
  /** The worst alert of that incident that is open. */
  worstOfGroup: Alert[];
  /** Where a deployment went: the last good one there has ended what an older failure speaks of. */
  target: DeploymentTarget[];
}

type Ending = Exclude<SignalFact, SignalRaised>;

/** Raises, joins, acknowledges or ends the alert of the signal's group, and with it its incident. */
export function decideAlert(fact: SignalFact, rows: AlertRows, ctx: HandlerContext): Plan {
  const plan = new PlanBuilder(ctx);
  if (fact.deployedTo !== undefined) noteTarget(plan, fact, fact.deployedTo, rows, ctx);
  const newest = rows.alerts[0];
  if (newest !== undefined && newest.status !== "resolved") {
    decideOpen(plan, fact, newest, rows, ctx);
  } else decideClosed(plan, fact, newest, rows, ctx);
  return plan.build();
}

/** Both a failed and a good deployment write the row of their target, so that one of the two sees the other. */
function noteTarget(
  plan: PlanBuilder,
  fact: SignalFact,
  { project, target }: NonNullable<SignalFact["deployedTo"]>,
  rows: AlertRows,
  ctx: HandlerContext,
): void {
  const existing = rows.target[0];
  const good = fact.kind === "signal.resolved" ? fact.occurredAt : 0;
  const lastGoodAt = Math.max(good, existing?.lastGoodAt ?? 0) || null;
  if (existing !== undefined) {
    plan.update("deploymentTarget", existing, { lastGoodAt, updatedAt: ctx.now });
    return;
  }
  const id = ctx.ids.next("deploymentTarget");
  const { source, now } = ctx;
  const row = { id, source, project, target, lastGoodAt, updatedAt: now, version: 0 };
  plan.insert("deploymentTarget", row);
}

function decideOpen(
  plan: PlanBuilder,
  fact: SignalFact,
  alert: Alert,
  rows: AlertRows,
  ctx: HandlerContext,
): void {
  if (fact.kind === "signal.raised") {
    if (alert.incidentId === null) begin(plan, fact, alert, rows, ctx);
    else raiseAgain(plan, fact, alert, rows, ctx);
    return;
  }
  addSignal(plan, fact, alert, alert.incidentId, ctx);
  const incident = rows.incident[0];
  // Before its beginning has come nobody knows since when it is: an acknowledgement does not say.
  const began = alert.incidentId === null ? 0 : alert.openedAt;
  const since = Math.max(began, rows.lastRaised[0]?.occurredAt ?? 0);
  if (fact.kind === "signal.resolved" && fact.occurredAt >= since) {
    endAlert(plan, fact, alert, rows, ctx);
  } else if (
    fact.kind === "signal.acknowledged" &&
    (alert.status === "open" || incident?.status === "open")
  ) {
    acknowledge(plan, fact, alert, rows, ctx);
  } else {
    plan.expect("alert", alert).because(`the alert ${alert.id} has heard later words already`);
    if (incident !== undefined) plan.audit("incident.joined", incident.id, { signal: fact.kind });
  }
}

/** One more word on what is known: only its signal is written, unless it makes matters worse. */
function raiseAgain(
  plan: PlanBuilder,
  fact: SignalRaised,
  alert: Alert,
  rows: AlertRows,
  ctx: HandlerContext,
): void {
  const incident = rows.incident[0];
  const begun = decisionOf(fact, ctx);
  const { severity, rule } = begun;
  const worse = isWorse(severity, alert.severity);
  const change = worse ? { severity, rule, level: fact.level, updatedAt: ctx.now } : {};
  const stale = incident !== undefined && isStale(incident, alert, fact, rows, ctx);
  if (incident === undefined || isOverFor(incident, fact) || stale) {
    if (incident !== undefined && stale) leave(plan, incident, alert, rows, ctx);
    const incidentId = placeAlert(plan, fact, begun, rows, ctx);
    addSignal(plan, fact, alert, incidentId, ctx);
    // Who had acknowledged it then does not have it now.
    const anew = { status: "open" as const, acknowledgedAt: null, acknowledgedBy: null };
    plan.update("alert", alert, { ...change, ...anew, incidentId, updatedAt: ctx.now });
    return;
  }
  addSignal(plan, fact, alert, incident.id, ctx);
  plan.audit("incident.joined", incident.id, { signal: fact.kind });
  if (worse) plan.update("alert", alert, change);
  else plan.expect("alert", alert);
  if (isWorse(severity, incident.severity) && incident.status !== "resolved") {
    const { decision } = begun;
    plan.update("incident", incident, {
      ...worsened(incident, decision, fact, ctx.now),
      updatedAt: ctx.now,
    });
    const text = `becomes ${calledOf(decision)}: ${decision.reasons.join(" ")}`;
    addEntry(plan, incident.id, { kind: "decision", text }, ctx);
    tellChange(plan, incident, rows, ctx);
  } else plan.expect("incident", incident);
  plan.because(`It is one more word on ${incident.id}, which is ${incident.status}.`);
}

/**
 * A person has ended it, and its trouble goes on. Of what stands apart one more word is no new trouble: who has accepted
 * a dispute's loss is not told of it again, whatever else is said of it while it waits.
 */
const isOverFor = (incident: Incident, { occurredAt, apart }: SignalRaised): boolean =>
  apart !== true && incident.resolvedAt !== null && occurredAt > incident.resolvedAt;

function endAlert(
  plan: PlanBuilder,
  fact: Ending,
  alert: Alert,
  rows: AlertRows,
  ctx: HandlerContext,
): void {
  const { now } = ctx;
  const over = { resolvedAt: fact.occurredAt, resolvedBy: fact.by, updatedAt: now };
  plan
    .update("alert", alert, { status: "resolved", ...over })
    .audit("alert.resolved", alert.id, { before: alert.status, after: "resolved" });
  const incident = rows.incident[0];
  if (incident === undefined) return;
  if (incident.status === "resolved") {
    plan.expect("incident", incident).because(`${incident.id} had ended before`);
    return;
  }
  const [other] = rows.others;
  const others = other !== undefined && other.status !== "resolved";
  // Words may come in another order than their troubles ended.
  const greenSince = Math.max(fact.occurredAt, other?.resolvedAt ?? 0);
  const { watchMinutes } = ctx.policy.recovery;
  // Written in any case: of two alerts that end at once, the second to be written sees the first.
  if (others) plan.update("incident", incident, { updatedAt: now });
  else if (watchMinutes > 0) {
    plan.update("incident", incident, { greenSince, updatedAt: now });
  } else {
    const ended = { ...resolvedBy(fact.by ?? BY_RECOVERY, greenSince), greenSince };
    plan
      .update("incident", incident, { ...ended, updatedAt: now })
      .audit("incident.resolved", incident.id, { before: incident.status, after: "resolved" });
  }
  const text = others
    ? `${alert.title} is over; something else of it is not`
    : watchMinutes > 0
      ? `all of it is over; watched for ${watchMinutes} min before it ends`
      : `resolved by ${ctx.source}`;
  addEntry(plan, incident.id, { kind: "transition", text }, ctx);
  plan.because(`${incident.id}: ${text}`);
  if (!others) tellChange(plan, incident, rows, ctx);
}

function acknowledge(
  plan: PlanBuilder,
  fact: Ending,
  alert: Alert,
  rows: AlertRows,
  ctx: HandlerContext,
): void {
  const seen = {
    status: "acknowledged" as const,
    acknowledgedAt: fact.occurredAt,
    acknowledgedBy: fact.by,
    updatedAt: ctx.now,
  };
  plan.update("alert", alert, seen);
  const incident = rows.incident[0];
  if (incident === undefined) return;
  if (incident.status !== "open") {
    plan.expect("incident", incident).because(`${incident.id} is ${incident.status} already`);
    return;
  }
  const by = fact.by ?? ctx.source;
  if (!isOfNow(fact, alert, incident, rows)) {
    plan
      .expect("incident", incident)
      .because(`Something worse of ${incident.id} is open, or has come since: nobody has that.`);
    return;
  }
  plan
    .update("incident", incident, { ...seen, acknowledgedBy: by })
    .audit("incident.acknowledged", incident.id, { before: "open", after: "acknowledged" })
    .because(`${incident.id} is acknowledged at ${ctx.source}`);
  addEntry(plan, incident.id, { kind: "transition", text: `acknowledged at ${ctx.source}` }, ctx);
  tellChange(plan, incident, rows, ctx);
}

function decideClosed(
  plan: PlanBuilder,
  fact: SignalFact,
  last: Alert | undefined,
  rows: AlertRows,
  ctx: HandlerContext,
): void {
  const late = last?.resolvedAt != null && fact.occurredAt <= last.resolvedAt;
  if (last !== undefined && (late || fact.kind !== "signal.raised")) {
    belated(plan, fact, last, late, rows, ctx);
    return;
  }
  if (fact.kind !== "signal.raised") {
    if (fact.deployedTo !== undefined) {
      plan.because("a good deployment, and no incident that it could end");
    } else keepEnding(plan, fact, rows, ctx);
  } else if ((rows.target[0]?.lastGoodAt ?? 0) > fact.occurredAt) {
    plan.because("a later deployment to the same place was good already");
  } else {
    // A version step: of an end and a new beginning at once, the second to be written sees the first.
    if (last !== undefined) plan.update("alert", last, {});
    raise(plan, fact, rows, ctx);
  }
}

/** A word on an alert that has ended, or an end that comes once more. */
function belated(
  plan: PlanBuilder,
  fact: SignalFact,
  last: Alert,
  late: boolean,
  rows: AlertRows,
  ctx: HandlerContext,
): void {
  if (fact.kind === "signal.raised" && last.incidentId === null) {
    beginEnded(plan, fact, last, rows, ctx);
    return;
  }
  addSignal(plan, fact, last, last.incidentId, ctx);
  if (fact.kind === "signal.resolved" && !late) {
    // Its beginning is on the way, perhaps: when it comes it finds that it has ended already.
    plan.update("alert", last, { resolvedAt: fact.occurredAt, updatedAt: ctx.now });
  } else plan.expect("alert", last);
  const incident = rows.incident[0];
  if (incident !== undefined)
    plan.audit("incident.joined", incident.id, { signal: fact.kind, late });
  plan.because(
    `belongs to an alert that has ended${incident === undefined ? "" : `, of ${incident.id}`}`,
  );
}

function raise(plan: PlanBuilder, fact: SignalRaised, rows: AlertRows, ctx: HandlerContext): void {
  const begun = decisionOf(fact, ctx);
  const incidentId = placeAlert(plan, fact, begun, rows, ctx);
  const alert = { ...blankAlert(fact, rows, ctx), ...headOf(fact, begun), incidentId };
  plan.insert("alert", alert);
  addSignal(plan, fact, alert, incidentId, ctx);
}

/** The beginning of what somebody had acknowledged before we heard of it. */
function begin(
  plan: PlanBuilder,
  fact: SignalRaised,
  alert: Alert,
  rows: AlertRows,
  ctx: HandlerContext,
): void {
  const begun = decisionOf(fact, ctx);
  const { acknowledgedAt, acknowledgedBy } = alert;
  const seen = { ...begun, acknowledgedAt, acknowledgedBy };
  const incidentId = placeAlert(plan, fact, seen, rows, ctx);
  plan
    .update("alert", alert, { ...headOf(fact, begun), incidentId, updatedAt: ctx.now })
    .audit("alert.begun", alert.id, { severity: begun.severity })
    .because("its acknowledgement had come before it");
  addSignal(plan, fact, alert, incidentId, ctx);
}

/** It had begun and ended before we heard that it began. */
function beginEnded(
  plan: PlanBuilder,
  fact: SignalRaised,
  last: Alert,
  rows: AlertRows,
  ctx: HandlerContext,
): void {
  const begun = decisionOf(fact, ctx);
  const { acknowledgedAt, acknowledgedBy } = last;
  const seen = { ...begun, acknowledgedAt, acknowledgedBy };
  const incidentId = openEnded(plan, fact, seen, last, rows, ctx);
  plan
    .update("alert", last, { ...headOf(fact, begun), incidentId, updatedAt: ctx.now })
    .audit("alert.begun", last.id, { severity: begun.severity, ended: true });
  addSignal(plan, fact, last, incidentId, ctx);
}

/** An end or an acknowledgement that came before its beginning: kept, so that a late beginning finds it. */
function keepEnding(plan: PlanBuilder, fact: Ending, rows: AlertRows, ctx: HandlerContext): void {
  const ended = fact.kind === "signal.resolved";
  const alert: Alert = {
    ...blankAlert(fact, rows, ctx),
    status: ended ? "resolved" : "acknowledged",
    ...(ended
      ? { resolvedAt: fact.occurredAt, resolvedBy: fact.by }
      : { acknowledgedAt: fact.occurredAt, acknowledgedBy: fact.by }),
  };
  plan
    .insert("alert", alert)
    .audit("alert.opened", alert.id, { status: alert.status })
    .because(`${fact.kind} came before its beginning`);
  addSignal(plan, fact, alert, null, ctx);
}

/** What only the raising signal knows. */
function headOf(fact: SignalRaised, { severity, rule, decision }: ReturnType<typeof decisionOf>) {
  const { title, environment, url, level, occurredAt } = fact;
  const { service } = decision;
  return { title, service, environment, url, level, openedAt: occurredAt, severity, rule };
}

function blankAlert(fact: SignalFact, rows: AlertRows, ctx: HandlerContext): Alert {
  return {
    id: ctx.ids.next("alert"),
    incidentId: null,
    groupKey: fact.groupKey,
    ordinal: Math.max(0, ...rows.alerts.map(({ ordinal }) => ordinal)) + 1,
    source: ctx.source,
    kind: fact.signalKind,
    level: null,
    title: fact.title,
    service: null,
    environment: null,
    severity: "P3",
    rule: "unknown",
    status: "open",
    url: null,
    openedAt: fact.occurredAt,
    acknowledgedAt: null,
    acknowledgedBy: null,
    resolvedAt: null,
    resolvedBy: null,
    createdAt: ctx.now,
    updatedAt: ctx.now,
    version: 0,
  };
}

function addSignal(
  plan: PlanBuilder,
  fact: SignalFact,
  { id: alertId }: Pick<Alert, "id">,
  incidentId: string | null,
  ctx: HandlerContext,
): void {
  plan.insert("signal", {
    id: ctx.ids.next("signal"),
    alertId,
    incidentId,
    eventId: ctx.eventId,
    kind: fact.kind.slice("signal.".length) as Signal["kind"],
    level: fact.kind === "signal.raised" ? fact.level : null,
    title: fact.title,
    occurredAt: fact.occurredAt,
  });
}
