import { type Instant, MINUTE_MS } from "../../../domain/time.js";
import { clocksOf } from "../../../policy/route.js";
import type { Policy } from "../../../policy/schema.js";
import type { IncidentReport } from "../../../store/incident-report.js";

export const DURATIONS = [
  "detect",
  "acknowledge",
  "first_response",
  "tell_users",
  "recover",
  "resolution_notice",
] as const;

const PERSONS: ReadonlySet<string> = new Set(["acknowledge", "first_response"]);

/** How long something took beside what the policy wants of it. */
export interface Duration {
  what: (typeof DURATIONS)[number];
  /** Null: it has not happened. */
  tookMs: number | null;
  /** Null: the policy wants nothing of it. */
  wantedMs: number | null;
  /** Null where nothing is wanted, or it may still be kept. */
  isKept: boolean | null;
  /** A person had it at its source before it was told here: there is no time to be counted. */
  isBefore?: true;
}

/** The earliest moment that one of its sources gives for its trouble. */
export const firstSymptomAt = ({ incident, alerts }: IncidentReport): Instant =>
  Math.min(incident.openedAt, ...alerts.map(({ openedAt }) => openedAt));

/** How long each step took, counted from when the policy counts it. What comes before its clock began took no time. */
export function durationsOf(report: IncidentReport, policy: Policy, now: Instant): Duration[] {
  const { incident, users, notices } = report;
  const { createdAt, acknowledgedAt, resolvedAt } = incident;
  const clocks = clocksOf(policy, incident.severity);
  const symptomAt = firstSymptomAt(report);
  const usersAt = users.find(({ template }) => template === "user-incident")?.firstAt ?? null;
  const overAt = overToldAt(report);
  const last = (from: Instant, to: Instant | null, wanted: number | null | undefined) => ({
    ...{ from, to },
    wantedMs: wanted === null || wanted === undefined ? null : wanted * MINUTE_MS,
  });
  const told = notices.length > 0 || users.length > 0;
  const stretches = {
    detect: last(symptomAt, createdAt, policy.uptime.detectWithinMinutes),
    acknowledge: last(createdAt, acknowledgedAt, clocks?.acknowledgeWithinMinutes),
    first_response: last(createdAt, answeredAt(report), respondWithin(report, policy)),
    tell_users: last(createdAt, usersAt, clocks?.tellUsersWithinMinutes),
    recover: last(symptomAt, resolvedAt, policy.uptime.recoverWithinMinutes),
    resolution_notice: last(
      resolvedAt ?? now,
      overAt,
      resolvedAt === null || !told ? null : clocks?.resolutionNoticeWithinMinutes,
    ),
  };
  return DURATIONS.map((what) => {
    const { from, to, wantedMs } = stretches[what];
    if (PERSONS.has(what) && to !== null && to < from) {
      return {
        what,
        tookMs: null,
        wantedMs,
        isKept: wantedMs === null ? null : true,
        isBefore: true,
      };
    }
    const tookMs = to === null ? null : Math.max(0, to - from);
    const soFarMs = tookMs ?? now - from;
    const isLate = wantedMs !== null && soFarMs > wantedMs;
    return { what, tookMs, wantedMs, isKept: keptOf(wantedMs, tookMs, isLate) };
  });
}

function keptOf(wantedMs: number | null, tookMs: number | null, isLate: boolean): boolean | null {
  if (wantedMs === null) return null;
  if (isLate) return false;
  return tookMs === null ? null : true;
}

/** The first thing that a person did or said. */
function answeredAt({ incident, entries }: IncidentReport): Instant | null {
  const note = entries.find(({ kind }) => kind === "note")?.at;
  const moments = [incident.acknowledgedAt, note ?? null].filter((at) => at !== null);
  return moments.length === 0 ? null : Math.min(...moments);
}

function respondWithin({ incident }: IncidentReport, policy: Policy): number | null {
  const clocks = clocksOf(policy, incident.severity);
  if (clocks !== undefined && clocks.firstResponseWithinMinutes !== null) {
    return clocks.firstResponseWithinMinutes;
  }
  const { respond } = policy.severities[incident.severity];
  return typeof respond === "object" ? respond.withinMinutes : null;
}

function overToldAt({ incident, users, notices }: IncidentReport): Instant | null {
  if (incident.resolvedAt === null) return null;
  const moments = [
    ...users.filter(({ template }) => template === "user-resolved").map(({ lastAt }) => lastAt),
    ...notices
      .filter(({ template }) => template === "incident-resolved")
      .map(({ createdAt }) => createdAt),
  ].filter((at) => at >= (incident.resolvedAt ?? 0));
  return moments.length === 0 ? null : Math.min(...moments);
}
