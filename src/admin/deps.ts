import type { Ids } from "../domain/ids.js";
import type { Kv, Log, Report } from "../domain/ports.js";
import type { Secret } from "../domain/secret.js";
import type { Clock } from "../domain/time.js";
import type { SetUpReport } from "../operations/set-up.js";
import type { SettleOutcome, SettleRequest } from "../operations/settle-dead-letter.js";
import type { PrismaClient } from "../store/prisma.js";

/** Where the app is to be mounted. */
export const ADMIN_PATH = "/api/admin";

export interface HealthReport {
  status: "healthy" | "unhealthy";
  timestamp: string;
  version: string;
  services: Readonly<Record<string, "connected" | "disconnected">>;
}

export interface AdminDeps {
  prisma: PrismaClient;
  adminToken: Secret;
  /** Ids of the sources, whose refusals are kept. */
  sources: readonly string[];
  operations: {
    replayDeadLetter(request: SettleRequest): Promise<SettleOutcome>;
    discardDeadLetter(request: SettleRequest): Promise<SettleOutcome>;
    setup(): Promise<SetUpReport>;
  };
  /** Asked by anybody, so it must be cheap: let it remember its answer for some seconds. */
  health(): Promise<HealthReport>;
  kv: Kv;
  clock: Clock;
  ids: Ids;
  log: Log;
  report: Report;
}
