import { type Context, Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { AppError, ERROR_CODES, Permanent, Transient } from "../domain/errors.js";
import { problem } from "../domain/problem.js";
import { createLists, type Lists } from "../store/lists.js";
import { CHALLENGE, demandRole, identify } from "./access.js";
import { serveAuditTrail } from "./audit-trail.js";
import { idOf, jsonOf, limited, notFound } from "./bodies.js";
import { serveCorrections } from "./corrections.js";
import { serveDeploymentChecks } from "./deployment-checks.js";
import { ADMIN_PATH, type AdminDeps } from "./deps.js";
import { balanceOf, doorBalanceQuery, doorCountsQuery, listDoorCounts } from "./door-counts.js";
import type { AdminEnv } from "./env.js";
import { serveIncidentReports } from "./incident-reports.js";
import { namedIncidents, serveIncidents } from "./incidents.js";
import { serveKeys } from "./keys.js";
import { serveMaintenance } from "./maintenance.js";
import { serveMetrics } from "./metrics.js";
import { noticePreviews } from "./notice-previews.js";
import { openApiDocument } from "./openapi.js";
import { servePolicy } from "./policy.js";
import { serveReconciliations } from "./reconciliations.js";
import { listRefusals, refusalsQuery } from "./refusals.js";
import {
  afterOf,
  cursorOf,
  mayComeTwice,
  oneOfThese,
  parsed,
  replayBody,
  settleBody,
} from "./requests.js";
import { type Resource, resources } from "./resources.js";
import * as schemas from "./schemas.js";
import { serveSources } from "./sources.js";
import { serveSubscribers } from "./subscribers.js";
import { serveSuppressions } from "./suppressions.js";

type AdminContext = Context<AdminEnv>;

const HEALTH_PATH = `${ADMIN_PATH}/health`;

/**
 * The admin API, to be mounted at `ADMIN_PATH`. Everything but `GET /health` needs `Authorization: Bearer` of an operator,
 * unknown paths too, so that nobody else learns what there is. Errors are RFC 9457 problems.
 */
export function createAdminApp(deps: AdminDeps): Hono {
  const app = new Hono<AdminEnv>();
  const kept = createLists(deps.prisma);
  const incidents = namedIncidents(kept.incidents, deps.operations.severityName);
  const lists: Lists = { ...kept, incidents };
  app.onError((error, c) => toProblem(error, c, deps));
  app.use("*", answered(deps));
  app.use(
    "*",
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      xFrameOptions: "DENY",
      referrerPolicy: "no-referrer",
    }),
  );
  app.use("*", async (c, next) => {
    const open = c.req.path === HEALTH_PATH && (c.req.method === "GET" || c.req.method === "HEAD");
    if (!open) {
      const caller = await identify(c, deps);
      c.set("caller", caller);
      demandRole(caller, "operator");
    }
    return next();
  });
  serveCorrections(app, deps);
  serveIncidents(app, lists, deps);
  for (const resource of resources) serveResource(app, resource, lists, deps.sources);
  serveEventBody(app, lists);
  serveDeadLetterActs(app, lists, deps);
  serveDeployment(app, deps);
  app.route("/notices", noticePreviews(deps));
  serveAuditTrail(app, deps);
  serveKeys(app, deps);
  serveDeploymentChecks(app, deps);
  serveMaintenance(app, deps);
  serveIncidentReports(app, deps);
  serveMetrics(app, deps);
  servePolicy(app, deps);
  serveReconciliations(app, deps);
  serveSources(app, deps);
  serveSubscribers(app, deps);
  serveSuppressions(app, deps);
  app.all("*", (c) => otherwise(app, c));
  return new Hono().route("/", app); // what the app keeps per request is nobody else's
}

/** One line in the log and the same few headers for every answer, whoever gave it. */
function answered(deps: AdminDeps) {
  return async (c: AdminContext, next: () => Promise<void>): Promise<void> => {
    const startedAt = deps.clock.now();
    c.set("requestId", deps.ids.next("request"));
    await next();
    c.header("cache-control", "no-store");
    c.header("x-request-id", c.var.requestId);
    deps.log.info("admin.answered", {
      requestId: c.var.requestId,
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      durationMs: deps.clock.now() - startedAt,
      ...(c.var.caller === undefined ? {} : { actor: c.var.caller.actor }),
    });
  };
}

/** A source that there is not would otherwise be told as one without a row. */
const withSources = (query: Resource["query"], sources: readonly string[]): Resource["query"] =>
  query.shape.source === undefined ? query : query.extend({ source: oneOfThese(...sources) });

function serveResource(
  app: Hono<AdminEnv>,
  resource: Resource,
  lists: Lists,
  sources: readonly string[],
): void {
  const { name } = resource;
  const list = resource.list(lists);
  const query = withSources(resource.query, sources);
  app.get(`/${name}`, async (c) => {
    const { limit, cursor, ...filters } = parsed(query, c.req.query());
    const { rows, nextAfter } = await list.page({
      limit: limit as number,
      after: afterOf(name, cursor as string | undefined),
      filters: filters as Record<string, string | undefined>,
    });
    const data = rows.map((row) => resource.row.parse(row));
    return c.json({ data, nextCursor: nextAfter === null ? null : cursorOf(name, nextAfter) });
  });
  app.get(`/${name}/:id`, async (c) => {
    const id = idOf(c, resource.singular);
    const found = await list.find(id);
    if (found === null) throw notFound(resource.singular, id);
    return c.json({ data: resource.detail.parse(found) });
  });
}

function serveEventBody(app: Hono<AdminEnv>, lists: Lists): void {
  app.get("/events/:id/body", async (c) => {
    const id = idOf(c, "event");
    const body = await lists.events.body(id);
    if (body === null) throw await noBody(id, lists);
    const headers = { "content-disposition": `attachment; filename="${id}.body"` };
    return c.body(body, 200, { "content-type": "application/octet-stream", ...headers });
  });
}

/** Bodies are dropped by the month; the event itself is kept for good. */
async function noBody(id: string, lists: Lists): Promise<Permanent> {
  if ((await lists.events.find(id)) === null) return notFound("event", id);
  return new Permanent("not_found", {
    detail: `The bytes of ${id} are kept no more: see retention.bodyDays of the policy.`,
  });
}

function serveDeadLetterActs(app: Hono<AdminEnv>, lists: Lists, { operations }: AdminDeps): void {
  const acts = [
    ["replay", operations.replayDeadLetter, 202, replayBody],
    ["discard", operations.discardDeadLetter, 200, settleBody],
  ] as const;
  for (const [verb, settle, status, body] of acts) {
    app.post(`/dead-letters/:id/${verb}`, limited, async (c) => {
      const id = idOf(c, "dead letter");
      const asked = parsed(body, await jsonOf(c));
      const outcome = await settle({ id, ...asked, actor: c.var.caller.actor });
      if (outcome.kind === "not_found") throw notFound("dead letter", id);
      if (outcome.kind === "unconfirmed") throw mayComeTwice(outcome.firstCalledAt);
      if (outcome.kind === "settled") {
        throw new Permanent("conflict", {
          detail: `The dead letter is ${outcome.status} already.`,
        });
      }
      return c.json(
        { data: schemas.deadLetterDetail.parse(await lists.deadLetters.find(id)) },
        status,
      );
    });
  }
}

function serveDeployment(app: Hono<AdminEnv>, deps: AdminDeps): void {
  app.get("/refusals", async (c) => {
    const { source, limit } = parsed(refusalsQuery(deps.sources), c.req.query());
    const data = await listRefusals(deps, source, limit);
    return c.json({ data, nextCursor: null });
  });
  app.get("/door", async (c) => {
    const { minutes } = parsed(doorCountsQuery, c.req.query());
    return c.json({ data: await listDoorCounts(deps, minutes), nextCursor: null });
  });
  app.get("/door-balance", async (c) => {
    const { minutes } = parsed(doorBalanceQuery, c.req.query());
    const rows = await deps.operations.readDoorBalance(minutes);
    return c.json({ data: rows.map(balanceOf), nextCursor: null });
  });
  app.get("/health", async (c) => {
    const report = schemas.health.parse(await deps.health());
    return c.json({ data: report }, report.status === "unhealthy" ? 503 : 200);
  });
  app.post("/setup", async (c) => {
    return c.json({ data: schemas.setupReport.parse(await deps.operations.setup()) });
  });
  app.get("/openapi.json", (c) => c.json(openApiDocument()));
}

/** No route took it: another method might, or nothing is here. */
function otherwise(app: Hono<AdminEnv>, c: AdminContext): Response {
  const { path } = c.req;
  const below = path.slice(ADMIN_PATH.length);
  const allowed = app.routes
    .filter((route) => route.method !== "ALL" && patternOf(route.path).test(below))
    .map((route) => route.method);
  if (allowed.length === 0) {
    return problem("not_found", `Nothing is at ${path}.`, c.var.requestId);
  }
  const allow = [...new Set(allowed)].join(", ");
  const detail = `${path} takes ${allow}; this was ${c.req.method}.`;
  return problem("method_not_allowed", detail, c.var.requestId, { allow });
}

const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll(".", "\\.").replace(/:\w+/g, "[^/]+")}$`);

function toProblem(error: unknown, c: AdminContext, { log, report }: AdminDeps): Response {
  const { requestId } = c.var;
  if (error instanceof AppError && ERROR_CODES[error.code].status >= 400) {
    if (error instanceof Transient) log.warn("admin.failed", { requestId, code: error.code });
    const seconds =
      error instanceof Transient ? (error.retryAfterSeconds ?? RETRY_AFTER_SECONDS) : 0;
    const detail = error.detail ?? ERROR_CODES[error.code].sentence;
    return problem(error.code, detail, requestId, {
      ...(seconds > 0 ? { "retry-after": String(seconds) } : {}),
      ...(error.code === "unauthorized" ? CHALLENGE : {}),
    });
  }
  log.error("admin.failed", { requestId, code: "internal", error: (error as Error).name });
  report(error, { requestId, action: "admin.failed" });
  return problem("internal", "It was reported; this is not your mistake.", requestId);
}

const RETRY_AFTER_SECONDS = 5;
