import type { Policy, Threshold } from "../schema.js";
import { type Path, type Say, sayDoubles } from "./problem.js";

/** Thresholds that never fire, or never end; limits in the wrong order. */
export function checkMeasures(policy: Policy, say: Say): void {
  sayDoubles(policy.thresholds, ["thresholds"], "a threshold", say);
  for (const [n, threshold] of policy.thresholds.entries()) {
    checkThreshold(threshold, ["thresholds", n], say);
  }
  checkUptime(policy, say);
  const { warnPercent, criticalPercent, emergencyPercent } = policy.budgets;
  if (warnPercent >= criticalPercent) {
    say(["budgets", "warnPercent"], `it is not under criticalPercent, ${criticalPercent}`);
  }
  if (criticalPercent >= emergencyPercent) {
    say(["budgets", "criticalPercent"], `it is not under emergencyPercent, ${emergencyPercent}`);
  }
}

/** What is a share of a whole; the cost's share of its budget may be more than all of it. */
const SHARES: readonly string[] = [
  "error_rate_percent",
  "payment_success_percent",
  "database_connections_percent",
  "memory_percent",
  "cache_hits_percent",
];
/** 1 is well, 0 is not. */
const STATES: readonly string[] = ["database_up", "healthy"];

function checkThreshold(threshold: Threshold, path: Path, say: Say): void {
  const { metric, above, below, clear } = threshold;
  if (above !== undefined && below !== undefined) {
    say(path, "it has both `above` and `below`: one of them");
    return;
  }
  const limit = above ?? below;
  if (limit === undefined) {
    say(path, "it has neither `above` nor `below`, so it is never crossed");
    return;
  }
  if (above !== undefined && clear > above) {
    say([...path, "clear"], `it is over at ${clear}, where it is crossed still: not over ${above}`);
  }
  if (below !== undefined && clear < below) {
    say(
      [...path, "clear"],
      `it is over at ${clear}, where it is crossed still: not under ${below}`,
    );
  }
  const most = SHARES.includes(metric) ? 100 : STATES.includes(metric) ? 1 : null;
  if (most === null) return;
  const line = above === undefined ? "below" : "above";
  if ((above ?? 0) >= most) say([...path, line], `${metric} is never above ${limit}`);
  if (below !== undefined && below <= 0) say([...path, line], `${metric} is never below ${limit}`);
  if (below !== undefined && clear > most) say([...path, "clear"], `${metric} is never ${clear}`);
}

function checkUptime({ uptime }: Policy, say: Say): void {
  const { targetPercent, examTargetPercent, alertBelowPercent, criticalPercent } = uptime;
  const limits = { targetPercent, examTargetPercent, alertBelowPercent, criticalPercent };
  for (const [line, limit] of Object.entries(limits)) {
    if (limit !== null && limit > 100) say(["uptime", line], "uptime is never over 100 %");
  }
  if (alertBelowPercent !== null && alertBelowPercent > targetPercent) {
    say(["uptime", "alertBelowPercent"], `it is over the target, ${targetPercent}`);
  }
  if (criticalPercent !== null && criticalPercent > (alertBelowPercent ?? targetPercent)) {
    say(["uptime", "criticalPercent"], "it is over what it is worse than");
  }
  if (!uptime.showDays.includes(uptime.targetDays)) {
    say(["uptime", "showDays"], `the target's own ${uptime.targetDays} days are not shown`);
  }
}

/** How incidents begin, join and end. */
export function checkGrouping({ grouping, recovery, storm, deployments }: Policy, say: Say): void {
  if (grouping.flapMinutes > grouping.windowMinutes) {
    say(
      ["grouping", "flapMinutes"],
      `it is longer than the window of an incident, ${grouping.windowMinutes} min`,
    );
  }
  if (new Set(grouping.by).size < grouping.by.length) {
    say(["grouping", "by"], "one is named twice");
  }
  const { watchMinutes, checkEveryMinutes } = recovery;
  if (checkEveryMinutes === 0) say(["recovery", "checkEveryMinutes"], "it would look without end");
  if (watchMinutes > 0 && checkEveryMinutes > watchMinutes) {
    say(
      ["recovery", "watchMinutes"],
      `it watches for ${watchMinutes} min, and would look after ${checkEveryMinutes}`,
    );
  }
  if (storm.minutes === 0) say(["storm", "minutes"], "in no time nothing is a storm");
  if (deployments.forSeconds > 0 && deployments.everySeconds > deployments.forSeconds) {
    say(
      ["deployments", "everySeconds"],
      `it looks again for ${deployments.forSeconds} s, and would after ${deployments.everySeconds}`,
    );
  }
  if (deployments.checks.includes("smoke") && deployments.smokePaths.length === 0) {
    say(["deployments", "smokePaths"], "the smoke check has no path to ask");
  }
}

/** Whatever users read is there in each of the policy's languages. */
export function checkWords(policy: Policy, say: Say): void {
  const texts: [Path, Readonly<Record<string, string>>][] = [
    ...Object.entries(policy.messages).map(
      ([name, words]): [Path, Readonly<Record<string, string>>] => [["messages", name], words],
    ),
    ...policy.maintenance.map(({ title }, n): [Path, Readonly<Record<string, string>>] => [
      ["maintenance", n, "title"],
      title,
    ]),
  ];
  for (const [path, words] of texts) {
    for (const language of policy.languages) {
      if (!Object.hasOwn(words, language))
        say(path, `users read ${language}: it has no words in it`);
    }
  }
}
