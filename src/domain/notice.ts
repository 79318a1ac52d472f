import type { Instant } from "./time.js";

export type ChannelId = "email" | "slack" | "pagerduty" | "sms";

export const TEMPLATES = [
  "payment-received",
  "payment-failed",
  "incident-raised",
  "incident-resolved",
] as const;
export type Template = (typeof TEMPLATES)[number];

/**
 * pending → sending → sent | failed | unknown. `unknown`: the last call's answer was lost and the
 * vendor's idempotency has run out, so a person decides.
 */
export type NoticeStatus = "pending" | "sending" | "sent" | "failed" | "unknown" | "discarded";

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
  /** Calls begun; more than one on a channel without idempotency may have been read twice. */
  calls: number;
  /** Until when the worker that reserved it may be calling. */
  leaseUntil: Instant | null;
  firstCalledAt: Instant | null;
  errorCode: string | null;
  errorMessage: string | null;
  createdAt: Instant;
  sentAt: Instant | null;
  version: number;
}

export type NoticeData = Record<string, string | number | boolean | null>;

/** Automatic retries end here: Resend keeps idempotency keys 24 h, and an hour is margin. */
export const NOTICE_RETRY_MS = 23 * 3_600_000;
