import { describeError } from "../domain/describe-error.js";
import { SPILLED } from "../domain/door-counts.js";
import type { Ids } from "../domain/ids.js";
import type { HmacCheck, WaitUntil } from "../domain/ports.js";
import { readBytes } from "../domain/read-bytes.js";
import type { Secret } from "../domain/secret.js";
import { type Clock, type Instant, isoOf } from "../domain/time.js";
import { type Delivery, sealDelivery } from "../queues/delivery.js";
import { deduplicationIdOf, type Publisher } from "../queues/publish.js";
import type { RawRequest, WebhookSource } from "../sources/source.js";
import { toBase64 } from "./body.js";
import { type IngestOutcome, statusOf, toResponse } from "./outcome.js";
import { type PackDeps, pack } from "./pack.js";
import { SPILL_INDEX, SPILL_TTL_MS, type Spilled, spillKey } from "./spill.js";
import { createTally } from "./tally.js";
import { within } from "./within.js";

/** What it takes to get a delivery into the queue. */
export interface HandOverDeps extends PackDeps {
  publisher: Publisher;
  /** Seals the delivery header. */
  queueToken: Secret;
  clock: Clock;
}

export interface DoorDeps extends HandOverDeps {
  sourceById(id: string): WebhookSource | undefined;
  /** The live secrets of each source, by its id; the newest first. */
  secretsOf(source: string): readonly Secret[];
  ids: Ids;
  waitUntil: WaitUntil;
  /** The runtime's own way to check a signature; WebCrypto's where it has none. */
  checkHmac?: HmacCheck;
}

export type Door = (
  request: Request,
  path: { source: string; token: string | null },
) => Promise<Response>;

/** What the provider is told to wait when nothing durable could be reached. */
const RETRY_AFTER_SECONDS = 30;
/**
 * Claim, publish and spill together. Sentry gives a second for the whole delivery and does not come back;
 * the publisher has half a second of its own, so the claim may not take what the spill would need.
 */
const HAND_OVER_MS = 850;
/** Packing a large body costs time too: late, one short try is still better than none. */
const SPILL_MS_MIN = 100;

interface Received {
  outcome: IngestOutcome;
  type: string | null;
  bodyBytes: number | null;
}

/**
 * The door: raw bytes → verify → identify → publish → 202. One outgoing call before the answer; a 2xx is
 * given only when the queue, or KV in its stead, has confirmed that it keeps the delivery.
 */
export function createDoor(deps: DoorDeps): Door {
  const tally = createTally(deps);
  return async (request, path) => {
    const startedAt = deps.clock.now();
    const requestId = deps.ids.next("request");
    const source = deps.sourceById(path.source);
    const { outcome, type, bodyBytes } = await receive(deps, source, request, path, {
      requestId,
      receivedAt: startedAt,
    });
    const response = toResponse(outcome, requestId);
    const name = source?.id ?? "unknown";
    const label = outcome.kind === "rejected" ? outcome.code : outcome.kind;
    deps.log[outcome.kind === "unavailable" ? "error" : "info"]("delivery.received", {
      requestId,
      source: name,
      outcome: label,
      status: statusOf(outcome),
      type,
      bodyBytes,
      ...("eventKey" in outcome ? { eventKey: outcome.eventKey } : {}),
      ...("detail" in outcome ? { detail: outcome.detail } : {}),
      ...("spilled" in outcome && outcome.spilled ? { spilled: true } : {}),
      durationMs: deps.clock.now() - startedAt,
    });
    const refusal =
      outcome.kind === "rejected"
        ? { at: isoOf(startedAt), requestId, code: outcome.code, detail: outcome.detail }
        : null;
    const isSpilled = outcome.kind === "accepted" && outcome.spilled;
    tally.note(name, isSpilled ? SPILLED : label, startedAt, refusal);
    return response;
  };
}

async function receive(
  deps: DoorDeps,
  source: WebhookSource | undefined,
  request: Request,
  path: { source: string; token: string | null },
  meta: { requestId: string; receivedAt: Instant },
): Promise<Received> {
  const rejected = (outcome: IngestOutcome, bodyBytes: number | null = null): Received => ({
    outcome,
    type: null,
    bodyBytes,
  });
  const inPath = source?.signature.covers === "credential only";
  if (source === undefined || (path.token !== null && !inPath)) {
    const detail = "No source answers at this address.";
    return rejected({ kind: "rejected", code: "unknown_source", detail });
  }
  if (request.method !== "POST") {
    const detail = `Webhooks are posted; this was ${request.method}.`;
    return rejected({ kind: "rejected", code: "method_not_allowed", detail });
  }
  const body = await readBytes(request, source.bodyBytesMax);
  if (body === null) {
    const detail = `The body may have ${source.bodyBytesMax} bytes at most.`;
    return rejected({ kind: "rejected", code: "too_large", detail });
  }
  const { checkHmac } = deps;
  const raw: RawRequest = {
    headers: request.headers,
    body,
    pathToken: path.token,
    ...(checkHmac && { checkHmac }),
  };
  const verdict = await source.verify(raw, deps.secretsOf(source.id), meta.receivedAt);
  if (verdict.kind !== "verified") {
    return rejected({ kind: "rejected", code: verdict.kind, detail: verdict.detail }, body.length);
  }
  const identity = await source.identify(request.headers, body);
  const delivery: Delivery = {
    v: 1,
    source: source.id,
    eventKey: identity.eventKey,
    type: identity.type,
    occurredAt: identity.occurredAt ?? meta.receivedAt,
    receivedAt: meta.receivedAt,
    requestId: meta.requestId,
    verifiedBy: verdict.by,
    headers: keptHeaders(source, request.headers),
    encoding: "raw",
  };
  const outcome = await handOver(deps, delivery, body);
  return { outcome, type: identity.type, bodyBytes: body.length };
}

function keptHeaders(source: WebhookSource, headers: Headers): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of source.keepHeaders) {
    const value = headers.get(name);
    if (value !== null) kept[name] = value;
  }
  return kept;
}

/** Gets the delivery into the queue; or, when the queue cannot be had, into KV. */
export async function handOver(
  deps: HandOverDeps,
  delivery: Delivery,
  body: Uint8Array<ArrayBuffer>,
): Promise<IngestOutcome> {
  const { eventKey } = delivery;
  const deadline = deps.clock.now() + HAND_OVER_MS;
  const deduplicationId = deduplicationIdOf(delivery.source, eventKey);
  const packed = await pack(deps, delivery, body, deduplicationId);
  const sealed = sealDelivery(packed.delivery, deps.queueToken);
  try {
    const message = { sealed, body: packed.body, deduplicationId };
    const { deduplicated } = await deps.publisher.publishDelivery(message);
    if (deduplicated) return { kind: "duplicate", eventKey };
    return { kind: "accepted", eventKey, spilled: false };
  } catch (error) {
    const { requestId } = delivery;
    deps.log.warn("delivery.spilling", { requestId, detail: describeError(error) });
    const spilled: Spilled = { sealed, deduplicationId, body: toBase64(packed.body) };
    return spill(deps, delivery, spilled, deadline);
  }
}

async function spill(
  deps: HandOverDeps,
  delivery: Delivery,
  spilled: Spilled,
  deadline: Instant,
): Promise<IngestOutcome> {
  const key = spillKey(spilled.deduplicationId);
  try {
    const at = delivery.receivedAt;
    const left = Math.max(SPILL_MS_MIN, deadline - deps.clock.now());
    const parked = deps.kv.park(SPILL_INDEX, key, JSON.stringify(spilled), at, SPILL_TTL_MS);
    await within(left, parked);
    return { kind: "accepted", eventKey: delivery.eventKey, spilled: true };
  } catch (error) {
    const { requestId } = delivery;
    deps.log.error("delivery.refused", { requestId, detail: describeError(error) });
    return { kind: "unavailable", retryAfterSeconds: RETRY_AFTER_SECONDS };
  }
}
