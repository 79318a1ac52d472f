import type { AttemptRow, EventRow } from "../domain/event.js";
import type { PlanTable, PlanTables } from "../domain/plan.js";

/** How a field of a row is held in Postgres. `instant`: milliseconds here, timestamptz there. */
type ColumnType = "text" | "integer" | "bigint" | "boolean" | "instant" | "jsonb";

/** Every field of the row has its column: a field that is added and forgotten here is a type error. */
interface Table<Row> {
  name: string;
  columns: { [Field in keyof Row]-?: ColumnType };
}

export const columnOf = (field: string): string =>
  field.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

export const PLAN_TABLES: { [T in PlanTable]: Table<PlanTables[T]> } = {
  apiKey: {
    name: "api_key",
    columns: {
      id: "text",
      name: "text",
      role: "text",
      keyHash: "text",
      createdBy: "text",
      createdAt: "instant",
      lastUsedAt: "instant",
      revokedBy: "text",
      revokedAt: "instant",
      version: "integer",
    },
  },
  auditEntry: {
    name: "audit_entry",
    columns: {
      id: "text",
      at: "instant",
      action: "text",
      actor: "text",
      subject: "text",
      eventId: "text",
      details: "jsonb",
    },
  },
  correction: {
    name: "correction",
    columns: {
      id: "text",
      source: "text",
      discrepancyId: "text",
      kind: "text",
      account: "text",
      livemode: "boolean",
      externalId: "text",
      amountMinor: "bigint",
      currency: "text",
      userRef: "text",
      packageRef: "text",
      status: "text",
      reason: "text",
      plannedBy: "text",
      approvedBy: "text",
      appliedBy: "text",
      begunAt: "instant",
      vendorRef: "text",
      error: "text",
      createdAt: "instant",
      updatedAt: "instant",
      appliedAt: "instant",
      version: "integer",
    },
  },
  deadLetter: {
    name: "dead_letter",
    columns: {
      id: "text",
      eventId: "text",
      noticeId: "text",
      status: "text",
      code: "text",
      message: "text",
      hint: "text",
      deaths: "integer",
      createdAt: "instant",
      updatedAt: "instant",
      version: "integer",
    },
  },
  deployment: {
    name: "deployment",
    columns: {
      id: "text",
      source: "text",
      externalId: "text",
      project: "text",
      name: "text",
      target: "text",
      state: "text",
      stateAsOf: "instant",
      url: "text",
      commit: "text",
      createdAt: "instant",
      updatedAt: "instant",
      version: "integer",
    },
  },
  deploymentTarget: {
    name: "deployment_target",
    columns: {
      id: "text",
      source: "text",
      project: "text",
      target: "text",
      lastGoodAt: "instant",
      updatedAt: "instant",
      version: "integer",
    },
  },
  discrepancy: {
    name: "discrepancy",
    columns: {
      ...{ id: "text", status: "text", updatedAt: "instant", closedAt: "instant" },
      version: "integer",
    },
  },
  entitlement: {
    name: "entitlement",
    columns: {
      id: "text",
      account: "text",
      livemode: "boolean",
      userRef: "text",
      packageRef: "text",
      ordinal: "integer",
      paymentId: "text",
      subscriptionId: "text",
      originRef: "text",
      status: "text",
      grantedAt: "instant",
      paidAt: "instant",
      startsAt: "instant",
      endsAt: "instant",
      months: "integer",
      warnedDays: "integer",
      revokedAt: "instant",
      revokedBecause: "text",
      updatedAt: "instant",
      version: "integer",
    },
  },
  incident: {
    name: "incident",
    columns: {
      id: "text",
      groupKey: "text",
      ordinal: "integer",
      kind: "text",
      title: "text",
      service: "text",
      environment: "text",
      ours: "boolean",
      severity: "text",
      status: "text",
      url: "text",
      openedAt: "instant",
      acknowledgedAt: "instant",
      acknowledgedBy: "text",
      resolvedAt: "instant",
      resolvedBy: "text",
      createdAt: "instant",
      updatedAt: "instant",
      version: "integer",
    },
  },
  incidentEntry: {
    name: "incident_entry",
    columns: { id: "text", incidentId: "text", at: "instant", text: "text" },
  },
  ledgerObject: {
    name: "ledger_object",
    columns: {
      id: "text",
      kind: "text",
      account: "text",
      livemode: "boolean",
      externalId: "text",
      state: "text",
      stateAsOf: "instant",
      amountMinor: "bigint",
      currency: "text",
      customerRef: "text",
      paymentRef: "text",
      chargeRef: "text",
      invoiceRef: "text",
      subscriptionRef: "text",
      details: "jsonb",
      bornAt: "instant",
      asOf: "instant",
      authority: "text",
      userRef: "text",
      told: "jsonb",
      createdAt: "instant",
      updatedAt: "instant",
      version: "integer",
    },
  },
  notice: {
    name: "notice",
    columns: {
      id: "text",
      channel: "text",
      template: "text",
      cause: "text",
      recipient: "text",
      locale: "text",
      data: "jsonb",
      payload: "jsonb",
      status: "text",
      vendorId: "text",
      eventId: "text",
      calls: "integer",
      resends: "integer",
      leaseUntil: "instant",
      firstCalledAt: "instant",
      errorCode: "text",
      errorMessage: "text",
      createdAt: "instant",
      sentAt: "instant",
      version: "integer",
    },
  },
  outbox: {
    name: "outbox",
    columns: {
      id: "text",
      message: "jsonb",
      createdAt: "instant",
      dueAt: "instant",
      publishes: "integer",
      refusals: "integer",
    },
  },
  payment: {
    name: "payment",
    columns: {
      id: "text",
      account: "text",
      livemode: "boolean",
      externalId: "text",
      state: "text",
      stateAsOf: "instant",
      amountMinor: "bigint",
      receivedMinor: "bigint",
      currency: "text",
      refundedMinor: "bigint",
      disputedMinor: "bigint",
      disputeState: "text",
      userRef: "text",
      packageRef: "text",
      orderRef: "text",
      email: "text",
      name: "text",
      locale: "text",
      customerRef: "text",
      invoiceRef: "text",
      paidAt: "instant",
      failureCode: "text",
      failureMessage: "text",
      bornAt: "instant",
      told: "jsonb",
      override: "jsonb",
      createdAt: "instant",
      updatedAt: "instant",
      version: "integer",
    },
  },
  signal: {
    name: "signal",
    columns: {
      id: "text",
      incidentId: "text",
      eventId: "text",
      kind: "text",
      level: "text",
      title: "text",
      occurredAt: "instant",
    },
  },
  sourceHold: {
    name: "source_hold",
    columns: {
      id: "text",
      source: "text",
      reason: "text",
      heldBy: "text",
      heldAt: "instant",
      letThrough: "jsonb",
      releasedBy: "text",
      releasedAt: "instant",
      releaseReason: "text",
      version: "integer",
    },
  },
  subscriptionVersion: {
    name: "subscription_version",
    columns: { id: "text", version: "integer" },
  },
  suppression: {
    name: "suppression",
    columns: {
      id: "text",
      recipientHash: "text",
      reason: "text",
      eventId: "text",
      createdAt: "instant",
    },
  },
  timer: {
    name: "timer",
    columns: {
      id: "text",
      kind: "text",
      subject: "text",
      dueAt: "instant",
      status: "text",
      createdAt: "instant",
      version: "integer",
    },
  },
};

export const EVENT: Table<EventRow> = {
  name: "event",
  columns: {
    id: "text",
    source: "text",
    eventKey: "text",
    type: "text",
    status: "text",
    requestId: "text",
    occurredAt: "instant",
    receivedAt: "instant",
    processedAt: "instant",
    errorCode: "text",
    errorMessage: "text",
    trace: "jsonb",
  },
};

export const ATTEMPT: Table<AttemptRow> = {
  name: "attempt",
  columns: {
    id: "text",
    eventId: "text",
    outcome: "text",
    errorCode: "text",
    errorMessage: "text",
    startedAt: "instant",
    durationMs: "integer",
  },
};

/** What the statement builders need of a table, made once at start. */
export interface TableSql {
  name: string;
  columns: readonly string[];
  /** `x.paid_at` turned into what the column takes, in the order of `columns`. */
  values: readonly string[];
  /** `id text, paid_at float8, …`: the recordset of a jsonb array of rows. */
  recordset: string;
  /** The row as json with our own field names, from the alias `t`. */
  json: string;
}

function sqlOf(table: { name: string; columns: Record<string, ColumnType> }): TableSql {
  const fields = Object.entries(table.columns);
  const typed = ([field, type]: [string, ColumnType]): string =>
    `"${field}" ${type === "instant" ? "float8" : type}`;
  const valued = ([field, type]: [string, ColumnType]): string =>
    type === "instant" ? `to_timestamp(x."${field}" / 1000)` : `x."${field}"`;
  const shown = ([field, type]: [string, ColumnType]): string => {
    const column = `t.${columnOf(field)}`;
    const value = type === "instant" ? `(extract(epoch FROM ${column}) * 1000)::bigint` : column;
    return `'${field}', ${value}`;
  };
  return {
    name: table.name,
    columns: fields.map(([field]) => columnOf(field)),
    values: fields.map(valued),
    recordset: fields.map(typed).join(", "),
    json: `json_build_object(${fields.map(shown).join(", ")})`,
  };
}

export const EVENT_SQL = sqlOf(EVENT);
export const ATTEMPT_SQL = sqlOf(ATTEMPT);
export const TABLE_SQL = Object.freeze(
  Object.fromEntries(Object.entries(PLAN_TABLES).map(([key, table]) => [key, sqlOf(table)])),
) as Readonly<Record<PlanTable, TableSql>>;
