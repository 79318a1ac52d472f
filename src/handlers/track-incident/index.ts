import { read } from "../../store/load.js";
import { defineHandler } from "../handler.js";
import { decideIncident, OWN_INCIDENTS_MAX } from "./decide.js";

export const trackIncident = defineHandler({
  id: "track-incident",
  reactsTo: ["signal.raised", "signal.acknowledged", "signal.resolved"],
  load: (fact, { source }) => ({
    incidents: read("incident", "t.group_key = ?", [fact.groupKey], {
      orderBy: "t.ordinal DESC NULLS LAST",
      limit: 5,
    }),
    lastRaised: read(
      "signal",
      "t.incident_id = (SELECT id FROM incident WHERE group_key = ? AND status <> 'resolved') AND t.kind = 'raised'",
      [fact.groupKey],
      { orderBy: "t.occurred_at DESC", limit: 1 },
    ),
    ours: read("incident", "t.ours AND ?::boolean", [fact.kind === "signal.raised" && fact.ours], {
      orderBy: "t.created_at DESC",
      limit: OWN_INCIDENTS_MAX,
    }),
    target: read("deploymentTarget", "t.source = ? AND t.project = ? AND t.target = ?", [
      source,
      fact.deployedTo?.project ?? null,
      fact.deployedTo?.target ?? null,
    ]),
  }),
  decide: (fact, rows, context) => decideIncident(fact, rows, context),
});
