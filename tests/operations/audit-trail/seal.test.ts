import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PlanBuilder } from "../../../src/domain/plan.js";
import { archiveAudit, exportAudit } from "../../../src/operations/audit-trail/index.js";
import { sealAudit } from "../../../src/operations/audit-trail/seal.js";
import { hashOf } from "../../../src/operations/audit-trail/seal-of.js";
import { ARCHIVED_KEY, verifyAudit } from "../../../src/operations/audit-trail/verify.js";
import { apply } from "../../../src/store/apply.js";
import { insertSeal, sealsAfter } from "../../../src/store/audit-seals.js";
import { countingIds, listeningLog, stillClock } from "../../support/fakes.js";
import { type StoreWorld, storeWorld } from "../../support/store.js";

let w: StoreWorld;
const clock = stillClock();
const log = listeningLog();
/** What KV remembers. */
const remembered = new Map<string, string>();
const kv = {
  get: async (key: string) => remembered.get(key) ?? null,
  setFor: async (key: string, value: string) => void remembered.set(key, value),
};
const deps = () => ({ database: w.database, clock, log, kv });
const archiving = (keptDays: number | null = 90) => ({
  ...deps(),
  ids: countingIds("x"),
  keptDays,
});

beforeEach(async () => {
  w = await storeWorld();
  log.lines.length = 0;
  remembered.clear();
});
afterEach(async () => {
  await w.close();
});

const act = (subject: string) =>
  apply(
    w.database,
    new PlanBuilder(w.ctx).audit("thing.done", subject, { b: 1, a: "ไทย" }).build(),
  );
const seals = () => sealsAfter(w.database, 0, { seals: 1_000, entries: 100_000 });
const faults = async () => (await verifyAudit(0, deps())).faults;
const idOf = async (subject: string) => {
  const [row] = await w.rows("SELECT id FROM audit_entry WHERE subject = $1", [subject]);
  return String(row?.id);
};
/** Three entries under two seals. */
async function sealedTrail(): Promise<void> {
  await act("one");
  await act("two");
  await sealAudit(deps());
  await act("three");
  await sealAudit(deps());
}

describe("sealing", () => {
  it("takes each entry into one seal, chained to the one before, and tells the log", async () => {
    await sealedTrail();
    const [first, second] = await seals();
    expect(first).toMatchObject({ number: 1, previousHash: "" });
    expect(first?.entryIds).toEqual([await idOf("one"), await idOf("two")]);
    expect(second).toMatchObject({ number: 2, previousHash: first?.hash });
    expect(second?.entryIds).toEqual([await idOf("three")]);
    expect(log.lines.map(({ action, fields }) => [action, fields])).toEqual([
      ["audit.sealed", { number: 1, hash: first?.hash, entries: 2 }],
      ["audit.sealed", { number: 2, hash: second?.hash, entries: 1 }],
    ]);
    expect(await sealAudit(deps()), "there is nothing new").toEqual({
      seals: 0,
      entries: 0,
      left: false,
    });
    expect(await verifyAudit(0, deps())).toEqual({
      ...{ through: 2, seals: 2, entries: 3, archived: 0, faults: [], isEnd: true },
    });
  });

  it("an entry whose transaction began long before the last seal and ends after it is in the next one", async () => {
    const late = await w.database.pool.connect();
    try {
      await late.query("BEGIN");
      await late.query("SELECT now()"); // its entry is recorded as of here
      await act("before");
      await sealAudit(deps());
      await late.query(
        "INSERT INTO audit_entry (id, at, action, actor, subject, details) VALUES ('aud_late', now(), 'a', 'b', 'late', '{}')",
      );
      await act("after");
      await sealAudit(deps());
      await late.query("COMMIT");
    } finally {
      late.release();
    }
    await sealAudit(deps());
    expect((await seals()).map(({ entryIds }) => entryIds.length)).toEqual([1, 1, 1]);
    expect((await seals())[2]?.entryIds).toEqual(["aud_late"]);
    expect(await faults()).toEqual([]);
  });

  it("no seal's settled time passes a transaction that is still open", async () => {
    const open = await w.database.pool.connect();
    try {
      await open.query("BEGIN");
      const { rows } = await open.query(
        `SELECT to_char((now() - interval '1 minute') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`,
      );
      await act("one");
      await sealAudit(deps());
      expect((await seals())[0]?.settledBefore, "but for the clock's margin").toBe(rows[0].at);
    } finally {
      await open.query("ROLLBACK");
      open.release();
    }
  });

  it("two sweeps at once leave nothing out and fork nothing", async () => {
    for (let i = 0; i < 20; i += 1) await act(`thing ${i}`);
    await Promise.all([sealAudit(deps()), sealAudit(deps()), sealAudit(deps())]);
    await sealAudit(deps());
    expect((await seals()).flatMap(({ entryIds }) => entryIds)).toHaveLength(20);
    expect(await faults()).toEqual([]);
  });

  it("a long trail takes several seals, each as large as one may be", async () => {
    await w.rows(
      `INSERT INTO audit_entry (id, at, action, actor, subject, details)
      SELECT 'aud_' || lpad(n::text, 6, '0'), now(), 'a', 'b', 'c', '{}' FROM generate_series(1, 5001) n`,
    );
    expect(await sealAudit(deps())).toEqual({ seals: 2, entries: 5_001, left: false });
    const slice = await verifyAudit(0, deps());
    expect(slice, "what a call verifies is bounded").toMatchObject({ seals: 1, isEnd: false });
    expect(await verifyAudit(slice.through, deps())).toMatchObject({
      ...{ seals: 1, entries: 1, faults: [], isEnd: true },
    });
  });

  it("holds no more under one seal than fits an answer", async () => {
    await w.rows(
      `INSERT INTO audit_entry (id, at, action, actor, subject, details)
      SELECT 'aud_' || n, now(), 'a', 'b', 'c', jsonb_build_object('reason', repeat('ก', 500000)) FROM generate_series(1, 3) n`,
    );
    expect(await sealAudit(deps())).toMatchObject({ seals: 3, entries: 3 });
    expect(await faults()).toEqual([]);
  });
});

describe("verifying", () => {
  beforeEach(sealedTrail);

  it("finds a seal that makes room for entries of long ago, though it is chained and whole", async () => {
    const [, second] = await seals();
    const content = {
      ...{ number: 3, previousHash: second?.hash ?? "", digests: [] },
      settledBefore: "2020-01-01T00:00:00.000000Z",
    };
    await insertSeal(w.database, { ...content, hash: hashOf(content), entryIds: [] });
    expect(await faults()).toEqual([{ kind: "seal_changed", seal: 3, entryId: null }]);
  });

  for (const column of ["action", "actor", "subject"]) {
    it(`finds an entry whose ${column} was edited`, async () => {
      const entryId = await idOf("two");
      await w.rows(`UPDATE audit_entry SET ${column} = 'other' WHERE id = $1`, [entryId]);
      expect(await faults()).toEqual([{ kind: "entry_changed", seal: 1, entryId }]);
    });
  }

  it("finds an edited detail, and a time that was moved by a microsecond", async () => {
    const [one, three] = [await idOf("one"), await idOf("three")];
    await w.rows(`UPDATE audit_entry SET details = '{"a":"ไทย","b":2}' WHERE id = $1`, [one]);
    await w.rows("UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE id = $1", [
      three,
    ]);
    expect(await faults()).toEqual([
      { kind: "entry_changed", seal: 1, entryId: one },
      { kind: "entry_changed", seal: 2, entryId: three },
    ]);
  });

  it("finds one that was deleted, and one that was put in later with an earlier time", async () => {
    const entryId = await idOf("one");
    await w.rows("DELETE FROM audit_entry WHERE id = $1", [entryId]);
    await w.rows(
      `INSERT INTO audit_entry (id, at, recorded_at, action, actor, subject, details)
      VALUES ('aud_forged', now(), now() - interval '1 day', 'a', 'b', 'c', '{}')`,
    );
    await sealAudit(deps());
    expect(await faults()).toEqual([
      { kind: "entry_missing", seal: 1, entryId },
      { kind: "entry_added", seal: 2, entryId: "aud_forged" },
    ]);
  });

  it("finds a seal that was made to fit, by the seal after it", async () => {
    const entryId = await idOf("one");
    await w.rows("DELETE FROM audit_entry WHERE id = $1", [entryId]);
    const [first] = await seals();
    if (first === undefined) throw new Error("no seal");
    const forged = { ...first, digests: first.digests.slice(1) };
    await w.rows(
      "UPDATE audit_seal SET entry_ids = $1, digests = decode($2, 'hex'), hash = $3 WHERE number = 1",
      [first.entryIds.slice(1), forged.digests.join(""), hashOf(forged)],
    );
    expect(await faults()).toEqual([{ kind: "seal_changed", seal: 2, entryId: null }]);
  });

  it("finds a seal that was deleted, wherever it begins to look", async () => {
    await act("four");
    await sealAudit(deps());
    await w.rows("DELETE FROM audit_seal WHERE number = 2");
    const missing = [{ kind: "seal_missing", seal: 2, entryId: null }];
    expect(await faults()).toEqual(missing);
    expect((await verifyAudit(2, deps())).faults).toEqual(missing);
  });
});

describe("an archive", () => {
  beforeEach(sealedTrail);
  const request = async (through: number) => ({
    through,
    hash: (await seals())[through - 1]?.hash ?? "",
    reason: "a year is over",
    actor: "operator:anna",
  });
  const age = (number: number) =>
    w.rows(
      "UPDATE audit_seal SET recorded_at = to_timestamp($2::float8 / 1000) - interval '91 days' WHERE number <= $1",
      [number, clock.now()],
    );

  it("takes what is old enough out of the database, keeps its seals, and says who did it", async () => {
    await age(1);
    const [first, second] = await exportAudit(0, archiving());
    expect(first).toMatchObject({ mayBeArchived: true, number: 1 });
    expect(first?.lines.map((line) => JSON.parse(line).subject)).toEqual(["one", "two"]);
    expect(second?.mayBeArchived).toBe(false);
    expect(await archiveAudit(await request(1), archiving())).toEqual({
      ...{ through: 1, entries: 2, isDone: true },
    });
    expect(await w.rows("SELECT subject FROM audit_entry ORDER BY id")).toEqual(
      expect.arrayContaining([{ subject: "three" }, { subject: "audit_trail" }]),
    );
    expect(await w.count("audit_entry")).toBe(2);
    await sealAudit(deps());
    expect(await verifyAudit(0, deps())).toMatchObject({ seals: 3, archived: 1, faults: [] });
    expect(await archiveAudit(await request(1), archiving()), "again changes nothing").toEqual({
      ...{ through: 1, entries: 0, isDone: true },
    });
    expect(await w.count("audit_entry")).toBe(2);
  });

  it.each([
    ["keeps its trail for good", null, 1, undefined, "keeps the audit trail for good"],
    ["wants it kept for longer", 92, 1, undefined, "keeps entries for 92 days"],
    ["has another chain", 90, 1, "0".repeat(64), "another hash than the archive"],
    ["knows no such seal", 90, 7, undefined, "There is no seal 7"],
  ])(
    "is refused, and deletes nothing, where the platform %s",
    async (_, days, through, hash, says) => {
      await age(2);
      const asked = { ...(await request(through)), ...(hash === undefined ? {} : { hash }) };
      await expect(archiveAudit(asked, archiving(days))).rejects.toThrow(
        expect.objectContaining({ detail: expect.stringContaining(says) }),
      );
      expect(await w.count("audit_entry")).toBe(3);
    },
  );

  /** What whoever has the database's password can do. */
  const forge = async () => {
    await w.rows("UPDATE audit_seal SET archived_at = now(), archived_by = 'x' WHERE number = 1");
    await w.rows("DELETE FROM audit_entry WHERE subject IN ('one', 'two')");
  };
  const byNobody = [{ kind: "archived_by_nobody", seal: 1, entryId: null }];

  it("that nobody made does not hide what was deleted", async () => {
    await forge();
    expect(await faults()).toEqual(byNobody);
  });

  it("is not made by an entry that says so: KV remembers how far there was one", async () => {
    remembered.set(ARCHIVED_KEY, "0"); // as the watch writes it, long before
    await forge();
    await w.rows(
      `INSERT INTO audit_entry (id, at, action, actor, subject, details)
      VALUES ('aud_forged', now(), 'audit.archived', 'operator:anna', 'audit_trail', '{"through":1}')`,
    );
    await sealAudit(deps());
    expect(await faults()).toEqual(byNobody);
  });

  it("is remembered outside the database too, and good with it", async () => {
    remembered.set(ARCHIVED_KEY, "0");
    await age(1);
    await archiveAudit(await request(1), archiving());
    expect(remembered.get(ARCHIVED_KEY)).toBe("1");
    expect(await faults()).toEqual([]);
  });

  it("does not let its entries come back as something else", async () => {
    await age(1);
    const entryId = await idOf("one");
    await archiveAudit(await request(1), archiving());
    await w.rows(
      `INSERT INTO audit_entry (id, at, recorded_at, action, actor, subject, details)
      VALUES ($1, now(), now() - interval '1 day', 'thing.done', 'operator:ben', 'one', '{}')`,
      [entryId],
    );
    expect(await faults()).toEqual([{ kind: "entry_added", seal: 1, entryId }]);
  });

  it("that takes entries away between two looks raises nothing", async () => {
    await age(1);
    const asked = await request(1);
    let isArchived = false;
    // What comes in between: after the seals were read, before their entries are.
    const between = new Proxy(w.database, {
      get(database, name) {
        if (name !== "query") return Reflect.get(database, name);
        return async (text: string, values: unknown[]) => {
          if (text.includes("WHERE a.id = ANY") && !isArchived) {
            isArchived = true;
            await archiveAudit(asked, archiving());
          }
          return database.query(text, values);
        };
      },
    });
    expect((await verifyAudit(0, { database: between, kv })).faults).toEqual([]);
    expect(isArchived).toBe(true);
  });
});
