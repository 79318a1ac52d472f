import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Transient } from "../../src/domain/errors.js";
import type { Kv } from "../../src/domain/ports.js";
import { createHealth, databaseHealthResponse, healthResponse } from "../../src/runtime/health.js";
import { listeningLog, stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeAll(async () => {
  w = await storeWorld();
  await w.rows(`INSERT INTO outbox (id, message, created_at, due_at, publishes)
    VALUES ('out_1', '{}', to_timestamp(0), to_timestamp(0), 0),
      ('out_2', '{}', to_timestamp(0), '2999-01-01', 0)`);
});
afterAll(() => w.close());

const down = () => Promise.reject(new Transient("kv_unavailable"));

/** A KV that knows three parked deliveries and a relay that ended a minute before `now`. */
function kvOf(isDown: boolean, now: number): Kv {
  return {
    ping: isDown ? down : () => Promise.resolve(),
    count: isDown ? down : (index) => Promise.resolve(index === "spill" ? 3 : 0),
    get: isDown
      ? down
      : (key) => Promise.resolve(key === "cron:relay:ended-at" ? `${now - 60_000}` : null),
    setFor: down,
    delete: down,
    park: down,
    parked: down,
    unpark: down,
    tally: down,
    counts: down,
    list: down,
  };
}

type Part = "database" | "kv" | "queue";

function healthWithout(...gone: Part[]) {
  const clock = stillClock();
  const asked = { queue: 0 };
  const health = createHealth({
    database: gone.includes("database") ? { ...w.database, query: down } : w.database,
    kv: kvOf(gone.includes("kv"), clock.now()),
    account: {
      ping() {
        asked.queue += 1;
        return gone.includes("queue") ? down() : Promise.resolve();
      },
    },
    clock,
    log: listeningLog(),
  });
  return { health, clock, asked };
}

describe("health", () => {
  it("tells what waits, and how long ago a job was run", async () => {
    expect(await healthWithout().health()).toMatchObject({
      status: "healthy",
      services: { database: "connected", kv: "connected", queue: "connected" },
      backlog: {
        outboxOverdueRows: 1,
        heldSources: 0,
        heldEvents: 0,
        parkedDeliveries: 3,
        openDeadLetters: 0,
        relayAgeSeconds: 60,
        sweepAgeSeconds: null,
      },
    });
  });

  it.each<[Part[], string, number]>([
    [["database"], "unhealthy", 503],
    [["queue"], "degraded", 200],
    [["kv"], "degraded", 200],
    [["database", "queue", "kv"], "unhealthy", 503],
  ])("without %s is %s: %i", async (gone, status, code) => {
    const report = await healthWithout(...gone).health();
    expect(report.status).toBe(status);
    for (const [name, state] of Object.entries(report.services)) {
      expect([name, state]).toEqual([
        name,
        gone.includes(name as Part) ? "disconnected" : "connected",
      ]);
    }
    expect(report.backlog.outboxOverdueRows).toBe(gone.includes("database") ? null : 1);
    expect(report.backlog.parkedDeliveries).toBe(gone.includes("kv") ? null : 3);
    expect(healthResponse(report).status).toBe(code);
  });

  it("is degraded while a discrepancy is open, so that nobody takes the ledger for right", async () => {
    await w.rows(
      `INSERT INTO discrepancy (id, source, kind, object_kind, account, livemode, external_id, status, ours, theirs,
         proposal, first_run_id, last_run_id, found_at, updated_at, version)
       VALUES ('dsc_1', 'stripe', 'state', 'payment', '', true, 'pi_1', 'open', 'null', 'null', '{}', 'rec_1', 'rec_1',
         now(), now(), 0)`,
    );
    const degraded = { status: "degraded", backlog: { openDiscrepancies: 1 } };
    expect(await healthWithout().health()).toMatchObject(degraded);
    await w.rows("UPDATE discrepancy SET status = 'dismissed'");
    expect(await healthWithout().health()).toMatchObject({ status: "healthy" });
  });

  it("tells of the database alone at its own address", async () => {
    const answer = databaseHealthResponse(await healthWithout("queue").health());
    expect([answer.status, await answer.json()]).toMatchObject([200, { status: "healthy" }]);
    const gone = databaseHealthResponse(await healthWithout("database").health());
    expect([gone.status, await gone.json()]).toMatchObject([503, { status: "unhealthy" }]);
  });

  it("asks the queue once in five seconds, however many ask for health", async () => {
    const { health, clock, asked } = healthWithout();
    await Promise.all([health(), health(), health()]);
    clock.advance(4_999);
    await health();
    expect(asked.queue).toBe(1);
    clock.advance(1);
    await health();
    expect(asked.queue).toBe(2);
  });

  it("answers though the queue hangs", async () => {
    const { database } = w;
    const clock = stillClock();
    const account = { ping: () => new Promise<void>(() => undefined) };
    const report = await createHealth({
      database,
      kv: kvOf(false, clock.now()),
      account,
      clock,
      log: listeningLog(),
    })();
    expect(report).toMatchObject({ status: "degraded", services: { queue: "disconnected" } });
  });
});
