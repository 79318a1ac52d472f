import type { DeploymentDeps } from "../deployments/deps.js";

/** A maintenance is verified by the looks that a deployment gets. */
export type MaintenanceDeps = DeploymentDeps;
