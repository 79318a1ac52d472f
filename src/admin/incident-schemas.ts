import { z } from "zod";
import { SIGNAL_KINDS } from "../domain/facts.js";
import { ENTRY_KINDS, INCIDENT_STATUSES } from "../domain/incident.js";
import { SEVERITIES } from "../domain/severity.js";
import { auditEntry, deployment, notification, oneOf, text, time } from "./schemas.js";

const shared = {
  kind: oneOf(...SIGNAL_KINDS),
  title: text,
  environment: text.nullable(),
  severity: oneOf(...SEVERITIES),
  severityName: text.meta({ description: "As the policy calls it" }),
  rule: text.meta({ description: "The policy's rule that set its severity" }),
  status: oneOf(...INCIDENT_STATUSES),
  url: text.nullable().meta({ description: "At its source" }),
  openedAt: time,
  acknowledgedAt: time.nullable(),
  acknowledgedBy: text.nullable(),
  resolvedAt: time.nullable(),
  resolvedBy: text.nullable().meta({ description: "recovery: its alerts were over" }),
};

export const incident = z
  .object({
    id: text.meta({ example: "INC-20261121-0305" }),
    service: text,
    ...shared,
    route: text.meta({ description: "The policy's route by which it is told" }),
    correlationKey: text.meta({ description: "What its alerts agree in" }),
    aside: z.boolean().meta({
      description: "About a figure or a rule, no outage: its users are not told of it",
    }),
    signals: z.int().meta({ description: "How many events spoke of it" }),
    alerts: z.int().meta({ description: "How many troubles it is made of" }),
    greenSince: time.nullable().meta({ description: "Since when none of its alerts is open" }),
    reopenings: z.int(),
    reopenedAt: time.nullable(),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: "Incident" });

const alert = z.object({
  id: text,
  groupKey: text.meta({ description: "The source's own name for the trouble" }),
  source: text,
  level: text.nullable(),
  service: text.nullable(),
  ...shared,
});

export const incidentTask = z
  .object({
    task: text,
    title: text,
    role: text,
    dueAt: time,
    doneAt: time.nullable(),
    doneBy: text.nullable(),
  })
  .meta({ id: "IncidentTask" });

export const incidentDetail = incident
  .extend({
    comesNextAt: time.nullable(),
    comesNext: text.nullable().meta({ description: "What happens by itself then" }),
    heldUntil: time.nullable().meta({
      description: "Nobody is told before: a maintenance of its service lasts until then",
    }),
    advice: text.nullable().meta({ description: "What to do first, where something is known" }),
    suspect: deployment.nullable().meta({ description: "Deployed to its service shortly before" }),
    lastGood: deployment.nullable().meta({ description: "Where to go back to" }),
    tasks: z.array(incidentTask).meta({ description: "What is owed after it" }),
    alertLog: z.array(alert).meta({ description: "Each firing, the newest first" }),
    timeline: z.array(
      z.object({ id: text, at: time, kind: oneOf(...ENTRY_KINDS), actor: text, text }),
    ),
    notifications: z.array(notification),
    signalLog: z.array(
      z.object({
        id: text,
        eventId: text,
        kind: oneOf("raised", "acknowledged", "resolved"),
        level: text.nullable(),
        title: text,
        occurredAt: time,
      }),
    ),
    audit: z.array(auditEntry),
  })
  .meta({ id: "IncidentDetail" });
