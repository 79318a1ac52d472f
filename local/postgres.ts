import { existsSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { bindable, freePort } from "./addresses.js";
import { type Accounts, chooseAccounts, giveTo, ownerOf } from "./postgres/account.js";
import { type Binaries, findBinaries } from "./postgres/binaries.js";
import { asSuperuser, connectionUrl, ensureDatabase, ensureRole } from "./postgres/connection.js";
import { PostgresFailure } from "./postgres/failure.js";
import { claimFolder } from "./postgres/owner.js";
import { makePassable, SHARED_PLACES } from "./postgres/place.js";
import { waitUntil } from "./postgres/processes.js";
import {
  forgetRecord,
  locationOf,
  newRecord,
  type PostgresRecord,
  readRecord,
  writeRecord,
} from "./postgres/record.js";
import {
  type Durability,
  isPostmasterOf,
  launch,
  makeCluster,
  readPidFile,
  SUPERUSER,
  stopPostmaster,
} from "./postgres/server.js";

export { removeAbandoned } from "./postgres/abandoned.js";
export { asSuperuser, ensureRole } from "./postgres/connection.js";
export { PostgresFailure } from "./postgres/failure.js";

export interface PostgresOptions {
  /** The data folder. Beside it appear `<dataDir>.json` (secrets, 0600), `.log` and `.owner`. */
  readonly dataDir: string;
  /** Listens on 127.0.0.1 only. Without it: the port of the last start, or any free one. */
  readonly port?: number;
  /** The application's role; `signalbox` unless said otherwise. It owns its databases. */
  readonly user?: string;
  /** The application role's password; a random one is made and remembered unless given. */
  readonly password?: string;
  readonly database?: string;
  readonly durability?: Durability;
  /** Told what happens, one short line each. */
  readonly log?: (line: string) => void;
  /** Where root keeps what Postgres's user can't reach in the clone; for tests. */
  readonly sharedPlaces?: readonly string[];
  /** The npm package with the binaries; for tests. */
  readonly packageRoot?: string;
}

export interface RunningPostgres {
  /** For the application: its own role, which owns the database but is no superuser. */
  readonly url: string;
  /** For tests and set-up: the superuser, on the database `postgres`. */
  readonly adminUrl: string;
  readonly port: number;
  readonly pid: number;
  /** True when this Postgres was found running, left by a Signalbox that was killed. */
  readonly adopted: boolean;
  /** Where the data really is; not `dataDir` when Postgres's user can't enter that. */
  readonly location: string;
  readonly logFile: string;
  /** Makes a further database owned by the application's role unless it is there; its URL. */
  database(name: string): Promise<string>;
  /** Fast shutdown, then immediate; each bounded. May be called again. */
  stop(): Promise<void>;
  /** Stops, and deletes the data with all that lies beside it. */
  destroy(): Promise<void>;
}

/** How long a Postgres that we found may take to answer, or one that is leaving to leave. */
const ADOPT_TIMEOUT_MS = 10_000;
const STILL_CLOSING_MS = 20_000;
const PORT_TRIES_MAX = 5;

/** All that the steps of a start hand on. */
interface Setup {
  readonly options: PostgresOptions;
  readonly dataDir: string;
  readonly location: string;
  readonly record: PostgresRecord;
  readonly accounts: Accounts;
  readonly binaries: Binaries;
  readonly durability: Durability;
  readonly logFile: string;
  readonly log: (line: string) => void;
}

/**
 * Starts a real PostgreSQL from npm on a folder, or takes over the one that is still running on it.
 * The server is no child that dies with us: after a SIGKILL it goes on, and the next start finds it.
 *
 * @throws PostgresFailure whose message says what to do
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const wanted = resolve(options.dataDir);
  makePassable(dirname(wanted));
  const dataDir = join(realpathSync(dirname(wanted)), basename(wanted));
  const release = claimFolder(dataDir);
  try {
    const setup = prepare(options, dataDir);
    const found = await adopt(setup);
    const server = found ?? (await start(setup));
    return await handle(setup, server, found !== undefined, release).catch(async (error) => {
      await stopPostmaster(server.pid, setup.location, setup.binaries);
      throw error;
    });
  } catch (error) {
    release();
    throw error;
  }
}

/** Everything that happens before a server runs: account, binaries, place, secrets, initdb. */
function prepare(options: PostgresOptions, dataDir: string): Setup {
  const log = options.log ?? (() => undefined);
  const places = options.sharedPlaces ?? SHARED_PLACES;
  const durability = options.durability ?? "safe";
  const known = readRecord(dataDir);
  const expected = known === undefined ? dataDir : locationOf(dataDir, known);
  const owner = ownerOf(expected);
  refuseForeign(expected, owner?.uid);
  const accounts = chooseAccounts(owner);
  const binaries = findBinaries(accounts.server, places, options.packageRoot);
  const record = known ?? newRecord(dataDir, accounts.server, places);
  const location = locationOf(dataDir, record);
  if (known === undefined && existsSync(join(location, "PG_VERSION")))
    throw withoutRecord(location);
  if (known === undefined) writeRecord(dataDir, record); // before initdb: the password must not be lost
  if (!existsSync(join(location, "PG_VERSION"))) {
    refuseOccupied(location);
    log("Making a new database folder");
    makeCluster(binaries, accounts, location, record.superuserPassword, durability);
  } else if (owner?.uid === 0 && accounts.server !== "self") {
    giveTo(location, accounts.server); // copied or restored by root
  }
  refuseOtherVersion(location, binaries.major);
  const logFile = `${dataDir}.log`;
  return { options, dataDir, location, record, accounts, binaries, durability, logFile, log };
}

/** Takes over a server that still runs on the folder, or ends it when it is not as wanted. */
async function adopt(setup: Setup): Promise<{ pid: number; port: number } | undefined> {
  const { location, options, log } = setup;
  const file = readPidFile(location);
  if (file === undefined) return undefined;
  if (!isPostmasterOf(file.pid, location)) {
    // Its process is gone, or the number now belongs to another program, which would make
    // Postgres itself refuse. Children that still hold the data are found by shared memory.
    rmSync(join(location, "postmaster.pid"), { force: true });
    return undefined;
  }
  const port = await settle(setup, file.pid);
  if (port !== undefined && (options.port ?? port) === port) {
    log(`Found Postgres still running (process ${file.pid})`);
    return { pid: file.pid, port };
  }
  log(`Ending the Postgres of an earlier start (process ${file.pid})`);
  await stopPostmaster(file.pid, location, setup.binaries);
  return undefined;
}

/**
 * Waits, bounded, until a found server has made up its mind: it may be in recovery, or leaving.
 *
 * @returns its port when it can be adopted
 */
async function settle(setup: Setup, pid: number): Promise<number | undefined> {
  let port: number | undefined;
  let isFit: boolean | undefined;
  await waitUntil(async () => {
    const file = readPidFile(setup.location);
    if (file?.pid !== pid || !isPostmasterOf(pid, setup.location)) return true;
    port = file.port;
    if (file.ready && port !== undefined) isFit = await isFitToAdopt(setup, port);
    return isFit !== undefined;
  }, ADOPT_TIMEOUT_MS);
  return isFit === true && isPostmasterOf(pid, setup.location) ? port : undefined;
}

/**
 * Whether a server answers with our password, from our folder, and with the durability wanted.
 * Undefined when it does not answer yet.
 */
async function isFitToAdopt(setup: Setup, port: number): Promise<boolean | undefined> {
  const sql =
    "SELECT current_setting('data_directory') AS folder, current_setting('fsync') AS fsync";
  try {
    const row = await asSuperuser(adminUrl(setup.record, port), async (client) => {
      return (await client.query<{ folder: string; fsync: string }>(sql)).rows[0];
    });
    const fsync = setup.durability === "safe" ? "on" : "off";
    return row?.folder === setup.location && row.fsync === fsync;
  } catch (error) {
    // Class 28 is a wrong user or password, which no waiting mends.
    return String((error as { code?: unknown }).code).startsWith("28") ? false : undefined;
  }
}

/** Starts a server, trying again for the two reasons that pass: a port just taken, a slow farewell. */
async function start(setup: Setup): Promise<{ pid: number; port: number }> {
  const { binaries, accounts, location, durability, logFile, options, log } = setup;
  const deadline = performance.now() + STILL_CLOSING_MS;
  let portTries = 0;
  for (;;) {
    const port = await choosePort(options.port, portTries === 0 ? setup.record.port : null);
    const result = await launch(binaries, accounts, location, port, durability, logFile);
    switch (result.kind) {
      case "ready":
        log(`Postgres is ready on port ${port} (process ${result.pid})`);
        return { pid: result.pid, port };
      case "port_taken":
        portTries += 1;
        if (options.port !== undefined || portTries >= PORT_TRIES_MAX) throw portTaken(port);
        break;
      case "still_closing":
        if (performance.now() > deadline) {
          const message = `An earlier Postgres on ${location} has not ended; see ${logFile}.`;
          throw new PostgresFailure("start_failed", message);
        }
        await waitUntil(() => false, 250);
        break;
      case "failed":
        throw new PostgresFailure("start_failed", `Postgres did not start: ${result.why}`);
    }
  }
}

async function handle(
  setup: Setup,
  server: { pid: number; port: number },
  adopted: boolean,
  release: () => void,
): Promise<RunningPostgres> {
  const { options, dataDir, location, binaries } = setup;
  const { pid, port } = server;
  const record = { ...setup.record, port, password: options.password ?? setup.record.password };
  writeRecord(dataDir, record);
  const user = options.user ?? "signalbox";
  const admin = adminUrl(record, port);
  await ensureRole(admin, user, record.password);
  const database = async (name: string): Promise<string> => {
    await ensureDatabase(admin, name, user);
    return connectionUrl(user, record.password, port, name);
  };
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= stopPostmaster(pid, location, binaries).finally(release);
    return stopping;
  };
  const destroy = async (): Promise<void> => {
    await stop();
    rmSync(location, { recursive: true, force: true });
    rmSync(setup.logFile, { force: true });
    forgetRecord(dataDir);
  };
  const url = await database(options.database ?? "signalbox");
  const { logFile } = setup;
  return { url, adminUrl: admin, port, pid, adopted, location, logFile, database, stop, destroy };
}

const adminUrl = (record: PostgresRecord, port: number): string =>
  connectionUrl(SUPERUSER, record.superuserPassword, port, "postgres");

async function choosePort(wanted: number | undefined, last: number | null): Promise<number> {
  if (wanted !== undefined) {
    if ((await bindable(wanted)) === undefined) throw portTaken(wanted);
    return wanted;
  }
  const port = (last === null ? undefined : await bindable(last)) ?? (await freePort());
  if (port === undefined) throw portTaken(0);
  return port;
}

function portTaken(port: number): PostgresFailure {
  return new PostgresFailure(
    "port_taken",
    `Port ${port} on 127.0.0.1, wanted for Postgres, can't be used: another program has it, or it ` +
      "is reserved. Stop that program, or choose another port.",
  );
}

function refuseForeign(location: string, uid: number | undefined): void {
  const me = process.getuid?.();
  if (uid === undefined || me === undefined || me === 0 || uid === me) return;
  throw new PostgresFailure(
    "folder_unusable",
    `The database in ${location} belongs to another user (${uid}), probably from a start as root. ` +
      "Start as that user or as root again, or use another folder (--home, or SIGNALBOX_HOME).",
  );
}

function refuseOccupied(location: string): void {
  if (!existsSync(location) || readdirSync(location).length === 0) return;
  throw new PostgresFailure(
    "folder_unusable",
    `${location} exists but holds no database. Move it away, or use another folder (--home, or SIGNALBOX_HOME).`,
  );
}

function withoutRecord(location: string): PostgresFailure {
  return new PostgresFailure(
    "folder_unusable",
    `${location} holds a database, but its password file (${location}.json) is missing. Put that ` +
      "file back, or use another folder (--home, or SIGNALBOX_HOME).",
  );
}

function refuseOtherVersion(location: string, major: string): void {
  const version = readFileSync(join(location, "PG_VERSION"), "utf8").trim();
  if (version === major) return;
  throw new PostgresFailure(
    "folder_unusable",
    `The database in ${location} was made by PostgreSQL ${version}; this is ${major}. Use another ` +
      "folder (--home, or SIGNALBOX_HOME), or carry the data over with pg_dump.",
  );
}
