import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { applyMigrations } from "../../local/migrate.js";
import { emptyDatabase, type TestDatabase, testDatabase } from "../support/postgres.js";

let database: TestDatabase;
let dir: string;

beforeEach(async () => {
  database = await emptyDatabase();
  dir = mkdtempSync(join(tmpdir(), "migrations-"));
});

afterEach(async () => {
  await database.drop();
  rmSync(dir, { recursive: true });
});

function migration(name: string, sql: string): void {
  mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, name, "migration.sql"), sql);
}

const migrate = (lockTimeoutMs = 10_000): Promise<{ applied: string[] }> =>
  applyMigrations({ databaseUrl: database.url, dir, lockTimeoutMs });

async function query<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("applyMigrations", () => {
  it("names DATABASE_URL when the server refuses it, without the password", async () => {
    const url = new URL(database.url);
    url.password = "hush-hush";
    const refused = applyMigrations({ databaseUrl: url.href, dir });
    await expect(refused).rejects.toThrow(
      `DATABASE_URL: ${url.host} refuses the connection (password authentication failed`,
    );
    await expect(refused).rejects.not.toThrow("hush-hush");
  });

  it("applies in the order of names, once", async () => {
    migration("20260102000000_second", "INSERT INTO a VALUES (2);");
    migration("20260101000000_first", "CREATE TABLE a (n int); INSERT INTO a VALUES (1);");
    expect(await migrate()).toEqual({ applied: ["20260101000000_first", "20260102000000_second"] });
    migration("20260103000000_third", "INSERT INTO a VALUES (3);");
    expect(await migrate()).toEqual({ applied: ["20260103000000_third"] });
    expect(await migrate()).toEqual({ applied: [] });
    expect(await query("SELECT n FROM a ORDER BY n")).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it("keeps Prisma's books: finished, one step, the file's SHA-256, an id", async () => {
    migration("20260101000000_first", "SELECT 1;\n");
    await migrate();
    const [row] = await query("SELECT * FROM _prisma_migrations");
    expect(row).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      // printf 'SELECT 1;\n' | sha256sum
      checksum: "b4e0497804e46e0a0b0b8c31975b062152d551bac49c3c2e80932567b4085dcd",
      migration_name: "20260101000000_first",
      applied_steps_count: 1,
      finished_at: expect.any(Date),
      started_at: expect.any(Date),
      rolled_back_at: null,
      logs: null,
    });
  });

  it("refuses a migration that was changed after it had been applied", async () => {
    migration("20260101000000_first", "SELECT 1;\n");
    await migrate();
    migration("20260101000000_first", "SELECT 2;\n");
    await expect(migrate()).rejects.toThrow(/20260101000000_first was changed after/);
  });

  it("takes other line ends for the same migration", async () => {
    migration("20260101000000_first", "SELECT 1;\r\nSELECT 2;\r\n");
    await migrate();
    migration("20260101000000_first", "SELECT 1;\nSELECT 2;\n");
    expect(await migrate()).toEqual({ applied: [] });
  });

  it("leaves nothing behind of a migration that fails, and applies it once mended", async () => {
    migration("20260101000000_first", "CREATE TABLE a (n int);");
    migration("20260102000000_second", "CREATE TABLE b (n int); SELECT 1 / 0;");
    await expect(migrate()).rejects.toThrow(/20260102000000_second failed .* division by zero/);
    expect(await query("SELECT to_regclass('a') a, to_regclass('b') b")).toEqual([
      { a: "a", b: null },
    ]);
    migration("20260102000000_second", "CREATE TABLE b (n int);");
    expect(await migrate()).toEqual({ applied: ["20260102000000_second"] });
  });

  it("refuses to go on after a migration that another runner left unfinished", async () => {
    migration("20260101000000_first", "SELECT 1;");
    await migrate();
    await query("UPDATE _prisma_migrations SET finished_at = NULL");
    await expect(migrate()).rejects.toThrow(/begun and never finished.*prisma migrate resolve/s);
  });

  it("applies each migration once when several runners start together", async () => {
    migration("20260101000000_first", "CREATE TABLE a (n int); SELECT pg_sleep(0.2);");
    const results = await Promise.all([migrate(), migrate(), migrate(), migrate()]);
    expect(results.flatMap((result) => result.applied)).toEqual(["20260101000000_first"]);
  });

  it("gives up with a sentence when another runner holds Prisma's lock for too long", async () => {
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query("SELECT pg_advisory_lock(72707369)");
    await expect(migrate(100)).rejects.toThrow(/Another process has been migrating/);
    await other.end();
  });

  it("names the folder when there is none", async () => {
    const missing = join(dir, "none");
    const run = applyMigrations({ databaseUrl: database.url, dir: missing });
    await expect(run).rejects.toThrow(`There is no folder ${missing}`);
  });
});

describe("testDatabase", () => {
  it("is migrated, a database of its own, and under the application's limits", async () => {
    const [one, two] = await Promise.all([testDatabase(), testDatabase()]);
    const client = new pg.Client({ connectionString: one.url });
    await client.connect();
    const limits = await client.query(
      "SELECT current_setting('lock_timeout') l, current_setting('transaction_isolation') i",
    );
    await client.end();
    expect(limits.rows).toEqual([{ l: "5s", i: "read committed" }]);
    const again = {
      databaseUrl: two.url,
      dir: resolve(import.meta.dirname, "../../prisma/migrations"),
    };
    expect(await applyMigrations(again)).toEqual({ applied: [] });
    expect(one.name).not.toBe(two.name);
    await Promise.all([one.drop(), two.drop()]);
  });
});
