import { z } from "zod";
import { CHECKED } from "../domain/deployment.js";
import { ENTITLEMENT_STATUSES } from "../domain/entitlement.js";
import { decimalOf } from "../domain/money.js";
import { CHANNELS, NOTICE_STATUSES, SUPPRESSION_REASONS } from "../domain/notice.js";
import { PAYMENT_STATES, type Payment } from "../domain/payment.js";
import { isoOf } from "../domain/time.js";

/**
 * What the admin API answers with. Each schema both turns a row into its answer and documents it,
 * so the two cannot differ. Statuses are described, not enforced: an answer must never fail because
 * a newer version has written a new word.
 */
export const time = z
  .number()
  .transform(isoOf)
  .pipe(z.iso.datetime())
  .meta({ description: "ISO 8601, UTC" });
export const text = z.string();
const minor = z.int().meta({ description: "In the currency's smallest unit" });
export const oneOf = (...values: string[]) => z.string().meta({ enum: values });
const data = z.record(z.string(), z.unknown());

export const auditEntry = z
  .object({
    id: text,
    at: time,
    action: text.meta({ description: "object.past_participle", example: "payment.recorded" }),
    actor: text.meta({ description: "source:stripe, system:sweep, operator:anna, admin" }),
    subject: text.meta({ description: "The id of the object" }),
    eventId: text.nullable(),
    details: data,
  })
  .meta({ id: "AuditEntry" });

const error = z.object({ code: text, message: text }).nullable();
interface Erring {
  errorCode: string | null;
  errorMessage: string | null;
}
/** Rows hold an error as two columns, answers as one object. */
const erring = <S extends z.ZodType>(schema: S) =>
  z.preprocess((row) => {
    const { errorCode, errorMessage } = row as Erring;
    const said = errorCode === null ? null : { code: errorCode, message: errorMessage ?? "" };
    return { ...(row as Erring), error: said };
  }, schema);

const deadLetterFields = {
  id: text,
  eventId: text.nullable(),
  noticeId: text.nullable(),
  status: oneOf("open", "replaying", "resolved", "discarded"),
  code: text,
  message: text.meta({ description: "What happened" }),
  hint: text.meta({ description: "What a person does next" }),
  deaths: z.int().meta({ description: "How often it died; more than one after replays" }),
  createdAt: time,
  updatedAt: time,
};
const bareDeadLetter = z.object(deadLetterFields);

export const deadLetter = z
  .object({
    ...deadLetterFields,
    event: z
      .object({ id: text, source: text, type: text, eventKey: text, receivedAt: time })
      .nullable(),
    notice: z
      .object({
        id: text,
        channel: text,
        template: text,
        recipient: text,
        eventId: text.nullable(),
      })
      .nullable(),
  })
  .meta({ id: "DeadLetter" });
export const deadLetterDetail = deadLetter
  .extend({ audit: z.array(auditEntry) })
  .meta({ id: "DeadLetterDetail" });

const notificationFields = z.object({
  id: text,
  channel: oneOf(...CHANNELS),
  template: text,
  recipient: text,
  status: oneOf(...NOTICE_STATUSES),
  vendorId: text.nullable().meta({ description: "What the carrying service calls it" }),
  eventId: text.nullable(),
  cause: text.meta({ description: "An object and its transition; told once" }),
  locale: text,
  calls: z.int().meta({ description: "Calls begun to the carrying service" }),
  error,
  createdAt: time,
  firstCalledAt: time.nullable(),
  sentAt: time.nullable(),
});
export const notification = erring(notificationFields).meta({ id: "Notification" });
export const notificationDetail = erring(
  notificationFields.extend({
    data,
    payload: data.nullable().meta({ description: "What goes to the carrying service" }),
    deadLetter: bareDeadLetter.nullable(),
    audit: z.array(auditEntry),
  }),
).meta({ id: "NotificationDetail" });

const attempt = erring(
  z.object({
    id: text,
    outcome: oneOf("processed", "ignored", "held", "dead", "duplicate", "transient"),
    error,
    startedAt: time,
    durationMs: z.int(),
  }),
);

const eventFields = z.object({
  id: text,
  source: text,
  type: text.meta({ description: "In the source's own words" }),
  eventKey: text,
  status: oneOf("received", "processed", "ignored", "held", "dead", "discarded"),
  requestId: text,
  occurredAt: time.meta({ description: "When it happened, as the source says; ISO 8601, UTC" }),
  receivedAt: time,
  processedAt: time.nullable(),
  attempts: z.int().meta({ description: "Runs of a worker, without the duplicates" }),
  duplicates: z.int().meta({ description: "Runs that found it finished, and did nothing" }),
  error,
  trace: data.meta({ description: "Which secret verified it, and why it was decided so" }),
});
export const event = erring(eventFields).meta({ id: "Event" });
export const eventDetail = erring(
  eventFields.extend({
    bodyKept: z.boolean().meta({
      description: "Whether the bytes are kept still, to look at and to compare policies by",
    }),
    attemptLog: z.array(attempt).meta({ description: "The newest 100" }),
    deadLetter: bareDeadLetter.nullable(),
    notifications: z.array(notification),
    audit: z.array(auditEntry),
  }),
).meta({ id: "EventDetail" });

const entitlementFields = {
  id: text,
  paymentId: text.nullable().meta({ description: "What it comes from; or a subscription" }),
  subscriptionId: text.nullable(),
  originRef: text.meta({ description: "The gateway's id of that" }),
  account: text,
  livemode: z.boolean(),
  userRef: text,
  packageRef: text,
  ordinal: z.int().meta({ description: "Of this user's for this package" }),
  status: oneOf(...ENTITLEMENT_STATUSES),
  grantedAt: time,
  paidAt: time,
  startsAt: time.meta({ description: "Later than paidAt where another had to end first" }),
  endsAt: time.nullable().meta({ description: "Null: never" }),
  months: z.int().nullable(),
  warnedDays: z.int().nullable().meta({
    description: "The last reminder, in days before the end; null: none yet",
  }),
  revokedAt: time.nullable(),
  revokedBecause: text.nullable(),
  updatedAt: time,
};
export const entitlement = z.object(entitlementFields).meta({ id: "Entitlement" });
export const entitlementDetail = entitlement
  .extend({ audit: z.array(auditEntry) })
  .meta({ id: "EntitlementDetail" });

/** Decimals beside the minor units, so that no reader needs to know how many a currency has. */
export const paid = <S extends z.ZodType>(schema: S) =>
  z.preprocess((given) => {
    const row = given as Payment;
    const { currency, failureCode, failureMessage } = row;
    const decimal = (amountMinor: number): string => decimalOf({ amountMinor, currency });
    return {
      ...row,
      amount: decimalOf(row),
      received: decimal(row.receivedMinor),
      refunded: decimal(row.refundedMinor),
      disputed: decimal(row.disputedMinor),
      failure: failureCode === null ? null : { code: failureCode, message: failureMessage ?? "" },
    };
  }, schema);
export const paymentFields = z.object({
  id: text,
  externalId: text.meta({ description: "The gateway's id" }),
  state: oneOf(...PAYMENT_STATES),
  stateAsOf: time,
  amountMinor: minor,
  receivedMinor: minor,
  refundedMinor: minor,
  disputedMinor: minor,
  currency: text.meta({ description: "ISO 4217; empty while nobody has named it" }),
  amount: text.meta({ description: "Decimal", example: "1999.00" }),
  received: text.meta({ description: "Decimal; before refunds", example: "1999.00" }),
  refunded: text.meta({ description: "Decimal", example: "0.00" }),
  disputed: text.meta({ description: "Decimal; under dispute, or lost by one" }),
  disputeState: text.nullable().meta({ description: "Of its worst dispute" }),
  eventIds: z.array(text).meta({ description: "Events that touched it, the first one first" }),
  account: text.meta({ description: "The connected account; empty for our own" }),
  livemode: z.boolean(),
  userRef: text.nullable(),
  packageRef: text.nullable(),
  orderRef: text.nullable(),
  email: text.nullable(),
  name: text.nullable(),
  locale: text.nullable(),
  paidAt: time.nullable(),
  override: data.nullable().meta({ description: "What a correction by hand has it give" }),
  failure: z.object({ code: text, message: text }).nullable(),
  createdAt: time,
  updatedAt: time,
});
export const payment = paid(paymentFields).meta({ id: "Payment" });

export const deployment = z
  .object({
    id: text,
    source: text,
    externalId: text,
    project: text,
    name: text,
    target: text,
    state: oneOf("created", "ready", "succeeded", "failed", "canceled", "promoted"),
    stateAsOf: time,
    url: text.nullable(),
    commit: text.nullable(),
    labels: z.array(text).meta({ description: "Words in brackets that its commit begins with" }),
    ours: z
      .boolean()
      .meta({ description: "Of this very deployment: nothing is concluded from it" }),
    checked: z
      .enum(CHECKED)
      .nullable()
      .meta({ description: "What the checks after it have said; null until they are over" }),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: "Deployment" });
export const deploymentDetail = deployment
  .extend({ audit: z.array(auditEntry) })
  .meta({ id: "DeploymentDetail" });

const apiKeyFields = {
  id: text,
  name: text.meta({ description: "The audit trail says operator:name" }),
  role: oneOf("read", "operator", "approver"),
  createdBy: text,
  createdAt: time,
  lastUsedAt: time.nullable().meta({ description: "Written once an hour at most" }),
  revokedBy: text.nullable(),
  revokedAt: time.nullable(),
};
export const apiKey = z.object(apiKeyFields).meta({ id: "ApiKey" });
export const madeKey = z
  .object({
    ...apiKeyFields,
    key: text.meta({ description: "Told this once; only its hash is kept" }),
  })
  .meta({ id: "MadeApiKey" });

const holdFields = z.object({
  id: text,
  reason: text,
  heldBy: text.meta({ description: "As in the audit trail: operator:anna" }),
  heldAt: time,
  letThrough: z.array(text).meta({ description: "Events that are worked on all the same" }),
});
const sourceFields = {
  source: text,
  state: oneOf("open", "held", "draining").meta({
    description:
      "held: events are taken and kept; draining: released, and not all is worked on yet",
  }),
  hold: holdFields.nullable(),
  heldEvents: z.int(),
  oldestAt: time.nullable().meta({ description: "When the oldest held event happened" }),
};
export const sourceState = z.object(sourceFields).meta({ id: "Source" });
export const drainedSource = z
  .object({
    ...sourceFields,
    outcomes: z.record(z.string(), z.int()).meta({
      description: "How many ended how in this call; queued: failed for now, retried by the queue",
    }),
    ended: oneOf("empty", "time", "elsewhere").meta({
      description: "time: call again; elsewhere: another drains, or the source is held again",
    }),
  })
  .meta({ id: "DrainedSource" });

export const suppression = z
  .object({
    id: text,
    recipientHash: text.meta({ description: "SHA-256 of the address, in hex" }),
    reason: oneOf(...SUPPRESSION_REASONS).meta({
      description: "unsubscribed is of mail that one may do without, the others hold for all mail",
    }),
    eventId: text.nullable().meta({ description: "Null where a person did it" }),
    createdAt: time,
  })
  .meta({ id: "Suppression" });
export const suppressionDetail = suppression
  .extend({ audit: z.array(auditEntry) })
  .meta({ id: "SuppressionDetail" });

export const refusal = z
  .object({ source: text, at: text, requestId: text, code: text, detail: text })
  .meta({ id: "Refusal" });

export const doorCounts = z
  .object({ minute: text, source: text, counts: z.record(z.string(), z.number().int()) })
  .meta({ id: "DoorCounts" });

export const doorBalance = z
  .object({
    source: text,
    from: text,
    to: text,
    acknowledged: z
      .int()
      .meta({ description: "With a 202; a parked one counts once it is queued" }),
    arrived: z
      .int()
      .meta({ description: "Messages that came to a worker; replays may be among them" }),
    missing: z.int().meta({ description: "Lost, or waiting in the queue or its dead letters" }),
  })
  .meta({ id: "DoorBalance" });

const service = oneOf("connected", "disconnected");
const number = z.int().nullable();
export const health = z
  .object({
    status: oneOf("healthy", "degraded", "unhealthy").meta({
      description:
        "degraded: the queue or KV is down, or a source is held; deliveries are still taken",
    }),
    timestamp: text,
    version: text,
    services: z.object({ database: service, kv: service, queue: service }),
    backlog: z
      .object({
        outboxOverdueRows: number.meta({ description: "Messages that are late to be published" }),
        heldSources: number.meta({ description: "Their events are kept and not worked on" }),
        heldEvents: number.meta({ description: "Wait for the release of their source" }),
        openDiscrepancies: number.meta({
          description: "Between the ledger and its source; wait for a person",
        }),
        failedReconciliations: number.meta({
          description: "Sources whose last reconciliation failed, or left something out",
        }),
        parkedDeliveries: number.meta({ description: "Kept in KV until the queue takes them" }),
        openDeadLetters: number.meta({ description: "Wait for a person" }),
        relayAgeSeconds: number.meta({ description: "Since the cron job relay last ended" }),
        sweepAgeSeconds: number.meta({ description: "Since the cron job sweep last ended" }),
      })
      .meta({ description: "Null where it is not known" }),
  })
  .meta({ id: "Health" });

export const setupReport = z
  .object({
    schedules: z.array(
      z.object({ id: text, cron: text, path: text, state: oneOf("created", "kept") }),
    ),
    checks: z.array(z.object({ name: text, ok: z.boolean(), detail: text })),
  })
  .meta({ id: "SetupReport" });

export const problemAnswer = z
  .object({
    type: text,
    title: text,
    status: z.int(),
    code: text.meta({ description: "One of docs/reference/errors.md" }),
    detail: text,
    hint: text,
    requestId: text.meta({ description: "Search the log for it" }),
  })
  .meta({ id: "Problem" });
