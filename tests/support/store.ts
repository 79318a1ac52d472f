import type { Deployment } from "../../src/domain/deployment.js";
import type { AttemptOutcome, EventStatus } from "../../src/domain/event.js";
import type { DecideContext } from "../../src/domain/plan.js";
import type { EventClaim } from "../../src/store/apply.js";
import { type Database, openDatabase } from "../../src/store/database.js";
import { load, read } from "../../src/store/load.js";
import { countingIds, stillClock } from "./fakes.js";
import { testDatabase } from "./postgres.js";

export interface StoreWorld {
  /** How Postgres reads for a statement whose parameters it does not know, as a plan that it keeps; 15 and later. */
  genericPlan(text: string): Promise<unknown>;
  database: Database;
  /** The superuser's, on the same database. */
  adminUrl: string;
  ctx: DecideContext;
  close(): Promise<void>;
  rows(sql: string, params?: unknown[]): Promise<Record<string, unknown>[]>;
  count(table: string): Promise<number>;
}

/** A database of its own, the hot path's pool on it, and a context to decide in. */
export async function storeWorld(options: { poolMax?: number } = {}): Promise<StoreWorld> {
  const own = await testDatabase();
  const errors: Error[] = [];
  const database = openDatabase(
    {
      url: own.url,
      poolMax: options.poolMax ?? 10,
      preparedStatements: true,
      connectTimeoutMs: 5_000,
      queryTimeoutMs: 10_000,
    },
    (error) => errors.push(error),
  );
  const clock = stillClock();
  const rows = async (sql: string, params: unknown[] = []) =>
    (await database.pool.query(sql, params)).rows;
  return {
    database,
    adminUrl: own.adminUrl,
    ctx: {
      now: clock.now(),
      ids: countingIds(),
      actor: "source:test",
      eventId: null,
      requestId: "req_1",
    },
    rows,
    async genericPlan(text) {
      const client = await database.pool.connect();
      try {
        await client.query("SET plan_cache_mode = force_generic_plan");
        await client.query(`PREPARE kept(jsonb) AS ${text}`);
        const { rows: found } = await client.query("EXPLAIN (FORMAT JSON) EXECUTE kept('[]')");
        return found[0]["QUERY PLAN"][0].Plan;
      } finally {
        await client.query("DEALLOCATE ALL");
        await client.query("RESET plan_cache_mode");
        client.release();
      }
    },
    async count(table) {
      const [row] = await rows(`SELECT count(*)::int AS n FROM ${table}`);
      return Number(row?.n);
    },
    async close() {
      await database.close();
      await own.drop();
    },
  };
}

/** A claim as a worker makes it, for an event named by its key. */
export function claimOf(
  ctx: DecideContext,
  key: string,
  o: { id?: string; status?: EventStatus; attempt?: string; body?: Uint8Array } = {},
): EventClaim {
  const id = o.id ?? ctx.ids.next("event");
  const status = o.status ?? "processed";
  return {
    event: {
      id,
      source: "test",
      eventKey: key,
      type: "thing.done",
      status,
      requestId: "req_1",
      occurredAt: ctx.now,
      receivedAt: ctx.now,
      processedAt: ctx.now,
      errorCode: null,
      errorMessage: null,
      trace: { verifiedBy: "TEST", reasons: [], runId: null },
    },
    headers: { "x-kind": "thing" },
    body: o.body ?? new TextEncoder().encode('{"a":1}'),
    attempt: {
      id: o.attempt ?? ctx.ids.next("attempt"),
      eventId: id,
      outcome: status as AttemptOutcome,
      errorCode: null,
      errorMessage: null,
      startedAt: ctx.now,
      durationMs: 1,
    },
  };
}

/** A row to write and to move: any table would do. */
export function deploymentOf(ctx: DecideContext, externalId: string): Deployment {
  return {
    id: ctx.ids.next("deployment"),
    source: "test",
    externalId,
    project: "prj",
    name: "site",
    target: "production",
    state: "created",
    stateAsOf: ctx.now,
    url: null,
    commit: null,
    labels: [],
    ours: false,
    checked: null,
    createdAt: ctx.now,
    updatedAt: ctx.now,
    version: 0,
  };
}

export async function keptDeployment(database: Database, externalId: string): Promise<Deployment> {
  const { rows } = await load(database, {
    rows: read("deployment", "t.external_id = ?", [externalId]),
  });
  const row = rows[0];
  if (row === undefined) throw new Error(`no deployment ${externalId}`);
  return row;
}
