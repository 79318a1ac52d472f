import type { Gateway } from "../../domain/gateway.js";
import type { Ids } from "../../domain/ids.js";
import type { LedgerKey } from "../../domain/ledger.js";
import type { Log } from "../../domain/ports.js";
import type {
  BalanceLine,
  Finding,
  Reconciliation,
  RunCounts,
  RunCursor,
  RunError,
  RunStatus,
} from "../../domain/reconciliation.js";
import type { Clock } from "../../domain/time.js";
import type { Policy } from "../../policy/schema.js";
import type { Source } from "../../sources/source.js";
import type { Database } from "../../store/database.js";

export interface ReconcileDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  log: Log;
  policy: Policy;
  sourceById(id: string): Source | undefined;
  gatewayOf(sourceId: string): Gateway | undefined;
  /**
   * Sends an event on the ordinary path, as if the door had taken it. Resolves when that is durable.
   *
   * @returns its key. @throws Transient
   */
  sendEvent(source: Source, body: object): Promise<{ eventKey: string }>;
}

/** What the steps of a run work with. */
export interface Step {
  run: Reconciliation;
  source: Source & Required<Pick<Source, "readObject" | "mention">>;
  gateway: Gateway;
  deps: ReconcileDeps;
}

/** What a step has done; the slice writes it. */
export interface Done {
  cursor: RunCursor;
  counts?: Partial<RunCounts>;
  balance?: BalanceLine[];
  errors?: readonly RunError[];
  findings?: readonly Finding[];
  /** Of a dry run, in place of `findings`: shown, and no discrepancy. */
  seen?: readonly Finding[];
  agreed?: readonly LedgerKey[];
  closed?: readonly string[];
  sent?: readonly string[];
  /** Set when the run is over. */
  status?: Exclude<RunStatus, "running">;
  /** Nothing to be done before so many milliseconds have passed. */
  waitMs?: number;
}

export const scopeOf = ({ run }: Pick<Step, "run">, account: string) => ({
  account,
  livemode: run.livemode,
});

/** The cursor at the beginning of a step. */
export const begin = (run: Reconciliation, step: RunCursor["step"]): RunCursor => ({
  ...run.cursor,
  step,
  place: 0,
  to: run.rangeTo,
  next: null,
  pages: 0,
  edge: null,
  after: "",
  outstanding: 0,
});
