import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { applyMigrations } from "../../local/migrate.js";
import { isRunning } from "../../local/postgres/processes.js";
import {
  asSuperuser,
  ensureRole,
  type RunningPostgres,
  removeAbandoned,
  startPostgres,
} from "../../local/postgres.js";
import { onDatabase, type TestServer } from "./postgres.js";

const FOLDER_PREFIX = "signalbox-test-";
/** scripts/test.mjs makes one for each run, named by its process. */
const RUN = /^signalbox-run-(\d+)-/;
const FORGOTTEN_AFTER_MS = 10 * 60_000;
const MIGRATIONS = resolve(import.meta.dirname, "../../prisma/migrations");

let stop: () => Promise<void> = async () => undefined;

/**
 * One Postgres for the whole run, with durability off, and in it one migrated database that the
 * tests' own are copied from.
 *
 * - `TEST_DATABASE_URL` (a superuser's) names another server to use, such as an older PostgreSQL.
 * - `TEST_DATABASE=none` starts nothing: for runs that need no database.
 */
export async function setup(project: TestProject): Promise<void> {
  if (process.env.TEST_DATABASE === "none") return;
  const adminUrl = process.env.TEST_DATABASE_URL ?? (await startOwn()).adminUrl;
  const suffix = randomBytes(4).toString("hex");
  const role = `signalbox_test_${suffix}`;
  const template = `signalbox_template_${suffix}`;
  const password = randomBytes(12).toString("hex");
  stopOnSignals();
  const stopServer = stop;
  stop = async () => {
    if (process.env.TEST_DATABASE_URL !== undefined) await clear(adminUrl, role, template);
    await stopServer();
  };
  try {
    await ensureRole(adminUrl, role, password);
    const templateError = await makeTemplate(adminUrl, template, role, password);
    const server: TestServer = { adminUrl, role, password, template, templateError };
    project.provide("postgres", server);
  } catch (error) {
    await stop(); // vitest calls no teardown after a failed setup
    throw error;
  }
}

export async function teardown(): Promise<void> {
  await stop();
}

/** vitest calls no teardown when it is told to end; SIGKILL leaves it to the next run's sweep. */
function stopOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      void stop().finally(() => process.kill(process.pid, signal));
    });
  }
}

async function startOwn(): Promise<RunningPostgres> {
  await sweepAbandoned();
  const folder = mkdtempSync(join(tmpdir(), FOLDER_PREFIX));
  chmodSync(folder, 0o711); // as root, Postgres runs as another user
  const server = await startPostgres({ dataDir: join(folder, "pgdata"), durability: "fast" });
  stop = async () => {
    await server.destroy();
    rmSync(folder, { recursive: true, force: true });
  };
  return server;
}

/** What earlier runs left behind that were killed: beside our own folder, and in those of their runs. */
async function sweepAbandoned(): Promise<void> {
  await sweepFolder(tmpdir());
  const place = RUN.test(basename(tmpdir())) ? dirname(tmpdir()) : tmpdir();
  if (place !== tmpdir()) await sweepFolder(place);
  for (const name of readdirSync(place)) {
    const pid = Number(RUN.exec(name)?.[1]);
    const folder = join(place, name);
    if (Number.isNaN(pid) || isRunning(pid) || !isOurs(folder)) continue;
    await sweepFolder(folder);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function sweepFolder(place: string): Promise<void> {
  for (const name of readdirSync(place).filter((one) => one.startsWith(FOLDER_PREFIX))) {
    const folder = join(place, name);
    if (!isOurs(folder)) continue;
    const removed = await removeAbandoned(join(folder, "pgdata"));
    if (removed || isForgotten(folder)) rmSync(folder, { recursive: true, force: true });
  }
}

const isOurs = (folder: string): boolean =>
  existsSync(folder) && statSync(folder).uid === process.getuid?.();

/** Nobody claims it, and it is too old to be one that is just being made. */
function isForgotten(folder: string): boolean {
  if (existsSync(join(folder, "pgdata.owner"))) return false;
  const ageMs = performance.timeOrigin + performance.now() - statSync(folder).mtimeMs;
  return ageMs > FORGOTTEN_AFTER_MS;
}

/** A migration that fails is the failure of the tests that need it, not of all others. */
async function makeTemplate(
  adminUrl: string,
  template: string,
  role: string,
  password: string,
): Promise<string | null> {
  await asSuperuser(adminUrl, (client) =>
    client.query(`CREATE DATABASE ${template} OWNER ${role}`).then(() => undefined),
  );
  let failure: string | null = null;
  try {
    const databaseUrl = onDatabase(adminUrl, template, { role, password });
    await applyMigrations({ databaseUrl, dir: MIGRATIONS });
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  // Nobody may be connected to a template while it is copied.
  await asSuperuser(adminUrl, (client) =>
    client.query(`ALTER DATABASE ${template} ALLOW_CONNECTIONS false`).then(() => undefined),
  );
  return failure;
}

/** On a server that is not ours, everything that the run made goes again. */
async function clear(adminUrl: string, role: string, template: string): Promise<void> {
  await asSuperuser(adminUrl, async (client) => {
    const owned = await client.query<{ name: string }>(
      "SELECT datname AS name FROM pg_database WHERE datdba = (SELECT oid FROM pg_roles WHERE rolname = $1)",
      [role],
    );
    for (const { name } of owned.rows) {
      await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`);
    }
    await client.query(`DROP DATABASE IF EXISTS ${template}`);
    await client.query(`DROP ROLE IF EXISTS ${role}`);
  });
}
