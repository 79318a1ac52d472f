import pg from "pg";
import type { IdKind, Ids } from "../../src/domain/ids.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { eventNamed } from "../stripe-events.js";
import { runOf } from "../worker/delivery.js";
import { runDepsOf } from "../worker/deps.js";
import { openPool } from "../worker/pool.js";

/** Part of every id of the one event that all others are copied from. */
const TOKEN = "0000pattern";
/** What a payment leaves behind for good; its outbox row is gone once its receiver has it. */
const TABLES = [
  "event",
  "attempt",
  "payment",
  "ledger_object",
  "entitlement",
  "notice",
  "audit_entry",
] as const;
/** One event in so many once was a dead letter: enough for the table to be no page that is quicker read whole. */
const DEAD_EVERY = 10;

/** Stores so many payment events with all that they bring, as copies of one that the worker made. */
export async function fill(databaseUrl: string, events: number): Promise<void> {
  await makePattern(databaseUrl);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query("SET synchronous_commit = off; SET statement_timeout = 0");
    for (const table of TABLES) {
      const copied = `replace(to_jsonb(t)::text, '${TOKEN}', lpad(n::text, ${TOKEN.length}, '0'))`;
      await client.query(
        `INSERT INTO ${table} SELECT copy.* FROM ${table} t, generate_series(1, ${events - 1}) n,
         LATERAL jsonb_populate_record(NULL::${table}, ${copied}::jsonb) copy`,
      );
    }
    await client.query(
      `INSERT INTO event_body (event_id, headers, body) SELECT id, '{}', '\\x7b7d' FROM event
       ON CONFLICT DO NOTHING`,
    );
    await client.query(
      `INSERT INTO dead_letter SELECT 'dlt_' || id, id, NULL, 'resolved', 'internal', 'm', 'h', 1,
         now(), now(), 0 FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM event) e
       WHERE n % ${DEAD_EVERY} = 0`,
    );
    await client.query("DELETE FROM outbox");
    await client.query("VACUUM ANALYZE");
  } finally {
    await client.end();
  }
}

async function makePattern(databaseUrl: string): Promise<void> {
  let n = 0;
  const ids: Ids = {
    next(kind: IdKind) {
      n += 1;
      return `${kind}_${TOKEN}_${n}`;
    },
  };
  const database = openPool(databaseUrl);
  try {
    const deps = runDepsOf(database, ids);
    await runEvent(await runOf(eventNamed(TOKEN), ids), deps);
  } finally {
    await database.close();
  }
}
