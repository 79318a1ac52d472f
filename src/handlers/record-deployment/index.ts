import { deploymentMoves } from "../../domain/deployment.js";
import { PlanBuilder } from "../../domain/plan.js";
import { isToBeChecked } from "../../policy/deployments.js";
import { read } from "../../store/load.js";
import { defineHandler } from "../handler.js";
import { watchDeployment } from "./watch.js";

const OF_DEPLOYMENT = `t.kind IN ('deployment.due', 'deployment.lockdown') AND t.subject =
  (SELECT d.id FROM deployment d WHERE d.source = ? AND d.external_id = ?)`;

/** Keeps each deployment at the farthest word that its source has said of it, and has looked after it what goes to users. */
export const recordDeployment = defineHandler({
  id: "record-deployment",
  reactsTo: ["deployment.changed"],
  load: (fact, { source }) => ({
    deployment: read("deployment", "t.source = ? AND t.external_id = ?", [source, fact.externalId]),
    timers: read("timer", OF_DEPLOYMENT, [source, fact.externalId]),
  }),
  decide: (fact, rows, ctx) => {
    const plan = new PlanBuilder(ctx);
    const { externalId, project, name, target, state, url, commit, occurredAt } = fact;
    const existing = rows.deployment[0];
    const { labels, ours } = fact;
    const said = {
      labels,
      ours,
      project,
      name,
      target,
      state,
      stateAsOf: occurredAt,
      updatedAt: ctx.now,
    };
    if (existing === undefined) {
      const id = ctx.ids.next("deployment");
      const { source, now } = ctx;
      const row = { id, source, externalId, ...said, url, commit, checked: null };
      plan
        .insert("deployment", { ...row, createdAt: now, version: 0 })
        .audit("deployment.recorded", id, { before: null, after: state })
        .because(`first word of deployment ${id}: ${state}`);
      watchDeployment(plan, row, rows.timers, ctx);
      return plan.build();
    }
    const moves = deploymentMoves(existing, state, occurredAt);
    const known = { url: url ?? existing.url, commit: commit ?? existing.commit };
    if (moves) {
      // What is looked at anew has no answer until then.
      const checked = isToBeChecked(ctx.policy, said) ? null : existing.checked;
      plan.update("deployment", existing, { ...said, ...known, checked });
      watchDeployment(plan, { ...said, id: existing.id }, rows.timers, ctx);
    } else plan.expect("deployment", existing);
    return plan
      .audit(moves ? "deployment.recorded" : "deployment.confirmed", existing.id, {
        before: existing.state,
        after: moves ? state : existing.state,
      })
      .because(moves ? `${state} is the later word` : `${state} is older than ${existing.state}`)
      .build();
  },
});
