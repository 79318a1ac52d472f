import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { emptyPlan, mergePlans, PlanBuilder } from "../../src/domain/plan.js";
import { apply } from "../../src/store/apply.js";
import { Moved } from "../../src/store/database.js";
import {
  claimOf,
  deploymentOf,
  keptDeployment,
  type StoreWorld,
  storeWorld,
} from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(async () => {
  await w.close();
});

const plan = () => new PlanBuilder(w.ctx);
const deployment = (externalId: string) => deploymentOf(w.ctx, externalId);
const kept = (externalId: string) => keptDeployment(w.database, externalId);

describe("the claim that lets a failed event run again", () => {
  it("writes event, body, attempt, effects and audit of a new one together, in one statement", async () => {
    const row = deployment("d1");
    const done = plan().insert("deployment", row).audit("deployment.recorded", row.id).build();
    expect(await apply(w.database, done, claimOf(w.ctx, "k1"))).toBe(true);
    for (const table of ["event", "event_body", "attempt", "deployment", "audit_entry"]) {
      expect(await w.count(table), table).toBe(1);
    }
    expect(await kept("d1")).toEqual(row);
  });

  it("writes nothing for an event that is processed", async () => {
    const claim = claimOf(w.ctx, "k1");
    await apply(w.database, emptyPlan(), claim);
    const again = plan().insert("deployment", deployment("d1")).build();
    const redelivered = claimOf(w.ctx, "k1", { id: claim.event.id });
    expect(await apply(w.database, again, redelivered)).toBe(false);
    expect(await w.count("deployment")).toBe(0);
    expect(await w.count("attempt")).toBe(1);
  });

  it.each(["received", "held", "dead"] as const)(
    "lets an event that is %s run again",
    async (s) => {
      const first = claimOf(w.ctx, "k1", { status: s === "dead" ? "dead" : "processed" });
      await apply(w.database, emptyPlan(), first);
      await w.rows("UPDATE event SET status = $1", [s]);
      const again = claimOf(w.ctx, "k1", { id: first.event.id });
      const effect = plan().insert("deployment", deployment("d1")).build();
      expect(await apply(w.database, effect, again)).toBe(true);
      expect(await w.count("deployment")).toBe(1);
      expect(await w.count("event_body")).toBe(1); // the bytes came with the first
      expect(await w.rows("SELECT status FROM event")).toEqual([{ status: "processed" }]);
    },
  );

  it("never lets dead overwrite processed", async () => {
    const first = claimOf(w.ctx, "k1");
    await apply(w.database, emptyPlan(), first);
    const dead = claimOf(w.ctx, "k1", { id: first.event.id, status: "dead" });
    expect(await apply(w.database, emptyPlan(), dead)).toBe(false);
    expect(await w.rows("SELECT status FROM event")).toEqual([{ status: "processed" }]);
  });

  it("gives the effects to one of twenty workers that run the same event at once", async () => {
    const tries = Array.from({ length: 20 }, () => {
      const effect = plan()
        .insert("deployment", deployment(w.ctx.ids.next("run")))
        .build();
      return apply(w.database, effect, claimOf(w.ctx, "k1"));
    });
    const claimed = await Promise.all(tries);
    expect(claimed.filter(Boolean)).toHaveLength(1);
    expect(await w.count("deployment")).toBe(1);
  });
});

describe("rows that were read", () => {
  it("have moved versions when somebody wrote them since: an update raises and writes nothing", async () => {
    await apply(w.database, plan().insert("deployment", deployment("d1")).build());
    const before = await kept("d1");
    await apply(w.database, plan().update("deployment", before, { state: "ready" }).build());
    const late = plan().update("deployment", before, { state: "failed" }).audit("x.y", "z").build();
    await expect(apply(w.database, late, claimOf(w.ctx, "k1"))).rejects.toThrow(Moved);
    expect((await kept("d1")).state).toBe("ready");
    expect([await w.count("event"), await w.count("audit_entry")]).toEqual([0, 0]);
  });

  it("raise by expect when they have moved, though nothing of them is written", async () => {
    await apply(w.database, plan().insert("deployment", deployment("d1")).build());
    const before = await kept("d1");
    await apply(w.database, plan().update("deployment", before, { state: "ready" }).build());
    const rests = plan().expect("deployment", before).audit("x.y", "z").build();
    await expect(apply(w.database, rests)).rejects.toThrow(Moved);
  });

  it("are not checked for an event that could not be claimed", async () => {
    await apply(w.database, plan().insert("deployment", deployment("d1")).build());
    const before = await kept("d1");
    const claim = claimOf(w.ctx, "k1");
    const moves = plan().update("deployment", before, { state: "ready" }).build();
    await apply(w.database, moves, claim);
    const again = claimOf(w.ctx, "k1", { id: claim.event.id });
    expect(await apply(w.database, moves, again)).toBe(false);
  });

  it("count as moved when they appeared though they were thought absent", async () => {
    await apply(w.database, plan().insert("deployment", deployment("d1")).build());
    const second = plan().insert("deployment", deployment("d1")).build();
    await expect(apply(w.database, second)).rejects.toThrow(Moved);
  });

  it("have one lock order, so that plans that name rows in opposite orders never deadlock", async () => {
    for (const id of ["d1", "d2"]) {
      await apply(w.database, plan().insert("deployment", deployment(id)).build());
    }
    const move = async (order: string[]): Promise<number> => {
      const builder = plan();
      for (const id of order) builder.update("deployment", await kept(id), { state: "ready" });
      return apply(w.database, builder.build()).then(
        () => 1,
        (error: unknown) => {
          if (!(error instanceof Moved)) throw error;
          expect(String(error.cause)).not.toMatch(/deadlock/);
          return 0;
        },
      );
    };
    const orders = Array.from({ length: 40 }, (_, i) => (i % 2 ? ["d1", "d2"] : ["d2", "d1"]));
    const moved = await Promise.all(orders.map(move));
    const total = moved.reduce((sum, n) => sum + n, 0);
    expect(total).toBeGreaterThan(0);
    expect([(await kept("d1")).version, (await kept("d2")).version]).toEqual([total, total]);
  });

  it("are none for an empty plan, which has nothing to do", async () => {
    expect(await apply(w.database, emptyPlan())).toBe(true);
  });

  it("are refused when a plan would write one twice, which Postgres would lose in silence", () => {
    const row = deployment("d1");
    const once = plan().insert("deployment", row).build();
    expect(() => mergePlans([once, once])).toThrow(/deployment dep_\w+ twice/);
  });
});

describe("a decision that rests on absence", () => {
  const rests = (externalId: string) =>
    plan().expectNone("deployment", { source: "test", externalId });

  it("is written while there is none, and raises once there is, though nothing of it is written", async () => {
    await apply(w.database, plan().insert("deployment", deployment("d1")).build());
    expect(await apply(w.database, rests("d2").audit("x.y", "z").build())).toBe(true);
    await expect(apply(w.database, rests("d1").audit("x.y", "z").build())).rejects.toThrow(Moved);
    await expect(apply(w.database, rests("d1").build())).rejects.toThrow(Moved);
    expect(await w.count("audit_entry")).toBe(1);
  });

  it("raises for any one of several, and undoes the claim beside it", async () => {
    await apply(w.database, plan().insert("deployment", deployment("d2")).build());
    const builder = rests("d1").expectNone("deployment", { externalId: "d2", source: "test" });
    const claimed = apply(w.database, builder.build(), claimOf(w.ctx, "k1"));
    await expect(claimed).rejects.toThrow(Moved);
    expect(await w.count("event")).toBe(0);
  });

  it("is each plan's own when plans share a statement", async () => {
    await apply(w.database, plan().insert("deployment", deployment("d3")).build());
    const written = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        apply(w.database, rests(`d${i}`).audit("x.y", `z${i}`).build()).catch((error: unknown) => {
          if (!(error instanceof Moved)) throw error;
          return false;
        }),
      ),
    );
    expect(written.flatMap((ok, i) => (ok ? [] : [i]))).toEqual([3]);
    expect(await w.count("audit_entry")).toBe(11);
  });

  it("must name one table's rows by the same fields", async () => {
    const mixed = rests("d1").expectNone("deployment", { externalId: "d2" }).build();
    await expect(apply(w.database, mixed)).rejects.toThrow("by different fields");
  });
});

describe("what is stored", () => {
  it("is cleaned text: without NUL and lone surrogates, which Postgres refuses, and with all else", async () => {
    const row = { ...deployment("d1"), name: "a\u0000b\ud800c ไทย 😀" };
    expect(await apply(w.database, plan().insert("deployment", row).build())).toBe(true);
    expect((await kept("d1")).name).toBe("a\uFFFDb\uFFFDc ไทย 😀");
  });

  it("keeps the body byte for byte, whatever it holds", async () => {
    const body = Uint8Array.from([0xef, 0xbb, 0xbf, 0x00, 0xff, 0xfe, 0x7b]);
    await apply(w.database, emptyPlan(), claimOf(w.ctx, "k1", { body }));
    const [row] = await w.rows("SELECT body FROM event_body");
    expect(Uint8Array.from(row?.body as Buffer)).toEqual(body);
  });

  it("completes outbox rows and discards dead events with the plan that says so", async () => {
    const dead = claimOf(w.ctx, "k1", { status: "dead" });
    const message = {
      type: "event.replay.v1" as const,
      eventId: dead.event.id,
      runId: "run_1",
      requestId: "req_1",
    };
    const first = plan().send(message).build();
    await apply(w.database, first, dead);
    const outboxId = first.inserts.outbox?.[0]?.id ?? "";
    await apply(w.database, plan().complete(outboxId).discard(dead.event.id).build());
    expect(await w.count("outbox")).toBe(0);
    expect(await w.rows("SELECT status FROM event")).toEqual([{ status: "discarded" }]);
  });

  it("has one prepared text per shape of plan, however many rows it has", async () => {
    for (let i = 0; i < 5; i += 1) {
      const two = plan()
        .insert("deployment", deployment(`a${i}`))
        .insert("deployment", deployment(`b${i}`))
        .build();
      await apply(w.database, two, claimOf(w.ctx, `k${i}`));
    }
    const client = await w.database.pool.connect();
    const { rows } = await client.query(
      "SELECT count(DISTINCT statement)::int AS n FROM pg_prepared_statements",
    );
    client.release();
    expect(rows[0].n).toBeLessThanOrEqual(1);
  });

  it("locks what is updated and what is expected together, however they add up", async () => {
    const rows = Array.from({ length: 9 }, (_, n) => deployment(`many${n}`));
    const all = plan();
    for (const row of rows) all.insert("deployment", row);
    await apply(w.database, all.build());
    const [first, ...others] = rows;
    const change = plan().update("deployment", first ?? deployment("none"), { state: "ready" });
    for (const row of others) change.expect("deployment", row);
    await apply(w.database, change.build()); // eight and one: each fits a statement's first size, both do not
    expect((await kept("many0")).state).toBe("ready");
  });
});
