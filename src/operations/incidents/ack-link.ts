import { createHmac, timingSafeEqual } from "node:crypto";
import type { ChannelId, NoticeWay } from "../../domain/notice.js";
import type { Secret } from "../../domain/secret.js";
import { DAY_MS, type Instant } from "../../domain/time.js";

/** What a link to acknowledge carries: which incident, by which channel it went out, and until when it is good. */
export interface AckLink {
  incidentId: string;
  channel: ChannelId;
  expiresAt: Instant;
  /** Each link is good once; this is what its use is known by. */
  nonce: string;
}

/** An incident that nobody has acknowledged for so long is no longer settled by an old message. */
export const ACK_LINK_MS = DAY_MS;

const PURPOSE = "signalbox acknowledge v1";
const TOKEN_CHARS_MAX = 1_000;

const macOf = (secret: Secret, payload: string): Buffer =>
  createHmac("sha256", secret.bytes()).update(`${PURPOSE}\n${payload}`).digest();

/**
 * The address of a page with a button that acknowledges, for one message to one receiver.
 *
 * @param secrets the live one, then the one before.
 * @returns null without a secret: the message goes out without a link.
 */
export function ackUrl(
  incidentId: string,
  way: NoticeWay,
  now: Instant,
  { publicBaseUrl, secrets }: { publicBaseUrl: string; secrets: readonly Secret[] },
): string | null {
  const [secret] = secrets;
  if (secret === undefined) return null;
  const nonce = createHmac("sha256", secret.bytes())
    .update(`${PURPOSE} nonce\n${incidentId}\n${way.channel}\n${way.recipient}\n${now}`)
    .digest("base64url")
    .slice(0, 16);
  const link: AckLink = { incidentId, channel: way.channel, expiresAt: now + ACK_LINK_MS, nonce };
  const payload = Buffer.from(JSON.stringify(link)).toString("base64url");
  return `${publicBaseUrl}/acknowledge?token=v1.${payload}.${macOf(secret, payload).toString("base64url")}`;
}

export type OpenedAckLink =
  | { kind: "good"; link: AckLink }
  | { kind: "expired"; link: AckLink }
  | { kind: "bad" };

/** Bad is what none of the secrets has made; so is everything where there is none. */
export function openAckToken(
  token: string,
  secrets: readonly Secret[],
  now: Instant,
): OpenedAckLink {
  const [version, payload, mac, ...rest] = token.split(".");
  if (version !== "v1" || payload === undefined || mac === undefined) return { kind: "bad" };
  if (rest.length > 0 || token.length > TOKEN_CHARS_MAX) return { kind: "bad" };
  const given = Buffer.from(mac, "base64url");
  const isOurs = secrets.some((secret) => {
    const ours = macOf(secret, payload);
    return given.length === ours.length && timingSafeEqual(given, ours);
  });
  if (!isOurs) return { kind: "bad" };
  const link: AckLink = JSON.parse(Buffer.from(payload, "base64url").toString());
  return { kind: link.expiresAt > now ? "good" : "expired", link };
}
