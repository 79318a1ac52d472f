import { Permanent } from "../domain/errors.js";
import type { Kv } from "../domain/ports.js";
import type { Delivery } from "../queues/delivery.js";
import { sha256Hex } from "../sources/identity.js";
import { fromBase64, gunzip } from "./body.js";

/**
 * The provider's bytes out of a message, however they travelled; the door's `pack` the other way.
 *
 * @returns a Permanent `body_lost` when the claim's body is gone or is not the one that was left.
 * @throws Transient `kv_unavailable` when KV does not answer.
 */
export async function unpack(
  delivery: Delivery,
  body: Uint8Array<ArrayBuffer>,
  kv: Kv,
): Promise<Uint8Array<ArrayBuffer> | Permanent> {
  if (delivery.encoding === "raw") return body;
  if (delivery.encoding === "gzip") return gunzip(body);
  const kept = await kv.get(delivery.claimKey ?? "");
  if (kept === null) return new Permanent("body_lost", { detail: "its claim is not in KV" });
  const bytes = await gunzip(fromBase64(kept));
  if ((await sha256Hex(bytes)) !== delivery.bodySha256) {
    return new Permanent("body_lost", { detail: "what is in KV is not what the door left there" });
  }
  return bytes;
}
