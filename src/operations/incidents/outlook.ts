import type { Instant } from "../../domain/time.js";
import { maintenanceAt } from "../../policy/calendar.js";
import { type ClockStep, clockOf } from "../../policy/incident-clock.js";
import { namesOf } from "../../policy/recipients.js";
import type { Policy } from "../../policy/schema.js";
import type { Database } from "../../store/database.js";
import { clockStateOf } from "./clock-state.js";
import { incidentData, type RollbackHint } from "./notice-data.js";
import { NOTICE_WORDS } from "./notice-words.js";
import { loadIncident } from "./rows.js";

/**
 * What will happen to an incident by itself, and what a person could do first; in sentences. Times stand beside them, so
 * that whoever shows them does so in the zone of the rest.
 */
export interface Outlook {
  comesNextAt: Instant | null;
  comesNext: string | null;
  /** Nobody is told before: a maintenance of its service lasts until then. */
  heldUntil: Instant | null;
  advice: string | null;
}

/** @throws Permanent `not_found`; Transient. */
export async function outlookOf(
  incidentId: string,
  deps: {
    database: Database;
    clock: { now(): Instant };
    policy: Policy;
    rollbackHint: RollbackHint;
  },
): Promise<Outlook> {
  const { database, policy, rollbackHint } = deps;
  const now = deps.clock.now();
  const rows = await loadIncident(incidentId, policy, now, database);
  const { incident } = rows;
  const { due, next, then } = clockOf(clockStateOf(rows, policy, now), policy);
  const quiet = maintenanceAt(policy, rows.planned, incident.service, now);
  const step = due[0] ?? then;
  const at = due[0] === undefined ? next : now;
  const comes = step === null || at === null ? null : { at, said: sentenceOf(step, policy) };
  const { nextStep = null } = incidentData(rows, policy, now, rollbackHint, NOTICE_WORDS.en);
  return {
    comesNextAt: comes?.at ?? null,
    comesNext: comes?.said ?? null,
    heldUntil: quiet === null || incident.status === "resolved" ? null : quiet.endsAt,
    advice: incident.status === "resolved" ? null : nextStep,
  };
}

function sentenceOf(step: ClockStep, policy: Policy): string {
  switch (step.does) {
    case "page":
      return `${namesOf(step.roles, policy)} by ${step.channels.join(", ")}, unless somebody has it by then.`;
    case "remind":
      return `a reminder, unless somebody has answered within the ${step.withinMinutes} min that are promised.`;
    case "executives":
      return `${namesOf(step.roles, policy)} by ${step.channels.join(", ")}, when it still lasts.`;
    case "users":
      return "users are told, when it still lasts.";
    case "acknowledged":
    case "reopened":
      return "whoever was told of it hears how it stands.";
    case "check":
      return `a look that all of it is still good (minute ${step.minute} of ${step.ofMinutes}).`;
    case "end":
      return "it ends, when all of it stays good until then.";
    case "resolved":
      return "whoever was told of it hears that it is over.";
    case "users_resolved":
      return "users hear that it is over.";
    case "tasks":
      return "what is owed after it is written down.";
    case "task_due":
      return `the task ${step.task} is due.`;
  }
}
