import { type Checked, type Deployment, goBackTo, shortCommit } from "../../domain/deployment.js";
import { Permanent } from "../../domain/errors.js";
import type { Alert } from "../../domain/incident.js";
import type { TemplateData } from "../../domain/notice-templates.js";
import type { TimerRow } from "../../domain/outbox.js";
import { type NoticeRequest, PlanBuilder } from "../../domain/plan.js";
import { SECOND_MS } from "../../domain/time.js";
import { isToBeChecked } from "../../policy/deployments.js";
import { languageOnCall } from "../../policy/recipients.js";
import { canonicalService } from "../../policy/route.js";
import { load, read } from "../../store/load.js";
import { applyIfStill } from "../../store/until-still.js";
import { raiseOwn } from "../raise-own.js";
import type { WokenBy } from "../run-timer.js";
import { type DeploymentDeps, namesOf } from "./deps.js";
import { type Finding, type Looked, lookAt } from "./look.js";

const ACTOR = "system:deployments";

interface CheckRows {
  deployment: Deployment;
  /** A good one that went to the same place later: what serves is not ours to judge any more. */
  later: Deployment[];
  /** The good ones before it, the newest first. */
  before: Deployment[];
  /** What earlier checks of the same place found, and is not over. */
  open: Alert[];
}

/** So far back is looked for one that did not fail its own checks. */
const BEFORE_MAX = 10;

/** The one trouble of a check at a place: the next deployment's good check of the same ends it. */
const groupOf = ({ source, project, target }: Deployment, check: string): string =>
  `deployment-check:${source}:${project}:${target}:${check}`;

/**
 * Looks at a deployment: all is well, or it is looked at again until the policy's time is over, or people are told. Where
 * no check could look at anything it is neither well nor not.
 * A timer that comes late, or twice, does nothing twice: what is told has the timer's own time, and the timer moves
 * with what was decided.
 *
 * @throws Permanent `not_found` when the deployment is kept no more; Transient.
 */
export async function checkDeployment(
  timer: TimerRow,
  deps: DeploymentDeps,
  by: WokenBy = {},
): Promise<void> {
  const rows = await loadDeployment(timer.subject, deps);
  const { deployment } = rows;
  if (rows.later.length > 0 || !isToBeChecked(deps.policy, deployment)) {
    const why = rows.later.length > 0 ? "a later deployment serves" : "it is not in production";
    const plan = conclude(timer, deps, by);
    await write(plan.audit("deployment.check_ended", timer.subject, { why }), deps);
    return;
  }
  const looked = lookedOf(timer, deployment, deps);
  const findings = await lookAt(deps.policy.deployments.checks, looked, deps);
  const bad = findings.filter(({ outcome }) => outcome === "failed");
  const fields = { deployment: deployment.id, service: looked.service, failed: bad.length };
  deps.log.info("deployment.looked_at", fields);
  if (findings.every(({ outcome }) => outcome === "not_checked")) {
    await found("not_checked", rows, timer, findings, deps, by);
  } else if (bad.length === 0) {
    await resolveEarlier(rows, findings, looked, deps);
    await found("passed", rows, timer, findings, deps, by);
  } else if (isLastLook(timer, deps)) {
    for (const finding of bad) await raise(finding, timer, rows, looked, deps);
    await found("failed", rows, timer, findings, deps, by);
  } else await lookAgain(timer, deps, by);
}

/** As the index has it, `deployment_place_idx`. */
const placeOf = (alias: string): string =>
  `(${alias}.source || ' ' || ${alias}.project || ' ' || ${alias}.target)`;

async function loadDeployment(
  id: string,
  { database, policy }: DeploymentDeps,
): Promise<CheckRows> {
  const samePlace = `JOIN deployment d ON d.id = ? AND ${placeOf("t")} = ${placeOf("d")}
    AND t.id <> d.id AND t.state IN ('succeeded', 'promoted')`;
  // A read's parameters come in the order of its text, in which the join is before the condition.
  const { deployment, later, before } = await load(database, {
    deployment: read("deployment", "t.id = ?", [id]),
    later: read("deployment", "t.state_as_of > d.state_as_of", [id], { join: samePlace, limit: 1 }),
    before: read("deployment", "t.state_as_of <= d.state_as_of", [id], {
      join: samePlace,
      orderBy: "t.state_as_of DESC",
      limit: BEFORE_MAX,
    }),
  });
  const found = deployment[0];
  if (found === undefined) throw new Permanent("not_found", { detail: `no deployment ${id}` });
  const groups = policy.deployments.checks.map((check) => groupOf(found, check));
  const { open } = await load(database, {
    open: read(
      "alert",
      "t.status <> 'resolved' AND t.group_key = ANY (string_to_array(?, E'\\n'))",
      [groups.join("\n")],
    ),
  });
  return { deployment: found, later, before, open };
}

function lookedOf(timer: TimerRow, deployment: Deployment, deps: DeploymentDeps): Looked {
  const service = canonicalService(deps.policy, deployment.name);
  const known = namesOf(deployment, service).map((name) => deps.checkBaseUrls.get(name));
  return {
    service,
    since: deployment.stateAsOf,
    baseUrl:
      known.find((url) => url !== undefined) ?? (deps.asksDeployments ? deployment.url : null),
    // Wound anew, as for a promotion, it is another check and wants an event of its own.
    marker: `${deployment.id}-${timer.createdAt.toString(36)}`,
  };
}

/** When the policy's time is over, by the clock of its beginning. */
function endsAt({ createdAt }: TimerRow, { policy }: DeploymentDeps): number {
  const { afterSeconds, forSeconds } = policy.deployments;
  return createdAt + (afterSeconds + forSeconds) * SECOND_MS;
}

/** By the time that the look was wanted for: one that comes late is not the last because of that. */
const isLastLook = (timer: TimerRow, deps: DeploymentDeps): boolean =>
  timer.dueAt >= endsAt(timer, deps);

async function raise(
  { check, why }: Finding,
  timer: TimerRow,
  { deployment, before }: CheckRows,
  { service }: Looked,
  deps: DeploymentDeps,
): Promise<void> {
  const back = goBackTo(before);
  const tags = {
    check,
    deployment: deployment.externalId,
    ...(back === undefined ? {} : { rollback_to: back.externalId }),
  };
  const { forSeconds } = deps.policy.deployments;
  await raiseOwn(
    {
      kind: "raised",
      at: timer.dueAt,
      groupKey: groupOf(deployment, check),
      signalKind: "deployment",
      level: "error",
      title: `${service} is not well ${forSeconds} s after its deployment to production: ${why}`,
      service: deployment.name,
      environment: deployment.target,
      url: deployment.url,
      tags,
    },
    deps,
  );
}

/** What an earlier deployment to the same place failed is over with this one, where that was looked at. */
async function resolveEarlier(
  { deployment, open }: CheckRows,
  findings: readonly Finding[],
  { service }: Looked,
  deps: DeploymentDeps,
) {
  const good = findings.filter(({ outcome }) => outcome === "passed");
  const groups = new Set(good.map(({ check }) => groupOf(deployment, check)));
  for (const alert of open.filter(({ groupKey }) => groups.has(groupKey))) {
    await raiseOwn(
      {
        kind: "resolved",
        // Not before its beginning, which may have been told in the same minute.
        at: Math.max(deps.clock.now(), alert.openedAt),
        groupKey: alert.groupKey,
        signalKind: "deployment",
        level: "info",
        title: `${service} is well after its deployment to production`,
        service: deployment.name,
        environment: deployment.target,
        url: deployment.url,
        tags: {},
      },
      deps,
    );
  }
}

/** The status page hears of what went well, where the platform wants that; of each promotion anew. */
function pageNotice(
  timer: TimerRow,
  deployment: Deployment,
  { policy, hasStatusPage }: DeploymentDeps,
): NoticeRequest | null {
  const { id, externalId, name, target, url, stateAsOf } = deployment;
  if (!hasStatusPage || !policy.deployments.tellStatusPage) return null;
  return {
    channel: "status_page",
    template: "deployment-finished",
    cause: `deployment:${id} finished ${timer.createdAt}`,
    recipient: "status_page",
    locale: languageOnCall(policy),
    data: {
      deploymentId: id,
      // For users: what it is of, by its name, and the version as people write it.
      deployment: shortCommit(deployment) ?? externalId,
      ...{ project: name, target, url },
      finishedAt: stateAsOf,
      timeZone: policy.timeZone,
    } satisfies TemplateData["deployment-finished"],
  };
}

const detailsOf = (findings: readonly Finding[]): Record<string, string> =>
  Object.fromEntries(findings.map(({ check, outcome, why }) => [check, `${outcome}: ${why}`]));

const ACTIONS: Record<Checked, string> = {
  passed: "deployment.check_passed",
  failed: "deployment.check_failed",
  not_checked: "deployment.not_checked",
};

/** A monitor may have been red before it came: that alone says nothing of what the deployment is. */
const isItsOwn = (checked: Checked, findings: readonly Finding[]): boolean =>
  checked !== "failed" ||
  findings.some(({ check, outcome }) => outcome === "failed" && check !== "monitor");

async function found(
  checked: Checked,
  { deployment }: CheckRows,
  timer: TimerRow,
  findings: readonly Finding[],
  deps: DeploymentDeps,
  by: WokenBy,
): Promise<void> {
  const plan = conclude(timer, deps, by);
  plan.audit(ACTIONS[checked], deployment.id, detailsOf(findings));
  if (isItsOwn(checked, findings)) {
    plan.update("deployment", deployment, { checked, updatedAt: deps.clock.now() });
  } else plan.expect("deployment", deployment);
  const notice = checked === "passed" ? pageNotice(timer, deployment, deps) : null;
  if (notice !== null) plan.notify(notice);
  await write(plan, deps);
}

const conclude = (timer: TimerRow, deps: DeploymentDeps, by: WokenBy): PlanBuilder =>
  planFor(deps, by).update("timer", timer, { status: "done" });

async function lookAgain(timer: TimerRow, deps: DeploymentDeps, by: WokenBy): Promise<void> {
  const now = deps.clock.now();
  const end = endsAt(timer, deps);
  const next = now + deps.policy.deployments.everySeconds * SECOND_MS;
  const dueAt = now < end ? Math.min(next, end) : next;
  const requestId = by.requestId ?? deps.ids.next("request");
  const runId = deps.ids.next("run");
  const plan = planFor(deps, by)
    .update("timer", timer, { dueAt })
    .send({ type: "timer.due.v1", timerId: timer.id, dueAt, runId, requestId }, dueAt - now);
  await write(plan, deps);
}

function planFor({ clock, ids }: DeploymentDeps, by: WokenBy): PlanBuilder {
  const requestId = by.requestId ?? ids.next("request");
  const ctx = { now: clock.now(), ids, actor: ACTOR, eventId: null, requestId };
  const plan = new PlanBuilder(ctx);
  return by.outboxId === undefined ? plan : plan.complete(by.outboxId);
}

/** Moved: another run of the same timer has decided, or the deployment went on and wound it anew. */
async function write(plan: PlanBuilder, { database, relay }: DeploymentDeps): Promise<void> {
  const built = plan.build();
  if (await applyIfStill(database, built)) await relay(built.inserts.outbox ?? []);
}
