import { createRequire } from "node:module";
import type * as SyncEngine from "@supabase/stripe-sync-engine";
import { pino } from "pino";
import { systemClock } from "../../src/runtime/clock.js";
import { createIds } from "../../src/runtime/ids.js";
import type { Contender, LaneSetup } from "../lanes/lane.js";
import { nextEvent, nextEvents, STRIPE_SECRET } from "../stripe-events.js";
import { openPool, POOL_MAX } from "./pool.js";

/** As CommonJS: its ES module looks for its migrations where they are not, and says nothing. */
const engine = createRequire(import.meta.url)("@supabase/stripe-sync-engine") as typeof SyncEngine;

/** Supabase's engine on its own schema: it verifies the delivery and upserts the intent, and that is all. */
export async function openSyncEngine({ databaseUrl }: LaneSetup): Promise<Contender> {
  // It tells of a failure to its logger only.
  const logger = pino({ level: "error" }, pino.destination(2));
  await engine.runMigrations({ schema: "stripe", databaseUrl, logger });
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
const INSERT_WITH_BODY = `WITH kept AS (${INSERT} RETURNING id)
INSERT INTO event_body (event_id, headers, body) SELECT id, '{}', $5::bytea FROM kept`;

/** The floor: the event's row and nothing else, through the same pool, prepared. */
export const openBareInsert = ({ databaseUrl }: LaneSetup): Promise<Contender> =>
  inserter(databaseUrl, INSERT, () => []);

/** The floor of whoever wants to be able to replay: the row, and the bytes that came. */
export const openInsertWithBody = ({ databaseUrl }: LaneSetup): Promise<Contender> =>
  inserter(databaseUrl, INSERT_WITH_BODY, () => [Buffer.from(nextEvent().body)]);

async function inserter(
  databaseUrl: string,
  statement: string,
  more: () => unknown[],
): Promise<Contender> {
  const database = openPool(databaseUrl);
  const ids = createIds(systemClock);
  return {
    async prepare(count) {
      const rows = Array.from({ length: count }, () => {
        const trace = JSON.stringify({ verifiedBy: "STRIPE_WEBHOOK_SECRET", reasons: [] });
        return [ids.next("event"), ids.next("event"), ids.next("request"), trace, ...more()];
      });
      return async (index) => {
        await database.query(statement, rows[index] ?? []);
      };
    },
  };
}
