import { timeText } from "../../channels/wording.js";
import type { SignalRaised } from "../../domain/facts.js";
import type { Maintenance } from "../../domain/incident.js";
import { HOUR_MS, type Instant, MINUTE_MS } from "../../domain/time.js";
import { viewOf } from "../../handlers/track-incident/place.js";
import { approvalAt, approvalSentence, maintenanceAt, respondBy } from "../../policy/calendar.js";
import { listed } from "../../policy/check/problem.js";
import { insteadOf, titlesOf, waysOf } from "../../policy/recipients.js";
import { clocksOf, type Decision, decideRoute, routeOf } from "../../policy/route.js";
import type { Policy, Route, Step } from "../../policy/schema.js";

export interface ExplainContext {
  policy: Policy;
  /** The source's id. */
  source: string;
  planned: readonly Maintenance[];
  /** Whether the deployment can send by the channel. */
  isSetUp(channel: string): boolean;
  /** When it is thought to come. */
  now: Instant;
}

const KINDS: Readonly<Record<SignalRaised["signalKind"], string>> = {
  error: "an error in its code",
  metric: "a measured value",
  uptime: "it cannot be reached",
  deployment: "a deployment",
  payment: "payments",
  certificate: "a certificate or domain",
  backup: "a backup",
  lag: "our own work, which is late",
  maintenance: "a maintenance",
  security: "security",
};

/** What a raised signal comes to: how bad and why, who hears of it when, what if nobody answers, what stands in its way. */
export function explainRaised(fact: SignalRaised, ctx: ExplainContext): string[] {
  const { policy } = ctx;
  const view = viewOf(fact, ctx.source);
  const decision = decideRoute(view, policy);
  const { meaning } = policy.severities[decision.severity];
  const where = fact.environment === null ? "" : ` in ${fact.environment}`;
  // The last reason is the route's, which is told here step by step, with its times.
  const reasons = decision.reasons.slice(0, -1);
  return [
    `${ctx.source} reports of ${fact.service}${where}: "${fact.title}" (${KINDS[fact.signalKind]}; level ${fact.level}).`,
    ...reasons,
    `Here ${decision.severityName} means: ${meaning}.`,
    ...(fact.ours ? OURS : []),
    ...telling(decision, ctx),
    ...promises(decision, ctx),
    ...standing(fact, decision, ctx),
    ...joining(fact, decision, policy),
  ];
}

const OURS = [
  "It is trouble of this very deployment: it is told only up to a number of incidents a minute, or telling of it would feed it.",
];

/** Who hears of it, by what and when. */
function telling(decision: Decision, ctx: ExplainContext): string[] {
  const { policy, now } = ctx;
  const route = routeOf(policy, decision.route, decision.severity);
  if (route.deliver === "record") return ["It is kept, and nobody is told."];
  if (route.deliver === "digest") return [`Nobody is told at once: ${digestText(policy)}.`];
  const quiet = maintenanceAt(policy, ctx.planned, decision.service, now)?.endsAt ?? null;
  const hold = route.deliver === "delayed" ? route.holdMinutes : 0;
  const begin = Math.max(now + hold * MINUTE_MS, quiet ?? 0);
  const lines = route.steps.map((step, n) => stepText(step, n, { route, begin, hold, ctx }));
  const last = route.steps.at(-1);
  return [
    ...lines,
    ...(last === undefined ? [] : [afterLast(route)]),
    ...(route.inDigest ? [`Besides, ${digestText(policy)}.`] : []),
    ...fallbacks(route, ctx),
    ...unreached(route, ctx),
  ];
}

function stepText(
  { afterMinutes, roles, channels }: Step,
  n: number,
  { route, begin, hold, ctx }: { route: Route; begin: Instant; hold: number; ctx: ExplainContext },
): string {
  const who = listed(titlesOf(roles, ctx.policy));
  const by = listed(channels);
  const at = clockText(begin + afterMinutes * MINUTE_MS, ctx);
  if (n > 0) {
    const since = (route.steps[n - 1]?.afterMinutes ?? 0) === 0 ? "" : " in all";
    return `If nobody has acknowledged ${minutesText(afterMinutes)} after that${since} (${at}), ${who} ${isAre(roles)} told by ${by}.`;
  }
  if (hold > 0) {
    return `After ${minutesText(hold)} (${at}), unless it is over by then, ${who} ${isAre(roles)} told by ${by}.`;
  }
  return begin > ctx.now
    ? `At the maintenance's end (${at}), if it is still there, ${who} ${isAre(roles)} told by ${by}.`
    : `At once ${who} ${isAre(roles)} told by ${by}.`;
}

const isAre = (roles: readonly string[]): string => (roles.length === 1 ? "is" : "are");

function afterLast({ repeatMinutes, steps }: Route): string {
  if (repeatMinutes !== null) {
    return `The last of these comes again every ${minutesText(repeatMinutes)}, until somebody acknowledges or it is over.`;
  }
  return steps.length === 1
    ? "If nobody answers, nobody else is told."
    : "If nobody answers to the last of these, nobody else is told.";
}

function digestText({ digest, timeZone, roles }: Policy): string {
  if (digest === null) return "there is no mail of the day, so nobody hears of it";
  const titles = titlesOf(digest.roles, { roles });
  return `it is in the day's mail, at ${digest.at} (${timeZone}), to ${listed(titles)} by ${listed(digest.channels)}`;
}

/** What is tried where a channel is down. */
function fallbacks(route: Route, { policy, isSetUp }: ExplainContext): string[] {
  const channelsOf = new Map<string, Set<string>>();
  for (const { channels, roles } of route.steps) {
    for (const channel of channels) {
      const ways = insteadOf(policy, route, roles, channel, channels);
      const open = [...new Set(ways.map((way) => way.channel))].filter(isSetUp);
      if (open.length === 0) continue;
      const instead = open.join(", then ");
      channelsOf.set(instead, (channelsOf.get(instead) ?? new Set()).add(channel));
    }
  }
  const said = [...channelsOf].map(
    ([open, channels]) => `${open} in place of ${listed([...channels])}`,
  );
  return said.length === 0
    ? ["Where a channel is down or refuses, there is no other here: it is tried again."]
    : [`Where a channel is down or refuses: ${said.join("; ")}.`];
}

/** Who would not hear of it in this deployment. */
function unreached(route: Route, { policy, isSetUp }: ExplainContext): string[] {
  const missing = new Set<string>();
  const without = new Set<string>();
  for (const { roles, channels } of route.steps) {
    for (const channel of channels) {
      if (!isSetUp(channel)) missing.add(channel);
      else {
        for (const role of roles) {
          const [title] = titlesOf([role], policy);
          if (waysOf(policy, [role], [channel]).length === 0) without.add(`${title} by ${channel}`);
        }
      }
    }
  }
  return [
    ...(missing.size === 0 ? [] : [`Not set up in this deployment: ${listed([...missing])}.`]),
    ...(without.size === 0
      ? []
      : [`No address is known, so nothing is sent: ${listed([...without])}.`]),
  ];
}

/** What the platform has promised, and by when. */
function promises({ severity }: Decision, ctx: ExplainContext): string[] {
  const { policy, now } = ctx;
  const { respond } = policy.severities[severity];
  const by = timeText(respondBy(policy, severity, now), "en-GB", policy.timeZone);
  const answer =
    respond === "immediate"
      ? "Somebody is to answer at once."
      : respond === "next_business_day"
        ? `Somebody is to answer on the next business day, by ${by}.`
        : `Somebody is to answer within ${minutesText(respond.withinMinutes)}, by ${by}.`;
  const clocks = clocksOf(policy, severity);
  if (clocks === undefined) return [answer];
  const parts: string[] = [];
  const within = (minutes: number | null, what: string) => {
    if (minutes !== null) parts.push(`${what} within ${minutesText(minutes)}`);
  };
  within(clocks.acknowledgeWithinMinutes, "acknowledged");
  within(clocks.firstResponseWithinMinutes, "first response");
  within(clocks.tellUsersWithinMinutes, "users told");
  if (clocks.tellUsersEveryMinutes !== null) {
    parts.push(`and again every ${minutesText(clocks.tellUsersEveryMinutes)}`);
  }
  const { tellExecutivesAfterMinutes: after, executives } = clocks;
  if (after !== null) {
    const who = listed(titlesOf(executives.roles, policy));
    parts.push(
      `${who} told by ${listed(executives.channels)} when it lasts for ${minutesText(after)}`,
    );
  }
  within(clocks.resolutionNoticeWithinMinutes, "after its end users told");
  const tasks = clocks.tasks.map(({ title, dueAfterHours }) => `${title.en} (${dueAfterHours} h)`);
  return [
    answer,
    ...(parts.length === 0 ? [] : [`While it lasts: ${parts.join(", ")}.`]),
    ...(tasks.length === 0 ? [] : [`Owed after it: ${tasks.join("; ")}.`]),
  ];
}

/** Which maintenance or lockdown it falls into. */
function standing(fact: SignalRaised, decision: Decision, ctx: ExplainContext): string[] {
  const { policy, planned, now } = ctx;
  const window = maintenanceAt(policy, planned, decision.service, now);
  const lines: string[] = [];
  if (window === null) lines.push(`No maintenance of ${decision.service} is under way.`);
  else {
    const title = typeof window.title === "string" ? window.title : window.title.en;
    const end = timeText(window.endsAt, "en-GB", policy.timeZone);
    lines.push(`"${title}" is under way until ${end}: until then it is kept, and nobody is told.`);
  }
  if (fact.signalKind === "deployment") {
    const approval = approvalAt(policy, now);
    lines.push(
      approval === null
        ? "No lockdown holds, and no exam is near."
        : `${approval.lockdown === null ? "" : `The lockdown "${approval.lockdown.title.en}" holds. `}${approvalSentence(approval)}`,
    );
  }
  return lines;
}

/** What it is one incident with, and when that ends. */
function joining(
  { apart, aside }: SignalRaised,
  { service }: Decision,
  { grouping, recovery }: Policy,
): string[] {
  const by = listed(
    grouping.by.map((part) => (part === "service" ? `service (${service})` : part)),
  );
  const watch =
    recovery.watchMinutes === 0
      ? "It is over as soon as all of its alerts are"
      : `It is over when all of its alerts have been for ${minutesText(recovery.watchMinutes)}`;
  const others = aside === true ? "other figures and rules" : "other trouble";
  return [
    apart === true
      ? "It is an incident of its own, which nothing else joins."
      : `It is one incident with ${others} of the same ${by} while that lasts, or within ${minutesText(grouping.windowMinutes)} of it.`,
    ...(aside === true ? ["It is no outage: users hear nothing of it."] : []),
    `${watch}; what comes back within ${minutesText(grouping.flapMinutes)} is the same incident again.`,
  ];
}

/** `90 min`, `4 h`, `1 min`. */
function minutesText(minutes: number): string {
  const isHours = minutes >= 120 && (minutes * MINUTE_MS) % HOUR_MS === 0;
  return isHours ? `${minutes / 60} h` : `${minutes} min`;
}

function clockText(at: Instant, { policy, now }: ExplainContext): string {
  const { timeZone } = policy;
  const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone });
  const time = new Intl.DateTimeFormat("en-GB", {
    ...{ hour: "2-digit", minute: "2-digit", timeZone, timeZoneName: "shortOffset" },
  });
  const isToday = day.format(at) === day.format(now);
  return `${isToday ? "" : `${day.format(at)} `}${time.format(at)}`;
}
