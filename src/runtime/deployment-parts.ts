import type { DeploymentOperations } from "../admin/deployment-checks.js";
import type { MaintenanceOperations } from "../admin/maintenance.js";
import type { Post } from "../domain/ports.js";
import { postTestEvent } from "../gateways/sentry/test-event.js";
import { checkDeployment } from "../operations/deployments/check.js";
import type { DeploymentDeps } from "../operations/deployments/deps.js";
import { tellOfLockdown } from "../operations/deployments/lockdown.js";
import { recheckDeployment } from "../operations/deployments/recheck.js";
import {
  beginMaintenance,
  cancelMaintenance,
  completeMaintenance,
  failMaintenance,
  scheduleMaintenance,
  verifyMaintenance,
} from "../operations/maintenance/act.js";
import { listMaintenances, unheardServices } from "../operations/maintenance/rows.js";
import type { TimerDeps, WokenBy } from "../operations/run-timer.js";
import type { NodeConfig } from "./node-config.js";
import { createProbe } from "./probe.js";

type Timers = Pick<TimerDeps, "checkDeployment" | "tellOfLockdown">;

/** What looks after deployments and maintenances, with its own way out to strangers' addresses. */
export function deploymentParts(
  config: Pick<NodeConfig, "checks" | "public">,
  given: Omit<DeploymentDeps, "probe" | "postTest" | "checkBaseUrls" | "asksDeployments"> & {
    post: Post;
  },
): Timers & { looks: DeploymentDeps; closeProbe(): Promise<void> } {
  const { sentryDsn, baseUrls } = config.checks;
  const { probe, close } = createProbe({ onlyPublic: config.public });
  const looks: DeploymentDeps = {
    ...given,
    probe,
    checkBaseUrls: baseUrls,
    asksDeployments: config.public,
    postTest:
      sentryDsn === undefined ? null : (marker) => postTestEvent(marker, sentryDsn, given.post),
  };
  return {
    looks,
    checkDeployment: (timer, by: WokenBy) => checkDeployment(timer, looks, by),
    tellOfLockdown: (timer, by: WokenBy) => tellOfLockdown(timer, looks, by),
    closeProbe: close,
  };
}

/** What a person may do about deployments and maintenances. */
export const maintenanceOperations = (
  deps: DeploymentDeps,
): MaintenanceOperations & DeploymentOperations => ({
  recheckDeployment: (request) => recheckDeployment(request, deps),
  listMaintenances: (days) => listMaintenances(days, deps),
  scheduleMaintenance: async (request) => {
    // Asked first: what fails once it is appointed would have it appointed again.
    const unheard = await unheardServices(request, deps);
    return { maintenance: await scheduleMaintenance(request, deps), unheard };
  },
  beginMaintenance: (act) => beginMaintenance(act, deps),
  verifyMaintenance: (act) => verifyMaintenance(act, deps),
  completeMaintenance: (act) => completeMaintenance(act, deps),
  failMaintenance: (act) => failMaintenance(act, deps),
  cancelMaintenance: (act) => cancelMaintenance(act, deps),
});
