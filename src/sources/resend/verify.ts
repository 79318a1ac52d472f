import type { Secret } from "../../domain/secret.js";
import { type Instant, MINUTE_MS, SECOND_MS } from "../../domain/time.js";
import { signingSecret } from "../hmac.js";
import type { RawRequest, Verdict } from "../source.js";

export const TOLERANCE_MS = 5 * MINUTE_MS;

const DIGEST_BYTES = 32;
/** One per live secret is what is sent; the bound keeps a forger from making us hash a large body many times. */
const SIGNATURES_MAX = 10;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** Svix's own ids; above all without a dot, which parts what is signed. */
const MESSAGE_ID = /^[A-Za-z0-9_-]{1,255}$/;

/** One decoding per secret. */
const keys = new WeakMap<Secret, Uint8Array<ArrayBuffer>>();

/**
 * Checks Svix's three headers against the exact bytes received: HMAC-SHA256 over `<id>.<timestamp>.<body>`
 * with what the secret's base64 stands for. Any `v1` of `svix-signature` may match any live secret; other
 * schemes (`v1a` is asymmetric) are passed over, and what is no list of signatures at all is refused.
 *
 * The time may be 300 whole seconds off in either way, as Svix's libraries have it. `stale_signature` only
 * if the signature itself is good, so that the log tells an old authentic request from a forgery.
 *
 * @see https://docs.svix.com/receiving/verifying-payloads/how-manual (vectors: tests/vectors/resend)
 */
export async function verify(
  { headers, body, checkHmac }: RawRequest,
  secrets: readonly Secret[],
  now: Instant,
): Promise<Verdict> {
  const [id, timestamp, given] = ["svix-id", "svix-timestamp", "svix-signature"].map(
    (name) => headers.get(name)?.trim() ?? "",
  );
  if (!id || !timestamp || !given) {
    return { kind: "missing_signature", detail: "svix-id, -timestamp or -signature is not there" };
  }
  const bad = (detail: string): Verdict => ({ kind: "bad_signature", detail });
  if (!MESSAGE_ID.test(id)) return bad("svix-id is no message id");
  if (!/^\d{1,11}$/.test(timestamp)) return bad("svix-timestamp is no unix time");
  const digests = digestsOf(given);
  if (typeof digests === "string") return bad(digests);

  const signed = signedBytes(`${id}.${timestamp}.`, body);
  const secret = await signingSecret("SHA-256", secrets, digests, signed, checkHmac, keyOf);
  if (secret === null) {
    const unusable = secrets.find((one) => keyOf(one).length === 0);
    return bad(
      unusable === undefined
        ? "no v1 signature matches a live secret"
        : `${unusable.name} is not whsec_ and base64`,
    );
  }
  const ageSeconds = Math.floor(now / SECOND_MS) - Number(timestamp);
  if (Math.abs(ageSeconds) * SECOND_MS > TOLERANCE_MS) {
    const when = ageSeconds > 0 ? `${ageSeconds} s ago` : `${-ageSeconds} s ahead of our clock`;
    return { kind: "stale_signature", detail: `signed ${when}` };
  }
  return { kind: "verified", by: secret.name };
}

/** The `v1` digests of `v1,<base64> v1,<base64>`, or what is wrong. A doubled header arrives with a comma too many. */
function digestsOf(given: string): Uint8Array<ArrayBuffer>[] | string {
  const digests: Uint8Array<ArrayBuffer>[] = [];
  const items = given.split(" ");
  if (items.length > SIGNATURES_MAX) {
    return `svix-signature has more than ${SIGNATURES_MAX} signatures`;
  }
  for (const item of items) {
    const [, scheme, value = ""] = /^(v\d+[a-z]*),(.+)$/.exec(item) ?? [];
    if (scheme === undefined || !BASE64.test(value)) {
      return "svix-signature is not a list of scheme,base64";
    }
    const digest = scheme === "v1" ? bytesOfBase64(value) : null;
    if (digest?.length === DIGEST_BYTES) digests.push(digest);
  }
  return digests.length === 0 ? "no v1 of svix-signature is 32 bytes in base64" : digests;
}

/** Empty for a secret that stands for no key. */
export function keyOf(secret: Secret): Uint8Array<ArrayBuffer> {
  const known = keys.get(secret);
  if (known !== undefined) return known;
  const key = bytesOfBase64(secret.reveal().replace(/^whsec_/, "")) ?? new Uint8Array(0);
  keys.set(secret, key);
  return key;
}

/** Null for what is no base64. */
function bytesOfBase64(given: string): Uint8Array<ArrayBuffer> | null {
  if (!BASE64.test(given) || given.replace(/=+$/, "").length % 4 === 1) return null;
  return Uint8Array.from(atob(given.replace(/=+$/, "")), (char) => char.charCodeAt(0));
}

function signedBytes(prefix: string, body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(prefix);
  const signed = new Uint8Array(head.length + body.length);
  signed.set(head);
  signed.set(body, head.length);
  return signed;
}
