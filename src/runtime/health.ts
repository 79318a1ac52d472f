import type { HealthReport } from "../admin/deps.js";
import { describeError } from "../domain/describe-error.js";
import { inTime } from "../domain/in-time.js";
import type { Kv, Log } from "../domain/ports.js";
import { type Clock, isoOf, SECOND_MS } from "../domain/time.js";
import { SPILL_INDEX } from "../ingest/spill.js";
import type { QueueAccount } from "../queues/account.js";
import { countBacklog } from "../store/backlog.js";
import type { Database } from "../store/database.js";
import { type CronJob, lastRunAt } from "./cron.js";
import { VERSION } from "./version.js";

export interface HealthDeps {
  database: Database;
  kv: Kv;
  account: Pick<QueueAccount, "ping">;
  clock: Clock;
  log: Log;
}

/** Of the question to the queue: its client waits longer than anybody who asks for health. */
const QUEUE_TIMEOUT_MS = 2_000;

type Service = HealthReport["services"]["database"];
const connected = (asked: Promise<unknown>): Promise<Service> =>
  asked.then(
    () => "connected",
    () => "disconnected", // that it failed is the answer here; why is in the log of whoever needed it
  );

/**
 * `unhealthy` when the database is gone, because nothing is worked on without it; `degraded` when the queue
 * or KV is: deliveries are still taken, through the other of the two. A source that is held degrades too, so that no
 * hold is forgotten; and one whose last reconciliation failed, was partial, or found what is still open, so that nobody
 * takes it for done.
 */
async function checkHealth(deps: HealthDeps): Promise<HealthReport> {
  const [database, kv, queue, backlog] = await Promise.all([
    connected(deps.database.query("SELECT 1", [])),
    connected(deps.kv.ping()),
    connected(inTime(QUEUE_TIMEOUT_MS, deps.account.ping(), () => new Error("no answer in time"))),
    readBacklog(deps),
  ]);
  const isHeld = (backlog.heldSources ?? 0) > 0;
  const isUnproven =
    (backlog.failedReconciliations ?? 0) > 0 || (backlog.openDiscrepancies ?? 0) > 0;
  const isWhole = kv === "connected" && queue === "connected" && !isHeld && !isUnproven;
  return {
    status: database === "disconnected" ? "unhealthy" : isWhole ? "healthy" : "degraded",
    timestamp: isoOf(deps.clock.now()),
    version: VERSION,
    services: { database, kv, queue },
    backlog,
  };
}

/** Numbers whose keeper does not answer are null. */
async function readBacklog({
  database,
  kv,
  clock,
  log,
}: HealthDeps): Promise<HealthReport["backlog"]> {
  const orNull = <T>(asked: Promise<T>): Promise<T | null> =>
    asked.catch((error: unknown) => {
      log.warn("health.unknown", { detail: describeError(error) });
      return null;
    });
  const ageOf = async (job: CronJob): Promise<number | null> => {
    const at = await orNull(lastRunAt(kv, job));
    return at === null ? null : Math.max(0, Math.round((clock.now() - at) / SECOND_MS));
  };
  const [rows, parkedDeliveries, relayAgeSeconds, sweepAgeSeconds] = await Promise.all([
    orNull(countBacklog(database, clock.now())),
    orNull(kv.count(SPILL_INDEX)),
    ageOf("relay"),
    ageOf("sweep"),
  ]);
  const unknown = {
    outboxOverdueRows: null,
    heldSources: null,
    heldEvents: null,
    openDiscrepancies: null,
    failedReconciliations: null,
    openDeadLetters: null,
  };
  return {
    ...unknown,
    ...rows,
    parkedDeliveries,
    relayAgeSeconds,
    sweepAgeSeconds,
  };
}

const REMEMBER_MS = 5 * SECOND_MS;

/** Health is asked by anybody and often: one look in five seconds, shared by all who ask meanwhile. */
export function createHealth(deps: HealthDeps): () => Promise<HealthReport> {
  let asked: { at: number; report: Promise<HealthReport> } | null = null;
  return () => {
    const at = deps.clock.now();
    if (asked === null || at - asked.at >= REMEMBER_MS) asked = { at, report: checkHealth(deps) };
    return asked.report;
  };
}

const answer = (status: number, body: object): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });

/** `GET /api/health`: 503 only when unhealthy, because a degraded deployment still takes every delivery. */
export function healthResponse(report: HealthReport): Response {
  return answer(report.status === "unhealthy" ? 503 : 200, report);
}

/** `GET /api/health/db`, of the database alone, in the words that uptime monitors are set to. */
export function databaseHealthResponse(report: HealthReport): Response {
  const { timestamp, version, services } = report;
  const { database } = services;
  if (database === "connected") {
    return answer(200, { status: "healthy", database, timestamp, version });
  }
  const error = "the database did not answer";
  return answer(503, { status: "unhealthy", database, error, timestamp });
}
