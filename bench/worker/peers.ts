import { createRequire } from "node:module";
import type * as SyncEngine from "@supabase/stripe-sync-engine";
import { systemClock } from "../../src/runtime/clock.js";
import { createIds } from "../../src/runtime/ids.js";
import type { Contender, LaneSetup } from "../lanes/lane.js";
import { nextEvents, STRIPE_SECRET } from "../stripe-events.js";
import { openPool, POOL_MAX } from "./pool.js";

/** As CommonJS: its ES module looks for its migrations where they are not, and says nothing. */
const engine = createRequire(import.meta.url)("@supabase/stripe-sync-engine") as typeof SyncEngine;

/** Supabase's engine on its own schema: it verifies the delivery and upserts the intent, and that is all. */
export async function openSyncEngine({ databaseUrl }: LaneSetup): Promise<Contender> {
  await engine.runMigrations({ schema: "stripe", databaseUrl });
  const sync = new engine.StripeSync({
    schema: "stripe",
    stripeSecretKey: "sk_test_bench",
    stripeWebhookSecret: STRIPE_SECRET,
    poolConfig: { connectionString: databaseUrl, max: POOL_MAX, keepAlive: true },
  });
  return {
    async prepare(count) {
      const events = nextEvents(count).map(({ headers, body }) => ({
        payload: Buffer.from(body),
        signature: headers["Stripe-Signature"],
      }));
      return async (index) => {
        const event = events[index];
        if (event === undefined) throw new Error("not prepared");
        await sync.processWebhook(event.payload, event.signature);
      };
    },
  };
}

const INSERT = `INSERT INTO event
  (id, source, event_key, type, status, request_id, occurred_at, received_at, processed_at, trace)
VALUES ($1, 'stripe', $2, 'payment_intent.succeeded', 'processed', $3, now(), now(), now(), $4)`;

/** The floor: the event's row and nothing else, through the same pool, prepared. */
export async function openBareInsert({ databaseUrl }: LaneSetup): Promise<Contender> {
  const database = openPool(databaseUrl);
  const ids = createIds(systemClock);
  return {
    async prepare(count) {
      const rows = Array.from({ length: count }, () => {
        const trace = JSON.stringify({ verifiedBy: "STRIPE_WEBHOOK_SECRET", reasons: [] });
        return [ids.next("event"), ids.next("event"), ids.next("request"), trace];
      });
      return async (index) => {
        await database.query(INSERT, rows[index] ?? []);
      };
    },
  };
}
