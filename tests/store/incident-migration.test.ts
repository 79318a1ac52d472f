import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { applyMigrations, MIGRATIONS } from "../../local/migrate.js";
import { resolve } from "../../src/operations/incidents/act.js";
import { runIncidentClock } from "../../src/operations/incidents/due.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { type Database, openDatabase } from "../../src/store/database.js";
import { countingIds, stillClock } from "../support/fakes.js";
import { emptyDatabase, type TestDatabase } from "../support/postgres.js";

/** The first one by which an incident has a clock. */
const CLOCKS = "20261122000000_alerts_and_incidents";
const clock = stillClock();

let own: TestDatabase;
let database: Database;
let dir: string;
beforeEach(async () => {
  own = await emptyDatabase();
  dir = mkdtempSync(join(tmpdir(), "migrations-"));
  for (const name of readdirSync(MIGRATIONS).filter((one) => one < CLOCKS)) {
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

/** An incident as it was kept then, and the word that it began. */
async function heardBefore(id: string, word: "sent" | "failed"): Promise<void> {
  const at = clock.now() - 60_000;
  await database.query(
    `INSERT INTO incident (id, group_key, ordinal, kind, title, service, environment, ours, severity, status, opened_at,
       created_at, updated_at, version)
     VALUES ($1, $2, 1, 'uptime', 'down', $1, NULL, false, 'P0', 'open', to_timestamp($3::float8 / 1000),
       to_timestamp($3::float8 / 1000), to_timestamp($3::float8 / 1000), 1)`,
    [id, `g:${id}`, at],
  );
  await database.query(
    `INSERT INTO notice (id, cause, template, recipient, channel, locale, data, status, calls, created_at, version)
     VALUES ($1, $2, 'incident-raised', 'slack', 'slack', 'en', '{}', $3, 1, to_timestamp($4::float8 / 1000), 1)`,
    [`ntc_${id}`, `incident:${id} opened`, word, at],
  );
}

/** A person ends it, and its clock is looked at. @returns what was told, apart from what was told before. */
async function toldOfEnd(incidentId: string): Promise<unknown[]> {
  const parts = { database, clock, ids: countingIds(incidentId), relay: async () => undefined };
  await resolve({ incidentId, actor: "operator:anna" }, parts);
  await runIncidentClock(
    { incidentId },
    {
      ...parts,
      policy: presetOf("stamford"),
      ackUrl: () => null,
      rollbackHint: () => null,
      tellUsers: () => Promise.resolve(),
    },
  );
  return database.query(
    "SELECT template, channel FROM notice WHERE incident_id = $1 AND id <> $2 ORDER BY template",
    [incidentId, `ntc_${incidentId}`],
  );
}

describe("an incident that is open while the version with clocks is deployed", () => {
  it("tells who heard that it began that it is over, and nobody once more that it began", async () => {
    await heardBefore("inc_told", "sent");
    await heardBefore("inc_untold", "failed");
    await applyMigrations({ databaseUrl: own.url, dir: MIGRATIONS });

    expect(await database.query("SELECT incident_id, step FROM incident_step", [])).toEqual([
      { incident_id: "inc_told", step: "page:1:0" },
    ]);
    expect(await toldOfEnd("inc_told")).toEqual([
      { template: "incident-resolved", channel: "slack" },
    ]);
    expect(await toldOfEnd("inc_untold"), "who never heard of it needs no end").toEqual([]);
  });
});
