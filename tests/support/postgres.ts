import { randomBytes } from "node:crypto";
import type pg from "pg";
import { inject } from "vitest";
import { asSuperuser } from "../../local/postgres.js";

/** What the global setup tells the workers about the run's one Postgres. */
export interface TestServer {
  /** A superuser's, on the database `postgres`. */
  readonly adminUrl: string;
  /** Owns every test database; set up as the application's role is. */
  readonly role: string;
  readonly password: string;
  readonly template: string;
  /** Why the template could not be migrated; null when it was. */
  readonly templateError: string | null;
}

declare module "vitest" {
  interface ProvidedContext {
    postgres: TestServer;
  }
}

export interface TestDatabase {
  readonly name: string;
  /** For the role that owns the database and is no superuser. */
  readonly url: string;
  /** The superuser's, on the same database. */
  readonly adminUrl: string;
  /** Deletes the database, ending the sessions that are still on it. May be called again. */
  drop(): Promise<void>;
}

/** How long a closed session may take to be gone; one that is still open then is ended. */
const SESSIONS_END_MS = 1_000;

/** A database of one's own with all migrations applied: a copy of the template. */
export async function testDatabase(): Promise<TestDatabase> {
  const server = testServer();
  if (server.templateError !== null) throw new Error(server.templateError);
  // Nearly twice as fast as through the log, which nobody needs of a test.
  return await create(server, `TEMPLATE ${server.template} STRATEGY FILE_COPY`);
}

/** A database of one's own with nothing in it. */
export async function emptyDatabase(): Promise<TestDatabase> {
  return await create(testServer(), "TEMPLATE template0");
}

/** The URL of another database on the server of `adminUrl`, for the superuser or for `as`. */
export function onDatabase(
  adminUrl: string,
  database: string,
  as?: { role: string; password: string },
): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  if (as !== undefined) {
    url.username = as.role;
    url.password = as.password;
  }
  return url.href;
}

function testServer(): TestServer {
  const server = inject("postgres") as TestServer | undefined;
  if (server !== undefined) return server;
  throw new Error(
    "This run has no database: TEST_DATABASE=none, or no global setup in the config.",
  );
}

async function create(server: TestServer, source: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString("hex")}`;
  await asSuperuser(server.adminUrl, async (client) => {
    await client.query(`CREATE DATABASE ${name} OWNER ${server.role} ${source}`);
  });
  return {
    name,
    url: onDatabase(server.adminUrl, name, server),
    adminUrl: onDatabase(server.adminUrl, name),
    drop: () =>
      asSuperuser(server.adminUrl, async (client) => {
        await sessionsEnded(client, name);
        await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      }),
  };
}

/** Waits for sessions that are closed but not gone: FORCE would end them, an error that nobody listens for any more. */
async function sessionsEnded(client: pg.Client, name: string): Promise<void> {
  const deadline = performance.now() + SESSIONS_END_MS;
  const sessions = `SELECT FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'`;
  while ((await client.query(sessions, [name])).rows.length > 0) {
    if (performance.now() > deadline) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
