import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import type { Contender } from "../lanes/lane.js";
import { nextEvents } from "../stripe-events.js";

/** Listens on a free port of the loopback address; its URL. */
export async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export const WEBHOOK_PATH = "/api/webhooks/stripe";

/** An app of Hono's as a contender: its `fetch` in this process, and the same served as `npm start` does. */
export async function honoContender(app: Hono): Promise<Contender> {
  const url = await listening(createAdaptorServer({ fetch: app.fetch }) as Server);
  return {
    url,
    async prepare(count) {
      const requests = nextEvents(count).map(
        ({ headers, body }) =>
          new Request(`http://127.0.0.1:3000${WEBHOOK_PATH}`, {
            method: "POST",
            headers: { ...headers, "content-length": String(body.length) },
            body,
          }),
      );
      return async (index) => {
        const response = await app.fetch(requests[index] as Request);
        await response.text();
        if (response.status !== 202) throw new Error(`answered ${response.status}`);
      };
    },
  };
}
