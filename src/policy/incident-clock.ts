import { type Incident, isEndedByUs } from "../domain/incident.js";
import { HOUR_MS, type Instant, MINUTE_MS } from "../domain/time.js";
import { clocksOf, routeOf } from "./route.js";
import type { Clocks, Policy, Route, Step } from "./schema.js";

/** What an incident's clock asks for. `at` is when it was to be done; it is done once, by `step`'s name. */
export type ClockStep = {
  /** Unique within the incident: `page:1:0` is the first step of its first routing. */
  step: string;
  at: Instant;
} & (
  | { does: "page"; roles: readonly string[]; channels: Step["channels"]; nth: number }
  | { does: "remind"; promise: string; withinMinutes: number }
  | {
      does: "executives";
      roles: readonly string[];
      channels: Step["channels"];
      afterMinutes: number;
    }
  | { does: "users" }
  | { does: "acknowledged" }
  | { does: "reopened" }
  | { does: "check"; minute: number; ofMinutes: number }
  | { does: "end" }
  | { does: "resolved" }
  | { does: "users_resolved" }
  | { does: "tasks" }
  | { does: "task_due"; task: string }
);

/** What the clock looks at. */
export interface ClockState {
  incident: Incident;
  /** The names of the steps that were taken. */
  taken: ReadonlySet<string>;
  /** What is owed after it, and not done. */
  openTasks: readonly { task: string; dueAt: Instant }[];
  /** The end of the maintenance that its service is in at a moment; null where it is in none. */
  quietEnd(at: Instant): Instant | null;
  /** A person has said something of it. */
  isAnswered: boolean;
  /** It is one of a storm: it waits for the others, to be told with them. */
  inStorm: boolean;
  now: Instant;
}

export interface ClockAnswer {
  /** In the order of their times. */
  due: ClockStep[];
  /** When the clock is to be looked at again; null when nothing more will come by itself. */
  next: Instant | null;
  /** What is due first then. */
  then: ClockStep | null;
}

/** Users are told before the promise runs out, not as it does: a queue and a mail service take their time. */
export const USERS_AHEAD_MS = 2 * MINUTE_MS;

/**
 * What is due of an incident, and when something more will be. Pure. Whenever it is asked (late, twice, by wake-ups
 * out of order), what was not taken is due; of what repeats, only the last: nobody needs eight updates at once.
 */
export function clockOf(state: ClockState, policy: Policy): ClockAnswer {
  const { now, taken } = state;
  const steps = stepsOf(state, policy).filter(({ step }) => !taken.has(step));
  const due = steps.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
  const [then = null] = steps.filter(({ at }) => at > now).sort((a, b) => a.at - b.at);
  return { due, next: then?.at ?? null, then };
}

/** Everything that the incident, as it is, asks for until the next thing that repeats. */
function stepsOf(state: ClockState, policy: Policy): ClockStep[] {
  const { incident } = state;
  const clocks = clocksOf(policy, incident.severity);
  const route = routeOf(policy, incident.route, incident.severity);
  if (incident.status === "resolved") return afterwards(state, clocks, policy);
  const steps = [...watching(state, policy)];
  if (route.deliver === "record" || route.deliver === "digest") return steps;
  const begin = beginOf(state, route);
  steps.push(...reopening(state, policy));
  if (incident.status === "open") steps.push(...pages(state, route, begin));
  else if (wasTold(state)) {
    const at = incident.acknowledgedAt ?? state.now;
    steps.push({ step: `acknowledged:${at}`, at: Math.min(at, state.now), does: "acknowledged" });
  }
  if (clocks !== undefined) steps.push(...promises(state, clocks, begin));
  return steps;
}

/**
 * Nobody is told inside a maintenance: what falls into one comes at its end, and what follows counts from there,
 * so that its end does not bring the whole ladder at once.
 */
const awake = ({ quietEnd }: ClockState, at: Instant): Instant => quietEnd(at) ?? at;

/** When people begin to hear of it: from its routing, after the hold. */
function beginOf(state: ClockState, route: Route): Instant {
  const hold = route.deliver === "delayed" ? route.holdMinutes * MINUTE_MS : 0;
  const gather = state.inStorm ? STORM_GATHERS_MS : 0;
  return awake(state, state.incident.routedAt + Math.max(hold, gather));
}

/** So long the first of a storm waits for those that come with it. */
const STORM_GATHERS_MS = MINUTE_MS;

/** Somebody was told of it, alone or with its storm; only then does anybody need to hear how it goes on. */
const wasTold = ({ taken }: ClockState): boolean =>
  [...taken].some((step) => /^(page:|storm:|executives$)/.test(step));

function pages(state: ClockState, route: Route, begin: Instant): ClockStep[] {
  const { incident, now } = state;
  let from = begin;
  let before = 0;
  const steps: ClockStep[] = route.steps.map(({ afterMinutes, roles, channels }, nth) => {
    from = awake(state, from + (afterMinutes - before) * MINUTE_MS);
    before = afterMinutes;
    const step = `page:${incident.routings}:${nth}`;
    return { step, at: from, does: "page", roles, channels, nth };
  });
  const last = route.steps.at(-1);
  if (last === undefined || route.repeatMinutes === null) return steps;
  const everyMs = route.repeatMinutes * MINUTE_MS;
  for (const k of latestOf(from, everyMs, now)) {
    steps.push({
      step: `page:${incident.routings}:${route.steps.length - 1}+${k}`,
      at: awake(state, from + k * everyMs),
      does: "page",
      roles: last.roles,
      channels: last.channels,
      nth: route.steps.length - 1 + k,
    });
  }
  return steps;
}

/** Of what comes at `from + k * everyMs`, from k = 1: the last that has come, and the next. */
function latestOf(from: Instant, everyMs: number, now: Instant): number[] {
  const k = Math.floor((now - from) / everyMs);
  return k >= 1 ? [k, k + 1] : [1];
}

/** What the platform promises while it lasts. */
function promises(state: ClockState, clocks: Clocks, begin: Instant): ClockStep[] {
  const { incident, isAnswered } = state;
  const steps: ClockStep[] = [];
  const remind = (promise: string, withinMinutes: number | null) => {
    if (withinMinutes === null) return;
    const at = awake(state, begin + withinMinutes * MINUTE_MS);
    const step = `${promise}:${incident.routings}`;
    steps.push({ step, at, does: "remind", promise, withinMinutes });
  };
  if (incident.status === "open") remind("acknowledge", clocks.acknowledgeWithinMinutes);
  if (!isAnswered && incident.status === "open") {
    remind("first_response", clocks.firstResponseWithinMinutes);
  }
  // The others count from its opening: a worse alert, or its coming back, gives nobody more time.
  const since = awake(state, incident.createdAt);
  if (clocks.tellExecutivesAfterMinutes !== null) {
    const afterMinutes = clocks.tellExecutivesAfterMinutes;
    const at = awake(state, since + afterMinutes * MINUTE_MS);
    steps.push({ step: "executives", at, does: "executives", ...clocks.executives, afterMinutes });
  }
  if (clocks.tellUsersWithinMinutes !== null && !incident.aside) {
    const withinMs = clocks.tellUsersWithinMinutes * MINUTE_MS;
    const first = since + Math.max(0, withinMs - USERS_AHEAD_MS);
    steps.push(...usersFrom(awake(state, first), clocks.tellUsersEveryMinutes, state));
  }
  return steps;
}

function usersFrom(first: Instant, everyMinutes: number | null, state: ClockState): ClockStep[] {
  const told = (k: number, at: Instant): ClockStep => ({
    step: `users:${k}`,
    at: awake(state, at),
    does: "users",
  });
  if (everyMinutes === null) return [told(0, first)];
  const everyMs = everyMinutes * MINUTE_MS;
  const k = Math.floor((state.now - first) / everyMs);
  const wanted = k >= 0 ? [k, k + 1] : [0];
  return wanted.map((n) => told(n, first + n * everyMs));
}

/**
 * Once for so long: what flaps is told as often as its window ends, not each time. Where its route began anew,
 * that tells it.
 */
function reopening(state: ClockState, policy: Policy): ClockStep[] {
  const { reopenedAt: at, routedAt } = state.incident;
  if (at === null || routedAt >= at || !wasTold(state)) return [];
  const windowMs = Math.max(MINUTE_MS, policy.grouping.flapMinutes * MINUTE_MS);
  const step = `reopened:${Math.floor(at / windowMs)}`;
  return [{ step, at: awake(state, at), does: "reopened" }];
}

/** None of its alerts is open any more: looked at for as long as the policy asks, and then it ends. */
function watching({ incident, now }: ClockState, policy: Policy): ClockStep[] {
  const { greenSince } = incident;
  if (greenSince === null) return [];
  const { watchMinutes, checkEveryMinutes } = policy.recovery;
  // Its source says since when, by a clock of its own; we have watched since we know.
  const since = Math.max(
    Math.min(greenSince, incident.updatedAt),
    incident.createdAt,
    incident.reopenedAt ?? 0,
  );
  // A late word may make it green since a moment by which it had ended once before.
  const green = `${incident.reopenings}:${greenSince}`;
  const end: ClockStep = {
    step: `end:${green}`,
    at: since + watchMinutes * MINUTE_MS,
    does: "end",
  };
  if (checkEveryMinutes === 0) return [end];
  const everyMs = checkEveryMinutes * MINUTE_MS;
  const checks = latestOf(since, everyMs, now)
    .map((k): ClockStep => {
      const minute = k * checkEveryMinutes;
      const at = since + k * everyMs;
      return {
        step: `check:${green}:${k}`,
        at,
        does: "check",
        minute,
        ofMinutes: watchMinutes,
      };
    })
    .filter(({ at }) => at <= end.at);
  return [...checks, end];
}

/** What is owed once it is over. */
function afterwards(state: ClockState, clocks: Clocks | undefined, policy: Policy): ClockStep[] {
  const { incident, taken, openTasks } = state;
  // A source's clock may be ahead of ours: what has ended for us has ended.
  const endedAt = Math.min(incident.resolvedAt ?? incident.updatedAt, incident.updatedAt);
  const steps: ClockStep[] = [];
  const nth = incident.reopenings;
  if (wasTold(state)) {
    const at = endedAt + flapWaitOf(incident, policy);
    steps.push({ step: `resolved:${nth}`, at, does: "resolved" });
  }
  // Of a storm it may be the last one that is over, and users were told of another.
  if ([...taken].some((step) => /^(users|storm):/.test(step))) {
    // Users hear that it is over when it is no flap, within what the platform promises.
    const withinMs =
      (clocks?.resolutionNoticeWithinMinutes ?? Number.POSITIVE_INFINITY) * MINUTE_MS;
    const waitMs = Math.min(
      policy.grouping.flapMinutes * MINUTE_MS,
      Math.max(0, withinMs - USERS_AHEAD_MS),
    );
    steps.push({ step: `users_resolved:${nth}`, at: endedAt + waitMs, does: "users_resolved" });
  }
  if (clocks === undefined) return steps;
  if (clocks.tasks.length > 0) {
    steps.push({ step: "tasks", at: endedAt, does: "tasks" });
  }
  for (const { task, dueAt } of openTasks) {
    steps.push({ step: `task_due:${task}`, at: dueAt, does: "task_due", task });
  }
  return steps;
}

/**
 * Its first end is told at once, and so is a person's word. What has come back once may do so again: its further
 * ends are told when they last, or whoever is on call hears of each beat.
 */
function flapWaitOf(incident: Incident, { grouping, recovery }: Policy): number {
  if (incident.reopenings === 0 || isEndedByUs(incident)) return 0;
  return Math.max(0, grouping.flapMinutes - recovery.watchMinutes) * MINUTE_MS;
}

/** When a task is due, from the incident's end. */
export const taskDueAt = (
  endedAt: Instant,
  { dueAfterHours }: { dueAfterHours: number },
): Instant => endedAt + dueAfterHours * HOUR_MS;
