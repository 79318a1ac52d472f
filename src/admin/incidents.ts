import type { Hono } from "hono";
import { z } from "zod";
import { Permanent } from "../domain/errors.js";
import type { Incident, IncidentTask } from "../domain/incident.js";
import { SEVERITIES, type Severity } from "../domain/severity.js";
import type { IncidentAct } from "../operations/incidents/act.js";
import type { Outlook } from "../operations/incidents/outlook.js";
import type { Lists } from "../store/lists.js";
import { idOf, jsonOf, limited, notFound } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { incident, incidentDetail, incidentTask } from "./incident-schemas.js";
import { parsed, reasonField } from "./requests.js";

const NOTE_CHARS_MAX = 4_000;
const noteError = `must be 1 to ${NOTE_CHARS_MAX} characters`;

const because = reasonField.meta({ description: "In your words; it stands in the timeline" });
export const actBody = z.strictObject({ reason: because.optional() }).meta({ id: "IncidentAct" });
export const endBody = z.strictObject({ reason: because }).meta({ id: "IncidentEnd" });
export const noteBody = z
  .strictObject({
    text: z
      .string({ error: noteError })
      .trim()
      .min(1, noteError)
      .max(NOTE_CHARS_MAX, noteError)
      .meta({ description: "For the timeline, and the review after it" }),
  })
  .meta({ id: "IncidentNote" });

const acknowledgeBody = actBody
  .extend({
    takeOver: z
      .boolean({ error: "must be true or false" })
      .optional()
      .meta({ description: "Also from somebody who has it; without it their word stands" }),
  })
  .meta({ id: "Acknowledge" });
const answerOf = (row: z.ZodType) => z.object({ data: row });
const acknowledged = z.object({
  data: incident,
  yours: z.boolean().meta({ description: "Whether you have it now; false: somebody else does" }),
});

const route = (path: string, summary: string, body: z.ZodType, answer = answerOf(incident)) => ({
  method: "post" as const,
  path: `/incidents/{id}/${path}`,
  summary,
  body,
  status: 200,
  answer,
  problems: [400, 404, 409, 413],
});

/** For the documentation; a test holds it to what is served. */
export const incidentRoutes = [
  route(
    "acknowledge",
    "Say that you have it: no further page is sent",
    acknowledgeBody,
    acknowledged,
  ),
  route("resolve", "Say that it is over, although its source has not said so", endBody),
  route("reopen", "Say that it was not over: it is told anew", endBody),
  route("notes", "Add a line to its timeline", noteBody),
  route(
    "tasks/{task}/done",
    "Say that a task that was owed is done",
    actBody,
    answerOf(incidentTask),
  ),
];

export interface IncidentOperations {
  /** What the policy calls it, and people read. */
  severityName(severity: Severity): string;
  incidentOutlook(id: string): Promise<Outlook>;
  acknowledgeIncident(act: IncidentAct & { takesOver?: boolean | undefined }): Promise<Incident>;
  resolveIncident(act: IncidentAct): Promise<Incident>;
  reopenIncident(act: IncidentAct): Promise<Incident>;
  noteOnIncident(act: IncidentAct & { text: string }): Promise<Incident>;
  finishIncidentTask(act: IncidentAct & { task: string }): Promise<IncidentTask>;
}

/**
 * The severity that the policy, or we, call so, in whichever case.
 *
 * @throws Permanent `invalid_request` that says what there is.
 */
function severityCalled(
  given: string | undefined,
  nameOf: IncidentOperations["severityName"],
): Severity | undefined {
  if (given === undefined) return undefined;
  const isIt = (name: string): boolean => name.toLowerCase() === given.trim().toLowerCase();
  const found = SEVERITIES.find((one) => isIt(one) || isIt(nameOf(one)));
  if (found !== undefined) return found;
  const known = SEVERITIES.map((one) => (nameOf(one) === one ? one : `${one} (${nameOf(one)})`));
  const detail = `severity: must be one of ${known.join(", ")}`;
  throw new Permanent("invalid_request", { detail });
}

/** The list with the policy's own names of severities, which stand in no row; people may ask by them. */
export function namedIncidents(
  { page, find }: Lists["incidents"],
  nameOf: IncidentOperations["severityName"],
): Lists["incidents"] {
  const named = <Row extends { severity: string }>(row: Row) => ({
    ...row,
    severityName: nameOf(row.severity as Severity),
  });
  return {
    async page(request) {
      const severity = severityCalled(request.filters.severity, nameOf);
      const filters = { ...request.filters, severity };
      const { rows, ...rest } = await page({ ...request, filters });
      return { ...rest, rows: rows.map(named) };
    },
    async find(id) {
      const found = await find(id);
      return found && { ...named(found), alertLog: found.alertLog.map(named) };
    },
  };
}

/** What a person does about an incident; doing any of it again changes nothing. */
export function serveIncidents(
  app: Hono<AdminEnv>,
  lists: Lists,
  { operations }: { operations: IncidentOperations },
): void {
  const shown = async (id: string) => {
    const found = await lists.incidents.find(id);
    if (found === null) throw notFound("incident", id);
    return { data: incident.parse(found) };
  };
  // Before the lists' own route: what the policy makes of it stands in no row.
  app.get("/incidents/:id", async (c) => {
    const id = idOf(c, "incident");
    const found = await lists.incidents.find(id);
    if (found === null) throw notFound("incident", id);
    const outlook = await operations.incidentOutlook(id);
    return c.json({ data: incidentDetail.parse({ ...found, ...outlook }) });
  });
  const acts = {
    resolve: { body: endBody, act: operations.resolveIncident },
    reopen: { body: endBody, act: operations.reopenIncident },
  };
  app.post("/incidents/:id/acknowledge", limited, async (c) => {
    const incidentId = idOf(c, "incident");
    const { reason, takeOver } = parsed(acknowledgeBody, await jsonOf(c));
    const { actor } = c.var.caller;
    const act = { incidentId, actor, because: reason, takesOver: takeOver };
    const { acknowledgedBy } = await operations.acknowledgeIncident(act);
    return c.json({ ...(await shown(incidentId)), yours: acknowledgedBy === actor });
  });
  for (const [verb, { body, act }] of Object.entries(acts)) {
    app.post(`/incidents/:id/${verb}`, limited, async (c) => {
      const incidentId = idOf(c, "incident");
      const { reason } = parsed(body, await jsonOf(c));
      await act({ incidentId, actor: c.var.caller.actor, because: reason });
      return c.json(await shown(incidentId));
    });
  }
  app.post("/incidents/:id/notes", limited, async (c) => {
    const incidentId = idOf(c, "incident");
    const { text } = parsed(noteBody, await jsonOf(c));
    await operations.noteOnIncident({ incidentId, actor: c.var.caller.actor, text });
    return c.json(await shown(incidentId));
  });
  app.post("/incidents/:id/tasks/:task/done", limited, async (c) => {
    const incidentId = idOf(c, "incident");
    const { reason } = parsed(actBody, await jsonOf(c));
    const task = c.req.param("task");
    const { actor } = c.var.caller;
    const done = await operations.finishIncidentTask({ incidentId, actor, because: reason, task });
    return c.json({ data: incidentTask.parse(done) });
  });
}
