import { read } from "../../store/load.js";
import { defineHandler } from "../handler.js";
import { decideIncident, OWN_SIGNALS_MAX } from "./decide.js";

export const trackIncident = defineHandler({
  id: "track-incident",
  reactsTo: ["signal.raised", "signal.acknowledged", "signal.resolved"],
  load: (fact, source) => ({
    incidents: read("incident", "t.group_key = ?", [fact.groupKey], {
      orderBy: "t.ordinal DESC NULLS LAST",
      limit: 5,
    }),
    signals: read("signal", "i.group_key = ?", [fact.groupKey], {
      join: "JOIN incident i ON i.id = t.incident_id",
      orderBy: "t.occurred_at DESC",
      limit: OWN_SIGNALS_MAX,
    }),
    laterSuccesses: read(
      "deployment",
      "t.source = ? AND t.project = ? AND t.target = ? AND t.state IN ('succeeded', 'promoted') AND t.state_as_of > to_timestamp(?::float8 / 1000)",
      [source, fact.deployedTo?.project ?? null, fact.deployedTo?.target ?? null, fact.occurredAt],
      { limit: 1 },
    ),
  }),
  decide: (fact, rows, context) => decideIncident(fact, rows, context),
});
