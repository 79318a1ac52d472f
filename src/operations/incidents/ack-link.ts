import { createHash } from "node:crypto";
import { CHANNELS, type ChannelId, type NoticeWay } from "../../domain/notice.js";
import type { Secret } from "../../domain/secret.js";
import { DAY_MS, type Instant, MINUTE_MS } from "../../domain/time.js";
import { markOf, openedMark } from "../signed-link.js";

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

/** An SMS has room beside such a mark. */
const USE = { purpose: "signalbox acknowledge v1", bytes: 16 };
const TAG_CHARS = 6;
/** `INC-20261121-0305-2.slack.q1x2y3.Ab3_9z`: until when in minutes, and what sets receivers and moments apart. */
const PAYLOAD = /^([A-Za-z0-9_-]{1,60})\.([a-z_]{1,20})\.([0-9a-z]{1,8})\.([\w-]{6})$/;

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
  const until = Math.floor((now + ACK_LINK_MS) / MINUTE_MS).toString(36);
  const tag = createHash("sha256")
    .update(`${way.recipient}\n${now}`)
    .digest("base64url")
    .slice(0, TAG_CHARS);
  const payload = `${incidentId}.${way.channel}.${until}.${tag}`;
  return `${publicBaseUrl}/acknowledge?token=${payload}.${markOf(payload, USE, secret)}`;
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
  const end = token.lastIndexOf(".");
  const payload = token.slice(0, Math.max(0, end));
  const [, incidentId, named, until] = PAYLOAD.exec(payload) ?? [];
  const channel = CHANNELS.find((known) => known === named);
  if (incidentId === undefined || until === undefined || channel === undefined) {
    return { kind: "bad" };
  }
  const nonce = openedMark(token.slice(end + 1), payload, USE, secrets);
  if (nonce === null) return { kind: "bad" };
  const expiresAt = Number.parseInt(until, 36) * MINUTE_MS;
  const link = { incidentId, channel, expiresAt, nonce };
  return { kind: expiresAt > now ? "good" : "expired", link };
}
