import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PlanBuilder } from "../../../src/domain/plan.js";
import { sealAudit, watchAudit } from "../../../src/operations/audit-trail/index.js";
import { apply } from "../../../src/store/apply.js";
import type { LogLine } from "../../support/fakes.js";
import { type WatchWorld, watchWorld } from "../watch/world.js";

let world: WatchWorld;
const act = (subject: string) =>
  apply(
    world.w.database,
    new PlanBuilder(world.w.ctx).audit("thing.done", subject, { n: 1 }).build(),
  );
/** What the sweep does each minute. */
const sweep = async () => {
  await sealAudit(world.deps);
  return watchAudit(world.deps);
};
const titles = () => world.told.map(({ kind, title }) => `${kind}: ${title}`);

beforeEach(async () => {
  world = await watchWorld();
  await act("one");
  await act("two");
  await sweep();
});
afterEach(async () => {
  await world.close();
});

describe("the watch over the audit trail", () => {
  it("says nothing of a trail that grows, day after day", async () => {
    for (let day = 0; day < 3; day += 1) {
      await act(`of day ${day}`);
      await sweep();
      world.later(24 * 60);
    }
    expect(await sweep()).toMatchObject({ raised: 0 });
    expect(world.told).toEqual([]);
  });

  it("verifies the whole trail once a day, and raises what was changed, once", async () => {
    await world.w.rows("UPDATE audit_entry SET actor = 'operator:ben' WHERE subject = 'one'");
    world.later(1);
    expect(await sweep(), "it was verified a minute ago").toEqual({ verified: 0, raised: 0 });
    world.later(24 * 60);
    expect(await sweep()).toMatchObject({ raised: 1 });
    const [row] = await world.w.rows("SELECT id FROM audit_entry WHERE subject = 'one'");
    expect(titles()).toEqual([
      `raised: Audit entry ${row?.id} was changed after it was sealed (seal 1). See npx --no signalbox audit verify`,
    ]);
    expect(world.told[0]).toMatchObject({ signalKind: "security", tags: { check: "audit" } });
    world.later(24 * 60);
    await sweep();
    expect(world.told, "a person knows of it").toHaveLength(1);
  });

  it("a trail that was cut off at its end and grew again is found by what KV remembers", async () => {
    const [{ hash }] = (await world.w.rows("SELECT hash FROM audit_seal")) as [{ hash: string }];
    await world.w.rows("DELETE FROM audit_entry WHERE subject = 'two'");
    await world.w.rows("DELETE FROM audit_seal");
    expect(await sweep()).toMatchObject({ raised: 1 });
    expect(titles()).toEqual([
      `raised: The audit trail is another one than before: entries were taken out of its end, or the database was put back to an earlier time. See npx --no signalbox audit verify --expect 1:${hash.slice(0, 12)}`,
    ]);
    world.later(1);
    expect(await sweep(), "the new chain is the one from now on").toMatchObject({ raised: 0 });
  });

  it("tells more faults than it tells at once on the days after, and the log has all", async () => {
    for (let n = 0; n < 12; n += 1) await act(`many ${n}`);
    await sweep();
    await world.w.rows("UPDATE audit_entry SET actor = 'x' WHERE subject LIKE 'many%'");
    world.later(24 * 60);
    expect(await sweep()).toMatchObject({ raised: 10 });
    world.later(24 * 60);
    expect(await sweep()).toMatchObject({ raised: 2 });
    const { lines } = world.deps.log as unknown as { lines: LogLine[] };
    expect(lines.filter(({ action }) => action === "audit.faulty")).toHaveLength(24);
  });

  it("tells that nothing is sealed any more, and that it is again", async () => {
    await act("three");
    await world.w.rows("UPDATE audit_seal SET settled_before = settled_before - interval '1 hour'");
    await world.w.rows(
      "UPDATE audit_entry SET recorded_at = recorded_at - interval '16 min' WHERE subject = 'three'",
    );
    expect(await watchAudit(world.deps)).toMatchObject({ raised: 1 });
    expect(titles()).toEqual([
      expect.stringMatching(/^raised: 1 audit entry waits for a seal, the oldest for 1\d min/),
    ]);
    const [entry] = await world.w.rows(
      "SELECT floor(extract(epoch FROM recorded_at) * 1000)::float8 AS at FROM audit_entry WHERE subject = 'three'",
    );
    const since = Number(entry?.at) + 15 * 60_000;
    expect(world.told[0]?.at, "as the next minute's sweep would name it").toBe(since);
    await sweep();
    expect(titles()[1]).toBe("resolved: Audit entries are sealed again");
    expect(await world.w.rows("SELECT status FROM alert"), "though our clock is behind").toEqual([
      { status: "resolved" },
    ]);
  });

  it("does not call an entry late that was just recorded, though our clock is ahead of the database's", async () => {
    await sweep();
    world.clock.advance(Date.now() + 3_600_000 - world.clock.now());
    await act("three");
    await watchAudit(world.deps);
    expect(titles().filter((title) => title.includes("seal"))).toEqual([]);
  });
});
