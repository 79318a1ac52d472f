import type { AuditEntry } from "./audit.js";
import type { Correction } from "./correction.js";
import type { Deployment, DeploymentTarget } from "./deployment.js";
import type { Entitlement } from "./entitlement.js";
import type { DeadLetter } from "./event.js";
import type { SourceHold } from "./hold.js";
import type { Ids } from "./ids.js";
import type {
  Alert,
  Incident,
  IncidentEntry,
  IncidentStep,
  IncidentTask,
  Maintenance,
  Signal,
  Subscriber,
} from "./incident.js";
import type { LedgerObject, SubscriptionVersion } from "./ledger.js";
import type { ChannelId, Notice, NoticeData, Suppression, Template } from "./notice.js";
import type { ApiKey } from "./operator.js";
import { noticeDue, type OutboxMessage, type OutboxRow, type TimerRow } from "./outbox.js";
import type { Payment } from "./payment.js";
import type { DiscrepancyState } from "./reconciliation.js";
import type { Instant } from "./time.js";

/** Every table that a plan may write. `event`, its body and attempts belong to the claim. */
export interface PlanTables {
  alert: Alert;
  apiKey: ApiKey;
  auditEntry: AuditEntry;
  correction: Correction;
  deadLetter: DeadLetter;
  deployment: Deployment;
  deploymentTarget: DeploymentTarget;
  /** Only how it stands: what it says is the reconciliation's to write. */
  discrepancy: DiscrepancyState;
  entitlement: Entitlement;
  incident: Incident;
  incidentEntry: IncidentEntry;
  incidentStep: IncidentStep;
  incidentTask: IncidentTask;
  ledgerObject: LedgerObject;
  maintenance: Maintenance;
  notice: Notice;
  outbox: OutboxRow;
  payment: Payment;
  signal: Signal;
  sourceHold: SourceHold;
  subscriber: Subscriber;
  subscriptionVersion: SubscriptionVersion;
  suppression: Suppression;
  timer: TimerRow;
}
export type PlanTable = keyof PlanTables;
/** Rows that change carry the version that was read. */
export type VersionedTable = {
  [T in PlanTable]: PlanTables[T] extends { version: number } ? T : never;
}[PlanTable];

/** What is to be written, all of it or none: plain data, in the order it was decided. */
export interface Plan {
  inserts: { [T in PlanTable]?: PlanTables[T][] };
  /** The whole new row; `version` is still the one that was read. */
  updates: { [T in VersionedTable]?: PlanTables[T][] };
  /** Rows that were read and must not have moved. */
  expects: { [T in VersionedTable]?: { id: string; version: number }[] };
  /** Rows that must not be there, each by the fields that it would be known by. */
  absences: { [T in PlanTable]?: Partial<PlanTables[T]>[] };
  /** Outbox rows that this very run completes. */
  completes: string[];
  /** Events that a person gave up: dead ones, or held since they died. */
  discards: string[];
  reasons: string[];
}

export const emptyPlan = (): Plan => ({
  inserts: {},
  updates: {},
  expects: {},
  absences: {},
  completes: [],
  discards: [],
  reasons: [],
});

/** What a decision may use besides its rows. */
export interface DecideContext {
  now: Instant;
  ids: Ids;
  /** `source:stripe`, `system:sweep`, `admin`. */
  actor: string;
  eventId: string | null;
  /** The door's, or whoever's this began with; it goes along on every hop. */
  requestId: string;
}

export interface NoticeRequest {
  channel: ChannelId;
  template: Template;
  cause: string;
  recipient: string;
  locale: string;
  data: NoticeData;
  incidentId?: string | null;
  stopsAt?: Notice["stopsAt"];
  instead?: Notice["instead"];
}

/** How long the worker that planned it may take to publish before a sweep does. */
const OUTBOX_GRACE_MS = 30_000;

/** Collects what a decision wants written. Refuses what one statement could not keep apart. */
export class PlanBuilder {
  readonly #ctx: DecideContext;
  readonly #plan: Plan = emptyPlan();

  constructor(ctx: DecideContext) {
    this.#ctx = ctx;
  }

  insert<T extends PlanTable>(table: T, row: PlanTables[T]): this {
    const rows: PlanTables[T][] = this.#plan.inserts[table] ?? [];
    rows.push(row);
    (this.#plan.inserts as Record<PlanTable, unknown>)[table] = rows;
    return this;
  }

  /** `before` gives the version that was read; `patch` the fields that change. */
  update<T extends VersionedTable>(
    table: T,
    before: PlanTables[T],
    patch: Partial<PlanTables[T]>,
  ): this {
    const rows: PlanTables[T][] = this.#plan.updates[table] ?? [];
    rows.push({ ...before, ...patch, id: before.id, version: before.version });
    (this.#plan.updates as Record<VersionedTable, unknown>)[table] = rows;
    return this;
  }

  /** The decision rests on this row as it was read. */
  expect<T extends VersionedTable>(table: T, row: { id: string; version: number }): this {
    const expects = this.#plan.expects as Record<string, { id: string; version: number }[]>;
    expects[table] = [...(expects[table] ?? []), { id: row.id, version: row.version }];
    return this;
  }

  /**
   * The decision rests on there being no row with these fields, none of them null. Looked for as the
   * statement begins: one that was written since the load is found, one that comes later came later.
   */
  expectNone<T extends PlanTable>(table: T, fields: Partial<PlanTables[T]>): this {
    const absences = this.#plan.absences as Record<string, object[]>;
    absences[table] = [...(absences[table] ?? []), fields];
    return this;
  }

  audit(action: string, subject: string, details: AuditEntry["details"] = {}): this {
    const { ids, now, actor, eventId } = this.#ctx;
    const entry = { id: ids.next("audit"), at: now, action, actor, subject, eventId, details };
    return this.insert("auditEntry", entry);
  }

  /** A message to one of our queues, published after the commit and swept if that fails. */
  send(message: OutboxMessage, delayMs = 0): this {
    const { ids, now } = this.#ctx;
    return this.insert("outbox", {
      id: ids.next("outbox"),
      message,
      createdAt: now,
      dueAt: now + delayMs + OUTBOX_GRACE_MS,
      publishes: 0,
      refusals: 0,
    });
  }

  /** Tells a person, once per cause: the notice, its message, its audit entry. */
  notify(request: NoticeRequest): this {
    const { ids, now, eventId, requestId } = this.#ctx;
    const id = ids.next("notice");
    this.insert("notice", {
      id,
      incidentId: null,
      stopsAt: null,
      instead: [],
      ...request,
      payload: null,
      status: "pending",
      vendorId: null,
      eventId,
      calls: 0,
      resends: 0,
      leaseUntil: null,
      firstCalledAt: null,
      errorCode: null,
      errorMessage: null,
      createdAt: now,
      sentAt: null,
      version: 0,
    });
    const { channel, template } = request;
    this.send(noticeDue({ id, channel, template }, { runId: ids.next("run"), requestId }));
    return this.audit("notice.planned", id, {
      channel: request.channel,
      template: request.template,
    });
  }

  /** The message that started this run is done with the commit of this plan. */
  complete(outboxId: string): this {
    this.#plan.completes.push(outboxId);
    return this;
  }

  /** The event is given up: it never runs again. Only a dead one is. */
  discard(eventId: string): this {
    this.#plan.discards.push(eventId);
    return this;
  }

  /** A sentence for the event's trace: why this was decided. */
  because(reason: string): this {
    this.#plan.reasons.push(reason);
    return this;
  }

  build(): Plan {
    return mergePlans([this.#plan]);
  }
}

/**
 * All plans of one event as one, because one statement writes them.
 *
 * @throws Error when a row would be written twice: Postgres would lose the second write in silence.
 */
export function mergePlans(plans: readonly Plan[]): Plan {
  const merged = emptyPlan();
  for (const plan of plans) {
    for (const verb of ["inserts", "updates", "expects", "absences"] as const) {
      const into = merged[verb] as Record<string, object[]>;
      for (const [table, rows] of Object.entries(plan[verb] as Record<string, object[]>)) {
        into[table] = [...(into[table] ?? []), ...rows];
      }
    }
    merged.completes.push(...plan.completes);
    merged.discards.push(...plan.discards);
    merged.reasons.push(...plan.reasons);
  }
  assertEachRowOnce(merged);
  return merged;
}

function assertEachRowOnce(plan: Plan): void {
  const tables = new Set([...Object.keys(plan.inserts), ...Object.keys(plan.updates)]);
  for (const table of tables) {
    const seen = new Set<string>();
    const written = [
      ...((plan.inserts as Record<string, { id: string }[]>)[table] ?? []),
      ...((plan.updates as Record<string, { id: string }[]>)[table] ?? []),
    ];
    for (const { id } of written) {
      if (seen.has(id)) throw new Error(`plan writes ${table} ${id} twice in one statement`);
      seen.add(id);
    }
  }
}
