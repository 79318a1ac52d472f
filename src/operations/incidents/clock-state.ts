import type { Instant } from "../../domain/time.js";
import { maintenanceAt } from "../../policy/calendar.js";
import type { ClockState } from "../../policy/incident-clock.js";
import type { Policy } from "../../policy/schema.js";
import type { IncidentRows } from "./rows.js";

/** What the clock is looked at with. */
export function clockStateOf(rows: IncidentRows, policy: Policy, now: Instant): ClockState {
  const { incident } = rows;
  return {
    incident,
    taken: new Set(rows.steps.map(({ step }) => step)),
    openTasks: rows.tasks.filter(({ doneAt }) => doneAt === null),
    quietEnd: (at) => maintenanceAt(policy, rows.planned, incident.service, at)?.endsAt ?? null,
    isAnswered: incident.acknowledgedAt !== null || rows.counts.notes > 0,
    inStorm: rows.storm.isOn,
    now,
  };
}
