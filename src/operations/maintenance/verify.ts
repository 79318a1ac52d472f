import type { Maintenance } from "../../domain/incident.js";
import { canonicalService } from "../../policy/route.js";
import { load, read } from "../../store/load.js";
import { namesOf } from "../deployments/deps.js";
import { type CheckName, type Finding, lookAt } from "../deployments/look.js";
import type { MaintenanceDeps } from "./deps.js";

/** What one look at all of a maintenance's services found. */
export interface Verified {
  /** Looked at, and well. */
  good: boolean;
  /** False where nothing was looked at, or not all that it names: then a person has to say how it ended. */
  isChecked: boolean;
  /** For people: `web: /api/health answers 503`. */
  outcome: string;
}

interface Address {
  service: string;
  baseUrl: string | null;
}

/** More services than a platform has; each is asked for every path. */
const ADDRESSES_MAX = 20;
const LOOKED_FOR: readonly CheckName[] = ["health", "smoke"];

/** Looks whether the services answer as they must after a deployment. */
export async function verifyServices(row: Maintenance, deps: MaintenanceDeps): Promise<Verified> {
  const wanted = LOOKED_FOR.filter(
    (check) => check === "health" || deps.policy.deployments.checks.includes(check),
  );
  const addresses = await addressesOf(row, deps);
  const since = row.begunAt ?? row.startsAt;
  const looked = await Promise.all(
    addresses.map(async ({ service, baseUrl }) => {
      const findings = await lookAt(wanted, { service, baseUrl, since, marker: null }, deps);
      return findings.map((finding) => ({ service, ...finding }));
    }),
  );
  return verdictOf(row, looked.flat());
}

function verdictOf(
  { services }: Maintenance,
  findings: readonly (Finding & { service: string })[],
): Verified {
  const bad = findings.filter(({ outcome }) => outcome === "failed");
  const seen = new Set(
    findings.filter(({ outcome }) => outcome !== "not_checked").map(({ service }) => service),
  );
  const unseen = findings.filter(({ service }) => !seen.has(service));
  // Of all services: what is not to be asked keeps none from being well that was.
  const isChecked = seen.size > 0 && (services.length === 0 || unseen.length === 0);
  const told = bad.length > 0 ? bad : isChecked ? findings : unseen;
  const found = [...new Set(told.map(({ service, why }) => `${service}: ${why}`))].join("; ");
  if (bad.length > 0 || isChecked) {
    return { good: bad.length === 0, isChecked: true, outcome: found };
  }
  const outcome = `not_checked: ${found || "no address is known to look at"}`;
  return { good: false, isChecked: false, outcome };
}

/** Where they answer: as it is set, else where their last good deployment to production is. */
async function addressesOf(row: Maintenance, deps: MaintenanceDeps): Promise<Address[]> {
  const { checkBaseUrls, policy, database, asksDeployments } = deps;
  const set = [...checkBaseUrls].map(([name, baseUrl]) => ({
    service: canonicalService(policy, name),
    baseUrl,
  }));
  const { deployed } = await load(database, {
    deployed: read(
      "deployment",
      `t.target = 'production' AND NOT t.ours AND t.state IN ('succeeded', 'promoted') AND NOT EXISTS (
        SELECT 1 FROM deployment d WHERE d.source = t.source AND d.project = t.project AND d.target = t.target
        AND d.state IN ('succeeded', 'promoted') AND d.state_as_of > t.state_as_of)`,
      [],
      { orderBy: "t.name, t.id", limit: ADDRESSES_MAX },
    ),
  });
  const found = deployed.map((each) => {
    const service = canonicalService(policy, each.name);
    const own = namesOf(each, service).some((name) => checkBaseUrls.has(name));
    return own ? null : { service, baseUrl: asksDeployments ? each.url : null };
  });
  const all = [...set, ...found.filter((each) => each !== null)];
  if (row.services.length === 0) return all.slice(0, ADDRESSES_MAX);
  return row.services.map((name) => {
    const service = canonicalService(policy, name);
    const known = all.find((each) => each.service.toLowerCase() === service.toLowerCase());
    return known ?? { service, baseUrl: null };
  });
}
