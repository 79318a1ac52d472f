import { Hono } from "hono";
import type { Door } from "./door.js";

/** The door's addresses. The last segment is a credential, for senders that can carry it nowhere else. */
export function webhookRoutes(door: Door): Hono {
  return new Hono().all("/api/webhooks/:source/:token?", (c) => {
    const { source, token } = c.req.param();
    return door(c.req.raw, { source: source ?? "", token: token ?? null });
  });
}
