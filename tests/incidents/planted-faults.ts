import type { PlantedFault } from "../faults/planted.js";

/** The known ways to get incidents wrong. */
export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    name: "a page is sent though its incident was acknowledged before",
    file: "src/handlers/notice-order.ts",
    from: "  if (notice.stopsAt === null || incident === null) return null;",
    to: "  if (notice.id !== incident?.id) return null;",
  },
  {
    name: "a page's reserve does not rest on its incident: an acknowledgement that comes between is not seen",
    file: "src/handlers/send-notification/decide.ts",
    from: '  if (notice.stopsAt !== null && incident !== null) plan.expect("incident", incident);',
    to: "",
  },
  {
    name: "no unique key on an incident's steps",
    file: "prisma/migrations/20261122000000_alerts_and_incidents/migration.sql",
    from: "  CONSTRAINT incident_step_key UNIQUE (incident_id, step)\n",
    to: "  CONSTRAINT incident_step_key UNIQUE (id)\n",
  },
  {
    name: "a channel that is down is only tried again",
    file: "src/handlers/notice-fallback.ts",
    from: "  if (notice.instead.length === 0) return {};",
    to: "  if (notice.instead.length >= 0) return {};",
  },
  {
    name: "people are told in a maintenance",
    file: "src/policy/incident-clock.ts",
    from: "=> quietEnd(at) ?? at;",
    to: "=> (quietEnd(at) === null ? at : at);",
    args: ["--policy", "tbat"],
  },
  {
    name: "the sweep passes over timers whose message is lost",
    file: "src/operations/run-timer.ts",
    from: "  for (const timer of timers) {",
    to: "  for (const timer of timers.slice(timers.length)) {",
  },
  {
    name: "an acknowledgement ends no ladder",
    file: "src/policy/incident-clock.ts",
    from: '  if (incident.status === "open") steps.push(...pages(state, route, begin));',
    to: '  steps.push(...pages(state, route, begin));\n  if (incident.status === "open") return steps;',
  },
];
