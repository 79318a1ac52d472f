import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { applyMigrations, MIGRATIONS } from "../../local/migrate.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { type Database, openDatabase } from "../../src/store/database.js";
import { runDeps, sampleRun } from "../support/events.js";
import { emptyDatabase, type TestDatabase } from "../support/postgres.js";
import { storeWorld } from "../support/store.js";

/** The first one of the ledger that is made of objects. */
const LEDGER = "20261121170000_ledger";

let own: TestDatabase;
let database: Database;
let dir: string;
beforeEach(async () => {
  own = await emptyDatabase();
  dir = mkdtempSync(join(tmpdir(), "migrations-"));
  for (const name of readdirSync(MIGRATIONS).filter((one) => one < LEDGER)) {
    cpSync(join(MIGRATIONS, name), join(dir, name), { recursive: true });
  }
  await applyMigrations({ databaseUrl: own.url, dir });
  const limits = { poolMax: 4, connectTimeoutMs: 5_000, queryTimeoutMs: 10_000 };
  database = openDatabase({ url: own.url, preparedStatements: true, ...limits }, (error) => {
    throw error;
  });
});
afterEach(async () => {
  await database.close();
  await own.drop();
  rmSync(dir, { recursive: true });
});

const OLD_PAYMENT = `INSERT INTO payment (id, account, livemode, external_id, state, state_as_of, amount_minor, currency,
  refunded_minor, email, paid_at, created_at, updated_at, version)
VALUES ('pay_1', '', false, 'pi_sample_purchase_one', 'succeeded', now(), 199900, 'THB', 0, 'a@example.com', now(), now(), now(), 1)`;
const OLD_NOTICE = `INSERT INTO notice (id, cause, template, recipient, channel, locale, data, status, calls, created_at, version)
VALUES ('ntc_1', 'payment::test:pi_sample_purchase_one succeeded', 'payment-received', 'a@example.com', 'email', 'en', '{}',
  'sent', 1, now(), 1)`;

describe("a payer who was told before the ledger was made of objects", () => {
  it("is not told again, and the next word of the payment finds nothing in its way", async () => {
    await database.query(OLD_PAYMENT, []);
    await database.query(OLD_NOTICE, []);
    await applyMigrations({ databaseUrl: own.url, dir: MIGRATIONS });

    const w = await storeWorld();
    const deps = { ...runDeps(w), database };
    const { outcome } = await runEvent(await sampleRun("stripe", "payment-succeeded"), deps);
    await w.close();
    expect(outcome).toBe("processed");
    const told = await database.query(
      "SELECT id FROM notice WHERE template = 'payment-received'",
      [],
    );
    expect(told).toEqual([{ id: "ntc_1" }]);
  });
});
