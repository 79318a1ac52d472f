import type { SignalFact } from "../../domain/facts.js";
import { incidentIdOf } from "../../domain/incident.js";
import { HOUR_MS, MINUTE_MS } from "../../domain/time.js";
import type { Policy } from "../../policy/schema.js";
import { read } from "../../store/load.js";
import { defineHandler } from "../handler.js";
import { decideAlert } from "./decide.js";
import { decideOf, OWN_INCIDENTS_MAX } from "./place.js";

/** The newest alert of the group brings the incident that it is part of. */
const OF_GROUP =
  "(SELECT a.incident_id FROM alert a WHERE a.group_key = ? ORDER BY a.ordinal DESC LIMIT 1)";
const OF_KEY =
  "(SELECT i.id FROM incident i WHERE i.correlation_key = ? ORDER BY i.ordinal DESC LIMIT 1)";

/** So far back is looked for one that did not fail its checks. */
const DEPLOYMENTS_MAX = 10;

const SUSPECT_OF_KEY =
  "(SELECT i.suspect_id FROM incident i WHERE i.correlation_key = ? ORDER BY i.ordinal DESC LIMIT 1)";

/** What an alert whose source tells its end too burns by; an error's source often never does. */
const TELLS_ITS_END = "t.kind <> 'error'";

export const trackIncident = defineHandler({
  id: "track-incident",
  reactsTo: ["signal.raised", "signal.acknowledged", "signal.resolved"],
  load: (fact, { source, policy }) => {
    const { groupKey, occurredAt } = fact;
    const { key, names } = soughtBy(fact, source, policy);
    const minute = Math.floor(occurredAt / MINUTE_MS) * MINUTE_MS;
    const named = incidentIdOf(occurredAt, policy.timeZone, null);
    return {
      alerts: read("alert", "t.group_key = ?", [groupKey], {
        orderBy: "t.ordinal DESC",
        limit: 5,
      }),
      lastRaised: read(
        "signal",
        "t.alert_id = (SELECT id FROM alert WHERE group_key = ? AND status <> 'resolved') AND t.kind = 'raised'",
        [groupKey],
        { orderBy: "t.occurred_at DESC", limit: 1 },
      ),
      incident: read("incident", `t.id = ${OF_GROUP}`, [groupKey], { limit: 1 }),
      others: read(
        "alert",
        `t.incident_id = ${OF_GROUP} AND t.group_key <> ?`,
        [groupKey, groupKey],
        {
          orderBy: "t.status = 'resolved', t.resolved_at DESC",
          limit: 1,
        },
      ),
      worstOfGroup: read(
        "alert",
        `t.incident_id = ${OF_GROUP} AND t.status <> 'resolved'`,
        [groupKey],
        { orderBy: "t.severity", limit: 1 },
      ),
      ...readsOfKey(key),
      // Where a zone's clock goes back, a minute of it comes twice.
      sameMinute: read(
        "incident",
        `t.opened_at >= to_timestamp(?::float8 / 1000) AND t.opened_at < to_timestamp(?::float8 / 1000)
         AND t.id LIKE ?`,
        [minute - HOUR_MS, minute + HOUR_MS + MINUTE_MS, `${named}%`],
        { orderBy: "length(t.id) DESC, t.id DESC", limit: 1 },
      ),
      timers: read(
        "timer",
        `t.kind = 'incident.due' AND t.subject IN (${OF_GROUP}, ${OF_KEY})`,
        [groupKey, key],
        { limit: 2 },
      ),
      ours: read(
        "incident",
        "t.ours AND ?::boolean",
        [fact.kind === "signal.raised" && fact.ours],
        {
          orderBy: "t.created_at DESC",
          limit: OWN_INCIDENTS_MAX,
        },
      ),
      target: read("deploymentTarget", "t.source = ? AND t.project = ? AND t.target = ?", [
        source,
        fact.deployedTo?.project ?? null,
        fact.deployedTo?.target ?? null,
      ]),
      deployments: read(
        "deployment",
        `lower(t.name) = ANY (string_to_array(?, E'\\n')) AND t.target = 'production'
         AND t.state IN ('succeeded', 'promoted') AND t.state_as_of <= to_timestamp(?::float8 / 1000)`,
        [names, occurredAt],
        { orderBy: "t.state_as_of DESC", limit: DEPLOYMENTS_MAX },
      ),
    };
  },
  decide: (fact, rows, context) => decideAlert(fact, rows, context),
});

/** Of the newest incident that the trouble could be part of. */
const readsOfKey = (key: string | null) => ({
  newest: read("incident", "t.correlation_key = ?", [key], {
    orderBy: "t.ordinal DESC",
    limit: 1,
  }),
  burning: read(
    "alert",
    `t.incident_id = ${OF_KEY} AND t.status <> 'resolved' AND ${TELLS_ITS_END}`,
    [key],
    { limit: 1 },
  ),
  worstOpen: read("alert", `t.incident_id = ${OF_KEY} AND t.status <> 'resolved'`, [key], {
    orderBy: "t.severity",
    limit: 1,
  }),
  endedLast: read(
    "alert",
    `t.incident_id = ${OF_KEY} AND t.status = 'resolved'
     AND t.severity <= (SELECT i.severity FROM incident i WHERE i.id = t.incident_id)`,
    [key],
    { orderBy: "t.resolved_at DESC", limit: 1 },
  ),
  lastTrouble: read("signal", `t.incident_id = ${OF_KEY} AND t.kind = 'raised'`, [key], {
    orderBy: "t.occurred_at DESC",
    limit: 1,
  }),
  suspect: read("deployment", `t.id = ${SUSPECT_OF_KEY}`, [key], { limit: 1 }),
});

/** Only a raising signal says whose trouble it is. */
function soughtBy(
  fact: SignalFact,
  source: string,
  policy: Policy,
): { key: string | null; names: string | null } {
  if (fact.kind !== "signal.raised") return { key: null, names: null };
  const { correlationKey, service } = decideOf(fact, source, policy);
  const names = policy.services.find(({ id }) => id === service)?.names ?? [];
  const exact = names.filter((name) => !name.includes("*"));
  return { key: correlationKey, names: [service, fact.service, ...exact].join("\n").toLowerCase() };
}
