import type { Deployment } from "../../domain/deployment.js";
import type { Ids } from "../../domain/ids.js";
import type { Log } from "../../domain/ports.js";
import type { Clock } from "../../domain/time.js";
import type { Policy } from "../../policy/schema.js";
import type { Database } from "../../store/database.js";
import type { RaiseOwnDeps } from "../raise-own.js";
import type { Relay } from "../relay-outbox.js";

/**
 * One GET of an address that a stranger may have chosen, bounded in time; redirects are answers. `failed` says in words
 * why there is no answer. Never rejects.
 */
export type Probe = (
  url: string,
) => Promise<{ kind: "answered"; status: number } | { kind: "failed"; why: string }>;

/** What a look at a service needs. */
export interface LookDeps {
  database: Database;
  policy: Policy;
  probe: Probe;
  /** Sends a test event to error tracking; null where none is configured. @throws Transient */
  postTest: ((marker: string) => Promise<void>) | null;
  /** Where a service answers in place of its deployments' own addresses; by its name, in lower case. */
  checkBaseUrls: ReadonlyMap<string, string>;
  /** A deployment without such an address is looked at under its own. Not on a developer's machine, which asks no stranger. */
  asksDeployments: boolean;
}

export interface DeploymentDeps extends LookDeps, RaiseOwnDeps {
  clock: Clock;
  ids: Ids;
  log: Log;
  relay: Relay;
  /** The status page has an address here. */
  hasStatusPage: boolean;
}

/** The names that a deployment is known by, the policy's own first. */
export const namesOf = (
  { name, project }: Pick<Deployment, "name" | "project">,
  service: string,
): string[] => [...new Set([service, name, project].map((each) => each.toLowerCase()))];
