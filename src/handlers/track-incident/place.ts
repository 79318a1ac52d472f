import { type Deployment, goBackTo } from "../../domain/deployment.js";
import type { SignalRaised } from "../../domain/facts.js";
import {
  type Alert,
  BY_RECOVERY,
  type Incident,
  incidentIdOf,
  type Signal,
} from "../../domain/incident.js";
import type { TimerRow } from "../../domain/outbox.js";
import type { PlanBuilder } from "../../domain/plan.js";
import { isWorse } from "../../domain/severity.js";
import { MINUTE_MS } from "../../domain/time.js";
import { type Decision, decideRoute, type SignalView } from "../../policy/route.js";
import type { Policy } from "../../policy/schema.js";
import type { HandlerContext } from "../handler.js";
import { addEntry, reopened, windClock } from "../incident-plan.js";

/** What is known of the incidents that an alert could be part of. */
export interface PlaceRows {
  /** The newest of the alert's correlation key. */
  newest: Incident[];
  /** The worst alert of it that is open; and of those that were as bad as it is, the one that ended last. */
  worstOpen: Alert[];
  endedLast: Alert[];
  /** An alert of it that is open, and whose source will say when it ends. */
  burning: Alert[];
  /** The last signal that raised any of its alerts. */
  lastTrouble: Signal[];
  /** Of those that opened in the same minute of the policy's clock, the one with the highest number. */
  sameMinute: Incident[];
  timers: TimerRow[];
  /** The newest incidents of this very deployment, newest first; asked for only when this is one. */
  ours: Incident[];
  /** The good deployments of the service to production before it, newest first. */
  deployments: Deployment[];
  /** The deployment that the newest incident of the key suspects. */
  suspect: Deployment[];
}

/** Our own errors come back as webhooks: past this many incidents in a minute they are kept and not told. */
export const OWN_INCIDENTS_MAX = 10;

export const viewOf = (fact: SignalRaised, source: string): SignalView => ({
  source,
  kind: fact.signalKind,
  level: fact.level,
  title: fact.title,
  service: fact.service,
  environment: fact.environment,
  tags: fact.tags ?? {},
  occurredAt: fact.occurredAt,
});

/** `CRITICAL (P0)`; `P0` where the platform has no other name for it. */
export const calledOf = ({ severity, severityName }: Decision): string =>
  severityName === severity ? severity : `${severityName} (${severity})`;

/** What of an alert is known once it has begun. */
export type Begun = Pick<Alert, "severity" | "rule" | "acknowledgedAt" | "acknowledgedBy"> & {
  decision: Decision;
};

/** What the policy decides of it. One that is aside is part of no outage of its service, one apart of nothing else. */
export function decideOf(fact: SignalRaised, source: string, policy: Policy): Decision {
  const decision = decideRoute(viewOf(fact, source), policy);
  if (fact.apart === true) {
    return { ...decision, correlationKey: `${decision.correlationKey} apart ${fact.groupKey}` };
  }
  if (fact.aside !== true) return decision;
  // Of many dead letters, or figures, of one service one is told; none of them with an outage.
  return { ...decision, correlationKey: `${decision.correlationKey} aside ${fact.signalKind}` };
}

export function decisionOf(fact: SignalRaised, ctx: HandlerContext): Begun {
  const decision = decideOf(fact, ctx.source, ctx.policy);
  const { severity, rule } = decision;
  return { severity, rule, decision, acknowledgedAt: null, acknowledgedBy: null };
}

/**
 * The incident that a beginning alert is part of: the newest of its key while that lasts and is not stale, or
 * when it has ended only just now; else one of its own.
 *
 * @returns its id.
 */
export function placeAlert(
  plan: PlanBuilder,
  fact: SignalRaised,
  begun: Begun,
  rows: PlaceRows,
  ctx: HandlerContext,
): string {
  const { decision } = begun;
  for (const reason of decision.reasons) plan.because(reason);
  const newest = rows.newest[0];
  if (newest !== undefined && newest.status !== "resolved" && lasts(newest, fact, rows, ctx)) {
    return join(plan, fact, newest, decision, rows, ctx);
  }
  if (newest !== undefined && flaps(newest, fact, ctx)) {
    reopen(plan, newest, { fact, decision }, rows, ctx);
    return newest.id;
  }
  return open(plan, fact, begun, rows, ctx);
}

/** Its clock looks at what has changed; not of our own trouble that was not told at its beginning. */
export function tellChange(
  plan: PlanBuilder,
  incident: Incident,
  { timers }: Pick<PlaceRows, "timers">,
  ctx: HandlerContext,
): void {
  const timer = timers.find(({ subject }) => subject === incident.id);
  if (timer !== undefined || !incident.ours) windClock(plan, incident.id, timer, ctx);
}

/** True while something of it burns, or its last trouble is not older than the policy's window. */
export function lasts(
  incident: Incident,
  fact: SignalRaised,
  rows: PlaceRows,
  { policy }: HandlerContext,
): boolean {
  // While its recovery is watched it has not ended: what comes back then is what is watched for.
  if (rows.burning.length > 0 || incident.greenSince !== null) return true;
  const last = Math.max(incident.openedAt, rows.lastTrouble[0]?.occurredAt ?? 0);
  return Math.abs(fact.occurredAt - last) <= policy.grouping.windowMinutes * MINUTE_MS;
}

/** True when it had ended only just before; what ends and begins again is one thing. */
export function flaps(
  incident: Incident,
  { occurredAt }: { occurredAt: number },
  { policy }: HandlerContext,
): boolean {
  if (incident.resolvedAt === null) return false;
  return occurredAt - incident.resolvedAt <= policy.grouping.flapMinutes * MINUTE_MS;
}

function join(
  plan: PlanBuilder,
  fact: SignalRaised,
  incident: Incident,
  decision: Decision,
  rows: PlaceRows,
  ctx: HandlerContext,
): string {
  const anew = isNobodys(incident, fact, decision, rows, ctx);
  const worse = anew || isWorse(decision.severity, incident.severity);
  const known = exonerated(incident, fact, rows, ctx);
  if (worse || incident.greenSince !== null) {
    const change = {
      ...(worse ? worsened(incident, decision, fact, ctx.now) : {}),
      ...known,
      greenSince: null,
    };
    plan.update("incident", incident, { ...change, updatedAt: ctx.now });
    tellChange(plan, incident, rows, ctx);
  } else if (known.suspectId !== undefined) {
    plan.update("incident", incident, { ...known, updatedAt: ctx.now });
  } else plan.expect("incident", incident);
  plan
    .audit("incident.joined", incident.id, { kind: fact.signalKind, severity: decision.severity })
    .because(`It is part of ${incident.id}, which is about the same service and lasts.`);
  const as = anew
    ? `, as ${calledOf(decision)}: what somebody has is over`
    : worse
      ? `, which makes it ${calledOf(decision)}`
      : "";
  addEntry(
    plan,
    incident.id,
    { kind: "decision", text: `${fact.title} (${ctx.source}) joins${as}` },
    ctx,
  );
  return incident.id;
}

/**
 * Somebody has the incident for what is over by now: of what is still open nothing is as bad as this. It is told from
 * its beginning, unless it is what ended only just now and is back.
 */
function isNobodys(
  incident: Incident,
  { occurredAt }: SignalRaised,
  { severity }: Decision,
  { worstOpen: [open], endedLast: [ended] }: PlaceRows,
  { policy }: HandlerContext,
): boolean {
  if (incident.status !== "acknowledged" || incident.greenSince !== null) return false;
  if (open === undefined || !isWorse(severity, open.severity)) return false;
  const flapMs = policy.grouping.flapMinutes * MINUTE_MS;
  return ended?.resolvedAt == null || occurredAt - ended.resolvedAt > flapMs;
}

/**
 * A worse alert is told as the worse route says, from its beginning, also where somebody had acknowledged what it was
 * before: who took a small error in the morning does not know of the outage at night. The incident
 * is called by it from then on: whoever is woken by an outage reads of the outage, not of the error that came before.
 */
export function worsened(
  incident: Incident,
  decision: Decision,
  { title, signalKind: kind, url }: Worse,
  now: number,
): Partial<Incident> {
  const { severity, rule, route } = decision;
  const routed = { severity, rule, route, routedAt: now, routings: incident.routings + 1 };
  const anew =
    incident.status === "acknowledged"
      ? { status: "open" as const, acknowledgedAt: null, acknowledgedBy: null }
      : {};
  return { ...routed, ...anew, title, kind, url: url ?? incident.url };
}
type Worse = Pick<SignalRaised, "title" | "signalKind" | "url">;

export function reopen(
  plan: PlanBuilder,
  incident: Incident,
  { fact, decision }: { fact: Worse; decision: Decision },
  rows: Pick<PlaceRows, "timers">,
  ctx: HandlerContext,
): void {
  const worse = isWorse(decision.severity, incident.severity);
  const change = { ...reopened(incident, ctx.now), updatedAt: ctx.now };
  const upgrade = worse ? worsened(incident, decision, fact, ctx.now) : {};
  plan
    .update("incident", incident, { ...change, ...upgrade })
    .audit("incident.reopened", incident.id, { times: incident.reopenings + 1 })
    .because(`${incident.id} had ended only just now, so that it is the same: it is open again.`);
  const text = `reopened by ${ctx.source}: ${fact.title} (${incident.reopenings + 1}. time)`;
  addEntry(plan, incident.id, { kind: "transition", text }, ctx);
  tellChange(plan, incident, rows, ctx);
}

/**
 * It had begun and ended before we heard that it began: part of the outage of its service, or an incident with its
 * times, of which nobody is told.
 */
export function openEnded(
  plan: PlanBuilder,
  fact: SignalRaised,
  begun: Begun,
  ended: Pick<Alert, "resolvedAt" | "resolvedBy">,
  rows: PlaceRows,
  ctx: HandlerContext,
): string {
  const { resolvedAt, resolvedBy } = ended;
  const newest = rows.newest[0];
  const isPart =
    newest !== undefined &&
    (newest.status === "resolved" ? flaps(newest, fact, ctx) : lasts(newest, fact, rows, ctx));
  if (isPart) {
    plan.expect("incident", newest).because(`It is over, and was part of ${newest.id}.`);
    const text = `${fact.title} (${ctx.source}) joins; it is over already`;
    addEntry(plan, newest.id, { kind: "decision", text }, ctx);
    return newest.id;
  }
  const over = { resolvedAt, resolvedBy: resolvedBy ?? BY_RECOVERY, greenSince: resolvedAt };
  return open(plan, fact, begun, rows, ctx, { status: "resolved", ...over });
}

function open(
  plan: PlanBuilder,
  fact: SignalRaised,
  { decision, acknowledgedAt, acknowledgedBy }: Begun,
  rows: PlaceRows,
  ctx: HandlerContext,
  ended: Partial<Incident> | null = null,
): string {
  const { now, policy } = ctx;
  const { severity, rule, route, service, correlationKey } = decision;
  const newest = rows.newest[0];
  const id = incidentIdOf(fact.occurredAt, policy.timeZone, rows.sameMinute[0]?.id ?? null);
  plan.insert("incident", {
    id,
    correlationKey,
    ordinal: (newest?.ordinal ?? 0) + 1,
    kind: fact.signalKind,
    title: fact.title,
    service,
    environment: fact.environment,
    ours: fact.ours,
    aside: fact.aside === true,
    ...{ severity, rule, route },
    status: acknowledgedAt === null ? "open" : "acknowledged",
    url: fact.url,
    openedAt: fact.occurredAt,
    acknowledgedAt,
    acknowledgedBy,
    resolvedAt: null,
    resolvedBy: null,
    greenSince: null,
    routedAt: now,
    routings: 1,
    reopenedAt: null,
    reopenings: 0,
    ...suspects(fact, rows.deployments, ctx),
    createdAt: now,
    updatedAt: now,
    version: 0,
    ...ended,
  });
  plan.audit("incident.opened", id, { severity, rule, kind: fact.signalKind });
  const text = `opened as ${calledOf(decision)} by ${ctx.source}: ${fact.title}`;
  addEntry(plan, id, { kind: "transition", text }, ctx);
  addEntry(plan, id, { kind: "decision", text: decision.reasons.join(" ") }, ctx);
  if (ended !== null) {
    const told = "it had ended before its beginning came: nobody is told of it";
    addEntry(plan, id, { kind: "decision", text: told }, ctx);
    plan.because(told);
  } else if (fact.ours && floods(rows.ours, now)) {
    plan.because(`trouble of our own, more than ${OWN_INCIDENTS_MAX} a minute: not told`);
  } else windClock(plan, id, undefined, ctx);
  return id;
}

/** What went to the service within the window before is the suspect; the good one before that is where to go back to. */
function suspects(
  fact: SignalRaised,
  deployments: readonly Deployment[],
  { policy }: HandlerContext,
): Pick<Incident, "suspectId" | "lastGoodId"> {
  if (fact.aside === true) return { suspectId: null, lastGoodId: null };
  const since = fact.occurredAt - policy.grouping.windowMinutes * MINUTE_MS;
  const [newest] = deployments;
  // A deployment that failed never served anybody: what serves is the newest good one.
  const suspect =
    fact.deployedTo === undefined && newest !== undefined && newest.stateAsOf >= since
      ? newest
      : null;
  const lastGood = goBackTo(deployments.filter((one) => one !== suspect));
  return { suspectId: suspect?.id ?? null, lastGoodId: lastGood?.id ?? null };
}

/**
 * What came after its trouble had begun, as an earlier alert tells only now, is not what caused it. One that has moved
 * since the incident opened, as by a promotion, may have been there before all the same.
 */
function exonerated(
  incident: Incident,
  fact: SignalRaised,
  { suspect: [suspect], deployments }: PlaceRows,
  ctx: HandlerContext,
): Partial<Incident> {
  if (suspect === undefined || suspect.id !== incident.suspectId) return {};
  const { stateAsOf } = suspect;
  if (stateAsOf <= fact.occurredAt || stateAsOf > incident.openedAt) return {};
  const known = suspects(fact, deployments, ctx);
  return { ...known, lastGoodId: known.lastGoodId ?? incident.lastGoodId };
}

function floods(ours: readonly Incident[], now: number): boolean {
  const recent = ours.filter((incident) => incident.createdAt > now - MINUTE_MS);
  return recent.length >= OWN_INCIDENTS_MAX;
}
