import { shortCommit } from "../../domain/deployment.js";
import { Permanent } from "../../domain/errors.js";
import type { TimerRow } from "../../domain/outbox.js";
import { emptyPlan } from "../../domain/plan.js";
import { approvalAt, approvalSentence } from "../../policy/calendar.js";
import { load, read } from "../../store/load.js";
import { applyIfStill } from "../../store/until-still.js";
import { raiseOwn } from "../raise-own.js";
import type { WokenBy } from "../run-timer.js";
import type { DeploymentDeps } from "./deps.js";

/**
 * Tells of a deployment that came in a lockdown, or around an exam, and by whose approval it may. The timer's time is the
 * deployment's, so that a late one asks whoever was to be asked then.
 *
 * @throws Permanent `not_found` when the deployment is kept no more; Transient.
 */
export async function tellOfLockdown(
  timer: TimerRow,
  deps: DeploymentDeps,
  by: WokenBy = {},
): Promise<void> {
  const { database, policy } = deps;
  const { found } = await load(database, {
    found: read("deployment", "t.id = ?", [timer.subject]),
  });
  const deployment = found[0];
  if (deployment === undefined) {
    throw new Permanent("not_found", { detail: `no deployment ${timer.subject}` });
  }
  const approval = approvalAt(policy, timer.dueAt);
  if (approval !== null) {
    const { name, target, url, externalId } = deployment;
    const which = shortCommit(deployment) ?? externalId;
    await raiseOwn(
      {
        kind: "raised",
        at: timer.dueAt,
        groupKey: `lockdown:${deployment.source}:${externalId}`,
        signalKind: "deployment",
        level: "error",
        title: `Deployment of ${name} (${which}) to production without an emergency label. ${approvalSentence(approval)}`,
        service: name,
        environment: target,
        url,
        tags: {
          approval: approval.id,
          deployment: externalId,
          ...(approval.lockdown === null ? {} : { lockdown: approval.lockdown.id }),
          ...(approval.exam === null ? {} : { exam: approval.exam.id }),
        },
        // A rule was broken; what was deployed may well do.
        aside: true,
      },
      deps,
    );
  }
  const completes = by.outboxId === undefined ? [] : [by.outboxId];
  const plan = {
    ...emptyPlan(),
    updates: { timer: [{ ...timer, status: "done" as const }] },
    completes,
  };
  await applyIfStill(database, plan); // else the other run of it has told of the same
}
