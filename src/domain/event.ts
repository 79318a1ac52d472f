import type { Instant } from "./time.js";

/**
 * received → processed | ignored | held | dead | discarded;
 * held → received (a drain has left it to the queue) | processed | ignored | dead | discarded;
 * dead → processed | ignored | held | discarded.
 * `processed`, `ignored` and `discarded` are final.
 */
export type EventStatus = "received" | "processed" | "ignored" | "held" | "dead" | "discarded";

/** A worker may claim an event in these states; the claim is what makes effects happen once. */
export const RUNNABLE: readonly EventStatus[] = ["received", "held", "dead"];

/** True when a worker that meets this event has nothing left to do. */
export function isFinal(status: EventStatus): boolean {
  return !RUNNABLE.includes(status);
}

/** What a delivery that never came to the door says in place of the secret that verified it. */
export const OWN_VERIFIERS = {
  reconciliation: "reconciliation",
  watch: "our own watch",
  correction: "correction",
} as const;
const OWN: ReadonlySet<string> = new Set(Object.values(OWN_VERIFIERS));
export const isByDoor = (verifiedBy: string): boolean => !OWN.has(verifiedBy);

/** What the door and the worker decided on the way, for a person who asks why. */
export interface EventTrace {
  /** Which of the source's secrets verified it, by its environment name; never the secret. */
  verifiedBy: string;
  /** Sentences of the handlers' plans. */
  reasons: string[];
  /** The runs of this event, newest last: the door's, then replays. */
  runId: string | null;
}

/** One fact that a provider told us, kept once by `(source, eventKey)`. */
export interface EventRow {
  id: string;
  source: string;
  eventKey: string;
  type: string;
  status: EventStatus;
  requestId: string;
  occurredAt: Instant;
  receivedAt: Instant;
  processedAt: Instant | null;
  errorCode: string | null;
  errorMessage: string | null;
  trace: EventTrace;
}

/** How one run of a worker ended. */
export type AttemptOutcome = "processed" | "ignored" | "held" | "dead" | "duplicate" | "transient";

/** One run of a worker for an event. Its id is the queue's message id and retry count. */
export interface AttemptRow {
  id: string;
  eventId: string;
  outcome: AttemptOutcome;
  errorCode: string | null;
  errorMessage: string | null;
  startedAt: Instant;
  durationMs: number;
}

/** What could not be done, waiting for a person. One row per event or notice. */
export interface DeadLetter {
  id: string;
  /** The event that died, or the notice that could not be sent; one of the two. */
  eventId: string | null;
  noticeId: string | null;
  status: "open" | "replaying" | "resolved" | "discarded";
  code: string;
  message: string;
  hint: string;
  deaths: number;
  createdAt: Instant;
  updatedAt: Instant;
  version: number;
}
