import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Permanent, Transient } from "../../src/domain/errors.js";
import { PlanBuilder } from "../../src/domain/plan.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { holdSource } from "../../src/operations/hold-source.js";
import { tellOfHold } from "../../src/operations/tell-of-hold.js";
import { apply } from "../../src/store/apply.js";
import { type Database, Moved } from "../../src/store/database.js";
import { applyIfStill, untilStill } from "../../src/store/until-still.js";
import { runDeps, sampleRun } from "../support/events.js";
import { deploymentOf, keptDeployment, type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
  const plan = new PlanBuilder(w.ctx).insert("deployment", deploymentOf(w.ctx, "d1"));
  await apply(w.database, plan.build());
});
afterEach(() => w.close());

const kept = () => keptDeployment(w.database, "d1");
const renaming = async (name: string) =>
  new PlanBuilder(w.ctx).update("deployment", await kept(), { name }).build();
const rename = async (name: string) => apply(w.database, await renaming(name));

describe("what loads, decides and applies", () => {
  it("begins again from its load when a row has moved, and ends with what was applied", async () => {
    const versions: number[] = [];
    const ended = await untilStill("d1", async () => {
      const { version } = await kept();
      const plan = await renaming("mine");
      versions.push(version);
      if (versions.length < 3) await rename("theirs"); // between load and apply
      await apply(w.database, plan);
      return version;
    });
    expect([ended, versions]).toEqual([2, [0, 1, 2]]);
    expect((await kept()).name).toBe("mine");
  });

  it("is told as busy when rows move in every round, with what moved last", async () => {
    let rounds = 0;
    const moved = untilStill("incident inc_1", async () => {
      rounds += 1;
      throw new Moved(`round ${rounds}`);
    });
    await expect(moved).rejects.toBeInstanceOf(Transient);
    await expect(moved).rejects.toMatchObject({
      code: "database_busy",
      detail: "incident inc_1 moved in every round",
      cause: { message: "round 8" },
    });
  });

  it("does not do again what failed for anything else", async () => {
    let rounds = 0;
    const refused = untilStill("d1", async () => {
      rounds += 1;
      throw new Permanent("conflict");
    });
    await expect(refused).rejects.toMatchObject({ code: "conflict" });
    expect(rounds).toBe(1);
  });

  it("whose loser has nothing to do says so, and throws what is no race", async () => {
    const late = await renaming("late");
    expect(await applyIfStill(w.database, await renaming("first"))).toBe(true);
    expect(await applyIfStill(w.database, late)).toBe(false);
    expect((await kept()).name).toBe("first");
    const down = { ...w.database, query: () => Promise.reject(new Transient("database_busy")) };
    await expect(applyIfStill(down, await renaming("never"))).rejects.toThrow("database_busy");
  });
});

it("telling of a hold that others tell of in every round is busy, and no defect", async () => {
  const deps = { ...runDeps(w), relay: async () => undefined };
  await runEvent(await sampleRun("stripe", "payment-succeeded"), deps);
  await w.rows("UPDATE payment SET state = 'processing', email = 'payer@example.com'");
  await holdSource({ source: "stripe", reason: "v42", actor: "operator:anna" }, deps);
  const tell = (database: Database) =>
    tellOfHold({ source: "stripe", actor: "operator:anna" }, { ...deps, database });
  const query: Database["query"] = (text, values) =>
    text.startsWith("WITH") ? Promise.reject(new Moved("moved")) : w.database.query(text, values);
  await expect(tell({ ...w.database, query })).rejects.toMatchObject({ code: "database_busy" });
  expect(await tell(w.database)).toEqual({ template: "payments-paused", told: 1 });
});
