import { EventEmitter } from "node:events";
import { Pool } from "undici";
import type { Post } from "../domain/ports.js";

const CONNECTIONS_MAX = 64;
const CONNECT_TIMEOUT_MS = 2_000;

/**
 * Node's way to POST: a pool per address. One publish by Node's `fetch` costs several times the CPU of
 * all the rest of the door together (see `npm run bench`).
 */
export function createPoolPost(): { post: Post; close(): Promise<void> } {
  const pools = new Map<string, Pool>();
  const poolOf = (origin: string): Pool => {
    const known = pools.get(origin);
    if (known !== undefined) return known;
    const pool = new Pool(origin, {
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      connect: { timeout: CONNECT_TIMEOUT_MS },
    });
    pools.set(origin, pool);
    return pool;
  };
  return {
    post: async ({ url, headers, body, timeoutMs }) => {
      // Not by `new URL`: QStash's path holds a whole address, and it must arrive as it was written.
      const slash = url.indexOf("/", url.indexOf("://") + 3);
      const [origin, path] = slash < 0 ? [url, "/"] : [url.slice(0, slash), url.slice(slash)];
      // Not `AbortSignal.timeout`: its timer outlives the answer, and costs as much as the call itself.
      const late = new EventEmitter();
      const timer = setTimeout(() => late.emit("abort"), timeoutMs);
      try {
        const response = await poolOf(origin).request({
          path,
          method: "POST",
          headers: { ...headers },
          body,
          signal: late,
        });
        return { status: response.statusCode, text: await response.body.text() };
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}
