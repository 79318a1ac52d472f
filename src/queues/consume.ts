import { createHash } from "node:crypto";
import { jwtVerify } from "jose";
import { describeError } from "../domain/describe-error.js";
import { AppError, ERROR_CODES, type ErrorCode, Permanent, Transient } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import type { Log, Report } from "../domain/ports.js";
import { problem } from "../domain/problem.js";
import { readBytes } from "../domain/read-bytes.js";
import type { Secret } from "../domain/secret.js";
import type { Clock, Instant } from "../domain/time.js";
import { type QueueConfig, type QueueName, queueUrl } from "./publish.js";

/** One delivery of a queue's message to a worker. */
export interface Consumed {
  messageId: string;
  /** Attempts before this one. */
  retried: number;
  headers: Headers;
  body: Uint8Array<ArrayBuffer>;
  startedAt: Instant;
}

/** What a worker did with it; `requestId` is the one that the door gave, where there was a door. */
export interface Handled {
  status: string;
  requestId: string;
}
export type Worker = (message: Consumed) => Promise<Handled>;

export interface ConsumerDeps {
  config: Pick<QueueConfig, "publicBaseUrl">;
  /** QStash's signing keys: the current one and the next. */
  signingKeys: readonly Secret[];
  clock: Clock;
  ids: Ids;
  log: Log;
  report: Report;
}

/** More than any plan's message, and no more than an instance can hold for whoever asks. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;

/** QStash's clock may differ from ours by this much. */
const CLOCK_TOLERANCE_SECONDS = 30;

/** Signs our own request only if it was this very queue that QStash was told to call. */
export type SignatureCheck = (request: Request, body: Uint8Array, url: string) => Promise<boolean>;

/**
 * Checks QStash's signature over the bytes. The SDK's Receiver takes a string, so a body with a BOM or
 * bad UTF-8 could never be accepted; a test holds this to the Receiver for all that it can take.
 */
export function createSignatureCheck(keys: readonly Secret[], clock: Clock): SignatureCheck {
  // Imported once: what is not a CryptoKey, jose imports for every call.
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const imported = keys.map((key) =>
    crypto.subtle.importKey("raw", key.bytes(), hmac, false, ["verify"]),
  );
  return async (request, body, url) => {
    const jwt = request.headers.get("upstash-signature");
    if (jwt === null) return false;
    const hash = createHash("sha256").update(body).digest("base64url");
    for (const key of imported) {
      try {
        const { payload } = await jwtVerify(jwt, await key, {
          algorithms: ["HS256"],
          issuer: "Upstash",
          subject: url,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: new Date(clock.now()),
          requiredClaims: ["exp", "nbf", "sub", "body"],
        });
        if (String(payload.body).replace(/=+$/, "") === hash) return true;
      } catch {
        // Not by this key, or not for this address or time: the next key decides, and none means false.
      }
    }
    return false;
  };
}

const json = (status: number, body: object, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });

/** Takes a queue's call, checks who it is from, runs the worker, and says what the queue must do next. */
export function createConsumer(
  deps: ConsumerDeps,
  workers: Readonly<Record<QueueName, Worker>>,
): (queue: QueueName, request: Request) => Promise<Response> {
  const isSigned = createSignatureCheck(deps.signingKeys, deps.clock);
  return async (queue, request) => {
    const startedAt = deps.clock.now();
    // The address is public: nothing is read for somebody who does not even claim to be the queue.
    if (!request.headers.has("upstash-signature")) {
      return refused(deps, queue, "missing_signature", "Only QStash is answered here.");
    }
    const body = await readBytes(request, BODY_BYTES_MAX);
    if (body === null) {
      const detail = `The body may have ${BODY_BYTES_MAX} bytes at most.`;
      return refused(deps, queue, "too_large", detail);
    }
    if (!(await isSigned(request, body, queueUrl(deps.config, queue)))) {
      return refused(deps, queue, "bad_signature", "Not signed by QStash for this address.");
    }
    const messageId = request.headers.get("upstash-message-id") ?? "unknown";
    const retried = Number(request.headers.get("upstash-retried") ?? 0);
    try {
      const message = { messageId, retried, headers: request.headers, body, startedAt };
      const handled = await workers[queue](message);
      const durationMs = deps.clock.now() - startedAt;
      deps.log.info("attempt.finished", { queue, messageId, retried, ...handled, durationMs });
      return json(200, handled);
    } catch (error) {
      const durationMs = deps.clock.now() - startedAt;
      return failed(deps, error, { queue, messageId, retried, durationMs });
    }
  };
}

function refused(deps: ConsumerDeps, queue: QueueName, code: ErrorCode, detail: string): Response {
  const requestId = deps.ids.next("request");
  deps.log.warn("message.refused", { requestId, queue, code });
  return problem(code, detail, requestId);
}

function failed(
  deps: ConsumerDeps,
  error: unknown,
  fields: { queue: QueueName; messageId: string; retried: number; durationMs: number },
): Response {
  const requestId = requestIdOf(error);
  const known = error instanceof AppError ? error : null;
  const code = known?.code ?? "internal";
  const detail = known?.detail ?? null;
  if (known instanceof Transient) {
    deps.log.warn("attempt.failed", { ...fields, requestId, code, detail, cause: causeOf(known) });
    const { retryAfterSeconds: seconds } = known;
    // Without a wish of its own, our Retry-Delay expression times the next attempt.
    const wish = seconds === undefined ? undefined : { "retry-after": String(seconds) };
    return json(503, { code, detail: ERROR_CODES[code].sentence }, wish);
  }
  deps.log.error("attempt.failed", { ...fields, requestId, code, detail, cause: causeOf(error) });
  if (!isQuiet(error)) deps.report(error, { requestId, action: `${fields.queue}.attempt` });
  if (known instanceof Permanent) {
    return json(489, { code, detail }, { "upstash-nonretryable-error": "true" });
  }
  return json(500, { code, detail: ERROR_CODES.internal.sentence });
}

/** The kind of a cause, for the log. */
function causeOf(error: unknown): string | null {
  const cause = error instanceof AppError ? error.cause : error;
  return cause instanceof Error ? describeError(cause) : null;
}

const requestIds = new WeakMap<object, string>();
const quiet = new WeakSet<object>();

/** Notes on an error what only the worker knows of it, without touching the error itself. */
export function noteError(error: unknown, note: { requestId: string; quiet: boolean }): void {
  if (typeof error !== "object" || error === null) return;
  requestIds.set(error, note.requestId);
  if (note.quiet) quiet.add(error);
}

const requestIdOf = (error: unknown): string =>
  (typeof error === "object" && error !== null && requestIds.get(error)) || "unknown";
const isQuiet = (error: unknown): boolean =>
  typeof error === "object" && error !== null && quiet.has(error);
