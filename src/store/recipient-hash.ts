import { createHash } from "node:crypto";

/**
 * What a suppressed address is kept as: SHA-256, in hex, of the address with A to Z in lower case. Without a
 * key: whoever has an address can see whether it is suppressed, but nobody reads addresses off the list.
 */
export function recipientHash(address: string): string {
  const lower = address.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return createHash("sha256").update(lower).digest("hex");
}

/** The same of a column, in Postgres. The collation "C" knows no other letters than A to Z. */
export const recipientHashSql = (column: string): string =>
  `encode(sha256(convert_to(lower(${column} COLLATE "C"), 'UTF8')), 'hex')`;
