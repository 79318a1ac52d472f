import { ERROR_CODES, type ErrorCode } from "../domain/errors.js";
import { ANSWER_HEADERS, problem } from "../domain/problem.js";

export type RejectionCode = Extract<
  ErrorCode,
  | "unknown_source"
  | "method_not_allowed"
  | "too_large"
  | "missing_signature"
  | "bad_signature"
  | "stale_signature"
>;

/** Everything that can become of a delivery at the door. */
export type IngestOutcome =
  /** `spilled`: the queue was not to be had; KV keeps it until a sweep publishes it. */
  | { kind: "accepted"; eventKey: string; spilled: boolean }
  | { kind: "duplicate"; eventKey: string }
  /** The detail says what about the request was wrong, and never repeats what it carried. */
  | { kind: "rejected"; code: RejectionCode; detail: string }
  | { kind: "unavailable"; retryAfterSeconds: number };

export function statusOf(outcome: IngestOutcome): number {
  switch (outcome.kind) {
    case "accepted":
      return 202;
    case "duplicate":
      return 200; // the source must stop retrying
    case "rejected":
      return ERROR_CODES[outcome.code].status;
    case "unavailable":
      return 503; // the source must retry
  }
}

export function toResponse(outcome: IngestOutcome, requestId: string): Response {
  switch (outcome.kind) {
    case "accepted":
    case "duplicate": {
      const body = { status: outcome.kind, eventKey: outcome.eventKey, requestId };
      const headers = {
        "content-type": "application/json",
        "x-request-id": requestId,
        ...ANSWER_HEADERS,
      };
      return new Response(JSON.stringify(body), { status: statusOf(outcome), headers });
    }
    case "rejected": {
      const allow = outcome.code === "method_not_allowed" ? { allow: "POST" } : undefined;
      return problem(outcome.code, outcome.detail, requestId, allow);
    }
    case "unavailable": {
      const seconds = outcome.retryAfterSeconds;
      const detail = `Neither the queue nor KV took the delivery; send it again in ${seconds} s.`;
      return problem("unavailable", detail, requestId, { "retry-after": String(seconds) });
    }
  }
}
