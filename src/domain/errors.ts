/**
 * Every code that an answer, a log line or a dead letter may carry. The sentence says what happened,
 * the hint what a person does next. `docs/reference/errors.md` is generated from this table.
 */
export const ERROR_CODES = {
  unknown_source: {
    status: 404,
    sentence: "No source of this name takes webhooks here.",
    hint: "Post to /api/webhooks/{stripe|sentry|vercel|better-stack|resend}.",
  },
  not_found: {
    status: 404,
    sentence: "Nothing is kept under this address or id.",
    hint: "See what there is: `signalbox <list> list`, or GET the same path without the id.",
  },
  method_not_allowed: {
    status: 405,
    sentence: "This address does not take this method.",
    hint: "See the Allow header of the answer.",
  },
  too_large: {
    status: 413,
    sentence: "The body is larger than this source may send.",
    hint: "Send a smaller body, or raise the source's limit (4 MiB at most on Vercel).",
  },
  missing_signature: {
    status: 401,
    sentence: "The request carries no signature or credential.",
    hint: "Set the webhook's secret (or, for Better Stack, its token) at the provider.",
  },
  bad_signature: {
    status: 401,
    sentence: "The signature or credential matches none of the live secrets.",
    hint: "Compare the secret here with the provider's; during a rotation set the old one as …_PREVIOUS.",
  },
  stale_signature: {
    status: 401,
    sentence: "The signature is good but too old to be trusted.",
    hint: "Check the clocks; ask the provider to send the event again.",
  },
  unauthorized: {
    status: 401,
    sentence: "The request is not authorised.",
    hint: "Send Authorization: Bearer with the token of this deployment.",
  },
  forbidden: {
    status: 403,
    sentence: "This key may not do that.",
    hint: "`signalbox keys list` says who has which role; ask one of them for a key of the role that the detail names.",
  },
  invalid_request: {
    status: 400,
    sentence: "The request cannot be understood.",
    hint: "Mend the field that the detail names.",
  },
  conflict: {
    status: 409,
    sentence: "What was asked for does not fit the present state.",
    hint: "See how it stands now: `signalbox <list> show <id>`, or GET its own path; it may have been settled already.",
  },
  unavailable: {
    status: 503,
    sentence: "Nothing durable could be reached; the delivery was not accepted.",
    hint: "Send it again after the time in Retry-After.",
  },
  internal: {
    status: 500,
    sentence: "Something failed that nobody foresaw.",
    hint: "It is retried and reported; search the log for the request id, and `signalbox events list --request-id <id>` for what became of it.",
  },
  unreadable_body: {
    status: 200,
    sentence: "The body was signed by the provider but is not JSON in UTF-8.",
    hint: "Read the stored body (`signalbox events body <id>`); if a proxy changed it, mend the proxy and have it sent again, else discard.",
  },
  unexpected_shape: {
    status: 200,
    sentence: "The body is JSON but lacks a field that its type must have.",
    hint: "The provider's API version may have changed; mend normalise for this type, then replay.",
  },
  forged_message: {
    status: 200,
    sentence: "A queue message carries facts that this deployment's door did not sign.",
    hint: "Check who holds QSTASH_TOKEN; after a rotation keep the old one as QSTASH_TOKEN_PREVIOUS.",
  },
  body_lost: {
    status: 200,
    sentence: "The event's bytes are not here any more, so it cannot be run.",
    hint: "Have the provider send the event again; a redelivery runs it.",
  },
  unreadable_message: {
    status: 200,
    sentence: "A queue message is of no version that this deployment reads.",
    hint: "Deploy a version that reads it, then replay.",
  },
  database_unavailable: {
    status: 503,
    sentence: "The database did not answer in time.",
    hint: "It is retried by itself; if it lasts, `signalbox health` tells which part is down: mend the database.",
  },
  database_busy: {
    status: 503,
    sentence:
      "Others changed the same rows again and again or held them for too long, or the database took too long for one statement.",
    hint: "An event is retried by itself; ask for a list again, for less of it (--since, --limit).",
  },
  queue_unavailable: {
    status: 503,
    sentence: "QStash did not take a message in time.",
    hint: "It is retried by itself; if it lasts, `signalbox health` tells which part is down: mend QStash.",
  },
  queue_refused: {
    status: 200,
    sentence: "QStash does not take a message of ours, however often it is published.",
    hint: "Read QStash's answer on the dead letter; mend its cause (a limit of the plan, PUBLIC_BASE_URL), then replay.",
  },
  kv_unavailable: {
    status: 503,
    sentence: "KV did not answer in time.",
    hint: "It is retried by itself; if it lasts, `signalbox health` tells which part is down: mend KV.",
  },
  gateway_unavailable: {
    status: 503,
    sentence: "The payment gateway did not answer in time.",
    hint: "It is retried by itself; check the gateway's status page if it lasts.",
  },
  gateway_refused: {
    status: 200,
    sentence: "The payment gateway refuses to answer for an object.",
    hint: "Read the gateway's answer in the detail; mend the gateway's key or its permissions, then replay.",
  },
  channel_unavailable: {
    status: 503,
    sentence: "The service that carries this notice did not take it.",
    hint: "It is retried by itself; check the service's status page if it lasts.",
  },
  channel_refused: {
    status: 200,
    sentence: "The service that carries this notice refuses it.",
    hint: "Read the service's answer on the notice; mend the address, sender or key, then replay.",
  },
  channel_not_configured: {
    status: 200,
    sentence: "No credentials are set for the channel of this notice.",
    hint: "Set the channel's environment variables, then replay.",
  },
  notice_undelivered: {
    status: 200,
    sentence: "The service took the notice and could not bring it to its recipient.",
    hint: "Read the event that reported it; reach the recipient in another way if it bounced, else mend the cause and replay: it goes as a new mail.",
  },
  recipient_suppressed: {
    status: 200,
    sentence:
      "The mail was not sent: its recipient is suppressed (bounced for good, called spam, by hand, or unsubscribed).",
    hint: "Reach the recipient in another way, or `signalbox suppressions remove` if the address is good again: later mails go out.",
  },
  notice_unconfirmed: {
    status: 200,
    sentence:
      "The notice was handed to its service, no answer came, and it is too late to ask again.",
    hint: "Look at the service whether it arrived; `dead-letters replay --confirm-resend` sends it again, perhaps a second time; or discard.",
  },
  lease_held: {
    status: 503,
    sentence: "Another worker is sending this notice right now.",
    hint: "It is retried by itself.",
  },
  worker_refused: {
    status: 200,
    sentence: "The queue gave up on a message that the worker never could record.",
    hint: "Read the worker's last answer on the dead letter; mend its cause, then replay.",
  },
} as const satisfies Record<string, { status: number; sentence: string; hint: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** `detail` may name a field or a vendor's answer; it never holds a secret or a body. */
export interface ErrorDetail {
  detail?: string;
  cause?: unknown;
  retryAfterSeconds?: number;
}

/** A failure with a place in the taxonomy. Anything else that is thrown is a defect: retried and reported. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  constructor(code: ErrorCode, o: ErrorDetail = {}) {
    super(`${code}: ${ERROR_CODES[code].sentence}${o.detail ? ` (${o.detail})` : ""}`, {
      cause: o.cause,
    });
    this.name = new.target.name;
    this.code = code;
    this.detail = o.detail;
  }
}

/** Might work later: the message is retried. */
export class Transient extends AppError {
  readonly retryAfterSeconds: number | undefined;
  constructor(code: ErrorCode, o: ErrorDetail = {}) {
    super(code, o);
    this.retryAfterSeconds = o.retryAfterSeconds;
  }
}

/** Will not work by itself: it becomes a dead letter, for a person. */
export class Permanent extends AppError {}
