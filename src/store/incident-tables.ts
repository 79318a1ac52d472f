import type { PlanTables } from "../domain/plan.js";
import type { Table } from "./table.js";

/** What is kept of incidents, and of what people do about them. */
export type IncidentTable =
  | "alert"
  | "incident"
  | "incidentEntry"
  | "incidentStep"
  | "incidentTask"
  | "maintenance"
  | "signal"
  | "subscriber";

export const INCIDENT_TABLES: { [T in IncidentTable]: Table<PlanTables[T]> } = {
  alert: {
    name: "alert",
    columns: {
      id: "text",
      incidentId: "text",
      groupKey: "text",
      ordinal: "integer",
      source: "text",
      kind: "text",
      level: "text",
      title: "text",
      service: "text",
      environment: "text",
      severity: "text",
      rule: "text",
      status: "text",
      url: "text",
      openedAt: "instant",
      acknowledgedAt: "instant",
      acknowledgedBy: "text",
      resolvedAt: "instant",
      resolvedBy: "text",
      createdAt: "instant",
      updatedAt: "instant",
      version: "integer",
    },
  },
  incident: {
    name: "incident",
    columns: {
      id: "text",
      correlationKey: "text",
      ordinal: "integer",
      kind: "text",
      title: "text",
      service: "text",
      environment: "text",
      ours: "boolean",
      aside: "boolean",
      severity: "text",
      rule: "text",
      route: "text",
      status: "text",
      url: "text",
      openedAt: "instant",
      acknowledgedAt: "instant",
      acknowledgedBy: "text",
      resolvedAt: "instant",
      resolvedBy: "text",
      greenSince: "instant",
      routedAt: "instant",
      routings: "integer",
      reopenedAt: "instant",
      reopenings: "integer",
      suspectId: "text",
      lastGoodId: "text",
      createdAt: "instant",
      updatedAt: "instant",
      version: "integer",
    },
  },
  incidentEntry: {
    name: "incident_entry",
    columns: {
      id: "text",
      incidentId: "text",
      at: "instant",
      kind: "text",
      actor: "text",
      text: "text",
    },
  },
  incidentStep: {
    name: "incident_step",
    columns: {
      id: "text",
      incidentId: "text",
      step: "text",
      takenAt: "instant",
    },
  },
  incidentTask: {
    name: "incident_task",
    columns: {
      id: "text",
      incidentId: "text",
      task: "text",
      title: "text",
      role: "text",
      dueAt: "instant",
      doneAt: "instant",
      doneBy: "text",
      createdAt: "instant",
      version: "integer",
    },
  },
  maintenance: {
    name: "maintenance",
    columns: {
      id: "text",
      rule: "text",
      title: "text",
      services: "jsonb",
      startsAt: "instant",
      endsAt: "instant",
      noticeAt: "instant",
      announcedAt: "instant",
      status: "text",
      createdBy: "text",
      begunAt: "instant",
      endedAt: "instant",
      outcome: "text",
      createdAt: "instant",
      updatedAt: "instant",
      version: "integer",
    },
  },
  signal: {
    name: "signal",
    columns: {
      id: "text",
      alertId: "text",
      incidentId: "text",
      eventId: "text",
      kind: "text",
      level: "text",
      title: "text",
      occurredAt: "instant",
    },
  },
  subscriber: {
    name: "subscriber",
    columns: {
      id: "text",
      email: "text",
      locale: "text",
      services: "jsonb",
      createdAt: "instant",
      removedAt: "instant",
      version: "integer",
    },
  },
};
