/** The platforms whose rules are kept here; apart from the rules, because the edge reads the environment too. */
export const POLICY_NAMES = ["tbat", "ai-gurus", "brainbytes", "stamford", "runbook"] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

export function isPolicyName(name: unknown): name is PolicyName {
  return POLICY_NAMES.some((known) => known === name);
}
