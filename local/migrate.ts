import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

/** The project's own migrations. */
export const MIGRATIONS = join(import.meta.dirname, "../prisma/migrations");

/** Why migrations were not applied; the message is a sentence for the person at the terminal. */
export class MigrationFailure extends Error {
  override readonly name = "MigrationFailure";
}

export interface MigrateOptions {
  /** A role that may make tables in the database's first schema. */
  readonly databaseUrl: string;
  /** `prisma/migrations`: one folder per migration with a `migration.sql`. */
  readonly dir: string;
  /** How long to wait for another runner, in milliseconds. */
  readonly lockTimeoutMs?: number;
}

interface Migration {
  readonly name: string;
  readonly sql: string;
}

interface Row {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

/** The key that Prisma's own engine takes, so that it and we never migrate at the same time. */
const PRISMA_ADVISORY_LOCK = 72_707_369;
const LOCK_POLL_MS = 50;

/** Prisma's own table, word for word as its schema engine makes it. */
const BOOKKEEPING = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id                  VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum            VARCHAR(64) NOT NULL,
  finished_at         TIMESTAMPTZ,
  migration_name      VARCHAR(255) NOT NULL,
  logs                TEXT,
  rolled_back_at      TIMESTAMPTZ,
  started_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`;

/**
 * Applies what `prisma migrate deploy` would apply, without its engine (a download), and keeps the
 * same books, so that either may go on where the other stopped. Each migration is one transaction
 * together with its row: it is applied whole or not at all.
 *
 * @throws MigrationFailure when a migration fails, was changed after it had been applied, was left
 *   unfinished by another runner, or when another runner holds the lock for too long
 */
export async function applyMigrations(options: MigrateOptions): Promise<{ applied: string[] }> {
  const migrations = readMigrations(options.dir);
  const client = new pg.Client({
    connectionString: options.databaseUrl,
    connectionTimeoutMillis: 10_000,
    application_name: "signalbox migrations",
  });
  client.on("error", () => undefined); // the pending query fails as well, and says it
  await connect(client);
  try {
    await takeLock(client, options.lockTimeoutMs ?? 60_000);
    await client.query("SET client_min_messages = warning"); // "already exists, skipping"
    await client.query(BOOKKEEPING);
    const pending = selectPending(migrations, await readRows(client));
    for (const migration of pending) await applyOne(client, migration);
    return { applied: pending.map((migration) => migration.name) };
  } finally {
    await client.end(); // also lets go of the lock
  }
}

/** The error's own words name host and role, never the password. */
async function connect(client: pg.Client): Promise<void> {
  try {
    await client.connect();
  } catch (cause) {
    const { code, message } = cause as Error & { code?: string };
    const place = `${client.host}:${client.port}`;
    // SQLSTATE has five characters, a system's code begins with E: https://www.postgresql.org/docs/18/errcodes-appendix.html
    const refused = code !== undefined && /^(?!E)[0-9A-Z]{5}$/.test(code);
    const what = refused
      ? `${place} refuses the connection (${message})`
      : `${place} does not answer (${code ?? message})`;
    const next = "Correct the variable or start that Postgres; npm start has its own without it.";
    throw new MigrationFailure(`DATABASE_URL: ${what}. ${next}`, { cause });
  }
}

function readMigrations(dir: string): Migration[] {
  if (!existsSync(dir)) throw new MigrationFailure(`There is no folder ${dir} with migrations.`);
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(dir, entry.name, "migration.sql")))
    .map(({ name }) => ({ name, sql: readFileSync(join(dir, name, "migration.sql"), "utf8") }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function takeLock(client: pg.Client, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const sql = `SELECT pg_try_advisory_lock(${PRISMA_ADVISORY_LOCK}) AS taken`;
  while ((await client.query<{ taken: boolean }>(sql)).rows[0]?.taken !== true) {
    if (performance.now() > deadline) {
      throw new MigrationFailure(
        `Another process has been migrating this database for ${timeoutMs / 1000} s. Wait for it, ` +
          "or end it, then start again.",
      );
    }
    await delay(LOCK_POLL_MS);
  }
}

async function readRows(client: pg.Client): Promise<Row[]> {
  const sql = `SELECT migration_name, checksum, finished_at FROM _prisma_migrations
    WHERE rolled_back_at IS NULL ORDER BY started_at`;
  return (await client.query<Row>(sql)).rows;
}

function selectPending(migrations: readonly Migration[], rows: readonly Row[]): Migration[] {
  const unfinished = rows.find((row) => row.finished_at === null);
  if (unfinished !== undefined) {
    throw new MigrationFailure(
      `The migration ${unfinished.migration_name} was begun and never finished. Look at what it ` +
        "left in the database, then say so with `prisma migrate resolve --applied` or `--rolled-back`.",
    );
  }
  const checksumOf = new Map(rows.map((row) => [row.migration_name, row.checksum]));
  return migrations.filter((migration) => {
    const checksum = checksumOf.get(migration.name);
    if (checksum === undefined) return true;
    if (checksumsOf(migration.sql).includes(checksum)) return false;
    throw new MigrationFailure(
      `The migration ${migration.name} was changed after it had been applied to this database. Put ` +
        "the file back as it was and write what is new into a further migration.",
    );
  });
}

/** Prisma takes a file whose line ends git has converted for the same, and so do we. */
function checksumsOf(sql: string): string[] {
  const lf = sql.replaceAll("\r\n", "\n");
  return [sql, lf, lf.replaceAll("\n", "\r\n")].map(sha256);
}

const sha256 = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  try {
    await client.query("BEGIN");
    await client.query(migration.sql);
    await client.query(
      `INSERT INTO _prisma_migrations
         (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES (gen_random_uuid(), $1, $2, transaction_timestamp(), clock_timestamp(), 1)`,
      [sha256(migration.sql), migration.name],
    );
    await client.query("COMMIT");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `The migration ${migration.name} failed and left nothing behind: ${why}`;
    throw new MigrationFailure(message, { cause: error }); // the connection's end rolls back
  }
}
