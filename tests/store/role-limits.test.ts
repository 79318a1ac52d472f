import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyMigrations, MIGRATIONS } from "../../local/migrate.js";
import { asSuperuser } from "../../local/postgres.js";
import { emptyDatabase, onDatabase, type TestDatabase } from "../support/postgres.js";

const role = `plain_${randomBytes(6).toString("hex")}`;
const password = randomBytes(9).toString("hex");
let database: TestDatabase;
let url: string;

beforeAll(async () => {
  database = await emptyDatabase();
  url = onDatabase(database.adminUrl, database.name, { role, password });
  await asSuperuser(database.adminUrl, async (client) => {
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
    await client.query(`ALTER ROLE ${role} SET default_transaction_isolation = 'serializable'`);
    await client.query(`ALTER ROLE ${role} SET statement_timeout = '2min'`); // as some hosts do
    await client.query(`ALTER ROLE ${role} SET timezone = 'Asia/Bangkok'`); // as the server's machine may be
    await client.query(`ALTER DATABASE ${database.name} OWNER TO ${role}`);
  });
});
afterAll(async () => {
  await database.drop();
  await asSuperuser(onDatabase(database.adminUrl, "postgres"), async (client) => {
    await client.query(`DROP ROLE ${role}`);
  });
});

async function limits(): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const sql = `SELECT current_setting('lock_timeout') AS wait, current_setting('transaction_isolation') AS isolation,
      current_setting('statement_timeout') AS statement, current_setting('timezone') AS zone`;
    return (await client.query(sql)).rows[0];
  } finally {
    await client.end();
  }
}

describe("a database that nobody has prepared", () => {
  it("gets what its role needs by the migrations: no wait for ever, READ COMMITTED, and UTC", async () => {
    const before = { wait: "0", isolation: "serializable", statement: "2min" };
    expect(await limits()).toEqual({ ...before, zone: "Asia/Bangkok" });
    await applyMigrations({ databaseUrl: url, dir: MIGRATIONS });
    const after = { wait: "5s", isolation: "read committed", statement: "8s" };
    expect(await limits()).toEqual({ ...after, zone: "UTC" });
  });
});

/** From this name on the role's limit may hold for the session that migrates. */
const LIMITED_FROM = "20261124010000";
const LIFT = /^SET LOCAL statement_timeout = 0;$/m;
const cutOff = (migrations: readonly { name: string; sql: string }[]): string[] =>
  migrations
    .filter(({ name, sql }) => name >= LIMITED_FROM && !LIFT.test(sql))
    .map(({ name }) => name);

describe("a migration", () => {
  it("lifts the limit of its role: an index on a large table takes longer than a statement of the application", () => {
    const migrations = readdirSync(MIGRATIONS, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => ({
        name,
        sql: readFileSync(join(MIGRATIONS, name, "migration.sql"), "utf8"),
      }));
    expect(migrations.length).toBeGreaterThan(20);
    expect(cutOff(migrations)).toEqual([]);
    const sql = "CREATE INDEX signal_level_idx ON signal (level);";
    expect(cutOff([{ name: "20261125000000_planted", sql }])).toEqual(["20261125000000_planted"]);
    const lifted = `-- Why.\nSET LOCAL statement_timeout = 0;\n${sql}`;
    expect(cutOff([{ name: "20261125000000_planted", sql: lifted }])).toEqual([]);
  });
});
