import { Hono } from "hono";
import { Secret } from "../../src/domain/secret.js";
import { verify } from "../../src/sources/stripe/verify.js";
import type { Contender } from "../lanes/lane.js";
import { STRIPE_SECRET } from "../stripe-events.js";
import { honoContender, WEBHOOK_PATH } from "./listen.js";

/** The floor: a route that checks the signature with the same cached key, and keeps nothing. */
export function openBareDoor(): Promise<Contender> {
  const secrets = [new Secret("STRIPE_WEBHOOK_SECRET", STRIPE_SECRET)];
  const app = new Hono();
  app.post(WEBHOOK_PATH, async (c) => {
    const body = new Uint8Array(await c.req.arrayBuffer());
    const raw = { headers: c.req.raw.headers, body, pathToken: null };
    const verdict = await verify(raw, secrets, Date.now());
    return verdict.kind === "verified" ? c.json({ received: true }, 202) : c.json(verdict, 401);
  });
  return honoContender(app);
}
