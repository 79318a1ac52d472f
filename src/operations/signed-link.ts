import { createHmac, timingSafeEqual } from "node:crypto";
import type { Secret } from "../domain/secret.js";

/** What a link in a message is for: what is signed for one use is good for no other. */
export interface LinkUse {
  /** `signalbox acknowledge v1`. */
  purpose: string;
  /** Of the mark that is kept in the link; 16 are 128 bits, which nobody guesses. */
  bytes: number;
}

/** The mark by which a link that comes back is known as ours, in base64url. */
export const markOf = (payload: string, { purpose, bytes }: LinkUse, secret: Secret): string =>
  createHmac("sha256", secret.bytes())
    .update(`${purpose}\n${payload}`)
    .digest()
    .subarray(0, bytes)
    .toString("base64url");

/**
 * The mark again, written as we write it; null for one that none of the secrets has made, and so for every one where
 * there is none. Compared in constant time.
 *
 * @param secrets the live one, then the one before.
 */
export function openedMark(
  mark: string,
  payload: string,
  use: LinkUse,
  secrets: readonly Secret[],
): string | null {
  const given = Buffer.from(mark, "base64url");
  for (const secret of secrets) {
    const ours = markOf(payload, use, secret);
    const bytes = Buffer.from(ours, "base64url");
    if (given.length === bytes.length && timingSafeEqual(given, bytes)) return ours;
  }
  return null;
}
