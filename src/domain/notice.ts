import type { Instant } from "./time.js";

/** `platform` is the platform's own application, `status_page` where its users look; the others reach people by name. */
export const CHANNELS = ["email", "slack", "pagerduty", "sms", "platform", "status_page"] as const;
export type ChannelId = (typeof CHANNELS)[number];

/** What is written to people. */
export const TEMPLATES = [
  "payment-received",
  "payment-failed",
  "payment-action-required",
  "refund-issued",
  "refund-failed",
  "subscription-started",
  "subscription-renewed",
  "subscription-payment-failing",
  "subscription-canceled",
  "entitlement-expiring",
  "entitlement-expired",
  "payments-paused",
  "payments-resumed",
  "payment-corrected",
  "incident-raised",
  "incident-escalated",
  "incident-acknowledged",
  "incident-reopened",
  "incident-resolved",
  "incident-storm",
  "incident-digest",
  "user-incident",
  "user-update",
  "user-resolved",
  "user-maintenance",
] as const;
/** No mails: `entitlement-changed` is told to an application, `deployment-finished` to the status page. */
export type Template = (typeof TEMPLATES)[number] | "entitlement-changed" | "deployment-finished";

/** What one may do without: it must carry a way to unsubscribe. Everything else is owed to its reader. */
const NOT_TRANSACTIONAL: readonly Template[] = [
  "entitlement-expiring",
  "payments-paused",
  "payments-resumed",
  "user-incident",
  "user-update",
  "user-resolved",
  "user-maintenance",
];

/** What people on call are told of an incident while it matters; their day's mail can wait. */
const URGENT: readonly Template[] = [
  "incident-raised",
  "incident-escalated",
  "incident-acknowledged",
  "incident-reopened",
  "incident-resolved",
  "incident-storm",
];

/** True where it must not wait behind mails to users, of which there may be thousands. */
export const isUrgent = (template: Template): boolean => URGENT.includes(template);

/** What mails are written in, in any region of it (`en-GB`); a reader of another language gets English. */
export const MAIL_LANGUAGES = ["en", "th"] as const;
export type Language = (typeof MAIL_LANGUAGES)[number];

/** True where the reader is owed the mail (their money, their access, their incident). */
export function isTransactional(template: Template): boolean {
  return !NOT_TRANSACTIONAL.includes(template);
}

/** What a mail service reports of a mail that it took, in the order in which a later word goes before. */
const MAIL_OUTCOMES = ["delivered", "suppressed", "failed", "bounced", "complained"] as const;
export type MailOutcome = (typeof MAIL_OUTCOMES)[number];

/**
 * pending → sending → sent | failed | unknown; pending → suppressed: the recipient is, and nothing is sent.
 * `unknown`: the last call's answer was lost and the vendor's idempotency has run out, so a person decides.
 * pending → canceled: what it speaks of was acknowledged, or ended, before it left (`stopsAt`).
 * Of a mail that was taken, its service may then report what became of it: see `joinOutcome`.
 */
export const NOTICE_STATUSES = [
  "pending",
  "sending",
  "sent",
  "failed",
  "unknown",
  "discarded",
  "delivered",
  "suppressed",
  "bounced",
  "complained",
  "canceled",
] as const;
export type NoticeStatus = (typeof NOTICE_STATUSES)[number];

/**
 * The status once a report of its mail has come. Reports are joined, so that their order, their repeats and
 * the answer of the call itself (which may come after them) do not matter: the farthest word stands, in
 * the order sent < delivered < suppressed < failed < bounced < complained. Before `vendorId` is known the
 * service had said nothing; what a person has discarded stays so.
 */
export function joinOutcome(
  { status, vendorId }: Pick<Notice, "status" | "vendorId">,
  outcome: MailOutcome,
): NoticeStatus {
  if (status === "discarded") return status;
  const order: readonly string[] = MAIL_OUTCOMES;
  const told = vendorId === null ? -1 : order.indexOf(status);
  return order.indexOf(outcome) > told ? outcome : status;
}

/** True once the service has the notice, from its answer or from its report. */
export function isTaken({ status, vendorId }: Pick<Notice, "status" | "vendorId">): boolean {
  if (status === "sent") return true;
  return vendorId !== null && MAIL_OUTCOMES.some((outcome) => outcome === status);
}

/** `unsubscribed` is of mail that one may do without; the others hold for all mail. `manual`: by an operator. */
export const SUPPRESSION_REASONS = ["bounced", "complained", "manual", "unsubscribed"] as const;
export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number];

/** For which of these a mail of the template is not sent. */
export function reasonsAgainst(template: Template): readonly SuppressionReason[] {
  return SUPPRESSION_REASONS.filter(
    (reason) => reason !== "unsubscribed" || !isTransactional(template),
  );
}

/** An address that gets no mail, by its hash only; the event, or the audit entry, says why. */
export interface Suppression {
  id: string;
  recipientHash: string;
  reason: SuppressionReason;
  eventId: string | null;
  createdAt: Instant;
}

/** A word to a person about a cause. Unique by (cause, template, recipient), so it is told once. */
export interface Notice {
  id: string;
  channel: ChannelId;
  template: Template;
  /** An object and its transition: `payment:…:pi_1 succeeded`. Two events of one change share it. */
  cause: string;
  /** A mail address, a phone number, or the channel's own name where the channel has one receiver. */
  recipient: string;
  locale: string;
  /** What the template needs; amounts in minor units, times as instants. */
  data: NoticeData;
  /** What goes to the vendor, rendered once at the first reserve, so that a retry sends the same bytes. */
  payload: Record<string, unknown> | null;
  status: NoticeStatus;
  vendorId: string | null;
  eventId: string | null;
  /** The incident that it speaks of, or the maintenance: what is told of one goes out in its order. */
  incidentId: string | null;
  /** It does not leave any more once its incident has come so far; null: it leaves in any case. */
  stopsAt: "acknowledged" | "resolved" | null;
  /** Where else it goes when its channel is down or refuses, the first first; the policy decided so with it. */
  instead: readonly NoticeWay[];
  /** Calls begun; more than one on a channel without idempotency may have been read twice. */
  calls: number;
  /** How often it was sent anew, as a mail of its own, after its service said that it had not arrived. */
  resends: number;
  /** Until when the worker that reserved it may be calling. */
  leaseUntil: Instant | null;
  firstCalledAt: Instant | null;
  errorCode: string | null;
  errorMessage: string | null;
  createdAt: Instant;
  sentAt: Instant | null;
  version: number;
}

export interface NoticeWay {
  channel: ChannelId;
  recipient: string;
}

export type NoticeData = Record<string, string | number | boolean | null>;

/** Automatic retries end here: Resend keeps idempotency keys 24 h, and an hour is margin. */
export const NOTICE_RETRY_MS = 23 * 3_600_000;

/** Its service's key for all calls of one mail. A notice that is sent anew is another mail. */
export function idempotencyKeyOf({ id, resends }: Pick<Notice, "id" | "resends">): string {
  return resends === 0 ? id : `${id}-${resends}`;
}

/**
 * True when the notice may have arrived and its service can no longer tell, so that a further call may bring
 * it a second time. Not of one that was refused at its only call, or that its service says did not arrive.
 */
export function mayComeTwice(
  { status, vendorId, calls, errorCode, firstCalledAt }: Notice,
  now: Instant,
): boolean {
  if (vendorId !== null || calls === 0) return false;
  if (status === "failed" && calls === 1 && errorCode === "channel_refused") return false;
  return firstCalledAt === null || now - firstCalledAt >= NOTICE_RETRY_MS;
}
