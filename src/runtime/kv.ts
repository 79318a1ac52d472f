import { Redis } from "@upstash/redis";
import { describeError } from "../domain/describe-error.js";
import { Transient } from "../domain/errors.js";
import type { Kv } from "../domain/ports.js";
import type { KvConfig } from "./config.js";

/**
 * KV over Upstash's REST. `@vercel/kv` is a thin, deprecated subclass of this client; this file is the
 * only one that knows either. Every call is bounded: the client has no time limit of its own.
 * Every call throws Transient `kv_unavailable`, and nothing else.
 */
export function createKv(config: KvConfig): Kv {
  const redis = new Redis({
    url: config.url,
    token: config.token.reveal(),
    retry: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    automaticDeserialization: false,
    signal: () => AbortSignal.timeout(config.timeoutMs),
  });
  return Object.freeze<Kv>({
    get: (key) => asked(redis.get<string>(key)),
    async setFor(key, value, ttlMs) {
      await asked(redis.set(key, value, { px: ttlMs }));
    },
    async delete(key) {
      await asked(redis.del(key));
    },
    async park(index, key, value, at, ttlMs) {
      const transaction = redis.multi().set(key, value, { px: ttlMs });
      await asked(transaction.zadd(index, { score: at, member: key }).exec());
    },
    async parked(index, limit) {
      return asked(redis.zrange<string[]>(index, 0, limit - 1));
    },
    async unpark(index, key) {
      await asked(redis.multi().zrem(index, key).del(key).exec());
    },
    count: (index) => asked(redis.zcard(index)),
    async tally(counts, lists, { ttlMs, listMax }) {
      const pipeline = redis.pipeline();
      for (const [key, fields] of Object.entries(counts)) {
        for (const [field, count] of Object.entries(fields)) pipeline.hincrby(key, field, count);
        pipeline.pexpire(key, ttlMs);
      }
      for (const [key, values] of Object.entries(lists)) {
        if (values.length === 0) continue;
        pipeline.lpush(key, ...values);
        pipeline.ltrim(key, 0, listMax - 1);
        pipeline.pexpire(key, ttlMs);
      }
      if (pipeline.length() > 0) await asked(pipeline.exec());
    },
    async counts(key) {
      // Without the client's deserialization a hash is what Redis sends: name, value, name, value.
      const flat = ((await asked(redis.hgetall(key))) ?? []) as unknown as readonly string[];
      const names = flat.filter((_, at) => at % 2 === 0);
      return Object.fromEntries(names.map((name, n) => [name, Number(flat[2 * n + 1])]));
    },
    list: (key, limit) => asked(redis.lrange<string>(key, 0, limit - 1)),
    async ping() {
      await asked(redis.ping());
    },
  });
}

/**
 * The client puts the whole command into its errors' text, and a command of ours may be a webhook's body:
 * of what it throws only the kind goes on, and neither text, stack nor cause.
 */
async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const kind = describeError(error);
    const cause = new Error(kind);
    cause.name = "KvError";
    throw new Transient("kv_unavailable", { detail: `KV: ${kind}`, cause });
  }
}
