import { createServer } from "node:http";
import { Client } from "@upstash/qstash";
import { Redis } from "@upstash/redis";
import express from "express";
import Stripe from "stripe";
import { PUBLIC_BASE_URL } from "../env.js";
import type { Contender, LaneSetup } from "../lanes/lane.js";
import { nextEvents, STRIPE_SECRET } from "../stripe-events.js";
import { inject } from "./inject.js";
import { listening, WEBHOOK_PATH } from "./listen.js";

/**
 * What the vendors' own guides add up to in this stack: Express, Stripe's SDK, SET NX in KV, then
 * QStash's SDK, one after the other. It logs nothing, counts nothing, and waits for ever.
 */
function plainApp({ sinkUrl }: LaneSetup): express.Express {
  const stripe = new Stripe("sk_test_bench");
  // `@vercel/kv` is a subclass of this client and adds no behaviour to it.
  const redis = new Redis({ url: sinkUrl, token: "bench-kv-token" });
  const qstash = new Client({ baseUrl: sinkUrl, token: "bench-qstash-token" });
  const app = express();
  app.post(WEBHOOK_PATH, express.raw({ type: "application/json" }), async (request, response) => {
    const signature = request.header("stripe-signature") ?? "";
    const event = stripe.webhooks.constructEvent(request.body, signature, STRIPE_SECRET);
    const fresh = await redis.set(`event:${event.id}`, "1", { nx: true, ex: 86_400 });
    if (fresh === null) {
      response.status(200).json({ status: "duplicate" });
      return;
    }
    const url = `${PUBLIC_BASE_URL}/api/queues/events`;
    await qstash.publishJSON({ url, body: event, deduplicationId: event.id, retries: 3 });
    response.status(202).json({ status: "accepted" });
  });
  return app;
}

export async function openPlainDoor(setup: LaneSetup): Promise<Contender> {
  const app = plainApp(setup);
  const url = await listening(createServer(app));
  return {
    url,
    async prepare(count) {
      const events = nextEvents(count);
      return async (index) => {
        const event = events[index];
        if (event === undefined) throw new Error("not prepared");
        const status = await inject(app, { path: WEBHOOK_PATH, ...event });
        if (status !== 202) throw new Error(`answered ${status}`);
      };
    },
  };
}
