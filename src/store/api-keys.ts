import { createHash, timingSafeEqual } from "node:crypto";
import type { ApiKey } from "../domain/operator.js";
import { HOUR_MS, type Instant, isoOf } from "../domain/time.js";
import type { Database } from "./database.js";
import { TABLE_SQL } from "./tables.js";

/** How every key begins, so that a leaked one is known for what it is; then 256 bits in base64url. */
export const KEY = /^sbk_[\w-]{43}$/;

export const keyHashOf = (key: string): string => createHash("sha256").update(key).digest("hex");

const FIND = `SELECT ${TABLE_SQL.apiKey.json} AS row FROM api_key t WHERE key_hash = $1`;
const TOUCH = `UPDATE api_key SET last_used_at = $2::timestamptz
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2::timestamptz - interval '1 hour')`;

/**
 * The key's row; null when there is none, or it is revoked. Looked for by its hash, so what the index's time
 * tells is about a hash that nobody can aim at; the last comparison takes the same time for all.
 *
 * @throws Transient when the database is not to be had: nobody is let in then.
 */
export async function findKey(
  database: Database,
  given: string,
  now: Instant,
): Promise<ApiKey | null> {
  if (!KEY.test(given)) return null;
  const hash = keyHashOf(given);
  const [found] = await database.query<{ row: ApiKey }>(FIND, [hash]);
  return acceptKey(database, found?.row ?? null, hash, now);
}

/**
 * The row if it may be used, with its use noted; null otherwise.
 *
 * @param key what was found by `hash`.
 */
export async function acceptKey(
  database: Database,
  key: ApiKey | null,
  hash: string,
  now: Instant,
): Promise<ApiKey | null> {
  if (key === null || key.revokedAt !== null) return null;
  if (!timingSafeEqual(Buffer.from(key.keyHash), Buffer.from(hash))) return null;
  if (key.lastUsedAt === null || now - key.lastUsedAt >= HOUR_MS) {
    await database.query(TOUCH, [key.id, isoOf(now)]);
  }
  return key;
}

/** More than a team has in its time. */
const KEYS_MAX = 500;

/** Revoked ones too, newest first. */
export async function listKeys(database: Database): Promise<ApiKey[]> {
  const rows = await database.query<{ row: ApiKey }>(
    `SELECT ${TABLE_SQL.apiKey.json} AS row FROM api_key t ORDER BY id DESC LIMIT ${KEYS_MAX}`,
    [],
  );
  return rows.map(({ row }) => row);
}
