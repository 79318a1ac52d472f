import pg from "pg";
import type { RunningPostgres } from "../../local/postgres.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { systemClock } from "../../src/runtime/clock.js";
import { createIds } from "../../src/runtime/ids.js";
import type { Database } from "../../src/store/database.js";
import { nextEvent } from "../stripe-events.js";
import { runOf } from "../worker/delivery.js";
import { runDepsOf } from "../worker/deps.js";
import { freshDatabase } from "../worker/measure.js";
import { openPool } from "../worker/pool.js";
import { type Explanation, explain, settled } from "./explain.js";
import { fill } from "./fill.js";

export interface PlanFigures {
  /** Stored before the measured events. */
  events: number;
  load: Explanation;
  apply: Explanation;
}

/** Postgres plans a prepared statement anew five times before it may keep one plan for good. */
const EVENTS_EXPLAINED = 15;

/**
 * Explains both statements of a payment event, as the worker sends them, over a store of so many
 * events: in one session and prepared, so that the plan is the one that a warm worker has.
 */
export async function measurePlans(
  postgres: RunningPostgres,
  events: number,
): Promise<PlanFigures> {
  const databaseUrl = await freshDatabase(postgres);
  await fill(databaseUrl, events);
  const client = new pg.Client({ connectionString: databaseUrl });
  const database = openPool(databaseUrl);
  await client.connect();
  try {
    const loads: Explanation[] = [];
    const applies: Explanation[] = [];
    const explaining: Database = {
      ...database,
      async query(text, values) {
        if (text.startsWith("SELECT")) {
          loads.push(await explain(client, { text, values }));
          return database.query(text, values);
        }
        applies.push(await explain(client, { text, values }));
        return [{ p: 0, ok: true }] as never[]; // EXPLAIN ANALYZE has applied it, and shows the plan in place of rows
      },
    };
    const ids = createIds(systemClock);
    const deps = runDepsOf(explaining, ids);
    for (let i = 0; i < EVENTS_EXPLAINED; i += 1) {
      await runEvent(await runOf(nextEvent(), ids), deps);
    }
    return { events, load: settled(loads), apply: settled(applies) };
  } finally {
    await client.end();
    await database.close();
  }
}
