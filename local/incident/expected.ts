import { instantIn } from "./local-time.js";
import type { Policy } from "./stage.js";
import type { Outage, Told, Trouble } from "./story.js";

/** A message that the policy's rows ask for, and when. */
export interface Expected {
  incidentId: string | null;
  template: string;
  channel: string;
  to: string;
  from: number;
  until: number;
  /** Why: what the judge says when it is not there. */
  because: string;
}

export interface Reader {
  email: string;
  locale: string;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** The jobs are called each minute; what is due at the second is there by the next. */
const LATE_MS = MINUTE_MS;
/** What Slack did not take is tried again with growing pauses. */
const RETRIED_MS = 15 * MINUTE_MS;
/** Users are told this long before the promise would be broken; see the reference of policies. */
const USERS_AHEAD_MS = 2 * MINUTE_MS;

type Rule = Policy["rules"][number];
type Route = Policy["routes"][string];
type Clocks = Policy["clocks"][number];

/**
 * What should have left, by the policy's rows and the story alone: which rule takes each trouble, which route that
 * means, who is in its roles, after how many minutes. Nothing of the engine is asked.
 */
export function expectedOf(policy: Policy, told: Told, readers: readonly Reader[]): Expected[] {
  const outages = told.outages.flatMap((outage) => new OfOutage(policy, outage, readers).all());
  return [...outages, ...ofDeployments(policy, told), ...ofDays(policy, told)]
    .filter(({ from }) => from < told.endedAt)
    .sort((a, b) => a.from - b.from);
}

/** The day's mail, at its time on the policy's clock: there are incidents to tell of. */
function ofDays({ digest, timeZone, roles }: Policy, { beganAt, endedAt }: Told): Expected[] {
  if (digest === null) return [];
  const days: number[] = [];
  for (let at = beganAt; at < endedAt + DAY_MS; at += DAY_MS) {
    const date = new Intl.DateTimeFormat("sv-SE", { timeZone }).format(at);
    days.push(instantIn(timeZone, date, digest.at));
  }
  return days
    .filter((at) => at > beganAt)
    .flatMap((from) =>
      waysOf({ roles }, digest.roles, digest.channels).map((way) => ({
        incidentId: null,
        template: "incident-digest",
        ...way,
        from,
        until: from + LATE_MS,
        because: `the day's mail at ${digest.at}`,
      })),
    );
}

function ofDeployments(policy: Policy, { deployments }: Told): Expected[] {
  if (!policy.deployments.tellStatusPage) return [];
  return deployments.map((at) => {
    const from = at + policy.deployments.afterSeconds * 1_000;
    return {
      incidentId: null,
      template: "deployment-finished",
      channel: "status_page",
      to: "status_page",
      from,
      until: from + 2 * LATE_MS,
      because: "the policy has good deployments posted to the status page",
    };
  });
}

/** A stretch in which one route holds: from a trouble that is worse than those before it to the next such. */
interface Routing {
  at: number;
  severity: Rule["severity"];
  route: Route;
  routeName: string;
}

class OfOutage {
  readonly #policy: Policy;
  readonly #outage: Outage;
  readonly #readers: readonly Reader[];
  readonly #messages: Expected[] = [];
  /** Who has been paged, by channel and address, and since when. */
  readonly #told = new Map<string, { channel: string; to: string; at: number }>();

  constructor(policy: Policy, outage: Outage, readers: readonly Reader[]) {
    this.#policy = policy;
    this.#outage = outage;
    this.#readers = readers;
  }

  all(): Expected[] {
    const routings = routingsOf(this.#policy, this.#outage.troubles);
    for (const [n, routing] of routings.entries()) {
      this.#pages(routing, Math.min(routings[n + 1]?.at ?? Infinity, this.#outage.acknowledgedAt));
    }
    const last = routings.at(-1);
    const clocks = this.#policy.clocks.find(
      ({ severities }) => last !== undefined && severities.includes(last.severity),
    );
    if (last !== undefined && clocks !== undefined) this.#promises(last, clocks);
    this.#goesOn(clocks);
    return this.#messages;
  }

  get #createdAt(): number {
    return this.#outage.troubles[0]?.at ?? 0;
  }

  get #endedAt(): number {
    return this.#outage.recoveredAt + this.#policy.recovery.watchMinutes * MINUTE_MS;
  }

  #add(way: Way, template: string, from: number, because: string): void {
    const { slackDown, incidentId } = this.#outage;
    const waits = way.channel === "slack" && slackDown !== null && isIn(from, slackDown);
    const until = waits ? slackDown.to + RETRIED_MS : from + LATE_MS;
    this.#messages.push({ incidentId, template, ...way, from, until, because });
  }

  #page(way: Way, template: string, from: number, because: string): void {
    const key = `${way.channel} ${way.to}`;
    if (!this.#told.has(key)) this.#told.set(key, { ...way, at: from });
    this.#add(way, template, from, because);
  }

  #pages({ at, route, routeName }: Routing, end: number): void {
    if (route.deliver === "record" || route.deliver === "digest") return;
    const begin = at + (route.deliver === "delayed" ? route.holdMinutes * MINUTE_MS : 0);
    for (const { step, from, isFirst } of stepTimes(route, begin, end)) {
      const minutes = (from - begin) / MINUTE_MS;
      const when = isFirst ? "at once" : `after ${minutes} min without an answer`;
      const because = `route ${routeName}: ${step.roles.join(", ")} ${when}`;
      const template = isFirst ? "incident-raised" : "incident-escalated";
      for (const way of waysOf(this.#policy, step.roles, step.channels)) {
        if (this.#isDown(way, from)) this.#anotherWay(way, step, route, template, from, end);
        else this.#page(way, template, from, because);
      }
    }
  }

  #isDown(way: Way, from: number): boolean {
    const { slackDown } = this.#outage;
    return way.channel === "slack" && slackDown !== null && isIn(from, slackDown);
  }

  /** The first fallback that the step does not use already; Slack itself hears of it when it is back, unless answered. */
  #anotherWay(
    failed: Way,
    step: Route["steps"][number],
    route: Route,
    template: string,
    from: number,
    end: number,
  ): void {
    const { slackDown } = this.#outage;
    const next = route.fallback.find(
      (channel) => channel !== failed.channel && !step.channels.includes(channel),
    );
    this.#told.set(`${failed.channel} ${failed.to}`, { ...failed, at: from });
    for (const way of waysOf(this.#policy, step.roles, next === undefined ? [] : [next])) {
      this.#page(way, template, from, `${failed.channel} is down: the route's fallback is ${next}`);
    }
    if (slackDown !== null && slackDown.to < end) {
      this.#add(failed, template, from, "Slack is back, and nobody has answered");
    }
  }

  #promises({ at, route }: Routing, clocks: Clocks): void {
    const begin = at + (route.deliver === "delayed" ? route.holdMinutes * MINUTE_MS : 0);
    const { acknowledgedAt } = this.#outage;
    const paged = new Set(
      stepTimes(route, begin, acknowledgedAt)
        .filter(({ step }) => step.channels.includes("slack"))
        .map(({ from }) => from),
    );
    const remind = (minutes: number | null, what: string): void => {
      const from = begin + (minutes ?? 0) * MINUTE_MS;
      // A page that leaves at the same moment says the same.
      if (minutes === null || from >= acknowledgedAt || paged.has(from)) return;
      if (this.#told.has("slack slack")) {
        const because = `${what} within ${minutes} min is promised, and nobody has`;
        this.#add(SLACK, "incident-escalated", from, because);
      }
    };
    remind(clocks.acknowledgeWithinMinutes, "an acknowledgement");
    remind(clocks.firstResponseWithinMinutes, "a first response");
    const minutes = clocks.tellExecutivesAfterMinutes;
    const executivesAt = this.#createdAt + (minutes ?? Infinity) * MINUTE_MS;
    if (executivesAt < this.#endedAt) {
      const { roles, channels } = clocks.executives;
      for (const way of waysOf(this.#policy, roles, channels)) {
        this.#page(way, "incident-escalated", executivesAt, `executives after ${minutes} min`);
      }
    }
  }

  /** What is told while it lasts and when it is over. */
  #goesOn(clocks: Clocks | undefined): void {
    const { acknowledgedAt, undone } = this.#outage;
    for (const way of this.#toldBy(["slack", "pagerduty"], acknowledgedAt)) {
      this.#add(
        way,
        "incident-acknowledged",
        acknowledgedAt,
        "who was paged hears that somebody has it",
      );
    }
    for (const way of this.#toldBy(["slack", "pagerduty", "email"], this.#endedAt)) {
      this.#add(way, "incident-resolved", this.#endedAt, "who was told hears that it is over");
    }
    if (clocks === undefined) return;
    this.#users(clocks);
    for (const task of clocks.tasks.filter(({ id }) => undone.includes(id))) {
      const from = this.#endedAt + task.dueAfterHours * HOUR_MS;
      for (const way of waysOf(this.#policy, [task.role], ["email", "slack"])) {
        this.#add(way, "incident-escalated", from, `${task.id} is due, and not done`);
      }
    }
  }

  #users(clocks: Clocks): void {
    const { tellUsersWithinMinutes: within, tellUsersEveryMinutes: every } = clocks;
    if (within === null) return;
    const first = this.#createdAt + Math.max(0, within * MINUTE_MS - USERS_AHEAD_MS);
    if (first >= this.#endedAt) return;
    const ways = [
      { channel: "status_page", to: "status_page" },
      ...this.#readers.map(({ email }) => ({ channel: "email", to: email })),
    ];
    const tell = (template: string, at: number, because: string): void => {
      for (const way of ways) this.#add(way, template, at, because);
    };
    tell("user-incident", first, `users within ${within} min`);
    for (let at = first + (every ?? Infinity) * MINUTE_MS; at < this.#endedAt; ) {
      tell("user-update", at, `users every ${every} min`);
      at += (every ?? Infinity) * MINUTE_MS;
    }
    const promised = clocks.resolutionNoticeWithinMinutes ?? Infinity;
    const flap = this.#policy.grouping.flapMinutes * MINUTE_MS;
    const wait = Math.min(flap, Math.max(0, promised * MINUTE_MS - USERS_AHEAD_MS));
    tell("user-resolved", this.#endedAt + wait, "users hear that it is over, once it is no flap");
  }

  #toldBy(channels: readonly string[], before: number): Way[] {
    return [...this.#told.values()]
      .filter(({ channel, at }) => channels.includes(channel) && at < before)
      .map(({ channel, to }) => ({ channel, to }));
  }
}

interface Way {
  channel: string;
  to: string;
}

const SLACK: Way = { channel: "slack", to: "slack" };
const isIn = (at: number, { from, to }: { from: number; to: number }): boolean =>
  at >= from && at < to;

function routingsOf(policy: Policy, troubles: readonly Trouble[]): Routing[] {
  const routings: Routing[] = [];
  for (const trouble of troubles) {
    const rule = policy.rules.find(({ when }) => takes(when, trouble));
    if (rule === undefined) continue;
    const before = routings.at(-1);
    if (before !== undefined && before.severity <= rule.severity) continue; // P0 is the worst
    const routeName = rule.route ?? policy.severities[rule.severity].route;
    const route = policy.routes[routeName];
    if (route === undefined) continue;
    routings.push({ at: trouble.at, severity: rule.severity, route, routeName });
  }
  return routings;
}

/** The story's troubles have no tags, no environment and no service with a rule of its own. */
function takes(when: Rule["when"], { source, kind, level, title }: Trouble): boolean {
  const among = (list: readonly string[] | undefined, value: string): boolean =>
    list === undefined || list.includes(value);
  const unknown = [when.tags, when.environment, when.service].some((line) => line !== undefined);
  if (unknown) return false;
  const says = (word: string): boolean =>
    new RegExp(word.split("*").map(escaped).join(".*"), "i").test(title);
  return (
    among(when.source, source) &&
    among(when.kind, kind) &&
    among(when.level, level) &&
    (when.text === undefined || when.text.some(says))
  );
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** The steps in their time, and the last again and again, until somebody has answered. */
function stepTimes(
  { steps, repeatMinutes }: Route,
  begin: number,
  end: number,
): { step: Route["steps"][number]; from: number; isFirst: boolean }[] {
  const times = steps.map((step, n) => ({
    step,
    from: begin + step.afterMinutes * MINUTE_MS,
    isFirst: n === 0,
  }));
  const last = times.at(-1);
  if (last !== undefined && repeatMinutes !== null && repeatMinutes > 0) {
    for (let from = last.from + repeatMinutes * MINUTE_MS; from < end; ) {
      times.push({ step: last.step, from, isFirst: false });
      from += repeatMinutes * MINUTE_MS;
    }
  }
  return times.filter(({ from }) => from < end);
}

/** Slack and PagerDuty have one receiver each; mail and SMS go to whoever is in the role, each address once. */
function waysOf(
  policy: Pick<Policy, "roles">,
  roles: readonly string[],
  channels: readonly string[],
): Way[] {
  const ways = channels.flatMap((channel): Way[] => {
    if (channel === "slack" || channel === "pagerduty") return [{ channel, to: channel }];
    return roles.flatMap((role) => {
      const addresses: Record<string, string | undefined> = policy.roles[role]?.addresses ?? {};
      const to = addresses[channel];
      return to === undefined ? [] : [{ channel, to }];
    });
  });
  const seen = new Set<string>();
  return ways.filter(({ channel, to }) => {
    const key = `${channel} ${to}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
