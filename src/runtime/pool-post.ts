import { type Dispatcher, Pool } from "undici";
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
    post: ({ url, headers, body, timeoutMs }) => {
      // Not by `new URL`: QStash's path holds a whole address, and it must arrive as it was written.
      const slash = url.indexOf("/", url.indexOf("://") + 3);
      const [origin, path] = slash < 0 ? [url, "/"] : [url.slice(0, slash), url.slice(slash)];
      const request = { path, method: "POST", headers: { ...headers }, body } as const;
      return answerOf(poolOf(origin), request, timeoutMs);
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

/**
 * By undici's lowest way in, because an answer of a line needs neither a stream nor an AbortSignal
 * (`AbortSignal.timeout` outlives the answer, and costs as much as the call itself).
 */
function answerOf(
  pool: Pool,
  request: Dispatcher.DispatchOptions,
  timeoutMs: number,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    let call: Dispatcher.DispatchController | null = null;
    let late: Error | null = null;
    let status = 0;
    const chunks: Buffer[] = [];
    const timer = setTimeout(() => {
      late = new Error(`no answer in ${timeoutMs} ms`);
      call?.abort(late);
      reject(late);
    }, timeoutMs);
    pool.dispatch(request, {
      onRequestStart(controller) {
        call = controller;
        if (late !== null) controller.abort(late); // it had to wait for a connection until nobody waited for it
      },
      onResponseStart(_controller, statusCode) {
        status = statusCode;
      },
      onResponseData(_controller, chunk) {
        chunks.push(chunk);
      },
      onResponseEnd() {
        clearTimeout(timer);
        resolve({ status, text: Buffer.concat(chunks).toString() });
      },
      onResponseError(_controller, error) {
        clearTimeout(timer);
        reject(error);
      },
    });
  });
}
