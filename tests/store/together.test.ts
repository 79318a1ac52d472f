import fc from "fast-check";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Transient } from "../../src/domain/errors.js";
import { emptyPlan, type Plan, PlanBuilder } from "../../src/domain/plan.js";
import { apply, type EventClaim } from "../../src/store/apply.js";
import { type Database, Moved, openDatabase } from "../../src/store/database.js";
import { load, read } from "../../src/store/load.js";
import {
  claimOf,
  deploymentOf,
  keptDeployment,
  type StoreWorld,
  storeWorld,
} from "../support/store.js";

/** More than may be under way at once: what comes after them waits, and goes together. */
const BUSY = 4;

let w: StoreWorld;
/** What went to Postgres, in turn. */
let sent: string[];
let database: Database;

beforeEach(async () => {
  w = await storeWorld();
  sent = [];
  database = {
    ...w.database,
    query: (text, values) => {
      sent.push(text);
      return w.database.query(text, values);
    },
  };
});
afterEach(async () => {
  await w.close();
});

const plan = () => new PlanBuilder(w.ctx);
const deployment = (externalId: string) => deploymentOf(w.ctx, externalId);
const kept = (externalId: string) => keptDeployment(w.database, externalId);
const making = (externalId: string): Plan =>
  plan().insert("deployment", deployment(externalId)).build();

type Told = { is: boolean | string };
const told = (work: Promise<boolean>): Promise<Told> =>
  work.then(
    (is) => ({ is }),
    (error: Error) => ({ is: error instanceof Moved ? "moved" : error.name }),
  );

/** Hands them over at once, behind so much other work that they wait for one another. */
async function together(
  asked: readonly [Plan, EventClaim | null][],
): Promise<(boolean | string)[]> {
  const busy = Array.from({ length: BUSY }, (_, i) => apply(database, making(`busy-${i}`)));
  const answers = await Promise.all(asked.map(([one, claim]) => told(apply(database, one, claim))));
  await Promise.all(busy);
  return answers.map(({ is }) => is);
}

describe("plans that come at once", () => {
  it("that rest on the same row share a statement, but not with one that writes it, or that read it earlier", async () => {
    await apply(database, making("ground"));
    const ground = await kept("ground");
    const resting = (name: string, row = ground): Plan =>
      plan().insert("deployment", deployment(name)).expect("deployment", row).build();
    sent.length = 0;
    const names = ["a", "b", "c", "d", "e", "f"];
    const asked = names.map((name): [Plan, null] => [resting(name), null]);
    expect(await together(asked)).toEqual(names.map(() => true));
    expect(sent.length).toBeLessThan(BUSY + names.length);
    const older = { ...ground, version: ground.version - 1 };
    const write = plan().update("deployment", ground, { url: "https://x.example.com" }).build();
    const mixed = [resting("g", older), resting("h"), write];
    const answers = await Promise.all(mixed.map((one) => told(apply(database, one))));
    expect([answers[0], answers[2]]).toEqual([{ is: "moved" }, { is: true }]);
    const again = resting("i");
    expect(await told(apply(database, again))).toEqual({ is: "moved" });
    expect(await w.rows("SELECT id FROM deployment WHERE external_id IN ('g', 'i')")).toEqual([]);
  });

  it("share a statement, and each keeps its own event, bytes and rows", async () => {
    const asked = Array.from({ length: 8 }, (_, i): [Plan, EventClaim] => {
      const body = Uint8Array.from({ length: i * 50 }, (_, n) => (n * 7 + i) % 256);
      return [making(`d${i}`), claimOf(w.ctx, `k${i}`, { body })];
    });
    expect(await together(asked)).toEqual(asked.map(() => true));
    expect(sent.length).toBeLessThan(BUSY + asked.length);
    const rows = await w.rows(
      `SELECT e.event_key, b.body, a.id AS attempt FROM event e JOIN event_body b ON b.event_id = e.id
       JOIN attempt a ON a.event_id = e.id ORDER BY e.event_key`,
    );
    expect(rows).toEqual(
      asked.map(([, { event, body, attempt }]) => ({
        event_key: event.eventKey,
        body: Buffer.from(body ?? []),
        attempt: attempt.id,
      })),
    );
  });

  it("do not fail with the one whose row has moved", async () => {
    for (const id of ["d1", "d2"]) await apply(w.database, making(id));
    const [first, second] = [await kept("d1"), await kept("d2")];
    await apply(w.database, plan().update("deployment", first, { state: "ready" }).build());
    const late = plan().update("deployment", first, { state: "failed" }).build();
    const good = plan().update("deployment", second, { state: "failed" }).build();
    const asked: [Plan, EventClaim][] = [
      [late, claimOf(w.ctx, "k1")],
      [good, claimOf(w.ctx, "k2")],
    ];
    expect(await together(asked)).toEqual(["moved", true]);
    expect([(await kept("d1")).state, (await kept("d2")).state]).toEqual(["ready", "failed"]);
    expect(await w.rows("SELECT event_key FROM event")).toEqual([{ event_key: "k2" }]);
  });

  it("do not fail with the one whose claim is lost", async () => {
    const done = claimOf(w.ctx, "k1");
    await apply(w.database, emptyPlan(), done);
    const asked: [Plan, EventClaim][] = [
      [making("d1"), claimOf(w.ctx, "k1", { id: done.event.id })],
      [making("d2"), claimOf(w.ctx, "k1")],
      [making("d3"), claimOf(w.ctx, "k3")],
    ];
    expect(await together(asked)).toEqual([false, false, true]);
    const made = await w.rows(
      "SELECT external_id AS id FROM deployment WHERE external_id LIKE 'd%'",
    );
    expect(made).toEqual([{ id: "d3" }]);
  });

  it("do not fail with the one that makes what is there already", async () => {
    await apply(w.database, making("d1"));
    const asked: [Plan, EventClaim][] = ["d1", "d2", "d2", "d3"].map((id, i) => [
      making(id),
      claimOf(w.ctx, `k${i}`),
    ]);
    const [taken, one, other, free] = await together(asked);
    expect([taken, free]).toEqual(["moved", true]);
    expect([one, other].sort()).toEqual(["moved", true].sort()); // both made d2: one of them has
    expect(await w.count("event")).toBe(2);
  });

  it("do not fail with the one whose value the database refuses", async () => {
    const bad = deployment("bad");
    const refused = plan()
      .insert("deployment", { ...bad, stateAsOf: Number.MAX_VALUE })
      .build();
    const asked: [Plan, EventClaim][] = [
      [making("d1"), claimOf(w.ctx, "k1")],
      [refused, claimOf(w.ctx, "k2")],
      [making("d3"), claimOf(w.ctx, "k3")],
    ];
    expect(await together(asked)).toEqual([true, "error", true]);
  });

  it("of the same event give its effects once", async () => {
    const asked = Array.from({ length: 12 }, (_, i): [Plan, EventClaim] => [
      making(`d${i}`),
      claimOf(w.ctx, "k1"),
    ]);
    expect((await together(asked)).filter((is) => is === true)).toHaveLength(1);
    expect(await w.count("event")).toBe(1);
    expect(await w.rows("SELECT id FROM deployment WHERE external_id LIKE 'd%'")).toHaveLength(1);
  });

  it("of the same row are never in one statement, where Postgres would lose one in silence", async () => {
    await apply(w.database, making("d1"));
    const before = await kept("d1");
    const asked = Array.from({ length: 6 }, (_, i): [Plan, EventClaim] => [
      plan()
        .update("deployment", before, { name: `n${i}` })
        .build(),
      claimOf(w.ctx, `k${i}`),
    ]);
    const answers = await together(asked);
    expect(answers.filter((is) => is === true)).toHaveLength(1);
    expect(answers.filter((is) => is === "moved")).toHaveLength(5);
    expect((await kept("d1")).version).toBe(1);
    expect(await w.count("event")).toBe(1);
  });

  it("are not held up by those that wait for locks", async () => {
    const ids = ["d1", "d2", "d3"];
    for (const id of ids) await apply(w.database, making(id));
    const holder = new pg.Client({ connectionString: w.database.pool.options.connectionString });
    await holder.connect();
    try {
      await holder.query("BEGIN");
      await holder.query("SELECT FROM deployment WHERE external_id LIKE 'd_' FOR UPDATE");
      let ended = 0;
      const stuck = ids.map(async (id) => {
        const row = await kept(id);
        const renaming = plan().update("deployment", row, { name: "later" }).build();
        await apply(database, renaming, claimOf(w.ctx, id));
        ended += 1;
      });
      expect(await apply(database, making("free"), claimOf(w.ctx, "k1"))).toBe(true);
      expect(await apply(database, making("free2"), claimOf(w.ctx, "k2"))).toBe(true);
      expect(ended).toBe(0);
      await holder.query("COMMIT");
      await Promise.all(stuck);
      for (const id of ids) expect((await kept(id)).name).toBe("later");
    } finally {
      await holder.end();
    }
  });

  it("do not fail with the one that waits for its locks until the database ends their statement", async () => {
    const ids = ["d1", "d2", "d3"];
    for (const id of ids) await apply(w.database, making(id));
    const asked = await Promise.all(
      ids.map(async (id): Promise<[Plan, EventClaim]> => {
        const renaming = plan().update("deployment", await kept(id), { name: "later" });
        return [renaming.build(), claimOf(w.ctx, id)];
      }),
    );
    const url = new URL(w.database.pool.options.connectionString ?? "");
    const holder = new pg.Client({ connectionString: url.href });
    url.searchParams.set("options", "-c statement_timeout=500");
    const limits = { preparedStatements: true, connectTimeoutMs: 5_000, queryTimeoutMs: 10_000 };
    const limited = openDatabase({ url: url.href, poolMax: 5, ...limits }, () => undefined);
    await holder.connect();
    try {
      await holder.query("BEGIN");
      await holder.query("SELECT FROM deployment WHERE external_id = 'd1' FOR UPDATE");
      const query: Database["query"] = (text, values) => {
        sent.push(text);
        return limited.query(text, values);
      };
      sent.length = 0;
      database = { ...limited, query };
      const work = asked.map(([one, claim]) => apply(database, one, claim));
      await expect(work[0]).rejects.toMatchObject({ code: "database_busy" });
      expect(await Promise.all(work.slice(1))).toEqual([true, true]);
      expect(sent.length).toBe(1 + ids.length); // all of them in one, then each alone
      await holder.query("ROLLBACK");
      expect(await w.rows("SELECT event_key FROM event ORDER BY 1")).toEqual([
        { event_key: "d2" },
        { event_key: "d3" },
      ]);
    } finally {
      await holder.end();
      await limited.close();
    }
  });

  it("are each written whole or not at all when their connection is killed", async () => {
    const killer = new pg.Client({ connectionString: w.database.pool.options.connectionString });
    await killer.connect();
    try {
      for (let round = 0; round < 10; round += 1) {
        const keys = Array.from({ length: 30 }, (_, i) => `k${round}-${i}`);
        const asked = keys.map((key): [Plan, EventClaim] => [making(key), claimOf(w.ctx, key)]);
        const all = Promise.all(asked.map(([one, claim]) => told(apply(database, one, claim))));
        await killer.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'`,
        );
        const answers = await all;
        // Asked by a connection that lives: of the pool's, some have just been killed.
        const { rows: whole } = await killer.query<{ key: string }>(
          `SELECT e.event_key AS key FROM event e JOIN event_body b ON b.event_id = e.id
           JOIN attempt a ON a.event_id = e.id JOIN deployment d ON d.external_id = e.event_key`,
        );
        const { rows: counts } = await killer.query(
          `SELECT (SELECT count(*)::int FROM event) AS event,
             (SELECT count(*)::int FROM deployment) AS deployment`,
        );
        expect(counts).toEqual([{ event: whole.length, deployment: whole.length }]);
        const written = new Set(whole.map(({ key }) => key));
        for (const [i, { is }] of answers.entries()) {
          // Whether it was committed is not known to one whose answer was cut off; never the reverse.
          if (is === true) expect(written.has(keys[i] ?? "")).toBe(true);
          else expect(is).toBe(Transient.name);
        }
      }
    } finally {
      await killer.end();
    }
  });

  it("leave the same rows as one after another, whatever they touch", async () => {
    const names = ["a", "b", "c", "d"];
    const acts = fc.array(fc.subarray(names, { minLength: 1 }), { minLength: 10, maxLength: 25 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(acts, async (touched) => {
        run += 1;
        const rows = names.map((name) => `${name}${run}`);
        for (const name of rows) await apply(w.database, making(name));
        await Promise.all(
          touched.map((some, i) =>
            stepAll(
              some.map((name) => `${name}${run}`),
              `r${run}-${i}`,
            ),
          ),
        );
        for (const name of names) {
          const times = touched.filter((some) => some.includes(name)).length;
          expect((await kept(`${name}${run}`)).version).toBe(times);
        }
        expect(
          await w.rows("SELECT id FROM event WHERE event_key LIKE $1", [`r${run}-%`]),
        ).toHaveLength(touched.length);
      }),
      { numRuns: 5, verbose: 1 }, // a failure prints its seed
    );
    const deadlocks =
      "SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()";
    expect(await w.rows(deadlocks)).toEqual([{ deadlocks: 0 }]);
  });
});

/** Moves each of the rows one version on, under one event, as often as it takes. */
async function stepAll(names: readonly string[], key: string): Promise<void> {
  const claim = claimOf(w.ctx, key);
  for (let round = 0; round < 500; round += 1) {
    const builder = plan();
    for (const name of names) {
      builder.update("deployment", await kept(name), { name: key });
    }
    const is = await told(apply(database, builder.build(), claim));
    if (is.is === true) return;
    if (is.is !== "moved") throw new Error(`became ${String(is.is)}`);
  }
  throw new Error("its rows moved in every round");
}

describe("loads that come at once", () => {
  it("share a statement, and each hears of its own rows", async () => {
    for (let i = 0; i < 12; i += 1) await apply(w.database, making(`d${i}`));
    sent.length = 0;
    const asked = Array.from({ length: 24 }, (_, i) =>
      load(database, { rows: read("deployment", "t.external_id = ?", [`d${i}`]) }),
    );
    const found = await Promise.all(asked);
    expect(found.map(({ rows }) => rows.map((row) => row.externalId))).toEqual(
      Array.from({ length: 24 }, (_, i) => (i < 12 ? [`d${i}`] : [])),
    );
    expect(sent.length).toBeLessThan(12);
  });
});

describe("a load", () => {
  it("refuses to decide on a part of the rows: more than a read may find is an error, not a cut", async () => {
    for (const id of ["d1", "d2", "d3"]) await apply(w.database, making(id));
    const few = (options: object) =>
      load(w.database, { few: read("deployment", "t.source = ?", ["test"], options) });
    await expect(few({ rowsMax: 2 })).rejects.toThrow("read few found more than 2 rows");
    expect((await few({ rowsMax: 3 })).few).toHaveLength(3);
    expect((await few({ limit: 2 })).few).toHaveLength(2);
  });
});
