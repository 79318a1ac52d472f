import { type ErrorResponse, Resend } from "resend";
import { isTransactional, type Notice } from "../../domain/notice.js";
import type { Channel, ChannelCommon, ResendConfig, UnsubscribeUrl } from "../channel.js";
import {
  notConfigured,
  RETRY_AFTER_SECONDS_MAX,
  refusalOf,
  unreachable,
  unreadable,
} from "../failure.js";
import { withDeadline } from "../post.js";

const VARIABLES = "RESEND_API_KEY";

/** A twin of this call is still running at the vendor; its answer is a matter of seconds. */
const CONCURRENT_SECONDS = 5;

/**
 * Mail by Resend's own SDK. The notice's id is the idempotency key, which Resend keeps for 24 h:
 * the same call again gives the same mail's id and sends nothing.
 *
 * The SDK never throws and has no time limit of its own, so each call carries a signal and every
 * answer's `error` is looked at.
 *
 * @see https://resend.com/docs/dashboard/emails/idempotency-keys
 */
export function resendChannel(
  config: ResendConfig | undefined,
  common: ChannelCommon,
  unsubscribeUrl?: UnsubscribeUrl,
): Channel {
  const { platformName, timeoutMs } = common;
  return {
    id: "email",
    configured: config !== undefined,
    atLeastOnce: false,
    timeoutMs,
    async render(notice) {
      if (config === undefined) throw notConfigured(VARIABLES);
      // Loaded at the first mail: react-email takes a third of a second, which no other worker should pay.
      const { renderEmail } = await import("./emails/render.js");
      const link = isTransactional(notice.template) ? undefined : linkFor(notice, unsubscribeUrl);
      const mail = await renderEmail(notice, { platformName, unsubscribeUrl: link });
      return {
        from: config.from,
        ...mail,
        ...(link === undefined ? {} : { headers: leave(link) }),
      };
    },
    async send({ idempotencyKey, recipient, payload }) {
      if (config === undefined) throw notConfigured(VARIABLES);
      const resend = clientOf(config);
      return withDeadline(timeoutMs, async (signal) => {
        const answer = await resend.emails.send(emailOf(recipient, payload), {
          idempotencyKey,
          signal,
        });
        const headers = new Headers(answer.headers ?? {});
        if (answer.error !== null) throw refused(answer.error, headers, signal.aborted, timeoutMs);
        // An error page that is JSON without an error's fields comes through the SDK as success.
        const vendorId: unknown = answer.data?.id;
        if (typeof vendorId !== "string") throw unreadable("Resend");
        return { vendorId };
      });
    },
  };
}

function clientOf(config: ResendConfig): Resend {
  const baseUrl = config.baseUrl?.replace(/\/+$/, "");
  return new Resend(config.apiKey.reveal(), baseUrl === undefined ? {} : { baseUrl });
}

function linkFor(notice: Notice, unsubscribeUrl: UnsubscribeUrl | undefined): string {
  if (unsubscribeUrl === undefined) throw notConfigured("UNSUBSCRIBE_SECRET");
  return unsubscribeUrl(notice);
}

/** So that a mail program shows its own button, and needs one POST. @see https://www.rfc-editor.org/rfc/rfc8058 */
const leave = (url: string): Record<string, string> => ({
  "List-Unsubscribe": `<${url}>`,
  "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
});

/** The payload is ours, read back from the database as it was rendered. */
function emailOf(to: string, payload: Record<string, unknown>) {
  const text = (key: string): string => String(payload[key]);
  return {
    to,
    from: text("from"),
    subject: text("subject"),
    html: text("html"),
    text: text("text"),
    tags: tagsOf(payload.tags),
    ...(isRecord(payload.headers) ? { headers: payload.headers } : {}),
  };
}

const isRecord = (value: unknown): value is Record<string, string> =>
  typeof value === "object" && value !== null;

function tagsOf(tags: unknown): { name: string; value: string }[] {
  return Array.isArray(tags) ? tags : [];
}

/**
 * Sorts Resend's errors by their name where the name says more than the status.
 *
 * @see https://resend.com/docs/api-reference/errors
 */
function refused(
  error: ErrorResponse,
  headers: Headers,
  timedOut: boolean,
  timeoutMs: number,
): Error {
  const { name, statusCode: status } = error;
  if (status === null) return unreachable("Resend", timedOut, timeoutMs);
  if (typeof status !== "number") return unreadable("Resend");
  const answer = { vendor: "Resend", status, word: name, headers };
  switch (name) {
    case "daily_quota_exceeded":
    case "monthly_quota_exceeded":
      return refusalOf({ ...answer, retryAfterSeconds: RETRY_AFTER_SECONDS_MAX });
    case "concurrent_idempotent_requests":
      return refusalOf({ ...answer, retryAfterSeconds: CONCURRENT_SECONDS });
    case "invalid_idempotent_request":
      // The same key with other bytes: the first bytes were taken, and these never will be.
      return refusalOf({ ...answer, mayWorkLater: false });
    default:
      return refusalOf(answer);
  }
}
