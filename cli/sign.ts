import { createHash, createHmac } from "node:crypto";

/** What a provider signs with, and what it tells beside the body. */
export interface Signing {
  secret: string;
  /** Milliseconds since 1970. */
  now: number;
  /** What a Sentry delivery is about; it stands in a header and nowhere else. */
  resource?: string | undefined;
}

type Signer = (body: Uint8Array, signing: Signing) => Record<string, string>;

/**
 * The other side of `verify`, written on its own with Node's crypto, so that both agreeing means something.
 * Headers as each provider sends them, as far as its documents say.
 */
const SIGNERS: ReadonlyMap<string, Signer> = new Map<string, Signer>([
  [
    "stripe",
    (body, { secret, now }) => {
      const t = Math.floor(now / 1000);
      const signed = Buffer.concat([Buffer.from(`${t}.`), body]);
      return { "Stripe-Signature": `t=${t},v1=${hmac("sha256", secret, signed)}` };
    },
  ],
  [
    "sentry",
    (body, { secret, now, resource }) => ({
      "Request-ID": createHash("sha256").update(`${now}.`).update(body).digest("hex").slice(0, 32),
      "Sentry-Hook-Resource": resource ?? "issue",
      "Sentry-Hook-Timestamp": String(Math.floor(now / 1000)),
      "Sentry-Hook-Signature": hmac("sha256", secret, body),
    }),
  ],
  ["vercel", (body, { secret }) => ({ "x-vercel-signature": hmac("sha1", secret, body) })],
  [
    "better-stack",
    (_body, { secret }) => ({
      Authorization: `Basic ${Buffer.from(`signalbox:${secret}`).toString("base64")}`,
    }),
  ],
  [
    "resend",
    (body, { secret, now }) => {
      // A redelivery keeps the message's id: here the same bytes are the same message.
      const id = `msg_${createHash("sha256").update(body).digest("hex").slice(0, 27)}`;
      const timestamp = String(Math.floor(now / 1000));
      const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
      const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
      const digest = createHmac("sha256", key).update(signed).digest("base64");
      return {
        "svix-id": id,
        "svix-timestamp": timestamp,
        "svix-signature": `v1,${digest}`,
      };
    },
  ],
]);

/**
 * The headers that a provider would send with these bytes.
 *
 * @throws Error when there is no such source.
 */
export function signedRequest(
  source: string,
  body: Uint8Array,
  signing: Signing,
): { headers: Record<string, string> } {
  const sign = SIGNERS.get(source);
  if (sign === undefined) {
    throw new Error(`no source "${source}"; there are ${[...SIGNERS.keys()].join(", ")}`);
  }
  return { headers: { "Content-Type": "application/json", ...sign(body, signing) } };
}

/** The body's bytes in the provider's own way of writing JSON: what is signed depends on it. */
export function encodeBody(source: string, body: unknown): Uint8Array<ArrayBuffer> {
  if (source === "stripe") return new TextEncoder().encode(JSON.stringify(body, null, 2));
  const compact = JSON.stringify(body);
  return new TextEncoder().encode(source === "sentry" ? asciiOnly(compact) : compact);
}

/** Sentry's serialiser escapes everything beyond ASCII as `\uXXXX`. */
function asciiOnly(json: string): string {
  return json.replace(
    /[\u0080-\uFFFF]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function hmac(hash: "sha1" | "sha256", secret: string, message: Uint8Array): string {
  return createHmac(hash, secret).update(message).digest("hex");
}
