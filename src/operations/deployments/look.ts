import { describeError } from "../../domain/describe-error.js";
import type { Instant } from "../../domain/time.js";
import type { Policy } from "../../policy/schema.js";
import { load, read } from "../../store/load.js";
import type { LookDeps } from "./deps.js";

export type CheckName = Policy["deployments"]["checks"][number];

/** What one check found. Where nothing was looked at it is neither good nor bad. */
export interface Finding {
  check: CheckName;
  outcome: "passed" | "failed" | "not_checked";
  /** For people: `/api/health answers 503`. */
  why: string;
}

export interface Looked {
  /** The address that its paths are looked for at; null where none is known. */
  baseUrl: string | null;
  /** Canonical. */
  service: string;
  /** When what is looked at began to serve. */
  since: Instant;
  /** Names this look and those that follow it, for the test event; null where none is to be sent. */
  marker: string | null;
}

/** Does all of the checks at once, each for itself. */
export async function lookAt(
  checks: readonly CheckName[],
  looked: Looked,
  deps: LookDeps,
): Promise<Finding[]> {
  return Promise.all(
    checks.map(async (check) => ({ check, ...(await CHECKS[check](looked, deps)) })),
  );
}

type Check = (looked: Looked, deps: LookDeps) => Promise<Omit<Finding, "check">>;

const passed = (why: string) => ({ outcome: "passed" as const, why });
const failed = (why: string) => ({ outcome: "failed" as const, why });
const notChecked = (why: string) => ({ outcome: "not_checked" as const, why });

const CHECKS: Readonly<Record<CheckName, Check>> = {
  health: ({ baseUrl }, deps) => answers(baseUrl, [deps.policy.deployments.healthPath], 300, deps),
  smoke: ({ baseUrl }, deps) => answers(baseUrl, deps.policy.deployments.smokePaths, 400, deps),
  error_tracking: errorTracking,
  monitor,
};

/** @param below the first status that is no good answer. */
async function answers(
  baseUrl: string | null,
  paths: readonly string[],
  below: number,
  { probe, asksDeployments }: LookDeps,
): Promise<Omit<Finding, "check">> {
  if (baseUrl === null) return notChecked(whyUnasked(asksDeployments));
  if (paths.length === 0) return notChecked("the policy names no path");
  const found = await Promise.all(
    paths.map(async (path) => {
      const answer = await probe(new URL(path, baseUrl).href);
      if (answer.kind === "failed") return `${path} ${answer.why}`;
      return answer.status < below ? null : `${path} answers ${answer.status}`;
    }),
  );
  const bad = found.filter((each) => each !== null);
  return bad.length > 0 ? failed(bad.join(", ")) : passed(`${paths.join(", ")} answered`);
}

/** Why no address was asked. */
const whyUnasked = (asksDeployments: boolean): string =>
  asksDeployments
    ? "no address of it is known, by CHECK_BASE_URLS or by a deployment"
    : "on a developer's machine only CHECK_BASE_URLS are asked, and it is not among them";

/**
 * An event of ours must come back by the service and our own door. Sent again while it has not, because the service
 * may have lost it; it counts the same one twice and tells of it once.
 */
async function errorTracking(
  { marker }: Looked,
  { database, postTest }: LookDeps,
): Promise<Omit<Finding, "check">> {
  if (postTest === null || marker === null) return notChecked("CHECK_SENTRY_DSN is not set");
  const { arrived } = await load(database, {
    arrived: read("auditEntry", "t.subject = ? AND t.action = 'test_event.arrived'", [marker], {
      limit: 1,
    }),
  });
  if (arrived.length > 0) return passed("a test event came back");
  try {
    await postTest(marker);
    return failed("a test event has not come back");
  } catch (error) {
    return failed(`a test event was not taken: ${describeError(error)}`);
  }
}

/** No monitor of the service says that it is down; one that never said anything may not be there. */
async function monitor(
  { service }: Looked,
  { database }: LookDeps,
): Promise<Omit<Finding, "check">> {
  const ofIt = "t.kind = 'uptime' AND t.incident_id IS NOT NULL AND lower(t.service) = ?";
  const name = service.toLowerCase();
  const { open, ever } = await load(database, {
    open: read("alert", `${ofIt} AND t.status <> 'resolved'`, [name], {
      orderBy: "t.opened_at",
      limit: 1,
    }),
    ever: read("alert", ofIt, [name], { limit: 1 }),
  });
  const alert = open[0];
  if (alert !== undefined) return failed(`"${alert.title}" is open`);
  return ever.length > 0
    ? passed("its monitors are green")
    : notChecked("no monitor of it has said anything so far");
}
