import type { Kv } from "../domain/ports.js";
import { type Clock, isoOf } from "../domain/time.js";
import type { Database } from "../store/database.js";
import { VERSION } from "./version.js";

export interface HealthReport {
  status: "healthy" | "unhealthy";
  timestamp: string;
  version: string;
  services: { database: "connected" | "disconnected"; kv: "connected" | "disconnected" };
}

/** `unhealthy` when the database is gone; without KV deliveries are still taken, so that is only told. */
async function checkHealth(deps: {
  database: Database;
  kv: Kv;
  clock: Clock;
}): Promise<HealthReport> {
  const connected = (asked: Promise<unknown>): Promise<"connected" | "disconnected"> =>
    asked.then(
      () => "connected",
      () => "disconnected", // that it failed is the answer here; why is in the log of whoever needed it
    );
  const [database, kv] = await Promise.all([
    connected(deps.database.query("SELECT 1", [])),
    connected(deps.kv.ping()),
  ]);
  return {
    status: database === "connected" ? "healthy" : "unhealthy",
    timestamp: isoOf(deps.clock.now()),
    version: VERSION,
    services: { database, kv },
  };
}

const REMEMBER_MS = 1_000;

/** Health is asked by anybody and often: one look a second, shared by all who ask meanwhile. */
export function createHealth(deps: Parameters<typeof checkHealth>[0]): () => Promise<HealthReport> {
  let asked: { at: number; report: Promise<HealthReport> } | null = null;
  return () => {
    const at = deps.clock.now();
    if (asked === null || at - asked.at >= REMEMBER_MS) asked = { at, report: checkHealth(deps) };
    return asked.report;
  };
}

const answer = (healthy: boolean, body: object): Response =>
  new Response(JSON.stringify(body), {
    status: healthy ? 200 : 503,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });

/** `GET /api/health`. */
export function healthResponse(report: HealthReport): Response {
  return answer(report.status === "healthy", report);
}

/** `GET /api/health/db`, in the words that uptime monitors are set to. */
export function databaseHealthResponse(report: HealthReport): Response {
  const { status, timestamp, version, services } = report;
  const { database } = services;
  if (database === "connected") return answer(true, { status, database, timestamp, version });
  const error = "the database did not answer";
  return answer(false, { status: "unhealthy", database, error, timestamp });
}
