import { TASK_CHANNELS } from "../recipients.js";
import type { Policy, Route, Step } from "../schema.js";
import { listed, type Path, type Say } from "./problem.js";

/** Who is told, by what and when: steps that reach nobody, or never come. */
export function checkRoutes(policy: Policy, say: Say): void {
  const used = new Set([
    ...Object.values(policy.severities).map(({ route }) => route),
    ...policy.rules.flatMap(({ route }) => route ?? []),
  ]);
  for (const [name, route] of Object.entries(policy.routes)) {
    const path = ["routes", name];
    if (!used.has(name)) say(path, "no severity and no rule uses it");
    checkDelivery(route, path, say);
    checkSteps(policy, route, path, say);
    const isInDigest = route.deliver === "digest" || route.inDigest;
    if (isInDigest && policy.digest === null) {
      const line = route.inDigest ? "inDigest" : "deliver";
      say([...path, line], "there is no digest: say when it is sent, under `digest`");
    }
  }
  if (policy.digest !== null) {
    checkRoles(policy, policy.digest.roles, ["digest", "roles"], say);
  }
}

function checkDelivery(route: Route, path: Path, say: Say): void {
  const { deliver, holdMinutes, withinMinutes, steps, repeatMinutes } = route;
  const tells = deliver === "immediate" || deliver === "delayed";
  if (tells && steps.length === 0) say([...path, "steps"], "it reaches nobody: it has no step");
  if (!tells && steps.length > 0) {
    say([...path, "steps"], `no step is ever taken: \`deliver\` is ${deliver}`);
  }
  if (deliver === "delayed" && holdMinutes === 0) {
    say([...path, "holdMinutes"], "what is delayed waits for some minutes; or it is immediate");
  }
  if (deliver !== "delayed" && holdMinutes > 0) {
    say([...path, "holdMinutes"], `only what is delayed waits; \`deliver\` is ${deliver}`);
  }
  if (withinMinutes !== null && holdMinutes > withinMinutes) {
    say(
      [...path, "holdMinutes"],
      `it waits ${holdMinutes} min, and is promised within ${withinMinutes}`,
    );
  }
  if (repeatMinutes === 0) say([...path, "repeatMinutes"], "it would be told without end at once");
  for (const [n, channel] of route.fallback.entries()) {
    const isInEach = steps.length > 0 && steps.every(({ channels }) => channels.includes(channel));
    if (isInEach || !tells) {
      say([...path, "fallback", n], `it is never used: no step goes without ${channel}`);
    }
  }
  if (repeatMinutes !== null && steps.length === 0) {
    say([...path, "repeatMinutes"], "there is no step to be taken again");
  }
  if (route.inDigest && deliver === "digest") {
    say([...path, "inDigest"], "it is told in the digest in any case");
  }
}

function checkSteps(policy: Policy, route: Route, path: Path, say: Say): void {
  for (const [n, step] of route.steps.entries()) {
    const at = [...path, "steps", n];
    checkRoles(policy, step.roles, [...at, "roles"], say);
    const before = route.steps[n - 1];
    if (n === 0 && step.afterMinutes !== 0) {
      say([...at, "afterMinutes"], "the first step is at 0; `holdMinutes` makes a route wait");
    }
    if (before !== undefined && step.afterMinutes <= before.afterMinutes) {
      say([...at, "afterMinutes"], `it is not after the step before, at ${before.afterMinutes}`);
    }
  }
}

/** Roles that the policy does not have. */
export function checkRoles(policy: Policy, roles: readonly string[], path: Path, say: Say): void {
  for (const [n, role] of roles.entries()) {
    if (!Object.hasOwn(policy.roles, role)) say([...path, n], `there is no role ${role}`);
  }
}

/** Channels on which each role has an address of its own; the others have one receiver. */
const PERSONAL = ["email", "sms"] as const;

/** Who is told, by which channels; what is said of it is said of its path. */
type Part = [Path, Pick<Step, "roles" | "channels">];

/**
 * Who cannot be reached in this deployment.
 *
 * @param channels those that the deployment can send by.
 */
export function checkReach(policy: Policy, channels: readonly string[], say: Say): void {
  const parts = [...stepParts(policy, channels), ...clockParts(policy, channels)];
  if (policy.digest !== null) parts.push([["digest"], policy.digest]);
  for (const [path, part] of parts) {
    const open = part.channels.filter((channel) => channels.includes(channel));
    if (open.length === 0) {
      say(
        [...path, "channels"],
        `it reaches nobody: this deployment cannot send by ${listed(part.channels)}`,
      );
    }
    for (const channel of PERSONAL.filter((each) => open.includes(each))) {
      for (const role of part.roles.filter((each) => Object.hasOwn(policy.roles, each))) {
        if (policy.roles[role]?.addresses[channel] === undefined) {
          say(path, `${role} has no address by ${channel}: set \`${role}.${channel}\``);
        }
      }
    }
  }
}

function stepParts({ routes }: Policy, channels: readonly string[]): Part[] {
  return Object.entries(routes).flatMap(([name, { steps, fallback }]) =>
    steps.map((step, n): Part => {
      return [["routes", name, "steps", n], orElse(step, fallback, channels)];
    }),
  );
}

/**
 * Executives, where none of their channels is open by the fallback of the incident's route, and who owes a task, which
 * goes by its own channels only.
 */
function clockParts({ clocks, routes, severities }: Policy, channels: readonly string[]): Part[] {
  return clocks.flatMap((clock, n) => {
    // What only some of its severities' routes have does not help an incident of the others.
    const [first = [], ...others] = clock.severities.map(
      (each) => routes[severities[each].route]?.fallback ?? [],
    );
    const fallback = first.filter((each) => others.every((other) => other.includes(each)));
    const parts = clock.tasks.map(({ role }, nth): Part => {
      return [["clocks", n, "tasks", nth], { roles: [role], channels: [...TASK_CHANNELS] }];
    });
    if (clock.tellExecutivesAfterMinutes !== null) {
      parts.push([["clocks", n, "executives"], orElse(clock.executives, fallback, channels)]);
    }
    return parts;
  });
}

function orElse(part: Part[1], fallback: Step["channels"], channels: readonly string[]): Part[1] {
  if (part.channels.some((channel) => channels.includes(channel))) return part;
  return { ...part, channels: [...new Set([...part.channels, ...fallback])] };
}
