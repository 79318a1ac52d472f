import { describeError } from "../domain/describe-error.js";
import type { Kv, Log } from "../domain/ports.js";
import { DAY_MS } from "../domain/time.js";
import type { Delivery } from "../queues/delivery.js";
import { sha256Hex } from "../sources/identity.js";
import { gunzip, gzip, toBase64 } from "./body.js";
import { SPILL_TTL_MS } from "./spill.js";
import { within } from "./within.js";

export interface PackDeps {
  /** What the queue's plan takes in one message. */
  queueBodyBytesMax: number;
  kv: Kv;
  log: Log;
}

/** A delivery and the body of its message, in the encoding that the delivery names. */
export interface Packed {
  delivery: Delivery;
  body: Uint8Array<ArrayBuffer>;
}

/** Of the door's second; what the publish and the spill need is not for the claim to take. */
const CLAIM_MS = 200;
/** Longer than what is parked waits for the queue, and any redelivery or re-drive after that. */
const CLAIM_TTL_MS = SPILL_TTL_MS + 15 * DAY_MS;

/** Makes the body fit the queue: as it is, gzipped, or left in KV with only its claim in the message. */
export async function pack(
  deps: PackDeps,
  delivery: Delivery,
  body: Uint8Array<ArrayBuffer>,
  deduplicationId: string,
): Promise<Packed> {
  if (body.length <= deps.queueBodyBytesMax) return { delivery, body };
  const zipped = await gzip(body);
  if (zipped.length <= deps.queueBodyBytesMax) {
    return { delivery: { ...delivery, encoding: "gzip" }, body: zipped };
  }
  const claim = await claimOf(delivery, body, deduplicationId);
  try {
    await within(CLAIM_MS, leaveFor(claim, zipped, deps.kv));
  } catch (error) {
    // KV is down: the queue's limit is its plan's, and may be more than we were told.
    const { requestId } = delivery;
    deps.log.warn("body.unclaimed", { requestId, detail: describeError(error) });
    return { delivery: { ...delivery, encoding: "gzip" }, body: zipped };
  }
  return { delivery: claim, body: new Uint8Array() };
}

/**
 * Leaves in KV what was packed to travel in its message, away from the ack path, so that the message carries
 * only its claim; null when it carries no more than that already.
 *
 * @throws Transient when KV is not to be had.
 */
export async function packAsClaim(
  { delivery, body }: Packed,
  deduplicationId: string,
  kv: Kv,
): Promise<Packed | null> {
  if (delivery.encoding === "claim") return null;
  const isZipped = delivery.encoding === "gzip";
  const bytes = isZipped ? await gunzip(body) : body;
  const claim = await claimOf(delivery, bytes, deduplicationId);
  await leaveFor(claim, isZipped ? body : await gzip(body), kv);
  return { delivery: claim, body: new Uint8Array() };
}

type Claim = Delivery & { claimKey: string };

async function claimOf(
  delivery: Delivery,
  bytes: Uint8Array<ArrayBuffer>,
  deduplicationId: string,
): Promise<Claim> {
  const bodySha256 = await sha256Hex(bytes);
  // By its bytes too: the event may come again in other bytes, and each message must find its own.
  const claimKey = `body:${deduplicationId}:${bodySha256}`;
  return { ...delivery, encoding: "claim", claimKey, bodySha256 };
}

const leaveFor = ({ claimKey }: Claim, zipped: Uint8Array, kv: Kv): Promise<void> =>
  kv.setFor(claimKey, toBase64(zipped), CLAIM_TTL_MS);
