import type { Ids } from "../domain/ids.js";
import type { Kv, Log, Report } from "../domain/ports.js";
import type { Clock } from "../domain/time.js";
import type { SetUpReport } from "../operations/set-up.js";
import type { SettleOutcome, SettleRequest } from "../operations/settle-dead-letter.js";
import type { SubscriberOperations } from "../operations/subscribers.js";
import type { SuppressionOperations } from "../operations/suppressions.js";
import type { PrismaClient } from "../store/prisma.js";
import type { AccessDeps } from "./access.js";
import type { AuditOperations } from "./audit-trail.js";
import type { CorrectionOperations } from "./corrections.js";
import type { DeploymentOperations } from "./deployment-checks.js";
import type { DoorOperations } from "./door-counts.js";
import type { IncidentReportOperations } from "./incident-reports.js";
import type { IncidentOperations } from "./incidents.js";
import type { KeyOperations } from "./keys.js";
import type { MaintenanceOperations } from "./maintenance.js";
import type { MetricOperations } from "./metrics.js";
import type { PreviewDeps } from "./notice-previews.js";
import type { PolicyOperations } from "./policy.js";
import type { ReconcileOperations } from "./reconciliations.js";
import type { SourceOperations } from "./sources.js";

/** Where the app is to be mounted. */
export const ADMIN_PATH = "/api/admin";

type Service = "connected" | "disconnected";

/** What health tells, at each of its addresses. */
export interface HealthReport {
  /** `degraded`: something is down or held, or a reconciliation failed or found what is still open, but no delivery is refused for it. */
  status: "healthy" | "degraded" | "unhealthy";
  timestamp: string;
  version: string;
  services: { database: Service; kv: Service; queue: Service };
  /** What waits, and since when a job was last run. Null: not known, because its keeper does not answer or knows of no run. */
  backlog: {
    outboxOverdueRows: number | null;
    heldSources: number | null;
    heldEvents: number | null;
    openDiscrepancies: number | null;
    failedReconciliations: number | null;
    parkedDeliveries: number | null;
    openDeadLetters: number | null;
    relayAgeSeconds: number | null;
    sweepAgeSeconds: number | null;
  };
}

export interface AdminDeps extends AccessDeps {
  prisma: PrismaClient;
  /** Ids of the sources, whose refusals are kept. */
  sources: readonly string[];
  operations: AuditOperations &
    KeyOperations &
    SourceOperations &
    SubscriberOperations &
    SuppressionOperations &
    ReconcileOperations &
    CorrectionOperations &
    IncidentOperations &
    IncidentReportOperations &
    DeploymentOperations &
    MaintenanceOperations &
    MetricOperations &
    DoorOperations &
    PolicyOperations & {
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
  previewNotice: PreviewDeps["previewNotice"];
}
