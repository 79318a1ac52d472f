import { z } from "zod";
import { CORRECTION_KINDS, CORRECTION_STATUSES } from "../domain/correction.js";
import { ENTITLEMENT_STATUSES } from "../domain/entitlement.js";
import { SIGNAL_KINDS } from "../domain/facts.js";
import { LEDGER_KINDS } from "../domain/ledger.js";
import { CHANNELS, NOTICE_STATUSES, SUPPRESSION_REASONS } from "../domain/notice.js";
import { PAYMENT_STATES } from "../domain/payment.js";
import { DISCREPANCY_KINDS, DISCREPANCY_STATUSES, RUN_STATUSES } from "../domain/reconciliation.js";
import type { List, Lists } from "../store/lists.js";
import { correction, correctionDetail } from "./corrections.js";
import { incident, incidentDetail } from "./incident-schemas.js";
import { paymentDetail } from "./payment-detail.js";
import { discrepancy, reconciliation } from "./reconciliations.js";
import {
  currencyParam,
  cursorParam,
  exactly,
  limitParam,
  oneOfThese,
  sinceParam,
} from "./requests.js";
import * as schemas from "./schemas.js";
import { subscriber, subscriberDetail } from "./subscribers.js";

/** A list of the admin API: what it is called, what narrows it, what a row looks like. */
export interface Resource {
  /** Its path segment. */
  name: string;
  /** One row, for the documentation. */
  singular: string;
  query: z.ZodObject;
  row: z.ZodType;
  detail: z.ZodType;
  list(lists: Lists): List<string, unknown, unknown>;
}

const query = <Filters extends z.ZodRawShape>(filters: Filters): z.ZodObject =>
  z.strictObject({ limit: limitParam, cursor: cursorParam, ...filters });

export const resources: readonly Resource[] = [
  {
    name: "events",
    singular: "event",
    query: query({
      source: exactly,
      status: oneOfThese("received", "processed", "ignored", "held", "dead", "discarded"),
      type: exactly,
      eventKey: exactly,
      requestId: exactly,
      since: sinceParam,
    }),
    row: schemas.event,
    detail: schemas.eventDetail,
    list: (lists) => lists.events,
  },
  {
    name: "dead-letters",
    singular: "dead letter",
    query: query({
      source: exactly,
      status: oneOfThese("open", "replaying", "resolved", "discarded"),
      code: exactly,
      eventId: exactly,
      noticeId: exactly,
      since: sinceParam,
    }),
    row: schemas.deadLetter,
    detail: schemas.deadLetterDetail,
    list: (lists) => lists.deadLetters,
  },
  {
    name: "payments",
    singular: "payment",
    query: query({
      externalId: exactly,
      state: oneOfThese(...PAYMENT_STATES),
      userRef: exactly,
      packageRef: exactly,
      account: exactly,
      currency: currencyParam,
      livemode: oneOfThese("true", "false"),
      since: sinceParam,
    }),
    row: schemas.payment,
    detail: paymentDetail,
    list: (lists) => lists.payments,
  },
  {
    name: "entitlements",
    singular: "entitlement",
    query: query({
      userRef: exactly,
      status: oneOfThese(...ENTITLEMENT_STATUSES),
      paymentId: exactly,
      subscriptionId: exactly,
      packageRef: exactly,
      livemode: oneOfThese("true", "false"),
    }),
    row: schemas.entitlement,
    detail: schemas.entitlementDetail,
    list: (lists) => lists.entitlements,
  },
  {
    name: "incidents",
    singular: "incident",
    query: query({
      status: oneOfThese("open", "acknowledged", "resolved"),
      severity: exactly.meta({ description: "P0 to P3, or the policy's name for it; in any case" }),
      service: exactly.meta({ description: "In any case" }),
      environment: exactly,
      kind: oneOfThese(...SIGNAL_KINDS),
      since: sinceParam,
    }),
    row: incident,
    detail: incidentDetail,
    list: (lists) => lists.incidents,
  },
  {
    name: "deployments",
    singular: "deployment",
    query: query({
      source: exactly,
      project: exactly,
      state: exactly,
      target: exactly,
      externalId: exactly,
    }),
    row: schemas.deployment,
    detail: schemas.deploymentDetail,
    list: (lists) => lists.deployments,
  },
  {
    name: "notifications",
    singular: "notification",
    query: query({
      status: oneOfThese(...NOTICE_STATUSES),
      channel: oneOfThese(...CHANNELS),
      template: exactly,
      eventId: exactly,
      since: sinceParam,
    }),
    row: schemas.notification,
    detail: schemas.notificationDetail,
    list: (lists) => lists.notifications,
  },
  {
    name: "subscribers",
    singular: "subscriber",
    query: query({ locale: exactly, since: sinceParam }),
    row: subscriber,
    detail: subscriberDetail,
    list: (lists) => lists.subscribers,
  },
  {
    name: "suppressions",
    singular: "suppression",
    query: query({ reason: oneOfThese(...SUPPRESSION_REASONS), since: sinceParam }),
    row: schemas.suppression,
    detail: schemas.suppressionDetail,
    list: (lists) => lists.suppressions,
  },
  {
    name: "reconciliations",
    singular: "reconciliation",
    query: query({ source: exactly, status: oneOfThese(...RUN_STATUSES), actor: exactly }),
    row: reconciliation,
    detail: reconciliation,
    list: (lists) => lists.reconciliations,
  },
  {
    name: "discrepancies",
    singular: "discrepancy",
    query: query({
      source: exactly,
      kind: oneOfThese(...DISCREPANCY_KINDS),
      objectKind: oneOfThese(...LEDGER_KINDS),
      status: oneOfThese(...DISCREPANCY_STATUSES),
      externalId: exactly,
      lastRunId: exactly,
    }),
    row: discrepancy,
    detail: discrepancy,
    list: (lists) => lists.discrepancies,
  },
  {
    name: "corrections",
    singular: "correction",
    query: query({
      status: oneOfThese(...CORRECTION_STATUSES),
      kind: oneOfThese(...CORRECTION_KINDS),
      externalId: exactly,
      plannedBy: exactly,
      approvedBy: exactly,
    }),
    row: correction,
    detail: correctionDetail,
    list: (lists) => lists.corrections,
  },
  {
    name: "audit",
    singular: "audit entry",
    query: query({
      subject: exactly,
      eventId: exactly,
      action: exactly,
      actor: exactly,
      since: sinceParam,
    }),
    row: schemas.auditEntry,
    detail: schemas.auditEntry,
    list: (lists) => lists.audit,
  },
];
