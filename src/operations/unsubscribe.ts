import { Permanent } from "../domain/errors.js";
import type { Secret } from "../domain/secret.js";
import { recipientHash } from "../store/recipient-hash.js";
import { markOf, openedMark } from "./signed-link.js";
import { type SuppressionDeps, suppress } from "./suppressions.js";

/** What a link to unsubscribe carries: never the address. It has no end: a mail is read when it is read. */
export interface UnsubscribeLink {
  recipientHash: string;
  /** In which the page speaks. */
  locale: string;
}

const USE = { purpose: "signalbox unsubscribe v1", bytes: 32 };
const TOKEN_CHARS_MAX = 1_000;
const HASH = /^[0-9a-f]{64}$/;

/**
 * The address that unsubscribes a recipient, for a mail's footer and headers; the same for the same recipient.
 *
 * @param secrets the live one, then the one before.
 * @throws Permanent `channel_not_configured` without a secret: no mail goes out with a link that does nothing.
 */
export function unsubscribeUrl(
  to: { recipient: string; locale: string },
  { publicBaseUrl, secrets }: { publicBaseUrl: string; secrets: readonly Secret[] },
): string {
  const [secret] = secrets;
  if (secret === undefined) {
    throw new Permanent("channel_not_configured", { detail: "set UNSUBSCRIBE_SECRET" });
  }
  const link: UnsubscribeLink = { recipientHash: recipientHash(to.recipient), locale: to.locale };
  const payload = Buffer.from(JSON.stringify(link)).toString("base64url");
  return `${publicBaseUrl}/unsubscribe?token=v1.${payload}.${markOf(payload, USE, secret)}`;
}

/** Null for what none of the secrets has made; so for everything where there is none. */
export function openUnsubscribeToken(
  token: string,
  secrets: readonly Secret[],
): UnsubscribeLink | null {
  const [version, payload, mark, ...rest] = token.split(".");
  if (version !== "v1" || payload === undefined || mark === undefined) return null;
  if (rest.length > 0 || token.length > TOKEN_CHARS_MAX) return null;
  if (openedMark(mark, payload, USE, secrets) === null) return null;
  const link: UnsubscribeLink = JSON.parse(Buffer.from(payload, "base64url").toString());
  return HASH.test(link.recipientHash) ? link : null;
}

/** The recipient's own wish; doing it again changes nothing. @throws Transient */
export async function unsubscribe(link: UnsubscribeLink, deps: SuppressionDeps): Promise<void> {
  const who = { hash: link.recipientHash, reason: "unsubscribed" as const };
  await suppress(who, { actor: "recipient", details: { via: "link" } }, deps);
}
