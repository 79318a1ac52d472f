import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sealAudit } from "../../src/operations/audit-trail/index.js";
import { type AdminWorld, adminWorld } from "../admin/world.js";
import { listeningLog } from "../support/fakes.js";
import { run, type Served, served } from "./run.js";

let w: AdminWorld;
let s: Served;
let folder: string;

beforeEach(async () => {
  w = await adminWorld({}, 90);
  s = await served(w.app);
  folder = mkdtempSync(join(tmpdir(), "signalbox-archive-"));
  await act("one");
  await act("two");
  await seal();
  await act("three");
  await seal();
});
afterEach(async () => {
  await s.close();
  await w.close();
  rmSync(folder, { recursive: true });
});

const rows = (sql: string, params: unknown[] = []) => w.database.query(sql, params);
const act = (subject: string) =>
  rows(
    "INSERT INTO audit_entry (id, at, action, actor, subject, details) VALUES ($1, now(), 'thing.done', 'operator:anna', $2, '{}')",
    [`aud_${subject}`, subject],
  );
const seal = () => sealAudit({ database: w.database, clock: w.clock, log: listeningLog() });
/** As an archive of these seals is called. */
const fileOf = async (first: number, last: number, faulty = "") =>
  join(
    folder,
    `audit-0000000${first}-0000000${last}-${(await hashOf(last)).slice(0, 12)}${faulty}.ndjson`,
  );
const hashOf = async (number: number) => {
  const [row] = await rows("SELECT hash FROM audit_seal WHERE number = $1", [number]);
  return String(row?.hash);
};
/** As if the first seals were three months old. */
const age = (through: number) =>
  rows(
    "UPDATE audit_seal SET recorded_at = to_timestamp($2::float8 / 1000) - interval '91 days' WHERE number <= $1",
    [through, w.clock.now()],
  );
const entries = async () =>
  (await rows("SELECT id FROM audit_entry ORDER BY id")).map(({ id }) => id);

describe("audit verify", () => {
  it("says that all is as it was sealed, and gives a seal to note elsewhere", async () => {
    await act("four");
    const { code, out } = await run(["audit", "verify"], s.env);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^The audit trail is as it was sealed: 3 entries under 2 seals\.\n1 entry since \d{4}-.* \(Asia\/Bangkok\) waits for a seal; a sweep seals each minute\.\nThe last seal is 2, of .* \(Asia\/Bangkok\)\./,
    );
    const noted = / --expect (\S+)\n$/.exec(out)?.[1] ?? "";
    expect(noted).toBe(`2:${await hashOf(2)}`);
    expect((await run(["audit", "verify", "--expect", noted], s.env)).code).toBe(0);
    expect((await run(["audit", "verify", "--expect", `1:${await hashOf(1)}`], s.env)).code).toBe(
      0,
    );
  });

  it("names the entry that was changed, and ends with 1", async () => {
    await rows("UPDATE audit_entry SET actor = 'operator:ben' WHERE id = 'aud_two'");
    const { code, out } = await run(["audit", "verify"], s.env);
    expect(code).toBe(1);
    expect(out).toContain("The audit trail was changed: 1 fault in 3 entries under 2 seals.");
    expect(out).toMatch(/^1 +aud_two +changed after it was sealed$/m);
  });

  it("a seal that is another one than was noted is a fault; what is none is a wrong call", async () => {
    const other = await run(["audit", "verify", "--expect", `2:${"ab".repeat(32)}`], s.env);
    expect(other.code).toBe(1);
    expect(other.out).toMatch(/^2 +the seal has another hash than expected$/m);
    const none = await run(["audit", "verify", "--expect", `9:${"ab".repeat(32)}`], s.env);
    expect(none.out).toMatch(/^9 +the seal was deleted$/m);
    const wrong = await run(["audit", "verify", "--expect", "two"], s.env);
    expect([wrong.code, wrong.err]).toEqual([
      2,
      expect.stringContaining("--expect takes a seal's number and hash"),
    ]);
  });

  it("a deployment that has just begun has sealed nothing, and says so", async () => {
    await rows("DELETE FROM audit_seal");
    const { code, out } = await run(["audit", "verify"], s.env);
    expect(code).toBe(0);
    expect(out).toMatch(/^Nothing is sealed yet\.\n3 entries since .* wait for a seal;/);
  });

  it("entries that wait for long are the sweep's fault, and said so", async () => {
    await rows("DELETE FROM audit_seal");
    await rows("UPDATE audit_entry SET recorded_at = now() - interval '20 minutes'");
    const { code, out } = await run(["audit", "verify"], s.env);
    expect(code).toBe(1);
    expect(out).toContain("None has for long: see the cron jobs in `npx --no signalbox health`.");
  });
});

describe("audit archive", () => {
  it("writes what is old enough to a file, deletes it here, and the file is held against the seals", async () => {
    await age(1);
    const args = ["audit", "archive", "--dir", folder, "--reason", "a year is over"];
    const { code, out, err } = await run(args, s.env);
    const file = await fileOf(1, 1);
    expect({ code, out, err }).toEqual({
      code: 0,
      out: `2 entries of seals 1 to 1 are in ${file}, read back and whole. 2 entries deleted here.\n`,
      err: "",
    });
    expect((await entries()).slice(1), "and the one that says so").toEqual(["aud_three"]);
    expect(
      readFileSync(file, "utf8")
        .split("\n")
        .map((line) => (line === "" ? "" : JSON.parse(line))),
    ).toEqual([
      expect.objectContaining({ seal: 1, previousHash: "", hash: await hashOf(1), entries: 2 }),
      expect.objectContaining({ id: "aud_one", actor: "operator:anna" }),
      expect.objectContaining({ id: "aud_two", subject: "two" }),
      "",
    ]);
    const verified = await run(["audit", "verify", "--archive", folder], s.env);
    expect(verified.code).toBe(0);
    expect(verified.out).toContain("The entries of 1 seal are in archives.\n");
    expect(verified.out).toContain(`${file}: 2 entries of seals 1 to 1.`);
    expect((await run(args, s.env)).out).toBe("Nothing is older than the policy keeps it.\n");
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it("an archive that was edited is found", async () => {
    await run(["audit", "archive", "--dir", folder, "--keep"], s.env);
    const file = await fileOf(1, 2);
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace("operator:anna", "operator:ben!"));
    const { code, out } = await run(["audit", "verify", "--archive", folder], s.env);
    expect(code).toBe(1);
    expect(out).toContain("seal 1 is not as it was sealed");
    writeFileSync(file, text);
    appendFileSync(file, '{"id":"aud_more"}\n');
    const more = await run(["audit", "verify", "--archive", folder], s.env);
    expect(more.out).toContain("seal 2 is not as it was sealed");
  });

  it("an archive that is missing is found, wherever it was", async () => {
    await act("four");
    await seal();
    await age(3);
    await run(["audit", "archive", "--dir", folder, "--reason", "a year is over"], s.env);
    const whole = await fileOf(1, 3);
    const lines = readFileSync(whole, "utf8").split("\n");
    rmSync(whole);
    const parts = [lines.slice(0, 3), lines.slice(3, 5), lines.slice(5, -1)];
    const files = await Promise.all([1, 2, 3].map((n) => fileOf(n, n)));
    const verify = async (...kept: number[]) => {
      for (const [i, file] of files.entries()) {
        if (kept.includes(i + 1)) writeFileSync(file, `${parts[i]?.join("\n")}\n`);
        else rmSync(file, { force: true });
      }
      return run(["audit", "verify", "--archive", folder], s.env);
    };
    expect((await verify(1, 2, 3)).code).toBe(0);
    for (const [kept, from, to] of [
      [[2, 3], 1, 1],
      [[1, 3], 2, 2],
      [[1], 2, 3],
    ] as const) {
      const { code, out } = await verify(...kept);
      expect(code).toBe(1);
      expect(out).toContain(
        `the entries of seals ${from} to ${to} are in no archive of this folder`,
      );
    }
    expect((await run(["audit", "verify"], s.env)).out).toContain(
      "The entries of 3 seals are in archives, which were not read: --archive <folder>.",
    );
  });

  it("an entry that was changed is not archived away", async () => {
    await age(2);
    await rows("UPDATE audit_entry SET actor = 'operator:ben' WHERE id = 'aud_two'");
    const args = ["audit", "archive", "--dir", folder, "--reason", "no"];
    const ran = await run(args, s.env);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("seal 1 is not as it was sealed. Nothing was written or deleted.");
    expect(await entries()).toHaveLength(3);
    expect(readdirSync(folder)).toEqual([]);
    const copy = await run(["audit", "archive", "--dir", folder, "--keep"], s.env);
    expect(copy, "a copy of it is evidence").toMatchObject({
      code: 0,
      err: "seal 1 is not as it was sealed.\n",
    });
    expect(copy.out).toContain(`${await fileOf(1, 2, ".faulty")}, as they are now.`);
    const despite = await run([...args, "--despite-faults"], s.env);
    expect(despite.out).toContain("3 entries deleted here.");
    expect(await entries(), "but the one that says so").toHaveLength(1);
  });

  it("is not written over one that is there: what it holds may be here no more as it was", async () => {
    await run(["audit", "archive", "--dir", folder, "--keep"], s.env);
    const file = await fileOf(1, 2);
    const good = readFileSync(file, "utf8");
    await rows("UPDATE audit_entry SET actor = 'operator:ben' WHERE id = 'aud_two'");
    await age(2);
    await run(["audit", "archive", "--dir", folder, "--reason", "no"], s.env);
    await run(["audit", "archive", "--dir", folder, "--keep"], s.env);
    expect(readFileSync(file, "utf8")).toBe(good);
    expect(good).toContain("operator:anna");
  });

  it("without a reason, or where the policy keeps all, nothing is deleted", async () => {
    await age(2);
    const bare = await run(["audit", "archive", "--dir", folder], s.env);
    expect([bare.code, bare.err]).toEqual([2, expect.stringContaining("Say why with --reason")]);
    const kept = await adminWorld();
    const other = await served(kept.app);
    try {
      const args = ["audit", "archive", "--dir", folder, "--reason", "no"];
      const ran = await run(args, other.env);
      expect(ran.code).toBe(1);
      expect(ran.err).toContain("keeps the audit trail for good (retention.auditDays is null)");
      expect(ran.err).toContain("--keep");
    } finally {
      await other.close();
      await kept.close();
    }
    expect(readdirSync(folder)).toEqual([]);
    const nowhere = await run(["audit", "archive", "--dir", join(folder, "none"), "--keep"], s.env);
    expect([nowhere.code, nowhere.err]).toEqual([
      1,
      expect.stringContaining("can't be written to"),
    ]);
    expect(await entries()).toHaveLength(3);
  });
});

describe("audit seals", () => {
  it("lists them newest first, page by page", async () => {
    const first = await run(["audit", "seals", "--limit", "1"], s.env);
    expect(first.out).toMatch(/^Seal +Entries +Sealed \(Asia\/Bangkok\)[^\n]*\n2 +1 +/);
    const cursor = /--cursor (\S+)/.exec(first.err)?.[1] ?? "";
    const second = await run(["audit", "seals", "--limit", "1", "--cursor", cursor], s.env);
    expect(second.out).toMatch(/\n1 +2 +/);
    expect(second.err).toBe("");
  });
});
