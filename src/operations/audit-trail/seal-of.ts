import { createHash } from "node:crypto";
import { canonicalJson } from "../../domain/canonical-json.js";
import type { SealContent, SealedEntry } from "../../store/audit-seals.js";

/** What a seal holds at most, and what verifying or exporting reads at once: some 2 MB. */
export const ENTRIES_AT_ONCE = 5_000;

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What is sealed of an entry, and what an archive keeps of it: one line of JSON, its names in order. */
export const lineOf = (entry: SealedEntry): string => canonicalJson(entry);

export const digestOf = (line: string): string => sha256(line);

/**
 * A seal's hash: SHA-256, in hex, of its number, the hash before it, its settled time and the digest of each entry, a
 * line each. Whoever has the entries can compute it without us: docs/runbooks/audit-trail.md says how.
 */
export const hashOf = ({ number, previousHash, settledBefore, digests }: SealContent): string =>
  sha256([number, previousHash, settledBefore, ...digests].join("\n"));
