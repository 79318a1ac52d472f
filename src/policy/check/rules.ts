import { SIGNAL_KINDS, SIGNAL_LEVELS } from "../../domain/facts.js";
import { compileAny } from "../pattern.js";
import type { Match, Policy } from "../schema.js";
import { type Lines, linesOf, patternCovers, takesWay, type Way, waysToMeet } from "./covers.js";
import { listed, type Path, pathText, type Say, sayDoubles } from "./problem.js";

/** What is told of uptime under the policy's limits bears these, as a threshold's would. */
export const UPTIME_THRESHOLDS = ["availability", "availability-critical"] as const;

/** Rules that no signal reaches, signals that no rule takes, and words that nothing answers to. */
export function checkRules(policy: Policy, say: Say): void {
  const { rules, routes, severities } = policy;
  const lines = rules.map(({ when }) => linesOf(when));
  sayDoubles(rules, ["rules"], "a rule", say);
  for (const [n, { route, when }] of rules.entries()) {
    if (route !== undefined && !Object.hasOwn(routes, route)) {
      say(["rules", n, "route"], `there is no route ${route}`);
    }
    const takers = takersOf(policy, lines, n);
    if (takers !== null) {
      say(["rules", n], `no signal reaches it: ${takers} what it would take`);
    }
    checkThresholdTags(policy, when, ["rules", n, "when", "tags", "threshold"], say);
  }
  for (const [name, { route }] of Object.entries(severities)) {
    if (!Object.hasOwn(routes, route)) {
      say(["severities", name, "route"], `there is no route ${route}`);
    }
  }
  checkUncaught(lines, say);
}

/** Which rules before the n-th take all that it would; null when something is left for it. */
function takersOf({ rules }: Policy, lines: readonly Lines[], n: number): string | null {
  const rule = rules[n];
  if (rule === undefined) return null;
  const takers = new Set<string>();
  for (const way of waysToMeet(rule.when)) {
    const taker = lines.findIndex((before, m) => m < n && takesWay(before, way));
    if (taker < 0) return null;
    takers.add(`${rules[taker]?.id} (${pathText(["rules", taker])})`);
  }
  return `${listed([...takers])} ${takers.size === 1 ? "takes" : "take"}`;
}

function checkThresholdTags({ thresholds }: Policy, when: Match, path: Path, say: Say): void {
  const known = [...thresholds.map(({ id }) => id), ...UPTIME_THRESHOLDS];
  for (const [n, wanted] of (when.tags?.threshold ?? []).entries()) {
    const matches = compileAny([wanted]);
    if (!known.some(matches)) say([...path, n], `there is no threshold ${wanted}`);
  }
}

/** What a signal of nothing but a kind and a level comes to: the rules must not need more of it. */
function checkUncaught(rules: readonly Lines[], say: Say): void {
  const kinds = SIGNAL_KINDS.map((kind) => ({
    kind,
    levels: SIGNAL_LEVELS.filter((level) => {
      const way: Way = {
        words: new Map([
          ["kind", kind],
          ["level", level],
        ]),
      };
      return !rules.some((rule) => takesWay(rule, way));
    }),
  })).filter(({ levels }) => levels.length > 0);
  if (kinds.length === 0) return;
  const left = kinds.map(({ kind, levels }) => `${kind} of level ${levels.join(", ")}`);
  say(["rules"], `no rule takes ${listed(left)}; let the last rule take all (\`when: {}\`)`);
}

/** One name must be one service. */
export function checkServices({ services }: Policy, say: Say): void {
  sayDoubles(services, ["services"], "a service", say);
  for (const [n, { names }] of services.entries()) {
    for (const [m, name] of names.entries()) {
      const before = services
        .slice(0, n)
        .find((other) => [other.id, ...other.names].some((wide) => patternCovers(wide, name)));
      if (before !== undefined) {
        say(["services", n, "names", m], `${name} is the service ${before.id} already`);
      }
    }
  }
}
