import type { ChannelId, Notice } from "../domain/notice.js";
import type { Secret } from "../domain/secret.js";
import type { Clock } from "../domain/time.js";

/** One hand-over of a notice to its vendor; `payload` is what `render` made, stored and read back. */
export interface ChannelCall {
  /** For a vendor that knows calls by one: the same for every call of one mail. */
  idempotencyKey: string;
  recipient: string;
  payload: Record<string, unknown>;
}

/** `vendorId` names the thing at the vendor, for a person who looks it up there; null where it gives none. */
export interface ChannelReceipt {
  vendorId: string | null;
}

/**
 * A way to reach a person. Both functions of a channel without credentials throw Permanent
 * `channel_not_configured`, so that no half payload is stored and a replay renders afresh.
 */
export interface Channel {
  id: ChannelId;
  configured: boolean;
  /** The vendor has no idempotency key: repeated calls may be seen twice by people. */
  atLeastOnce: boolean;
  /** No call lasts longer, answer's body included. A lease must be longer than this. */
  timeoutMs: number;
  /**
   * Writes what goes to the vendor, as plain JSON without secrets and without the recipient.
   * The same notice gives the same bytes; nothing is fetched.
   *
   * @param follows the `vendorId` of what was sent before it of the same incident or maintenance, for a channel
   *   that adds to that.
   * @throws Permanent `channel_refused` when the channel has no such template or the data lacks a field.
   */
  render(notice: Notice, follows?: string | null): Promise<Record<string, unknown>>;
  /**
   * Calls the vendor once; never retries by itself.
   *
   * @throws Transient `channel_unavailable` for 408, 409 (running), 425, 429, 5xx, timeout and
   *   network, with `retryAfterSeconds` where the vendor gave one (at most an hour).
   * @throws Permanent `channel_refused` for any other answer. No detail holds a key, a body or an address.
   */
  send(call: ChannelCall): Promise<ChannelReceipt>;
}

export type Channels = Readonly<Record<ChannelId, Channel>>;

export interface ResendConfig {
  apiKey: Secret;
  /** The official address when absent. */
  baseUrl?: string | undefined;
  /** `Name <address>` of a verified domain. */
  from: string;
}

export interface SlackConfig {
  /** The whole address is the credential. */
  webhookUrl: Secret;
}

export interface PagerDutyConfig {
  routingKey: Secret;
  /** The full address that takes events, e.g. `https://events.pagerduty.com/v2/enqueue`. */
  eventsUrl: string;
}

export interface TwilioConfig {
  accountSid: string;
  authToken: Secret;
  /** E.164 number, sender name, or the id of a messaging service (`MG…`). */
  from: string;
  /** Without the version's path: `https://api.twilio.com`. */
  apiUrl: string;
}

export interface PlatformConfig {
  url: string;
  /** `whsec_` and base64; the live one first, then the one before it while it is rotated. */
  secrets: readonly Secret[];
  /** A signature is dated, and old ones are refused. */
  clock: Clock;
}

export interface StatusPageConfig {
  kind: "better-stack" | "statuspage";
  /** The page's own address in its API: `https://uptime.betterstack.com/api/v2/status-pages/123`. */
  url: string;
  token: Secret;
  /** Ids of what is shown as affected; none: the report stands for itself. */
  resources: readonly string[];
}

/**
 * The address by which a recipient stops mail of the kind that one may do without; the same for the same one.
 *
 * @throws Permanent `channel_not_configured` when there is nothing to sign it with.
 */
export type UnsubscribeUrl = (to: { recipient: string; locale: string }) => string;

/** What `runtime/config` hands in; a vendor that is absent is a channel that is not configured. */
export interface ChannelsConfig {
  resend?: ResendConfig | undefined;
  slack?: SlackConfig | undefined;
  pagerduty?: PagerDutyConfig | undefined;
  twilio?: TwilioConfig | undefined;
  platform?: PlatformConfig | undefined;
  statusPage?: StatusPageConfig | undefined;
  /** How people know this platform; stands at the head of mails and messages. */
  platformName: string;
  /** IANA zone of the times that people read, where a notice brings none; UTC when absent. */
  timeZone?: string | undefined;
  /** Limit of one call; `CHANNEL_TIMEOUT_MS` when absent. */
  timeoutMs?: number | undefined;
  unsubscribeUrl?: UnsubscribeUrl | undefined;
}

/** Ten seconds: twice what a vendor needs on a bad day, and well inside a worker's own limit. */
export const CHANNEL_TIMEOUT_MS = 10_000;

/** What every channel is built with, beside its vendor's own config. */
export interface ChannelCommon {
  platformName: string;
  timeoutMs: number;
}
