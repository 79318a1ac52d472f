import { Permanent } from "../../domain/errors.js";
import { PlanBuilder } from "../../domain/plan.js";
import { isToBeChecked } from "../../policy/deployments.js";
import { apply } from "../../store/apply.js";
import { load, read } from "../../store/load.js";
import { untilStill } from "../../store/until-still.js";
import type { DeploymentDeps } from "./deps.js";

/**
 * Has a deployment's checks begin anew, at once: because what made them fail was not the deployment.
 *
 * @throws Permanent `not_found`; `conflict` for one that is not looked at: no good one to production, or our own.
 */
export function recheckDeployment(
  { id, actor, because }: { id: string; actor: string; because: string },
  { database, clock, ids, policy, relay }: DeploymentDeps,
): Promise<void> {
  return untilStill(`the timer of ${id}`, async () => {
    const { deployment, timers } = await load(database, {
      deployment: read("deployment", "t.id = ?", [id]),
      timers: read("timer", "t.kind = 'deployment.due' AND t.subject = ?", [id]),
    });
    const found = deployment[0];
    if (found === undefined) throw new Permanent("not_found", { detail: `deployment ${id}` });
    if (!isToBeChecked(policy, found)) {
      const detail = "Only good deployments to production are looked at, and not our own.";
      throw new Permanent("conflict", { detail });
    }
    const now = clock.now();
    const requestId = ids.next("request");
    const plan = new PlanBuilder({ now, ids, actor, eventId: null, requestId });
    const wound = { dueAt: now, status: "waiting" as const, createdAt: now };
    const timerId = timers[0]?.id ?? ids.next("timer");
    if (timers[0] !== undefined) plan.update("timer", timers[0], wound);
    else {
      const row = { id: timerId, kind: "deployment.due" as const, subject: id, version: 0 };
      plan.insert("timer", { ...row, ...wound });
    }
    const runId = ids.next("run");
    plan
      .send({ type: "timer.due.v1", timerId, dueAt: now, runId, requestId })
      .update("deployment", found, { checked: null, updatedAt: now })
      .audit("deployment.check_asked", id, { because });
    const built = plan.build();
    await apply(database, built);
    await relay(built.inserts.outbox ?? []);
  });
}
