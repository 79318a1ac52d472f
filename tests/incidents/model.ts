import type { Severity } from "../../src/domain/severity.js";
import { MINUTE_MS } from "../../src/domain/time.js";
import { maintenanceAt } from "../../src/policy/calendar.js";
import type { Policy, Route } from "../../src/policy/schema.js";
import type { Tick } from "./world.js";

/** An incident as it was seen at a moment. */
export interface Seen {
  id: string;
  status: "open" | "acknowledged" | "resolved";
  service: string;
  severity: Severity;
  route: string;
  routings: number;
  routedAt: number;
  createdAt: number;
  reopenings: number;
  updatedAt: number;
}

/** A state, from the moment at which it was known to be so to the begin of the last look that saw it. */
export interface Stretch {
  state: Seen;
  from: Tick;
  to: Tick;
  fromAt: number;
  toAt: number;
}

/** What became of each incident, as somebody who looks again and again writes it down. */
export class Diary {
  readonly stretches = new Map<string, Stretch[]>();
  /** When a person's act on it was known to be written: sooner than the next look. */
  readonly #acted = new Map<string, Tick>();

  acted(incidentId: string, at: Tick): void {
    this.#acted.set(incidentId, at);
  }

  note(rows: readonly Seen[], looked: { began: Tick; ended: Tick; at: number }): void {
    const { began, ended, at } = looked;
    for (const state of rows) {
      const known = this.stretches.get(state.id) ?? [];
      this.stretches.set(state.id, known);
      const last = known.at(-1);
      if (last !== undefined && last.to > began) continue; // an older look that came later
      if (last !== undefined && isSame(last.state, state)) {
        last.to = began;
        last.toAt = at;
      } else {
        const acted = this.#acted.get(state.id) ?? 0;
        const from = acted > (last?.to ?? 0) && state.status !== "open" ? acted : ended;
        known.push({ state, from, to: began, fromAt: at, toAt: at });
      }
    }
  }
}

const isSame = (a: Seen, b: Seen): boolean =>
  (["status", "severity", "route", "routings", "routedAt", "reopenings"] as const).every(
    (field) => a[field] === b[field],
  );

export interface Wanted {
  step: string;
  at: number;
  /** Of a page: by which ways it is to go. */
  ways?: Way[];
}
interface Way {
  channel: string;
  recipient: string;
}

/** The route of a state, as the policy has it. */
export const routeIn = (policy: Policy, { route, severity }: Seen): Route => {
  const found = policy.routes[route] ?? policy.routes[policy.severities[severity].route];
  if (found === undefined) throw new Error(`no route ${route}`);
  return found;
};

/**
 * What a policy asks for of an incident in this state until a moment, told from its text: each step of the route by
 * its minutes after the one before, and the last one of what repeats. What falls into a maintenance comes at its end.
 */
export function wantedOf(state: Seen, policy: Policy, until: number, inStorm: boolean): Wanted[] {
  const route = routeIn(policy, state);
  if (route.deliver === "record" || route.deliver === "digest") return [];
  const awake = (at: number): number => maintenanceAt(policy, [], state.service, at)?.endsAt ?? at;
  const hold = route.deliver === "delayed" ? route.holdMinutes : 0;
  const wanted: Wanted[] = [];
  if (state.status === "open") {
    let at = awake(state.routedAt + Math.max(hold, inStorm ? 1 : 0) * MINUTE_MS);
    let minutes = 0;
    for (const [n, step] of route.steps.entries()) {
      at = awake(at + (step.afterMinutes - minutes) * MINUTE_MS);
      minutes = step.afterMinutes;
      wanted.push({ step: `page:${state.routings}:${n}`, at, ways: waysIn(policy, step) });
    }
    const last = route.steps.at(-1);
    const times = Math.floor((until - at) / ((route.repeatMinutes ?? 0) * MINUTE_MS));
    if (last !== undefined && route.repeatMinutes !== null && times >= 1) {
      wanted.push({
        step: `page:${state.routings}:${route.steps.length - 1}+${times}`,
        at: awake(at + times * route.repeatMinutes * MINUTE_MS),
        ways: waysIn(policy, last),
      });
    }
  }
  if (state.status !== "resolved") wanted.push(...promisedOf(state, policy, until, awake));
  return wanted.filter(({ at }) => at <= until);
}

function promisedOf(
  state: Seen,
  policy: Policy,
  until: number,
  awake: (at: number) => number,
): Wanted[] {
  const clocks = policy.clocks.find(({ severities }) => severities.includes(state.severity));
  if (clocks === undefined) return [];
  const since = awake(state.createdAt);
  const wanted: Wanted[] = [];
  if (clocks.tellExecutivesAfterMinutes !== null) {
    const at = awake(since + clocks.tellExecutivesAfterMinutes * MINUTE_MS);
    wanted.push({ step: "executives", at });
  }
  if (clocks.tellUsersWithinMinutes !== null) {
    // Two minutes ahead of the promise, so that it is kept.
    const first = awake(since + Math.max(0, clocks.tellUsersWithinMinutes - 2) * MINUTE_MS);
    const every = clocks.tellUsersEveryMinutes;
    const k = every === null ? 0 : Math.max(0, Math.floor((until - first) / (every * MINUTE_MS)));
    wanted.push({ step: `users:${k}`, at: awake(first + k * (every ?? 0) * MINUTE_MS) });
  }
  return wanted;
}

/** One receiver of a chat and of a pager; mail and text messages go to each role's own address. */
function waysIn(policy: Policy, { roles, channels }: Route["steps"][number]): Way[] {
  return channels.flatMap((channel): Way[] => {
    if (channel === "slack" || channel === "pagerduty") return [{ channel, recipient: channel }];
    const recipients = roles.flatMap((role) => policy.roles[role]?.addresses[channel] ?? []);
    return [...new Set(recipients)].map((recipient) => ({ channel, recipient }));
  });
}
