import { attachDatabasePool, waitUntil } from "@vercel/functions";
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { createAdminApp } from "../admin/app.js";
import { createEntitlementsApp, ENTITLEMENTS_PATH } from "../admin/entitlements.js";
import { buildChannels } from "../channels/registry.js";
import { Permanent } from "../domain/errors.js";
import { problem } from "../domain/problem.js";
import type { Clock } from "../domain/time.js";
import { buildGateways } from "../gateways/registry.js";
import { failNotice } from "../handlers/send-notification/index.js";
import { createDoor } from "../ingest/door.js";
import { webhookRoutes } from "../ingest/routes.js";
import type { BuryDeps } from "../operations/bury-message.js";
import { listAffected } from "../operations/corrections/affected.js";
import { applyCorrection } from "../operations/corrections/apply.js";
import { planCorrections, planOne } from "../operations/corrections/plan.js";
import { approveCorrection, rejectCorrection } from "../operations/corrections/settle.js";
import { drainSource } from "../operations/drain-source.js";
import { holdSource } from "../operations/hold-source.js";
import { createKey, revokeKey } from "../operations/manage-keys.js";
import { continueRun, startRun } from "../operations/reconcile/index.js";
import { createRelay } from "../operations/relay-outbox.js";
import { letThrough, releaseSource } from "../operations/release-source.js";
import { reopenReplay } from "../operations/reopen-dead-letter.js";
import { setUp } from "../operations/set-up.js";
import { discardDeadLetter, replayDeadLetter } from "../operations/settle-dead-letter.js";
import { subscriberOperations } from "../operations/subscribers.js";
import {
  addSuppression,
  checkSuppression,
  removeSuppressions,
} from "../operations/suppressions.js";
import { sweepDeadMessages } from "../operations/sweep-dead-messages.js";
import { tellOfHold } from "../operations/tell-of-hold.js";
import { unsubscribe, unsubscribeUrl } from "../operations/unsubscribe.js";
import type { BalanceDeps, WithoutDatabaseDeps } from "../operations/watch/index.js";
import { createQueueAccount } from "../queues/account.js";
import { createConsumer, createSignatureCheck } from "../queues/consume.js";
import { createPublisher, messagesAtOnce, QUEUES, type QueueName } from "../queues/publish.js";
import { sourceById, sourceIds, sources, webhookSourceById } from "../sources/registry.js";
import { findKey, listKeys } from "../store/api-keys.js";
import { openDatabase, sessionZone } from "../store/database.js";
import { readEntitlements } from "../store/entitlements.js";
import { readHolds } from "../store/holds.js";
import { openPrisma } from "../store/prisma.js";
import { acknowledgeRoutes } from "./acknowledge-page.js";
import { auditOperations } from "./audit-parts.js";
import { systemClock } from "./clock.js";
import { CRON_JOBS, createCron, cronPath } from "./cron.js";
import { cronJobs } from "./cron-jobs.js";
import { deploymentParts, maintenanceOperations } from "./deployment-parts.js";
import { fetchGet } from "./fetch-get.js";
import { createHealth, databaseHealthResponse, healthResponse } from "./health.js";
import { createIds } from "./ids.js";
import { acknowledgeDeps, incidentOperations, incidentParts } from "./incident-parts.js";
import { createKv } from "./kv.js";
import { lostConnection } from "./lost-connection.js";
import { memoryPercent } from "./memory.js";
import { metricOperations } from "./metric-parts.js";
import { newKey } from "./new-key.js";
import { type NodeConfig, parseNodeConfig } from "./node-config.js";
import { nodeHmacCheck } from "./node-hmac.js";
import { createPinoLog } from "./pino-log.js";
import { policyOperations } from "./policy-operations.js";
import { createPoolPost } from "./pool-post.js";
import { createSendEvent } from "./send-event.js";
import { createReporter } from "./sentry.js";
import { type UnsubscribeDeps, unsubscribeRoutes } from "./unsubscribe-page.js";
import { VERSION } from "./version.js";
import { buryEvent, createWorkers } from "./workers.js";

/** Away from the ack path a slow KV or queue may take longer before it counts as down. */
const WORKER_KV_TIMEOUT_MS = 2_000;
const WORKER_PUBLISH_TIMEOUT_MS = 5_000;
/** A call for whoever watches the drain of a source; the next one goes on. */
const DRAIN_BUDGET_MS = 2_000;
/** Of a run's slice: who asks waits no longer than this. */
const RECONCILE_CALL_MS = 8_000;
/** Long enough for a cold start, and for the parts that health asks. */
const OWN_ADDRESS_TIMEOUT_MS = 10_000;

export interface NodeRuntime {
  /** Every address of this deployment; each file in `api/` exports its `fetch`. */
  app: Hono;
  close(): Promise<void>;
}

/**
 * Everything that runs on Node, built once from the environment.
 *
 * @param clock what hours are played in seconds by: all that is decided, signed and checked goes by it.
 * @throws ConfigError
 */
export function buildNode(
  env: Readonly<Record<string, string | undefined>>,
  { clock = systemClock }: { clock?: Clock } = {},
): NodeRuntime {
  const config = parseNodeConfig(env);
  const parts = buildParts(config, clock);
  const app = new Hono();
  // Before the middleware: the door's answers carry what they need themselves (see `ANSWER_HEADERS`), no
  // browser reads them, and eight headers more cost each delivery a twentieth of its time.
  app.route("/", doorRoutes(config, parts));
  app.use(secureHeaders({ xFrameOptions: "DENY", referrerPolicy: "no-referrer" }));
  app.route("/", workerRoutes(config, parts));
  app.route("/api/admin", adminRoutes(config, parts));
  app.route("/", unsubscribeRoutes(unsubscribeDeps(config, parts)));
  app.route("/", acknowledgeRoutes(acknowledgeDeps(config, parts)));
  app.route(ENTITLEMENTS_PATH, entitlementsRoutes(config, parts));
  app.get("/api/health", async () => healthResponse(await parts.health()));
  app.get("/api/health/db", async () => databaseHealthResponse(await parts.health()));
  app.notFound(() => {
    const detail = "See ARCHITECTURE.md for the addresses of this deployment.";
    return problem("not_found", detail, parts.ids.next("request"));
  });
  app.onError((error) => {
    const requestId = parts.ids.next("request");
    parts.log.error("request.failed", { requestId, error: error.name });
    parts.report(error, { requestId, action: "request" });
    return problem("internal", "The request could not be answered.", requestId);
  });
  return { app, close: parts.close };
}

type Parts = ReturnType<typeof buildParts>;

/** The things that all routes share; each is made here and nowhere else. */
function buildParts(config: NodeConfig, clock: Clock) {
  const ids = createIds(clock);
  const { logLevel, deploymentId, queue } = config.door;
  const log = createPinoLog(clock, logLevel, deploymentId);
  const reporter = createReporter({
    dsn: config.sentryDsn,
    environment: config.production ? "production" : "development",
    deploymentId,
    waitUntil,
  });
  const database = openDatabase(config.database, lostConnection(log));
  attachDatabasePool(database.pool);
  const pool = createPoolPost();
  const workerQueue = { ...queue, publishTimeoutMs: WORKER_PUBLISH_TIMEOUT_MS };
  const publisher = createPublisher(workerQueue, pool.post);
  const account = createQueueAccount(queue);
  const kv = createKv({ ...config.door.kv, timeoutMs: WORKER_KV_TIMEOUT_MS });
  const { publicBaseUrl } = queue;
  const links = { publicBaseUrl, secrets: config.unsubscribeSecrets };
  const channels = buildChannels({
    ...config.channels,
    unsubscribeUrl: (to) => unsubscribeUrl(to, links),
  });
  const gatewayOf = buildGateways(config.gateways, clock);
  const relay = createRelay({ publisher, log });
  const prisma = openPrisma(database.pool);
  const { ours, queueTokens } = config;
  const core = { database, channels, clock, ids, kv, log, relay, publisher, account };
  const { policy } = config;
  const incidents = incidentParts({ ...core, policy, links });
  const tellsPlatform = channels.platform.configured;
  const events = { ...core, ours, queueTokens, sourceById, gatewayOf, policy, tellsPlatform };
  const bury: BuryDeps = {
    database,
    buryNotice: (due, error) => failNotice(due, error, core),
    reopenReplay: (eventId, error) => reopenReplay(eventId, error, core),
  };
  const lastRun = { place: undefined };
  const sweepDead = onceAtATime(() =>
    sweepDeadMessages({
      ...core,
      ...bury,
      lastRun,
      buryEvent: (message, error) => buryEvent(message, error, events),
    }),
  );
  const sendEvent = createSendEvent({
    ...core,
    queueToken: queue.token,
    queueBodyBytesMax: config.door.queueBodyBytesMax,
  });
  const isSigned = createSignatureCheck(config.signingKeys, clock);
  const deployments = deploymentParts(config, {
    ...events,
    sendEvent,
    post: pool.post,
    hasStatusPage: channels.status_page.configured,
  });
  return {
    ...events,
    ...incidents,
    ...deployments,
    ...bury,
    post: pool.post,
    prisma,
    report: reporter.report,
    sweepDead,
    sendEvent,
    isSigned,
    health: createHealth(core),
    async close() {
      await prisma.$disconnect();
      const { closeProbe } = deployments;
      await Promise.all([pool.close(), closeProbe(), database.close(), reporter.close()]);
    },
  };
}

/** Calls that come while one is running share its answer: hints come in bursts. */
function onceAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  return () => {
    running ??= work().finally(() => {
      running = null;
    });
    return running;
  };
}

/** The door on Node; the edge has its own in `edge.ts`. Only the ways to POST and to check a signature differ. */
function doorRoutes({ door }: NodeConfig, parts: Parts): Hono {
  return webhookRoutes(
    createDoor({
      ...parts,
      sourceById: webhookSourceById,
      secretsOf: (source) => door.sourceSecrets.get(source) ?? [],
      publisher: createPublisher(door.queue, parts.post),
      queueToken: door.queue.token,
      queueBodyBytesMax: door.queueBodyBytesMax,
      kv: createKv(door.kv),
      waitUntil,
      checkHmac: nodeHmacCheck,
    }),
  );
}

function workerRoutes(config: NodeConfig, parts: Parts): Hono {
  const { queue } = config.door;
  const consumer = createConsumer(
    { ...parts, config: queue, signingKeys: config.signingKeys },
    createWorkers(parts),
  );
  const cron = createCron({
    ...parts,
    publicBaseUrl: queue.publicBaseUrl,
    cronSecret: config.cronSecret,
    requestId: () => parts.ids.next("request"),
    jobs: cronJobs(parts, watchDeps(config, parts)),
  });
  const routes = new Hono();
  routes.post("/api/queues/:queue", (c) => {
    const name = QUEUES.find((known): known is QueueName => known === c.req.param("queue"));
    const requestId = parts.ids.next("request");
    if (name === undefined) return problem("not_found", `Queues: ${QUEUES.join(", ")}.`, requestId);
    return consumer(name, c.req.raw);
  });
  routes.on(["GET", "POST"], "/api/cron/:job", (c) => cron(c.req.param("job"), c.req.raw));
  return routes;
}

function watchDeps(
  { door, production }: NodeConfig,
  parts: Parts,
): WithoutDatabaseDeps & BalanceDeps {
  const asked = sources.flatMap(({ id }) => parts.gatewayOf(id) ?? []);
  return {
    ...parts,
    sources,
    secretsOf: (source) => door.sourceSecrets.get(source) ?? [],
    publicBaseUrl: door.queue.publicBaseUrl,
    environment: production ? "production" : null,
    livemode: asked[0]?.sees(true) ?? null,
    memoryPercent,
  };
}

function entitlementsRoutes({ adminToken }: NodeConfig, parts: Parts): Hono {
  const { database, clock } = parts;
  const app = createEntitlementsApp({
    ...parts,
    adminToken,
    read: (given, of) => readEntitlements(database, given, of, clock.now()),
  });
  return new Hono().route("/", app);
}

const unsubscribeDeps = (config: NodeConfig, parts: Parts): UnsubscribeDeps => ({
  ...parts,
  platformName: config.channels.platformName,
  secrets: config.unsubscribeSecrets,
  unsubscribe: (link) => unsubscribe(link, parts),
});

/** The first source that can be asked for its objects. */
function ledgerSource({ gatewayOf }: Parts): string {
  const asked = sources.find(({ id }) => gatewayOf(id) !== undefined);
  if (asked !== undefined) return asked.id;
  throw new Permanent("invalid_request", {
    detail: "source: no source has a key to be asked with",
  });
}

function adminRoutes(config: NodeConfig, parts: Parts): Hono {
  const schedules = CRON_JOBS.map((job) => ({ id: job, cron: "* * * * *", path: cronPath(job) }));
  const { queue } = config.door;
  const limits = { atOnce: messagesAtOnce(queue), poolMax: config.database.poolMax };
  const get = (url: string) => fetchGet(url, OWN_ADDRESS_TIMEOUT_MS);
  const address = { publicBaseUrl: queue.publicBaseUrl, version: VERSION, get };
  const signsLinks = config.unsubscribeSecrets.length > 0;
  const zone = () => sessionZone(parts.database);
  return createAdminApp({
    ...parts,
    adminToken: config.adminToken,
    findKey: (given) => findKey(parts.database, given, parts.clock.now()),
    sources: sourceIds,
    previewNotice: async (template, locale) => {
      // Loaded when asked for: react-email takes a third of a second.
      const { previewMail } = await import("../channels/resend/emails/samples.js");
      const { platformName, timeZone = "UTC" } = config.channels;
      return previewMail(template, locale, { platformName, timeZone });
    },
    operations: {
      ...subscriberOperations(parts),
      addSuppression: (request) => addSuppression(request, parts),
      removeSuppressions: (request) => removeSuppressions(request, parts),
      checkSuppression: (email) => checkSuppression(email, parts),
      replayDeadLetter: (request) => replayDeadLetter(request, parts),
      discardDeadLetter: (request) => discardDeadLetter(request, parts),
      readHolds: () => readHolds(parts.database),
      holdSource: (request) => holdSource(request, parts),
      releaseSource: (request) => releaseSource(request, parts),
      letThrough: (request) => letThrough(request, parts),
      drainSource: (source) => drainSource(source, DRAIN_BUDGET_MS, parts),
      tellOfHold: (request) => tellOfHold(request, parts),
      listAffected: ({ source, ...request }) =>
        listAffected({ ...request, source: source ?? ledgerSource(parts) }, parts),
      planCorrections: ({ source, ...request }) =>
        planCorrections({ ...request, source: source ?? ledgerSource(parts) }, parts),
      planOne: ({ source, ...request }) =>
        planOne({ ...request, source: source ?? ledgerSource(parts) }, parts),
      approveCorrection: (request) => approveCorrection(request, parts),
      rejectCorrection: (request) => rejectCorrection(request, parts),
      applyCorrection: (request) => applyCorrection(request, parts),
      startReconciliation: ({ source, ...request }) =>
        startRun({ ...request, source: source ?? ledgerSource(parts) }, parts),
      continueReconciliation: (id) => continueRun(id, parts, { budgetMs: RECONCILE_CALL_MS }),
      ...auditOperations(parts),
      ...incidentOperations(parts),
      ...metricOperations(parts),
      ...policyOperations(parts, config.policies),
      ...maintenanceOperations(parts.looks),
      listKeys: () => listKeys(parts.database),
      createKey: (request) => createKey(request, { ...parts, newKey }),
      revokeKey: (request) => revokeKey(request, parts),
      setup: () => setUp({ ...parts, schedules, limits, address, signsLinks, zone }),
    },
  });
}
