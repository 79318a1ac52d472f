import type { Hono } from "hono";
import { z } from "zod";
import { MAINTENANCE_STATUSES, type Maintenance } from "../domain/incident.js";
import { MINUTE_MS } from "../domain/time.js";
import type { MaintenanceAct, ScheduleRequest } from "../operations/maintenance/act.js";
import { idOf, jsonOf, limited } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { parsed, reasonField } from "./requests.js";
import { oneOf, text, time } from "./schemas.js";

export const maintenance = z
  .object({
    id: text.meta({
      description: "Of a recurring one that is not told or begun yet: its rule and its begin",
    }),
    rule: text
      .nullable()
      .meta({ description: "Of a recurring one: the policy's id and its begin" }),
    title: text,
    services: z.array(text).meta({ description: "None: all" }),
    status: oneOf(...MAINTENANCE_STATUSES),
    startsAt: time,
    endsAt: time,
    noticeAt: time
      .nullable()
      .meta({ description: "When users are to be told; null: they are not" }),
    announcedAt: time.nullable().meta({ description: "When they were" }),
    begunAt: time.nullable(),
    endedAt: time.nullable(),
    outcome: text.nullable(),
    createdBy: text,
    createdAt: time,
  })
  .meta({ id: "Maintenance" });

const DAYS_MAX = 366;
const SERVICES_MAX = 50;
const NAME_CHARS_MAX = 80;
const daysError = `must be a whole number from 1 to ${DAYS_MAX}`;
export const calendarQuery = z.strictObject({
  days: z.coerce
    .number({ error: daysError })
    .int(daysError)
    .min(1, daysError)
    .max(DAYS_MAX, daysError)
    .default(30)
    .meta({ description: "How far ahead, and how far back" }),
});

const timeError = "must be an ISO 8601 time with its offset, as 2026-11-21T03:00:00Z";
const name = z.string().trim().min(1).max(NAME_CHARS_MAX);
export const scheduleBody = z
  .strictObject({
    title: name.meta({ description: "Users read it" }),
    startsAt: z.iso.datetime({ offset: true, error: timeError }),
    durationMinutes: z.int().min(1).max(10_080),
    services: z.array(name).max(SERVICES_MAX).default([]).meta({ description: "None: all" }),
    noticeHours: z
      .number()
      .min(0)
      .max(8_784)
      .nullable()
      .default(48)
      .meta({ description: "How long before users are told; null: they are not" }),
  })
  .meta({ id: "NewMaintenance" });
export const actBody = z
  .strictObject({ reason: reasonField.optional() })
  .meta({ id: "MaintenanceAct" });
export const endBody = z.strictObject({ reason: reasonField }).meta({ id: "MaintenanceEnd" });

export interface MaintenanceOperations {
  /** Past and to come, in the order of their begin; recurring ones that have no row yet too. */
  listMaintenances(days: number): Promise<Maintenance[]>;
  /** `unheard`: services of it that nothing has named yet. */
  scheduleMaintenance(
    request: ScheduleRequest,
  ): Promise<{ maintenance: Maintenance; unheard: string[] }>;
  beginMaintenance(act: MaintenanceAct): Promise<Maintenance>;
  verifyMaintenance(act: MaintenanceAct): Promise<{ maintenance: Maintenance }>;
  completeMaintenance(act: MaintenanceAct): Promise<Maintenance>;
  failMaintenance(act: MaintenanceAct): Promise<Maintenance>;
  cancelMaintenance(act: MaintenanceAct): Promise<Maintenance>;
}

const act = (verb: string, summary: string, body: z.ZodType) => ({
  method: "post" as const,
  path: `/maintenance/{id}/${verb}`,
  summary,
  body,
  status: 200,
  answer: z.object({ data: maintenance }),
  problems: [400, 404, 409, 413, 503],
});

/** For the documentation; a test holds it to what is served. */
export const maintenanceRoutes = [
  {
    method: "get" as const,
    path: "/maintenance",
    summary: "Maintenances past and to come, the policy's recurring ones too, in their order",
    query: calendarQuery,
    status: 200,
    answer: z.object({ data: z.array(maintenance), nextCursor: z.null() }),
    problems: [400],
  },
  {
    method: "post" as const,
    path: "/maintenance",
    summary: "Appoint a maintenance; users are told beforehand",
    body: scheduleBody,
    status: 201,
    answer: z.object({
      data: maintenance,
      unheard: z.array(text).meta({
        description:
          "Of its services those that no incident, deployment or policy has named: perhaps a slip",
      }),
    }),
    problems: [400, 413],
  },
  act("begin", "It begins now; alerts of its services are kept, and told at its end", actBody),
  act("verify", "Look at its services; it is completed when they are well", actBody),
  act("complete", "It is over and all is well, by your word", endBody),
  act("fail", "It is over and all is not well: an incident", endBody),
  act("cancel", "It does not take place; users who were told of it are told", endBody),
];

/** Maintenances, and what a person does about one; doing any of it again changes nothing. */
export function serveMaintenance(
  app: Hono<AdminEnv>,
  { operations }: { operations: MaintenanceOperations },
): void {
  app.get("/maintenance", async (c) => {
    const { days } = parsed(calendarQuery, c.req.query());
    const rows = await operations.listMaintenances(days);
    return c.json({ data: rows.map((row) => maintenance.parse(row)), nextCursor: null });
  });
  app.post("/maintenance", limited, async (c) => {
    const given = parsed(scheduleBody, await jsonOf(c));
    const startsAt = Date.parse(given.startsAt);
    const { title, services, noticeHours, durationMinutes } = given;
    const endsAt = startsAt + durationMinutes * MINUTE_MS;
    const { actor } = c.var.caller;
    const asked = { title, services, startsAt, endsAt, noticeHours, actor };
    const { maintenance: row, unheard } = await operations.scheduleMaintenance(asked);
    return c.json({ data: maintenance.parse(row), unheard }, 201);
  });
  const acts = {
    begin: { body: actBody, work: operations.beginMaintenance },
    verify: {
      body: actBody,
      work: async (given: MaintenanceAct) =>
        (await operations.verifyMaintenance(given)).maintenance,
    },
    complete: { body: endBody, work: operations.completeMaintenance },
    fail: { body: endBody, work: operations.failMaintenance },
    cancel: { body: endBody, work: operations.cancelMaintenance },
  };
  for (const [verb, { body, work }] of Object.entries(acts)) {
    app.post(`/maintenance/:id/${verb}`, limited, async (c) => {
      const id = idOf(c, "maintenance");
      const { reason } = parsed(body, await jsonOf(c));
      const row = await work({ id, actor: c.var.caller.actor, because: reason });
      return c.json({ data: maintenance.parse(row) });
    });
  }
}
