import { Temporal } from "temporal-polyfill";
import type { Incident } from "../../src/domain/incident.js";
import type { ChannelId } from "../../src/domain/notice.js";
import { type Instant, isoOf, MINUTE_MS } from "../../src/domain/time.js";
import {
  approvalAt,
  dayOf,
  maintenanceAt,
  nextBusinessDay,
  occurrencesBetween,
  respondBy,
} from "../../src/policy/calendar.js";
import { type ClockStep, clockOf, taskDueAt } from "../../src/policy/incident-clock.js";
import { insteadOf, waysOf } from "../../src/policy/recipients.js";
import { decideRoute, routeOf, type SignalView } from "../../src/policy/route.js";
import type { Policy } from "../../src/policy/schema.js";
import { evaluate } from "../../src/policy/thresholds.js";

export const at = (iso: string): Instant => {
  const moment = Date.parse(iso);
  if (Number.isNaN(moment)) throw new Error(`${iso} is no time`);
  return moment;
};

/** `2026-11-24 17:30 (Asia/Manila)`. */
function readableTime(moment: Instant, timeZone: string): string {
  const zoned = Temporal.Instant.fromEpochMilliseconds(moment).toZonedDateTimeISO(timeZone);
  const time = zoned.toPlainTime().toString({ smallestUnit: "minute" });
  return `${zoned.toPlainDate().toString()} ${time} (${timeZone})`;
}

const SIGNAL: SignalView = {
  source: "sentry",
  kind: "error",
  level: "error",
  title: "Something failed",
  service: "web",
  environment: "production",
  tags: {},
  occurredAt: at("2026-11-24T09:30:00Z"),
};
export type View = Partial<SignalView>;
export const signal = (view: View): SignalView => ({ ...SIGNAL, ...view });

/** Signals that every platform knows. */
export const DOWN: View = {
  source: "better-stack",
  kind: "uptime",
  level: "fatal",
  title: "Site: Status 502",
};
export const crossed = (threshold: string): View => ({
  source: "monitor",
  kind: "metric",
  tags: { threshold },
  title: "A threshold is crossed",
});
export const titled = (title: string, level: SignalView["level"] = "error"): View => ({
  title,
  level,
});

/** `CRITICAL` for each signal, in the platform's own name, with its route where it is not the severity's. */
export function called(policy: Policy, views: readonly View[]): string {
  const names = views.map((view) => {
    const { severity, severityName, route } = decideRoute(signal(view), policy);
    const own = policy.severities[severity].route;
    return `${severity} ${severityName}${route === own ? "" : ` by ${route}`}`;
  });
  const distinct = new Set(names);
  return distinct.size === 1 ? (names[0] ?? "") : names.join("; ");
}

function incidentOf(policy: Policy, view: View, opened: Instant): Incident {
  const decision = decideRoute(signal(view), policy);
  return {
    id: "INC-20261124-0930",
    correlationKey: decision.correlationKey,
    ordinal: 1,
    kind: "error",
    title: "made up",
    service: decision.service,
    environment: null,
    ours: false,
    aside: false,
    severity: decision.severity,
    rule: decision.rule,
    route: decision.route,
    status: "open",
    url: null,
    openedAt: opened,
    acknowledgedAt: null,
    acknowledgedBy: null,
    resolvedAt: null,
    resolvedBy: null,
    greenSince: null,
    routedAt: opened,
    routings: 1,
    reopenedAt: null,
    reopenings: 0,
    suspectId: null,
    lastGoodId: null,
    createdAt: opened,
    updatedAt: opened,
    version: 0,
  };
}

interface Taken {
  minute: number;
  step: ClockStep;
}

/** Every step that the incident's clock asks for, in the minutes after its begin, while it stays as it is. */
function stepsWithin(
  policy: Policy,
  incident: Incident,
  minutes: number,
  told: string[] = [],
): Taken[] {
  const taken = new Set(told);
  const steps: Taken[] = [];
  const opened = incident.resolvedAt ?? incident.greenSince ?? incident.openedAt;
  let now = opened;
  while (now <= opened + minutes * MINUTE_MS) {
    const state = {
      incident,
      taken,
      openTasks: [],
      quietEnd: () => null,
      isAnswered: false,
      inStorm: false,
      now,
    };
    const { due, next } = clockOf(state, policy);
    for (const step of due) {
      taken.add(step.step);
      steps.push({ minute: (step.at - opened) / MINUTE_MS, step });
    }
    if (due.length > 0) continue;
    if (next === null) break;
    now = next;
  }
  return steps;
}

/** Roles and their channels, as they are reached: who has no address there is not told. */
function whoBy(policy: Policy, roles: readonly string[], channels: readonly ChannelId[]): string {
  const reached = addressed(policy);
  const by = channels.filter((channel) => waysOf(reached, roles, [channel]).length > 0);
  return `${roles.join(", ")} by ${by.join(", ")}`;
}

/** With an address of each role, as a deployment would bring. */
function addressed(policy: Policy): Policy {
  const roles = Object.entries(policy.roles).map(([id, role]) => [
    id,
    { ...role, addresses: { email: `${id}@example.com`, sms: `+1555${id.length}` } },
  ]);
  return { ...policy, roles: Object.fromEntries(roles) };
}

/** Who is told of the signal and when, for so long as nobody answers: `0: on-call by pagerduty, slack; 5: …`. */
export function told(policy: Policy, view: View, minutes: number): string {
  const { severity, route: name } = decideRoute(signal(view), policy);
  const { deliver, inDigest } = routeOf(policy, name, severity);
  const pages = stepsWithin(
    policy,
    incidentOf(policy, view, at("2026-11-24T09:30:00Z")),
    minutes,
  ).flatMap(({ minute, step }) =>
    step.does === "page" ? [`${minute}: ${whoBy(policy, step.roles, step.channels)}`] : [],
  );
  const digest = inDigest || deliver === "digest" ? ["the day's mail"] : [];
  return [...pages, ...digest].join("; ") || "nobody";
}

/** The first word's promise, and how soon somebody answers. */
export function promised(policy: Policy, view: View): string {
  const { severity, route } = decideRoute(signal(view), policy);
  const { withinMinutes } = routeOf(policy, route, severity);
  const opened = at("2026-11-24T09:30:00Z");
  const by = respondBy(policy, severity, opened);
  const { respond } = policy.severities[severity];
  const answer =
    respond === "next_business_day"
      ? `next business day, by ${readableTime(by, policy.timeZone)}`
      : `answered in ${(by - opened) / MINUTE_MS} min`;
  return `told in ${withinMinutes ?? "-"} min; ${answer}`;
}

/** What the incident's clock asks for beside pages, minute by minute: `5: acknowledge; 28: users; …`. */
export function clocked(policy: Policy, view: View, minutes: number): string {
  const incident = incidentOf(policy, view, at("2026-11-24T09:30:00Z"));
  const said = stepsWithin(policy, incident, minutes).flatMap(({ minute, step }) => {
    if (step.does === "page") return [];
    if (step.does === "remind") return [`${minute}: ${step.promise}`];
    if (step.does !== "executives") return [`${minute}: ${step.does}`];
    const clock = policy.clocks.find(({ severities }) => severities.includes(incident.severity));
    const { roles = [], channels = [] } = clock?.executives ?? {};
    return [`${minute}: ${whoBy(policy, roles, channels)}`];
  });
  return said.join("; ") || "nothing";
}

/** What comes after the end of an incident of which people were told, users too where the platform tells them. */
export function afterwards(policy: Policy, view: View): string {
  const opened = at("2026-11-24T09:30:00Z");
  const resolvedAt = opened + 60 * MINUTE_MS;
  const over = { status: "resolved" as const, resolvedAt, updatedAt: resolvedAt };
  const incident = { ...incidentOf(policy, view, opened), ...over };
  const clock = policy.clocks.find(({ severities }) => severities.includes(incident.severity));
  const users = (clock?.tellUsersWithinMinutes ?? null) === null ? [] : ["users:0"];
  const steps = stepsWithin(policy, incident, 1_000, ["page:1:0", ...users]);
  const said = steps.map(({ minute, step }) => `${minute}: ${step.does}`);
  const tasks = (clock?.tasks ?? []).map(
    (task) => `${task.id} by ${task.role} in ${taskDueAt(0, task) / MINUTE_MS / 60} h`,
  );
  return [...said, ...tasks].join("; ");
}

/** When an incident ends whose alerts are all over, and how often it is looked at until then. */
export function watched(policy: Policy, view: View): string {
  const opened = at("2026-11-24T09:30:00Z");
  const incident = { ...incidentOf(policy, view, opened), greenSince: opened };
  const steps = stepsWithin(policy, incident, 240).filter(({ step }) =>
    ["check", "end"].includes(step.does),
  );
  const checks = steps.filter(({ step }) => step.does === "check").length;
  const end = steps.find(({ step }) => step.does === "end");
  return `${checks} looks; ends after ${end?.minute} min`;
}

/** Where a word goes when its channel is down: `pagerduty: sms, email`. */
export function instead(policy: Policy, view: View): string {
  const { severity, route: name } = decideRoute(signal(view), policy);
  const route = routeOf(policy, name, severity);
  const reached = addressed(policy);
  const said = route.steps.map(({ roles, channels }) => {
    const ways = channels.map((channel) => {
      const open = insteadOf(reached, route, roles, channel, channels);
      return `${channel}: ${[...new Set(open.map((way) => way.channel))].join(", ") || "-"}`;
    });
    return ways.join("; ");
  });
  return said.join(" | ");
}

/** The maintenance at each of the moments (with their offsets), `-` where there is none. */
export function maintained(policy: Policy, moments: readonly string[]): string {
  const said = moments.map((moment) => {
    const found = maintenanceAt(policy, [], "web", at(moment));
    return found === null ? "-" : (found.id.split(":")[0] ?? "");
  });
  return said.join(" ");
}

/** How long before their begin users are told of the maintenances between: `monthly 48 h`. */
export function announced(policy: Policy, from: string, to: string): string {
  const said = occurrencesBetween(policy, at(from), at(to)).map(
    ({ rule, startsAt, endsAt }) =>
      `${rule.id} ${readableTime(startsAt, policy.timeZone).slice(0, 16)} for ${(endsAt - startsAt) / MINUTE_MS / 60} h: ${rule.noticeHours ?? "-"}`,
  );
  return said.join("; ") || "none";
}

/** Who approves a deployment at each of the moments. */
export function approved(policy: Policy, moments: readonly string[]): string {
  return moments.map((moment) => approvalAt(policy, at(moment))?.id ?? "-").join(" ");
}

/** With an exam from the moment for three hours: presets name no exam, a deployment's calendar does. */
export function withExam(policy: Policy, from: string, to: string): Policy {
  const exam = { id: "mock-3", title: { en: "Mock Exam 3" }, from, to };
  return { ...policy, lockdown: { ...policy.lockdown, exams: [exam] } };
}

const MOST = 1_000_000;

/**
 * What a threshold does, found by trying it: the value past which it is raised, how many minutes that takes and
 * of how many observations, the value at which it is over and how many minutes that takes.
 */
export function limits(policy: Policy, id: string): string {
  const threshold = policy.thresholds.find((each) => each.id === id);
  if (threshold === undefined) return "none";
  const now = at("2026-11-24T09:30:00Z");
  const isChanged = (open: boolean, value: number, minutes: number, samples = MOST) => {
    const series = Array.from({ length: minutes }, (_, n) => ({
      minute: now - (minutes - n) * MINUTE_MS,
      value,
      samples: n === 0 ? samples : 0,
    }));
    return evaluate(threshold, series, { open }, now) !== null;
  };
  const isUpper = isChanged(false, MOST, 120);
  const [bad, good] = isUpper ? [MOST, -MOST] : [-MOST, MOST];
  const raisedAt = edge((value) => isChanged(false, value, 120), bad, good);
  const overAt = edge((value) => isChanged(true, value, 120), good, bad);
  const first = (holds: (n: number) => boolean): number => {
    for (let n = 1; n <= 180; n += 1) if (holds(n)) return n;
    return -1;
  };
  const forMinutes = first((n) => isChanged(false, bad, n));
  const clearMinutes = first((n) => isChanged(true, good, n));
  const samples = first((n) => isChanged(false, bad, forMinutes, n));
  return (
    `${threshold.metric} ${isUpper ? ">" : "<"} ${raisedAt} for ${forMinutes} min` +
    ` of ${samples}+; over at ${overAt} for ${clearMinutes} min` +
    (threshold.during === "always" ? "" : `; ${threshold.during}`)
  );
}

/** The number nearest to the other side at which it still holds, to a thousandth. */
function edge(holds: (value: number) => boolean, holdsAt: number, failsAt: number): number {
  let [inside, outside] = [holdsAt, failsAt];
  for (let n = 0; n < 60; n += 1) {
    const middle = (inside + outside) / 2;
    if (holds(middle)) inside = middle;
    else outside = middle;
  }
  return Math.round(inside * 1_000) / 1_000;
}

/** The day that the digest at the moment is of. */
export function digested(policy: Policy, moment: string): string {
  const day = dayOf(policy, at(moment));
  if (day === null) return "none";
  const { digest } = policy;
  const to = whoBy(policy, digest?.roles ?? [], digest?.channels ?? []);
  const sections = (digest?.sections ?? []).join(", ");
  return `${isoOf(day.from)} to ${isoOf(day.to)}; ${to}; ${sections}`;
}

/** When the next business day after the moment begins and ends, on the platform's clock. */
export function businessDay(policy: Policy, moment: string): string {
  const { startsAt, endsAt } = nextBusinessDay(policy, at(moment));
  return `${readableTime(startsAt, policy.timeZone)} to ${readableTime(endsAt, policy.timeZone)}`;
}

/** What signals of one outage share, and how long they are one incident. */
export function grouped(policy: Policy): string {
  const keys = [
    { ...DOWN, environment: null },
    titled("x"),
    { source: "vercel", kind: "deployment" as const },
  ].map((view) => decideRoute(signal(view), policy).correlationKey);
  const { windowMinutes, flapMinutes } = policy.grouping;
  return `${[...new Set(keys)].join(" ")}; ${windowMinutes} min; ${flapMinutes} min`;
}

/** A part of the policy as it is written, for what is a number and no behaviour. */
export const written = (part: unknown): string =>
  JSON.stringify(part).replaceAll('"', "").replaceAll(",", ", ").replaceAll(":", ": ");
