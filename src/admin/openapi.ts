import { z } from "zod";
import { auditRoutes } from "./audit-trail.js";
import { correctionRoutes } from "./corrections.js";
import { deploymentRoutes } from "./deployment-checks.js";
import { ADMIN_PATH } from "./deps.js";
import { doorBalanceQuery, doorCountsQuery } from "./door-counts.js";
import { ENTITLEMENTS_PATH, entitlementsQuery, userEntitlements } from "./entitlements.js";
import { incidentReportRoutes } from "./incident-reports.js";
import { incidentRoutes } from "./incidents.js";
import { keyBody } from "./keys.js";
import { maintenanceRoutes } from "./maintenance.js";
import { metricRoutes } from "./metrics.js";
import { noticePreview, previewQuery } from "./notice-previews.js";
import { policyRoutes } from "./policy.js";
import { reconciliationRoutes } from "./reconciliations.js";
import { limitParam, replayBody, settleBody } from "./requests.js";
import { resources } from "./resources.js";
import * as schemas from "./schemas.js";

import { releaseBody, releasedSource, toldOfHold } from "./sources.js";
import { subscriberRoutes } from "./subscribers.js";
import {
  addSuppressionBody,
  checkSuppressionBody,
  removeSuppressionBody,
  suppressionState,
} from "./suppressions.js";

/** What the documentation needs of a route. */
export interface DocumentedRoute {
  method: "get" | "post";
  /** Below `/api/admin`; `{id}` as in OpenAPI. */
  path: string;
  summary: string;
  query?: z.ZodObject;
  body?: z.ZodType;
  status: number;
  /** The answer; absent where it is bytes. */
  answer?: z.ZodType;
  /** Codes of the problems that it may answer with, beside those that all may. */
  problems: readonly number[];
  /** True when no token is needed. */
  open?: boolean;
}

const one = (data: z.ZodType) => z.object({ data });
const many = (row: z.ZodType) =>
  z.object({
    data: z.array(row),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: "Give it as ?cursor= for the next page; null on the last" }),
  });

const refusalsParams = z.strictObject({
  source: z.string().meta({ description: "A source, or unknown; without it all" }).optional(),
  limit: limitParam,
});

function settleRoute(
  verb: string,
  summary: string,
  status: number,
  body: z.ZodType = settleBody,
): DocumentedRoute {
  return {
    method: "post",
    path: `/dead-letters/{id}/${verb}`,
    summary,
    body,
    status,
    answer: one(schemas.deadLetterDetail),
    problems: [400, 404, 409, 413],
  };
}

/** Every route of the admin API; a test holds it to the app. */
export const documentedRoutes: readonly DocumentedRoute[] = [
  ...resources.flatMap(({ name, singular, query, row, detail }): DocumentedRoute[] => [
    {
      method: "get",
      path: `/${name}`,
      summary: `List: ${name}, newest first`,
      query,
      status: 200,
      answer: many(row),
      problems: [400],
    },
    {
      method: "get",
      path: `/${name}/{id}`,
      summary: `One ${singular} and what belongs to it`,
      status: 200,
      answer: one(detail),
      problems: [404],
    },
  ]),
  {
    method: "get",
    path: "/events/{id}/body",
    summary: "The bytes of an event as the provider sent them, while they are kept",
    status: 200,
    problems: [404],
  },
  settleRoute(
    "replay",
    "Run a dead letter again: same code, same keys, through the queue",
    202,
    replayBody,
  ),
  settleRoute("discard", "Give a dead letter up for good", 200),
  ...auditRoutes,
  ...incidentRoutes,
  ...deploymentRoutes,
  ...maintenanceRoutes,
  ...policyRoutes,
  ...subscriberRoutes,
  {
    method: "post",
    path: "/suppressions",
    summary: "Put an address on the list of suppressions; safe to repeat",
    body: addSuppressionBody,
    status: 200,
    answer: one(schemas.suppression),
    problems: [400, 413],
  },
  {
    method: "post",
    path: "/suppressions/check",
    summary: "Why an address gets no mail, and which mail it gets all the same",
    body: checkSuppressionBody,
    status: 200,
    answer: one(suppressionState),
    problems: [400, 413],
  },
  {
    method: "post",
    path: "/suppressions/remove",
    summary: "Take an address off the list of suppressions; safe to repeat",
    body: removeSuppressionBody,
    status: 200,
    answer: one(z.array(schemas.suppression)),
    problems: [400, 413],
  },
  {
    method: "get",
    path: "/refusals",
    summary: "The latest deliveries that the door refused, with their cause",
    query: refusalsParams,
    status: 200,
    answer: many(schemas.refusal),
    problems: [400],
  },
  {
    method: "get",
    path: "/door",
    summary: "What the door answered, counted by minute and source; newest first",
    query: doorCountsQuery,
    status: 200,
    answer: many(schemas.doorCounts),
    problems: [400],
  },
  {
    method: "get",
    path: "/door-balance",
    summary:
      "What the door acknowledged to each source beside what came to a worker; nothing while nothing is counted",
    query: doorBalanceQuery,
    status: 200,
    answer: many(schemas.doorBalance),
    problems: [400],
  },
  {
    method: "get",
    path: "/health",
    summary:
      "Whether the parts that this deployment stands on answer (503 when the database does not), and what waits",
    status: 200,
    answer: one(schemas.health),
    problems: [],
    open: true,
  },
  {
    method: "get",
    path: "/sources",
    summary: "Every source: whether it is held, by whom, why, and how much waits",
    status: 200,
    answer: many(schemas.sourceState),
    problems: [],
  },
  {
    method: "post",
    path: "/sources/{id}/hold",
    summary:
      "Hold a source: its deliveries are taken and kept, none is worked on from the answer on",
    body: settleBody,
    status: 200,
    answer: one(schemas.sourceState),
    problems: [400, 404, 409, 413],
  },
  {
    method: "post",
    path: "/sources/{id}/release",
    summary:
      "End a hold, or with `only` try some held events under it; what was held is drained apart",
    body: releaseBody,
    status: 200,
    answer: one(releasedSource),
    problems: [400, 404, 409, 413],
  },
  {
    method: "post",
    path: "/sources/{id}/drain",
    summary: "Work for some seconds on what was held, oldest first; call it until nothing is left",
    status: 200,
    answer: one(schemas.drainedSource),
    problems: [404],
  },
  {
    method: "post",
    path: "/sources/{id}/tell",
    summary:
      "Tell customers of a hold, each once: who has a payment under way that payments are paused, after the release the same ones that they are not",
    status: 200,
    answer: one(toldOfHold),
    problems: [404],
  },
  {
    method: "get",
    path: "/keys",
    summary: "Who may act here: every named key, revoked ones too; never the key itself",
    status: 200,
    answer: many(schemas.apiKey),
    problems: [],
  },
  {
    method: "post",
    path: "/keys",
    summary: "Make a named key; its text is in this answer and nowhere else",
    body: keyBody,
    status: 201,
    answer: one(schemas.madeKey),
    problems: [400, 409, 413],
  },
  {
    method: "post",
    path: "/keys/{id}/revoke",
    summary: "From the next request on the key opens nothing",
    status: 200,
    answer: one(schemas.apiKey),
    problems: [404],
  },
  ...incidentReportRoutes,
  ...metricRoutes,
  ...reconciliationRoutes,
  ...correctionRoutes,
  {
    method: "post",
    path: "/setup",
    summary: "Register the schedules and check the queue against the database pool; safe to repeat",
    status: 200,
    answer: one(schemas.setupReport),
    problems: [],
  },
  {
    method: "get",
    path: "/notices/preview/{template}",
    summary:
      "A mail of this template as its reader would get it, of invented data; nothing is sent",
    query: previewQuery,
    status: 200,
    answer: one(noticePreview),
    problems: [400, 404],
  },
  {
    method: "get",
    path: "/openapi.json",
    summary: "This description",
    status: 200,
    answer: z.record(z.string(), z.unknown()),
    problems: [],
  },
];

/** For the platform's own application: outside of the admin API, and a key that may only read is enough. */
const entitlementsRoute: DocumentedRoute = {
  method: "get",
  path: `${ENTITLEMENTS_PATH}/{userId}`,
  summary:
    "What a user is entitled to; a `read` key is enough, and a user whom nobody knows has nothing",
  query: entitlementsQuery,
  status: 200,
  answer: userEntitlements,
  problems: [400],
};

type Json = Record<string, unknown>;

/**
 * Zod's JSON Schema of what goes over the wire. Named schemas are put among the components and
 * referred to; what OpenAPI has no use for is left out.
 */
function jsonSchema(schema: z.ZodType, io: "input" | "output", components: Json): Json {
  const {
    $schema: _,
    $defs,
    ...json
  } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema: node }) => {
      if (node.format === "date-time") delete node.pattern;
      if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
      if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
      delete node.id;
    },
  }) as Json;
  for (const [name, named] of Object.entries(($defs ?? {}) as Json)) {
    components[name] = relocated(named);
  }
  return relocated(json) as Json;
}

function relocated(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(relocated);
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === "$ref"
        ? String(value).replace("#/$defs/", "#/components/schemas/")
        : relocated(value),
    ]),
  );
}

function parametersOf(route: DocumentedRoute): Json[] {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  if (route.query === undefined) return inPath;
  const { properties } = jsonSchema(route.query, "input", {});
  const inQuery = Object.entries(properties as Record<string, Json>).map(([name, property]) => {
    const { description, ...schema } = property;
    return { name, in: "query", ...(description === undefined ? {} : { description }), schema };
  });
  return [...inPath, ...inQuery];
}

function operationOf(route: DocumentedRoute, components: Json): Json {
  const { summary, body, status, answer, open } = route;
  const json = (schema: Json) => ({ content: { "application/json": { schema } } });
  const bytes = { content: { "application/octet-stream": {} } };
  const problem = { $ref: "#/components/responses/Problem" };
  const codes = [...route.problems, ...(open ? [] : [401, 403]), 503].sort();
  const parameters = parametersOf(route);
  return {
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, ...json(jsonSchema(body, "input", components)) } }),
    responses: {
      [status]: {
        description: "Done",
        ...(answer === undefined ? bytes : json(jsonSchema(answer, "output", components))),
      },
      ...Object.fromEntries(codes.map((code) => [code, problem])),
    },
    ...(open ? { security: [] } : {}),
  };
}

/** The admin API as an OpenAPI 3.1 document; `docs/reference/api.md` is generated from it. */
export function openApiDocument(): Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  const served = documentedRoutes.map((route) => ({
    ...route,
    path: `${ADMIN_PATH}${route.path}`,
  }));
  for (const route of [...served, entitlementsRoute]) {
    const { path } = route;
    paths[path] = { ...paths[path], [route.method]: operationOf(route, components) };
  }
  const problem = jsonSchema(z.object({ problem: schemas.problemAnswer }), "output", components);
  const content = { "application/problem+json": { schema: (problem.properties as Json).problem } };
  return {
    openapi: "3.1.0",
    info: { title: "Signalbox admin API", version: "1" },
    security: [{ adminToken: [] }],
    paths,
    components: {
      securitySchemes: { adminToken: { type: "http", scheme: "bearer" } },
      responses: { Problem: { description: "Refused or failed; the code says why", content } },
      schemas: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}
