import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Accounts, giveTo, runAs } from "./account.js";
import type { Binaries } from "./binaries.js";
import { PostgresFailure } from "./failure.js";
import { commandLine, isRunning, processToken, signalProcess, waitUntil } from "./processes.js";

/**
 * `safe` keeps every commit through a crash of the machine. `fast`, for tests, through a SIGKILL of
 * Postgres only: a commit reaches the kernel, which is not asked to bring it to the disk.
 */
export type Durability = "safe" | "fast";

export const SUPERUSER = "postgres";

const LOG_BYTES_MAX = 10 * 1024 * 1024;
const READY_TIMEOUT_MS = 60_000;
const FAST_STOP_MS = 15_000;
const IMMEDIATE_STOP_MS = 10_000;
const KILLED_MS = 5_000;

/** `synchronous_commit` stays on: without it commits wait in Postgres's memory, lost by a SIGKILL. */
const WITHOUT_DURABILITY = { fsync: "off", full_page_writes: "off" };

/** A clean environment: PGPORT, LD_LIBRARY_PATH and the like of the caller must not reach in. */
const environment = (): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH ?? "/usr/bin:/bin",
  LC_ALL: "C",
  ...(process.platform === "win32" ? { SystemRoot: process.env.SystemRoot ?? "" } : {}),
});

/** What postmaster.pid says (src/include/utils/pidfile.h): lines 1 pid, 4 port, 8 status. */
export interface PidFile {
  readonly pid: number;
  readonly port: number | undefined;
  readonly ready: boolean;
}

export function readPidFile(location: string): PidFile | undefined {
  const path = join(location, "postmaster.pid");
  if (!existsSync(path)) return undefined;
  const lines = readFileSync(path, "utf8").split("\n");
  const pid = Number.parseInt(lines[0] ?? "", 10);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const port = Number.parseInt(lines[3] ?? "", 10);
  return { pid, port: port > 0 ? port : undefined, ready: lines[7]?.trim() === "ready" };
}

/** Whether `pid` really is a postmaster on that folder, and not a later process of the same number. */
export function isPostmasterOf(pid: number, location: string): boolean {
  if (!isRunning(pid)) return false;
  if (process.platform === "win32") return true; // no way to ask; the pid file has to do
  const words = commandLine(pid).replaceAll("\0", " ");
  return /postgres/.test(words) && words.includes(` -D ${location} `);
}

/**
 * Makes the database cluster beside its final name and renames it there: a crash in the middle
 * leaves nothing that looks like data.
 */
export function makeCluster(
  binaries: Binaries,
  accounts: Accounts,
  location: string,
  superuserPassword: string,
  durability: Durability,
): void {
  const prefix = `${basename(location)}.init-`;
  for (const name of readdirSync(dirname(location))) {
    if (name.startsWith(prefix)) rmSync(join(dirname(location), name), { recursive: true });
  }
  const draft = mkdtempSync(join(dirname(location), prefix));
  const data = join(draft, "data");
  const passwordFile = join(draft, "password");
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(passwordFile, `${superuserPassword}\n`, { mode: 0o600 });
  giveTo(draft, accounts.initdb);
  const args = ["-D", data, "-U", SUPERUSER, `--pwfile=${passwordFile}`, "--no-instructions"];
  args.push("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C");
  args.push("--locale-provider=builtin", "--builtin-locale=C.UTF-8");
  if (durability === "fast") args.push("--no-sync");
  const options = { ...runAs(accounts.initdb), cwd: "/", env: environment() };
  const run = spawnSync(binaries.initdb, args, { ...options, encoding: "utf8", timeout: 120_000 });
  if (run.status !== 0) {
    rmSync(draft, { recursive: true, force: true });
    throw initFailed(run.error?.message ?? `${run.stderr}`.trim());
  }
  giveTo(data, accounts.server);
  rmSync(location, { recursive: true, force: true });
  renameSync(data, location);
  rmSync(draft, { recursive: true, force: true });
}

/** A container started under a bare number is the usual reason: initdb wants a name. */
function initFailed(why: string): PostgresFailure {
  const nameless = /could not look up effective user ID/.test(why)
    ? " Run as a user that has a name (an entry in /etc/passwd), or set DATABASE_URL."
    : "";
  const message = `Postgres could not make its data folder: ${why}${nameless}`;
  return new PostgresFailure("start_failed", message);
}

export type Launch =
  | { kind: "ready"; pid: number }
  | { kind: "port_taken" }
  | { kind: "still_closing" } // an earlier postmaster's children have not all left yet
  | { kind: "failed"; why: string };

/**
 * Starts a postmaster in a session of its own (Ctrl-C at the terminal reaches the app, which drains
 * first and then stops Postgres itself), and waits until it takes connections.
 */
export async function launch(
  binaries: Binaries,
  accounts: Accounts,
  location: string,
  port: number,
  durability: Durability,
  logFile: string,
): Promise<Launch> {
  const log = openLog(logFile);
  let child: ChildProcess;
  try {
    child = spawn(binaries.postgres, ["-D", location, ...settings(port, durability)], {
      ...runAs(accounts.server),
      cwd: "/",
      env: environment(),
      detached: true,
      windowsHide: true,
      stdio: ["ignore", log.descriptor, log.descriptor],
    });
  } finally {
    closeSync(log.descriptor);
  }
  let end: string | undefined;
  child.once("error", (error) => {
    end = error.message;
  });
  child.once("exit", (code, signal) => {
    end = `it ended with ${signal ?? `code ${code}`}`;
  });
  child.unref();
  const isReady = (): boolean => {
    const file = readPidFile(location);
    return file !== undefined && file.pid === child.pid && file.ready;
  };
  await waitUntil(() => end !== undefined || isReady(), READY_TIMEOUT_MS);
  if (end === undefined && child.pid !== undefined) {
    if (isReady()) return { kind: "ready", pid: child.pid };
    await stopPostmaster(child.pid, location, binaries);
    end = `it was not ready after ${READY_TIMEOUT_MS / 1000} s`;
  }
  const text = readFileSync(logFile).subarray(log.offset).toString("utf8");
  return classify(end ?? "it did not start", text, logFile);
}

/**
 * Ends a postmaster: fast shutdown, then immediate, then by force. Each step has its bound, and
 * before each signal the pid is checked again to be a postmaster of this folder.
 */
export async function stopPostmaster(
  pid: number,
  location: string,
  binaries: Pick<Binaries, "pgCtl">,
): Promise<void> {
  const steps = [
    { signal: "SIGINT", mode: "fast", waitMs: FAST_STOP_MS },
    { signal: "SIGQUIT", mode: "immediate", waitMs: IMMEDIATE_STOP_MS },
    { signal: "SIGKILL", mode: "immediate", waitMs: KILLED_MS },
  ] as const;
  if (!isPostmasterOf(pid, location)) return;
  const token = processToken(pid);
  for (const { signal, mode, waitMs } of steps) {
    // One that is just ending has no command line any more, by which it is known, and runs for a moment yet.
    const isKnown = isPostmasterOf(pid, location);
    // Windows has no signals; there pg_ctl speaks to the postmaster's named pipe.
    const pgCtl = ["stop", "-D", location, "-m", mode];
    if (isKnown && process.platform !== "win32") signalProcess(pid, signal);
    if (isKnown && process.platform === "win32") {
      spawnSync(binaries.pgCtl, pgCtl, { timeout: waitMs });
    }
    if (await waitUntil(() => processToken(pid) !== token, waitMs)) return;
  }
  throw new PostgresFailure(
    "start_failed",
    `Postgres (process ${pid}, data in ${location}) does not end. End it by hand, then start again.`,
  );
}

function settings(port: number, durability: Durability): string[] {
  const values = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    max_connections: "200",
    shared_buffers: "64MB",
    timezone: "UTC",
    log_timezone: "UTC",
    logging_collector: "off",
    log_destination: "stderr",
    ...(durability === "fast" ? WITHOUT_DURABILITY : {}),
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** Opens the log at its end; a long one is put aside once, so that two are kept at most. */
function openLog(logFile: string): { descriptor: number; offset: number } {
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_BYTES_MAX) renameSync(logFile, `${logFile}.1`);
  const descriptor = openSync(logFile, "a", 0o600);
  return { descriptor, offset: size > LOG_BYTES_MAX ? 0 : size };
}

/** The texts are Postgres's own (LC_ALL=C): pqcomm.c, miscinit.c, sysv_shmem.c. */
function classify(end: string, text: string, logFile: string): Launch {
  if (/could not bind IPv4 address|could not create any TCP\/IP sockets/.test(text)) {
    return { kind: "port_taken" };
  }
  if (/lock file "postmaster\.pid" already exists|pre-existing shared memory block/.test(text)) {
    return { kind: "still_closing" };
  }
  const lastLines = text.trim().split("\n").slice(-8).join("\n  ");
  return { kind: "failed", why: `${end}. Its last words (${logFile}):\n  ${lastLines}` };
}
