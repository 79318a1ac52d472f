import type { Deployment, DeploymentState } from "../domain/deployment.js";
import type { Instant } from "../domain/time.js";
import { type Approval, approvalAt } from "./calendar.js";
import type { Policy } from "./schema.js";

type Deployed = Pick<Deployment, "target" | "ours" | "state">;

/** In these it serves, or is about to. */
const GOOD: readonly DeploymentState[] = ["succeeded", "promoted"];
const ON_ITS_WAY: readonly DeploymentState[] = ["created", ...GOOD];

/** What reaches users. Our own project's is left alone: looking at ourselves would follow from looking at ourselves. */
const isOfUsers = ({ target, ours }: Deployed): boolean => target === "production" && !ours;

/** True for what the policy wants to be looked at after it went to production. */
export function isToBeChecked({ deployments }: Policy, deployed: Deployed): boolean {
  return isOfUsers(deployed) && GOOD.includes(deployed.state) && deployments.checks.length > 0;
}

/**
 * The approval that a deployment wants at this moment; null outside of lockdowns and exams, and for one that says
 * in its commit that it is an emergency.
 */
export function approvalWanted(
  policy: Policy,
  deployed: Deployed & Pick<Deployment, "labels">,
  at: Instant,
): Approval | null {
  if (!isOfUsers(deployed) || !ON_ITS_WAY.includes(deployed.state)) return null;
  return emergencyOf(policy, deployed) === null ? approvalAt(policy, at) : null;
}

/** The label by which a deployment goes through a lockdown. */
export function emergencyOf(
  { lockdown }: Policy,
  { labels }: Pick<Deployment, "labels">,
): string | null {
  const allowed = lockdown.emergencyLabels.map((label) => label.toLowerCase());
  return labels.find((label) => allowed.includes(label.toLowerCase())) ?? null;
}
