/**
 * The powers that a runtime hands in, so that the same code runs on the edge, on Node and in a test.
 * Types only; `runtime/` holds what stands behind them.
 */

import type { Secret } from "./secret.js";

export interface PostRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array<ArrayBuffer> | string;
  /** After this the call is given up; whether it arrived is then not known. */
  timeoutMs: number;
}
/** One HTTP POST. Rejects when there was no answer in time; any status is an answer. */
export type Post = (request: PostRequest) => Promise<{ status: number; text: string }>;

export type HmacHash = "SHA-1" | "SHA-256";
/**
 * Whether the digest is the message's HMAC under the key, found in a time that does not depend on the digest.
 * `bytes` are the key that the secret stands for, never empty and always the same: what is made of them may be
 * kept by the secret.
 */
export type HmacCheck = (
  hash: HmacHash,
  key: { secret: Secret; bytes: Uint8Array<ArrayBuffer> },
  digest: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
) => boolean | Promise<boolean>;

/** The few commands of Redis that are used, each bounded in time; they reject when KV does not answer. */
export interface Kv {
  get(key: string): Promise<string | null>;
  setFor(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  /** Puts a value under a key and the key into an index that is ordered by time, as one transaction. */
  park(index: string, key: string, value: string, at: number, ttlMs: number): Promise<void>;
  /** The oldest keys of an index. */
  parked(index: string, limit: number): Promise<string[]>;
  unpark(index: string, key: string): Promise<void>;
  /** How many keys an index has; one whose value has run out counts until it is unparked. */
  count(index: string): Promise<number>;
  /** Adds to counters and to capped lists (newest first) in one round trip. */
  tally(
    counts: Readonly<Record<string, Readonly<Record<string, number>>>>,
    lists: Readonly<Record<string, readonly string[]>>,
    options: { ttlMs: number; listMax: number },
  ): Promise<void>;
  counts(key: string): Promise<Record<string, number>>;
  list(key: string, limit: number): Promise<string[]>;
  ping(): Promise<void>;
}

export type LogFields = Readonly<Record<string, unknown>>;
/** One wide line per step. `action` is `object.past_participle`; never a body, a secret or personal data. */
export interface Log {
  info(action: string, fields: LogFields): void;
  warn(action: string, fields: LogFields): void;
  error(action: string, fields: LogFields): void;
}

/** Tells the people who keep this deployment of a defect; the requestId ties it to the log. */
export type Report = (error: unknown, context: { requestId: string; action: string }) => void;

/** Work that may go on after the answer. It is never the only keeper of something that must happen. */
export type WaitUntil = (work: Promise<unknown>) => void;
