import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { inTransaction } from "../../../emulators/qstash/database.js";
import { emptyDatabase } from "../../support/postgres.js";

describe("a transaction whose session ends between two statements", () => {
  it("fails, and ends nothing but itself: the pool goes on with another session", async () => {
    const own = await emptyDatabase();
    const pool = new pg.Pool({ connectionString: own.url, max: 2 });
    onTestFinished(async () => {
      await pool.end();
      await own.drop();
    });
    const transaction = inTransaction(pool, async (client) => {
      const lost = new Promise((resolve) => client.once("end", resolve));
      const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
      await pool.query("SELECT pg_terminate_backend($1)", [rows[0].pid]);
      await lost;
      await client.query("SELECT 1");
    });
    await expect(transaction).rejects.toThrow("not queryable");
    const { rows } = await inTransaction(pool, (client) => client.query("SELECT 1 AS one"));
    expect(rows).toEqual([{ one: 1 }]);
  });
});
