import type { Instant } from "./time.js";

export const DEPLOYMENT_STATES = [
  "created",
  "ready",
  "succeeded",
  "failed",
  "canceled",
  "promoted",
] as const;
export type DeploymentState = (typeof DEPLOYMENT_STATES)[number];

/** What the checks after a deployment have said in the end. */
export const CHECKED = ["passed", "failed", "not_checked"] as const;
export type Checked = (typeof CHECKED)[number];

export interface Deployment {
  id: string;
  source: string;
  externalId: string;
  project: string;
  name: string;
  target: string;
  state: DeploymentState;
  stateAsOf: Instant;
  url: string | null;
  commit: string | null;
  labels: readonly string[];
  /** True when it is of this very deployment's own project: nothing is concluded from it, or we would watch ourselves. */
  ours: boolean;
  /** Null until they are over. One that failed them is nothing to go back to. */
  checked: Checked | null;
  createdAt: Instant;
  updatedAt: Instant;
  version: number;
}

/** Where deployments go, and when the last good one went there. */
export interface DeploymentTarget {
  id: string;
  source: string;
  project: string;
  target: string;
  lastGoodAt: Instant | null;
  updatedAt: Instant;
  version: number;
}

const COMMIT_CHARS = 8;

/** As people write a commit; null where none is known. */
export const shortCommit = ({ commit }: Pick<Deployment, "commit">): string | null =>
  commit?.slice(0, COMMIT_CHARS) ?? null;

/**
 * Where to go back to, of good deployments, the newest first: one that did not fail its own checks. Where all have, the
 * checks are what is wrong, and it is the newest.
 */
export const goBackTo = <D extends Pick<Deployment, "checked">>(
  deployments: readonly D[],
): D | undefined => deployments.find(({ checked }) => checked !== "failed") ?? deployments[0];

/** How far a deployment has come; where two words are of one moment, the farther one holds. */
export function stageOf(state: DeploymentState): number {
  return DEPLOYMENT_STATES.indexOf(state);
}

/** True when the word replaces what is kept: it is later, or as late and farther on. */
export function deploymentMoves(
  before: Pick<Deployment, "state" | "stateAsOf">,
  state: DeploymentState,
  asOf: Instant,
): boolean {
  if (asOf !== before.stateAsOf) return asOf > before.stateAsOf;
  return stageOf(state) > stageOf(before.state);
}
