import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import { freshen, loadSample, requestOf } from "../../cli/samples/index.js";
import { startUpstashRedisEmulator } from "../../emulators/upstash-redis/server.js";
import { createAdminApp } from "../../src/admin/app.js";
import { ADMIN_PATH, type AdminDeps, type HealthReport } from "../../src/admin/deps.js";
import { buildChannels } from "../../src/channels/registry.js";
import { previewMail } from "../../src/channels/resend/emails/samples.js";
import { ID_PREFIX, type Ids } from "../../src/domain/ids.js";
import type { OutboxRow } from "../../src/domain/outbox.js";
import type { Kv } from "../../src/domain/ports.js";
import { Secret } from "../../src/domain/secret.js";
import { isoOf } from "../../src/domain/time.js";
import { type EventResult, type EventRun, runEvent } from "../../src/handlers/run-event.js";
import { listAffected } from "../../src/operations/corrections/affected.js";
import { applyCorrection } from "../../src/operations/corrections/apply.js";
import { planCorrections, planOne } from "../../src/operations/corrections/plan.js";
import { approveCorrection, rejectCorrection } from "../../src/operations/corrections/settle.js";
import { drainSource } from "../../src/operations/drain-source.js";
import { holdSource } from "../../src/operations/hold-source.js";
import { createKey, revokeKey } from "../../src/operations/manage-keys.js";
import { continueRun, type ReconcileDeps, startRun } from "../../src/operations/reconcile/index.js";
import { letThrough, releaseSource } from "../../src/operations/release-source.js";
import { discardDeadLetter, replayDeadLetter } from "../../src/operations/settle-dead-letter.js";
import { subscriberOperations } from "../../src/operations/subscribers.js";
import {
  addSuppression,
  checkSuppression,
  removeSuppressions,
} from "../../src/operations/suppressions.js";
import { tellOfHold } from "../../src/operations/tell-of-hold.js";
import { isPolicyName } from "../../src/policy/names.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { readPolicy, readPreset } from "../../src/policy/read-policy.js";
import { auditOperations } from "../../src/runtime/audit-parts.js";
import { maintenanceOperations } from "../../src/runtime/deployment-parts.js";
import { incidentOperations, incidentParts } from "../../src/runtime/incident-parts.js";
import { createKv } from "../../src/runtime/kv.js";
import { metricOperations } from "../../src/runtime/metric-parts.js";
import { newKey } from "../../src/runtime/new-key.js";
import { policyOperations } from "../../src/runtime/policy-operations.js";
import { sourceById, sourceIds, webhookSourceById } from "../../src/sources/registry.js";
import { findKey, listKeys } from "../../src/store/api-keys.js";
import { type Database, openDatabase } from "../../src/store/database.js";
import { readHolds } from "../../src/store/holds.js";
import { openPrisma } from "../../src/store/prisma.js";
import { testDatabase } from "../support/postgres.js";

export const ADMIN_TOKEN = "an-admin-token-of-the-tests";
/** 2026-11-21T03:00:00Z */
export const STARTED_AT = Date.UTC(2026, 10, 21, 3);

export interface Delivered {
  source: string;
  sample: string;
  uniqueId?: string;
  set?: Record<string, string>;
  /** In place of the sample's own bytes. */
  body?: string;
}

export interface AdminWorld {
  app: Hono;
  database: Database;
  kv: Kv;
  clock: { now(): number; advance(ms: number): void };
  /** What the relay was given to publish. */
  relayed: OutboxRow[];
  logged: { action: string; fields: Readonly<Record<string, unknown>> }[];
  reported: unknown[];
  health: HealthReport;
  /** Runs a worker for a sample, as if it had come from the queue. */
  deliver(delivered: Delivered): Promise<EventResult>;
  /** With the token, unless other headers are given. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** As `ask`: the body of the answer, whatever its status. */
  json<T>(path: string, init?: RequestInit): Promise<T>;
  close(): Promise<void>;
}

/** Ids that count up, and so sort in the order of their making. */
function countingIds(): Ids {
  let made = 0;
  return {
    next(kind) {
      made += 1;
      return `${ID_PREFIX[kind]}_${String(made).padStart(6, "0")}`;
    },
  };
}

export const posted = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
  body: JSON.stringify(body),
});

/** A database and a KV of its own. */
async function ownParts() {
  const folder = mkdtempSync(join(tmpdir(), "signalbox-admin-"));
  const [postgres, redis] = await Promise.all([
    testDatabase(),
    startUpstashRedisEmulator({ dataDir: folder, token: "kv" }),
  ]);
  const lost: Error[] = [];
  const limits = { poolMax: 4, connectTimeoutMs: 5_000, queryTimeoutMs: 10_000 };
  const database = openDatabase(
    { url: postgres.url, preparedStatements: true, ...limits },
    (error) => lost.push(error),
  );
  const prisma = openPrisma(database.pool);
  const kv = createKv({ url: redis.url, token: new Secret("KV", "kv"), timeoutMs: 5_000 });
  return {
    database,
    prisma,
    kv,
    async close() {
      await prisma.$disconnect();
      await database.close();
      await Promise.all([postgres.drop(), redis.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Those that began at this very moment: a test's hours must not fill with escalations. */
const NEW_INCIDENTS =
  "SELECT subject FROM timer WHERE kind = 'incident.due' AND created_at = to_timestamp($1::float8 / 1000)";

/** The admin API with the real operations behind it. `auditDays`: how long the platform keeps its audit trail. */
export async function adminWorld(
  overrides: Partial<AdminDeps> = {},
  auditDays: number | null = null,
): Promise<AdminWorld> {
  const { database, prisma, kv, close } = await ownParts();
  let now = STARTED_AT;
  const clock = {
    now: () => now,
    advance(ms: number) {
      now += ms;
    },
  };
  const ids = countingIds();
  const relayed: OutboxRow[] = [];
  const logged: AdminWorld["logged"] = [];
  const reported: unknown[] = [];
  const note = (action: string, fields: Readonly<Record<string, unknown>>) =>
    void logged.push({ action, fields });
  const relay = async (rows: readonly OutboxRow[]) => void relayed.push(...rows);
  const settling = { database, clock, ids, relay };
  const reconciling: ReconcileDeps = {
    database,
    clock,
    ids,
    log: { info: note, warn: note, error: note },
    policy: presetOf("runbook"),
    sourceById,
    gatewayOf: () => undefined, // no key is set
    sendEvent: () => Promise.reject(new Error("no run is begun without a key")),
  };
  const holding = {
    ...settling,
    log: { info: note, warn: note, error: note },
    sourceById,
    ours: new Set<string>(),
    policy: presetOf("runbook"),
    gatewayOf: () => undefined,
  };
  const links = { publicBaseUrl: "https://signals.example", secrets: [] };
  const channels = buildChannels({ platformName: "Example" });
  const incidents = incidentParts({ ...holding, channels, links });
  const health: HealthReport = {
    status: "healthy",
    timestamp: isoOf(STARTED_AT),
    version: "0.0.0-test",
    services: { database: "connected", kv: "connected", queue: "connected" },
    backlog: {
      outboxOverdueRows: 0,
      heldSources: 0,
      heldEvents: 0,
      openDiscrepancies: 0,
      failedReconciliations: 0,
      parkedDeliveries: 3,
      openDeadLetters: 2,
      relayAgeSeconds: 34,
      sweepAgeSeconds: null,
    },
  };
  const admin = createAdminApp({
    prisma,
    adminToken: new Secret("ADMIN_TOKEN", ADMIN_TOKEN),
    findKey: (given) => findKey(database, given, clock.now()),
    sources: sourceIds,
    previewNotice: (template, locale) =>
      previewMail(template, locale, { platformName: "Example", timeZone: "Asia/Bangkok" }),
    operations: {
      ...subscriberOperations(holding),
      addSuppression: (request) => addSuppression(request, settling),
      removeSuppressions: (request) => removeSuppressions(request, settling),
      checkSuppression: (email) => checkSuppression(email, settling),
      replayDeadLetter: (request) => replayDeadLetter(request, settling),
      discardDeadLetter: (request) => discardDeadLetter(request, settling),
      readHolds: () => readHolds(database),
      holdSource: (request) => holdSource(request, holding),
      releaseSource: (request) => releaseSource(request, holding),
      letThrough: (request) => letThrough(request, holding),
      drainSource: (source) => drainSource(source, 1_000, holding),
      tellOfHold: (request) => tellOfHold(request, holding),
      listAffected: ({ source = "stripe", ...request }) =>
        listAffected({ ...request, source }, holding),
      planCorrections: ({ source = "stripe", ...request }) =>
        planCorrections({ ...request, source }, holding),
      planOne: ({ source = "stripe", ...request }) => planOne({ ...request, source }, holding),
      approveCorrection: (request) => approveCorrection(request, holding),
      rejectCorrection: (request) => rejectCorrection(request, holding),
      applyCorrection: (request) => applyCorrection(request, holding),
      startReconciliation: ({ source = "stripe", ...request }) =>
        startRun({ ...request, source }, reconciling),
      continueReconciliation: (id) => continueRun(id, reconciling, { budgetMs: 10_000 }),
      ...auditOperations({
        ...holding,
        kv,
        policy: { ...holding.policy, retention: { ...holding.policy.retention, auditDays } },
      }),
      ...incidentOperations({ ...settling, policy: presetOf("runbook") }),
      ...maintenanceOperations({
        ...holding,
        probe: async () => ({ kind: "answered", status: 200 }),
        postTest: null,
        checkBaseUrls: new Map([["web", "https://shop.example"]]),
        asksDeployments: true,
        sendEvent: async () => ({ eventKey: "sent" }),
        hasStatusPage: false,
      }),
      ...metricOperations(holding),
      ...policyOperations(
        { ...holding, channels },
        {
          read: (text) => readPolicy(text),
          preset: (name) => (isPolicyName(name) ? readPreset(name) : null),
        },
      ),
      listKeys: () => listKeys(database),
      createKey: (request) => createKey(request, { ...settling, newKey }),
      revokeKey: (request) => revokeKey(request, settling),
      setup: async () => ({
        schedules: [{ id: "relay", cron: "* * * * *", path: "/api/cron/relay", state: "created" }],
        checks: [{ name: "parallelism fits", ok: false, detail: "20 events on 10 connections" }],
      }),
    },
    health: async () => health,
    kv,
    clock,
    ids,
    log: { info: note, warn: note, error: note },
    report: (error) => void reported.push(error),
    ...overrides,
  });
  const app = new Hono().route(ADMIN_PATH, admin);
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> =>
    app.request(path, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` }, ...init });
  let runs = 0;
  return {
    app,
    database,
    kv,
    clock,
    relayed,
    logged,
    reported,
    health,
    async deliver(delivered) {
      runs += 1;
      const result = await runEvent(await eventRun(delivered, clock.now(), `msg_${runs}`), holding);
      // What an incident's clock asks for at once, as the timers' worker does.
      for (const { subject } of await database.query<{ subject: string }>(NEW_INCIDENTS, [
        clock.now(),
      ])) {
        await incidents.runIncident({ incidentId: subject });
      }
      return result;
    },
    ask,
    json: async <T>(path: string, init?: RequestInit) =>
      (await (await ask(path, init)).json()) as T,
    close,
  };
}

async function eventRun(delivered: Delivered, now: number, attemptId: string): Promise<EventRun> {
  const source = webhookSourceById(delivered.source);
  if (source === undefined) throw new Error(`no source ${delivered.source}`);
  const sample = freshen(loadSample(delivered.source, delivered.sample), {
    uniqueId: delivered.uniqueId ?? "one",
    now,
    set: delivered.set ?? {},
  });
  const request = requestOf(sample, { secret: "whsec_test", now });
  const body =
    delivered.body === undefined ? request.body : new TextEncoder().encode(delivered.body);
  const headers = new Headers(request.headers);
  const identity = await source.identify(headers, body);
  const kept = source.keepHeaders.map((name) => [name, headers.get(name) ?? ""] as const);
  return {
    delivery: {
      v: 1,
      source: source.id,
      eventKey: identity.eventKey,
      type: identity.type,
      occurredAt: identity.occurredAt ?? now,
      receivedAt: now,
      requestId: `req_${attemptId}`,
      verifiedBy: source.secret,
      headers: Object.fromEntries(kept),
      encoding: "raw",
    },
    body,
    attemptId,
    startedAt: now,
  };
}
