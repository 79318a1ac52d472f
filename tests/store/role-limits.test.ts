import { randomBytes } from "node:crypto";
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
    const sql =
      "SELECT current_setting('lock_timeout') AS wait, current_setting('transaction_isolation') AS isolation";
    return (await client.query(sql)).rows[0];
  } finally {
    await client.end();
  }
}

describe("a database that nobody has prepared", () => {
  it("gets the limits of its role by the migrations: no wait for ever, and READ COMMITTED", async () => {
    expect(await limits()).toEqual({ wait: "0", isolation: "serializable" });
    await applyMigrations({ databaseUrl: url, dir: MIGRATIONS });
    expect(await limits()).toEqual({ wait: "5s", isolation: "read committed" });
  });
});
