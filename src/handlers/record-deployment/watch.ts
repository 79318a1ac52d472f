import type { Deployment } from "../../domain/deployment.js";
import type { TimerKind, TimerRow } from "../../domain/outbox.js";
import type { DecideContext, PlanBuilder } from "../../domain/plan.js";
import { type Instant, SECOND_MS } from "../../domain/time.js";
import { approvalSentence } from "../../policy/calendar.js";
import { approvalWanted, emergencyOf, isToBeChecked } from "../../policy/deployments.js";
import type { Policy } from "../../policy/schema.js";

type WatchContext = DecideContext & { policy: Policy };

/** What follows of a deployment that has come farther: its checks, and the question whether it may come now. */
export function watchDeployment(
  plan: PlanBuilder,
  deployment: Pick<Deployment, "id" | "target" | "ours" | "state" | "labels" | "stateAsOf">,
  timers: readonly TimerRow[],
  ctx: WatchContext,
): void {
  const { policy, now } = ctx;
  const of = (kind: TimerKind) => timers.find((timer) => timer.kind === kind);
  if (isToBeChecked(policy, deployment)) {
    const { afterSeconds, checks } = policy.deployments;
    wind(
      plan,
      "deployment.due",
      deployment.id,
      of("deployment.due"),
      now + afterSeconds * SECOND_MS,
      ctx,
    );
    plan.because(`${checks.join(", ")} are looked at ${afterSeconds} s from now`);
  }
  const approval = approvalWanted(policy, deployment, deployment.stateAsOf);
  if (approval === null) {
    const label = emergencyOf(policy, deployment);
    if (label !== null) plan.because(`it carries the emergency label [${label}]`);
    return;
  }
  plan.because(approvalSentence(approval));
  if (of("deployment.lockdown") !== undefined) return; // people were told of this deployment
  wind(plan, "deployment.lockdown", deployment.id, undefined, deployment.stateAsOf, ctx);
}

/** One timer of a kind for each deployment. Wound anew, its time begins anew. */
function wind(
  plan: PlanBuilder,
  kind: TimerKind,
  subject: string,
  timer: TimerRow | undefined,
  dueAt: Instant,
  { ids, now, requestId }: WatchContext,
): void {
  const id = timer?.id ?? ids.next("timer");
  const wound = { dueAt, status: "waiting" as const, createdAt: now };
  if (timer === undefined) plan.insert("timer", { id, kind, subject, ...wound, version: 0 });
  else plan.update("timer", timer, wound);
  const runId = ids.next("run");
  const wakeAt = Math.max(dueAt, now);
  const message = { type: "timer.due.v1" as const, timerId: id, dueAt: wakeAt, runId, requestId };
  plan.send(message, wakeAt - now);
}
