import { Pool } from "undici";
import type { Contender, LaneSetup } from "../lanes/lane.js";
import { nextEvents } from "../stripe-events.js";
import { WEBHOOK_PATH } from "./listen.js";

const CONNECTIONS = 20;

/** Posts signed events over kept connections, as many at once as it is told, each once. */
export async function openLoad(_setup: LaneSetup): Promise<Contender> {
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
      return async (index) => {
        const event = events[index];
        if (event === undefined) throw new Error("not prepared");
        const response = await pool.request({ path: WEBHOOK_PATH, method: "POST", ...event });
        await response.body.dump();
        if (response.statusCode !== 202) throw new Error(`answered ${response.statusCode}`);
      };
    },
  };
}
