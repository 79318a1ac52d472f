import type { DeploymentTarget } from "../../domain/deployment.js";
import type { SignalFact, SignalRaised } from "../../domain/facts.js";
import type { Incident, Signal } from "../../domain/incident.js";
import { type Plan, PlanBuilder } from "../../domain/plan.js";
import { MINUTE_MS } from "../../domain/time.js";
import { route } from "../../policy/route.js";
import type { HandlerContext } from "../handler.js";

export interface IncidentRows {
  /** The newest incidents of the group, newest first. */
  incidents: Incident[];
  /**
   * The newest raising signal of the open incident: an end that is older does not end it. One that joins
   * meanwhile moves no version; the database's `incident_last_word` sees it as the incident ends.
   */
  lastRaised: Signal[];
  /** The newest incidents of this very deployment, newest first; asked for only when this is one. */
  ours: Incident[];
  /** Where a deployment went: the last good one there has ended what an older failure speaks of. */
  target: DeploymentTarget[];
}

/** Our own errors come back as webhooks: past this many incidents in a minute they are kept and not told. */
export const OWN_INCIDENTS_MAX = 10;

/** Raises, joins, acknowledges or ends the incident of the signal's group. */
export function decideIncident(fact: SignalFact, rows: IncidentRows, ctx: HandlerContext): Plan {
  const plan = new PlanBuilder(ctx);
  if (fact.deployedTo !== undefined) noteTarget(plan, fact, fact.deployedTo, rows, ctx);
  const open = rows.incidents.find((incident) => incident.status !== "resolved") ?? null;
  if (open !== null) decideOpen(plan, fact, open, rows, ctx);
  else decideClosed(plan, fact, rows, ctx);
  return plan.build();
}

/** Both a failed and a good deployment write the row of their target, so that one of the two sees the other. */
function noteTarget(
  plan: PlanBuilder,
  fact: SignalFact,
  { project, target }: NonNullable<SignalFact["deployedTo"]>,
  rows: IncidentRows,
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
  open: Incident,
  rows: IncidentRows,
  ctx: HandlerContext,
): void {
  addSignal(plan, fact, open.id, ctx);
  if (fact.kind === "signal.raised" && isHeadless(open)) {
    begin(plan, fact, open, rows, ctx);
    return;
  }
  const transition = transitionOf(fact, open, rows.lastRaised[0] ?? null);
  if (transition === null) {
    plan
      .expect("incident", open)
      .audit("incident.joined", open.id, { signal: fact.kind })
      .because(`joins the open incident ${open.id}`);
    return;
  }
  const next = { ...open, ...transition, updatedAt: ctx.now };
  plan
    .update("incident", open, next)
    .audit(`incident.${next.status}`, open.id, { before: open.status, after: next.status })
    .because(`${fact.kind} takes incident ${open.id} from ${open.status} to ${next.status}`);
  addEntry(plan, open.id, `${next.status} by ${ctx.source}`, ctx);
  if (next.status === "resolved") tellResolved(plan, next);
}

/** What the signal changes of an open incident; null when it only joins. */
function transitionOf(
  fact: SignalFact,
  open: Incident,
  lastRaised: Signal | null,
): Partial<Incident> | null {
  const since = Math.max(open.openedAt, lastRaised?.occurredAt ?? 0);
  if (fact.kind === "signal.resolved" && fact.occurredAt >= since) {
    return { status: "resolved", resolvedAt: fact.occurredAt, resolvedBy: fact.by };
  }
  if (fact.kind === "signal.acknowledged" && open.status === "open") {
    return {
      status: "acknowledged",
      acknowledgedAt: fact.occurredAt,
      acknowledgedBy: fact.by,
    };
  }
  return null;
}

function decideClosed(
  plan: PlanBuilder,
  fact: SignalFact,
  rows: IncidentRows,
  ctx: HandlerContext,
): void {
  const last = rows.incidents[0] ?? null;
  const late = last !== null && last.resolvedAt !== null && fact.occurredAt <= last.resolvedAt;
  if (late || (last !== null && fact.kind !== "signal.raised")) {
    addSignal(plan, fact, last.id, ctx);
    if (fact.kind === "signal.raised" && isHeadless(last)) {
      plan.update("incident", last, { ...headOf(fact), updatedAt: ctx.now });
    } else if (fact.kind === "signal.resolved" && !late) {
      // Its beginning is on the way, perhaps: when it comes it finds that it has ended already.
      plan.update("incident", last, { resolvedAt: fact.occurredAt, updatedAt: ctx.now });
    } else plan.expect("incident", last);
    plan
      .audit("incident.joined", last.id, { signal: fact.kind, late })
      .because(`belongs to incident ${last.id}, which has ended`);
    return;
  }
  if (fact.kind !== "signal.raised" && fact.deployedTo !== undefined) {
    plan.because("a good deployment, and no incident that it could end");
  } else if (fact.kind !== "signal.raised") openEnded(plan, fact, rows, ctx);
  else if ((rows.target[0]?.lastGoodAt ?? 0) > fact.occurredAt) {
    plan.because("a later deployment to the same place was good already");
  } else {
    // A version step: of an end and a new beginning at once, the second to be written sees the first.
    if (last !== null) plan.update("incident", last, {});
    raise(plan, fact, rows, ctx);
  }
}

function raise(
  plan: PlanBuilder,
  fact: SignalRaised,
  rows: IncidentRows,
  ctx: HandlerContext,
): void {
  const incident: Incident = { ...blankIncident(fact, rows, ctx), ...headOf(fact) };
  plan.insert("incident", incident);
  addSignal(plan, fact, incident.id, ctx);
  addEntry(plan, incident.id, `opened as ${incident.severity} by ${ctx.source}`, ctx);
  plan.audit("incident.opened", incident.id, { severity: incident.severity, kind: incident.kind });
  tellRaised(plan, fact, incident, rows, ctx);
}

/** The beginning of an incident that somebody acknowledged before we heard of it. */
function begin(
  plan: PlanBuilder,
  fact: SignalRaised,
  open: Incident,
  rows: IncidentRows,
  ctx: HandlerContext,
): void {
  const incident = { ...open, ...headOf(fact), updatedAt: ctx.now };
  plan
    .update("incident", open, incident)
    .audit("incident.begun", open.id, { severity: incident.severity });
  addEntry(plan, open.id, `its beginning came, as ${incident.severity}, by ${ctx.source}`, ctx);
  tellRaised(plan, fact, incident, rows, ctx);
}

/** True when only an end or an acknowledgement is known of it. */
function isHeadless(incident: Incident): boolean {
  return incident.service === null;
}

/** What only the raising signal knows. */
function headOf(fact: SignalRaised) {
  const { title, service, environment, url, ours, occurredAt } = fact;
  const { severity } = route(fact);
  return { title, service, environment, url, ours, openedAt: occurredAt, severity };
}

function tellRaised(
  plan: PlanBuilder,
  fact: SignalRaised,
  incident: Incident,
  rows: IncidentRows,
  ctx: HandlerContext,
): void {
  const { channels, reasons } = route(fact);
  for (const reason of reasons) plan.because(reason);
  if (fact.ours && floods(rows.ours, ctx.now)) {
    plan.because(`trouble of our own, more than ${OWN_INCIDENTS_MAX} a minute: not told`);
    return;
  }
  for (const channel of channels) {
    plan.notify({
      channel,
      template: "incident-raised",
      cause: `incident:${incident.id} opened`,
      recipient: channel,
      locale: "en",
      data: noticeData(incident),
    });
  }
}

/** An end or an acknowledgement that came before its beginning: kept, so that a late beginning finds it. */
function openEnded(
  plan: PlanBuilder,
  fact: Exclude<SignalFact, SignalRaised>,
  rows: IncidentRows,
  ctx: HandlerContext,
): void {
  const ended = fact.kind === "signal.resolved";
  const incident: Incident = {
    ...blankIncident(fact, rows, ctx),
    status: ended ? "resolved" : "acknowledged",
    ...(ended
      ? { resolvedAt: fact.occurredAt, resolvedBy: fact.by }
      : { acknowledgedAt: fact.occurredAt, acknowledgedBy: fact.by }),
  };
  plan
    .insert("incident", incident)
    .audit("incident.opened", incident.id, { severity: incident.severity, status: incident.status })
    .because(`${fact.kind} came before its beginning`);
  addSignal(plan, fact, incident.id, ctx);
  addEntry(plan, incident.id, `${incident.status} by ${ctx.source} before its beginning came`, ctx);
}

function blankIncident(fact: SignalFact, rows: IncidentRows, ctx: HandlerContext): Incident {
  return {
    id: ctx.ids.next("incident"),
    groupKey: fact.groupKey,
    ordinal: Math.max(0, ...rows.incidents.map(({ ordinal }) => ordinal)) + 1,
    kind: fact.signalKind,
    title: fact.title,
    service: null,
    environment: null,
    ours: false,
    severity: "P3",
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

function floods(ours: readonly Incident[], now: number): boolean {
  const recent = ours.filter((incident) => incident.createdAt > now - MINUTE_MS);
  return recent.length >= OWN_INCIDENTS_MAX;
}

function addSignal(plan: PlanBuilder, fact: SignalFact, incidentId: string, ctx: HandlerContext) {
  plan.insert("signal", {
    id: ctx.ids.next("signal"),
    incidentId,
    eventId: ctx.eventId,
    kind: fact.kind.slice("signal.".length) as Signal["kind"],
    level: fact.kind === "signal.raised" ? fact.level : null,
    title: fact.title,
    occurredAt: fact.occurredAt,
  });
}

function addEntry(plan: PlanBuilder, incidentId: string, text: string, ctx: HandlerContext): void {
  plan.insert("incidentEntry", {
    id: ctx.ids.next("incidentEntry"),
    incidentId,
    at: ctx.now,
    text,
  });
}

function tellResolved(plan: PlanBuilder, incident: Incident): void {
  plan.notify({
    channel: "slack",
    template: "incident-resolved",
    cause: `incident:${incident.id} resolved`,
    recipient: "slack",
    locale: "en",
    data: noticeData(incident),
  });
}

function noticeData(incident: Incident) {
  const { id, severity, title, service, environment, kind, url } = incident;
  const { openedAt, resolvedAt, resolvedBy } = incident;
  return {
    incidentId: id,
    severity,
    title,
    service,
    environment,
    kind,
    url,
    openedAt,
    resolvedAt,
    resolvedBy,
  };
}
