import { Pool } from "undici";
import type { Contender } from "../lanes/lane.js";
import { nextEvents, type SignedEvent } from "../stripe-events.js";
import { WEBHOOK_PATH } from "./listen.js";

const CONNECTIONS = 20;

/** Posts signed events over kept connections, as many at once as it is told, each once. */
export async function openLoad(): Promise<Contender> {
  const pools = new Map<string, Pool>();
  const poolOf = (origin: string): Pool => {
    const pool = pools.get(origin) ?? new Pool(origin, { connections: CONNECTIONS });
    pools.set(origin, pool);
    return pool;
  };
  return {
    async prepare(count, target) {
      const events = nextEvents(count);
      const pool = poolOf(target);
      return (index) => {
        const event = events[index];
        if (event === undefined) throw new Error("not prepared");
        return post(pool, event);
      };
    },
  };
}

/** By undici's lowest way in: what the load costs is taken from what is measured. */
function post(pool: Pool, event: SignedEvent): Promise<void> {
  return new Promise((resolve, reject) => {
    let status = 0;
    pool.dispatch(
      { path: WEBHOOK_PATH, method: "POST", ...event },
      {
        onRequestStart: () => undefined,
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData: () => undefined,
        onResponseEnd() {
          if (status === 202) resolve();
          else reject(new Error(`answered ${status}`));
        },
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}
