import type { HmacHash } from "../domain/ports.js";
import type { Secret } from "../domain/secret.js";
import { digestOfHex, signingSecret } from "./hmac.js";
import type { RawRequest, Verdict } from "./source.js";

/**
 * Checks a header that is nothing but the hex digest of the raw body, as two of the sources send it.
 * No time is signed, so a captured request stays good for ever; the event key is what stops it.
 *
 * @param header its name as the provider's documents write it, for the detail.
 */
export async function verifyBodySignature(
  header: string,
  hash: HmacHash,
  request: RawRequest,
  secrets: readonly Secret[],
): Promise<Verdict> {
  const given = request.headers.get(header);
  if (given === null || given.trim() === "") {
    return { kind: "missing_signature", detail: `no ${header} header` };
  }
  const digest = digestOfHex(hash, given);
  if (digest === null) {
    return { kind: "bad_signature", detail: `${header} is not one ${hash} digest in hex` };
  }
  const secret = await signingSecret(hash, secrets, [digest], request.body, request.checkHmac);
  return secret === null
    ? { kind: "bad_signature", detail: `${header} matches no live secret` }
    : { kind: "verified", by: secret.name };
}
