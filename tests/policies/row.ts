import type { PolicyName } from "../../src/policy/names.js";
import type { Policy } from "../../src/policy/schema.js";

/** One requirement of a platform, with its numbers, and what the policy makes of it. */
export interface Row {
  requirement: string;
  expected: string;
  /** What the platform's policy does; where there is behaviour, by running it. */
  got(policy: Policy): string;
}

export interface Outcome extends Row {
  preset: PolicyName;
  found: string;
  isEqual: boolean;
}

export const row = (requirement: string, expected: string, got: Row["got"]): Row => ({
  requirement,
  expected,
  got,
});

/** What the policy does with each row; one that throws differs from what is expected. */
export function outcomesOf(preset: PolicyName, rows: readonly Row[], policy: Policy): Outcome[] {
  return rows.map((each) => {
    const found = attempt(() => each.got(policy));
    return { ...each, preset, found, isEqual: found === each.expected };
  });
}

/** The first row that the policy does not meet. */
export function differing(rows: readonly Row[], policy: Policy): Row | undefined {
  return rows.find((each) => attempt(() => each.got(policy)) !== each.expected);
}

function attempt(work: () => string): string {
  try {
    return work();
  } catch (error) {
    return `threw: ${error instanceof Error ? error.message : String(error)}`;
  }
}
