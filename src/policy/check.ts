import { checkGrouping, checkMeasures, checkWords } from "./check/measures.js";
import type { Path, Problem, Say } from "./check/problem.js";
import { checkReach, checkRoutes } from "./check/routes.js";
import { checkRules, checkServices } from "./check/rules.js";
import { checkCalendar, checkClocks } from "./check/times.js";
import type { Policy } from "./schema.js";

/**
 * What is wrong with a policy that its schema cannot say: what reaches nobody, what is never reached, what
 * contradicts itself. All of it at once. Pure.
 *
 * @param channels those that a deployment can send by; then who of the policy has no address there is wrong too.
 */
export function checkPolicy(policy: Policy, channels?: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  const say: Say = (path: Path, message) => void problems.push({ path, message });
  checkRules(policy, say);
  checkServices(policy, say);
  checkRoutes(policy, say);
  checkClocks(policy, say);
  checkCalendar(policy, say);
  checkMeasures(policy, say);
  checkGrouping(policy, say);
  checkWords(policy, say);
  if (channels !== undefined) checkReach(policy, channels, say);
  return problems;
}
