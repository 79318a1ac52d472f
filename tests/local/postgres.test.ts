import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { chooseAccounts, giveTo, ownerOf } from "../../local/postgres/account.js";
import { findBinaries } from "../../local/postgres/binaries.js";
import { isRunning, waitUntil } from "../../local/postgres/processes.js";
import { isPostmasterOf, makeCluster } from "../../local/postgres/server.js";
import {
  type PostgresFailure,
  type PostgresOptions,
  type RunningPostgres,
  removeAbandoned,
  startPostgres,
} from "../../local/postgres.js";

const ROOT = resolve(import.meta.dirname, "../..");
const isRoot = process.getuid?.() === 0;

let seed: string;
let folder: string;
let dataDir: string;
const servers: RunningPostgres[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  seed = mkdtempSync(join(tmpdir(), "signalbox-test-seed-"));
  chmodSync(seed, 0o711);
  await (await startPostgres({ dataDir: join(seed, "pgdata"), durability: "fast" })).stop();
});

afterAll(() => {
  rmSync(seed, { recursive: true, force: true });
});

/** Spares most tests the making of a data folder of their own, which takes longer than all else. */
function copySeed(): void {
  for (const name of ["pgdata", "pgdata.json"]) {
    cpSync(join(seed, name), join(folder, name), { recursive: true });
  }
  chmodSync(dataDir, 0o700);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "signalbox-test-life-"));
  chmodSync(folder, 0o711);
  dataDir = join(folder, "pgdata");
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const server of servers.splice(0)) await server.destroy();
  await removeAbandoned(dataDir);
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Partial<PostgresOptions> = {}): Promise<RunningPostgres> {
  if (!existsSync(dataDir) && options.dataDir === undefined) copySeed();
  const server = await startPostgres({ dataDir, durability: "fast", ...options });
  servers.push(server);
  return server;
}

const refusal = (options: Partial<PostgresOptions> = {}): Promise<PostgresFailure> =>
  start(options).then(
    () => expect.fail("it started"),
    (error) => error,
  );

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Another process that starts the Postgres of this folder, and can be killed. */
async function holder(): Promise<{
  process: ChildProcess;
  pid: number;
  port: number;
  url: string;
}> {
  copySeed();
  const options = JSON.stringify({ dataDir, durability: "fast" });
  const program = ["scripts/typescript.mjs", "tests/local/fixtures/hold-postgres.ts", options];
  const child = spawn(process.execPath, program, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [line] = await once(child.stdout, "data", { signal: AbortSignal.timeout(20_000) });
  return { process: child, ...JSON.parse(String(line)) };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit", { signal: AbortSignal.timeout(5_000) });
  child.kill("SIGKILL");
  await gone;
}

async function killPostgres(pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  expect(await waitUntil(() => !isRunning(pid), 5_000)).toBe(true);
}

const makeNote = (url: string): Promise<unknown> =>
  query(url, "CREATE TABLE note (text text); INSERT INTO note VALUES ('kept')");

const readNotes = (url: string): Promise<unknown> => query(url, "SELECT text FROM note");

describe("a started Postgres", () => {
  it("serves the application's role, which is no superuser and waits 5 s for a lock", async () => {
    const { url } = await start();
    const sql = `SELECT current_user AS role, rolsuper AS super,
      current_setting('lock_timeout') AS wait, current_setting('transaction_isolation') AS isolation,
      current_setting('server_encoding') AS encoding, current_setting('TimeZone') AS zone
      FROM pg_roles WHERE rolname = current_user`;
    expect(await query(url, sql)).toEqual([
      {
        role: "signalbox",
        super: false,
        wait: "5s",
        isolation: "read committed",
        encoding: "UTF8",
        zone: "UTC",
      },
    ]);
  });

  it("listens on the loopback address only, and asks for its password", async () => {
    const { url, adminUrl } = await start();
    const sql =
      "SELECT current_setting('listen_addresses') AS at, current_setting('unix_socket_directories') AS sockets";
    expect(await query(adminUrl, sql)).toEqual([{ at: "127.0.0.1", sockets: "" }]);
    const wrong = new URL(url);
    wrong.password = "wrong";
    await expect(query(wrong.href, "SELECT 1")).rejects.toThrow(/password authentication failed/);
    expect(statSync(`${dataDir}.json`).mode & 0o777).toBe(0o600);
  });

  it("makes further databases for the application's role, each once", async () => {
    const server = await start();
    const url = await server.database("emulators");
    expect(await server.database("emulators")).toBe(url);
    await makeNote(url);
    expect(await readNotes(url)).toEqual([{ text: "kept" }]);
  });

  it("syncs to disk unless told to be fast", async () => {
    const safe = await start({ durability: "safe" });
    const sql = "SELECT current_setting('fsync') || current_setting('full_page_writes') AS s";
    expect(await query(safe.adminUrl, sql)).toEqual([{ s: "onon" }]);
    await safe.stop();
    const fast = await start({ durability: "fast" });
    expect(await query(fast.adminUrl, sql)).toEqual([{ s: "offoff" }]);
  });

  it("is in a session of its own, out of reach of a terminal's Ctrl-C", async () => {
    const { process: child, pid } = await holder();
    expect(isPostmasterOf(pid, dataDir)).toBe(true);
    expect(isPostmasterOf(child.pid ?? 0, dataDir)).toBe(false);
    if (process.platform !== "linux") return;
    const session = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[3];
    expect(Number(session)).toBe(pid);
  });

  it("stops with everything it owns, and stopping twice is no error", async () => {
    const server = await start();
    await Promise.all([server.stop(), server.stop()]);
    expect(isRunning(server.pid)).toBe(false);
    expect(existsSync(join(dataDir, "postmaster.pid"))).toBe(false);
    expect(existsSync(`${dataDir}.owner`)).toBe(false);
  });

  it("stops while sessions are open", async () => {
    const server = await start();
    const client = new pg.Client({ connectionString: server.url });
    let farewell = "";
    client.on("error", (error) => {
      farewell += error.message;
    });
    await client.connect();
    await server.stop();
    expect(await waitUntil(() => farewell.includes("administrator command"), 5_000)).toBe(true);
    expect(isRunning(server.pid)).toBe(false);
  });
});

describe("a second start", () => {
  it("finds the data, the port and the password of the first", async () => {
    const first = await start();
    await makeNote(first.url);
    await first.stop();
    const second = await start();
    expect(second.adopted).toBe(false);
    expect(second.url).toBe(first.url);
    expect(await readNotes(second.url)).toEqual([{ text: "kept" }]);
  });

  it("takes over the Postgres of a killed Signalbox", async () => {
    const killed = await holder();
    await makeNote(killed.url);
    await kill(killed.process);
    const server = await start();
    expect(server).toMatchObject({ adopted: true, pid: killed.pid, url: killed.url });
    expect(await readNotes(server.url)).toEqual([{ text: "kept" }]);
    await server.stop();
    expect(isRunning(killed.pid)).toBe(false);
  });

  it("recovers when Postgres was killed", async () => {
    const first = await start();
    await makeNote(first.url);
    await killPostgres(first.pid);
    await first.stop();
    const second = await start();
    expect(second.adopted).toBe(false);
    expect(await readNotes(second.url)).toEqual([{ text: "kept" }]);
  });

  it("recovers when Signalbox and Postgres were killed", async () => {
    const killed = await holder();
    await makeNote(killed.url);
    const client = new pg.Client({ connectionString: killed.url });
    client.on("error", () => undefined);
    await client.connect(); // a session that the dead postmaster leaves behind for a moment
    await kill(killed.process);
    await killPostgres(killed.pid);
    const server = await start();
    expect(server.adopted).toBe(false);
    expect(await readNotes(server.url)).toEqual([{ text: "kept" }]);
  });

  it("ends a Postgres left running on another port than is wanted", async () => {
    const killed = await holder();
    await makeNote(killed.url);
    await kill(killed.process);
    const port = await freePort();
    const server = await start({ port });
    expect(server).toMatchObject({ adopted: false, port });
    expect(isRunning(killed.pid)).toBe(false);
    expect(await readNotes(server.url)).toEqual([{ text: "kept" }]);
  });

  it("ends a Postgres left running that does not know the password", async () => {
    const killed = await holder();
    const client = new pg.Client({ connectionString: (await adminUrlOf(killed.port)).href });
    await client.connect();
    await client.query("ALTER ROLE postgres PASSWORD 'other'");
    await client.end();
    await kill(killed.process);
    await expect(start()).rejects.toThrow(/password authentication failed/);
    expect(isRunning(killed.pid)).toBe(false);
    expect(existsSync(join(dataDir, "postmaster.pid"))).toBe(false); // nor was another left running
  });

  it("spares a process that now has the number in a stale pid file", async () => {
    const first = await start();
    await makeNote(first.url);
    await first.stop();
    const bystander = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"]);
    children.push(bystander);
    const lines = [bystander.pid, dataDir, 1, first.port, "", "127.0.0.1", "  0  0", "ready   "];
    writeFileSync(join(dataDir, "postmaster.pid"), `${lines.join("\n")}\n`);
    const second = await start();
    expect(await readNotes(second.url)).toEqual([{ text: "kept" }]);
    expect(isRunning(bystander.pid ?? 0)).toBe(true);
  });

  it("is refused while another Signalbox works on the folder", async () => {
    const other = await holder();
    const failure = await refusal();
    expect(failure).toMatchObject({ name: "PostgresFailure", code: "folder_in_use" });
    expect(failure.message).toContain(`in use by process ${other.process.pid}`);
    expect(await query(other.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("is refused in the same process, too", async () => {
    await start();
    expect(await refusal()).toMatchObject({ code: "folder_in_use" });
  });

  it("starts once when several begin together", async () => {
    const results = await Promise.allSettled([start(), start(), start()]);
    expect(results.map((result) => result.status).sort()).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
    ]);
  });

  it("sweeps away a half-made data folder", async () => {
    const half = `${dataDir}.init-abc123`;
    mkdirSync(half);
    writeFileSync(join(half, "password"), "secret");
    await start({ dataDir });
    expect(readdirSync(folder).filter((name) => name.includes(".init-"))).toEqual([]);
  });
});

describe("a start that can't succeed says why", () => {
  it("when the port is taken", async () => {
    const other = createServer();
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const failure = await refusal({ port });
    other.close();
    expect(failure.code).toBe("port_taken");
    expect(failure.message).toContain(`Port ${port} on 127.0.0.1`);
    await start(); // and the folder is free again
  });

  it("when the folder holds something else", async () => {
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, "letter.txt"), "dear");
    const failure = await refusal();
    expect(failure).toMatchObject({ code: "folder_unusable" });
    expect(failure.message).toContain("holds no database");
    expect(readdirSync(dataDir)).toEqual(["letter.txt"]);
  });

  it("when the data is another version's", async () => {
    await (await start()).stop();
    writeFileSync(join(dataDir, "PG_VERSION"), "12\n");
    const failure = await refusal();
    expect(failure.message).toMatch(/made by PostgreSQL 12; this is 18.*pg_dump/s);
  });

  it("when the password file is gone", async () => {
    await (await start()).stop();
    rmSync(`${dataDir}.json`);
    expect((await refusal()).message).toContain(`password file (${dataDir}.json) is missing`);
  });

  it("when Postgres itself gives up, with its last words", async () => {
    await (await start()).stop();
    writeFileSync(join(dataDir, "postgresql.auto.conf"), "no_such_setting = 1\n");
    const failure = await refusal();
    expect(failure.code).toBe("start_failed");
    expect(failure.message).toContain('unrecognized configuration parameter "no_such_setting"');
  });
});

describe("a clone that other users can't enter", () => {
  it("works; root's Postgres then runs from, and keeps its data in, a shared place", async () => {
    const closed = join(folder, "closed");
    const clone = join(closed, "clone");
    const place = join(folder, "shared");
    cpSync(platformPackage(), join(clone, "package"), { recursive: true, verbatimSymlinks: true });
    chmodSync(closed, 0o700);
    const options = {
      dataDir: join(clone, "home", "pgdata"),
      packageRoot: join(clone, "package"),
      sharedPlaces: [place],
    };
    const first = await start(options);
    await makeNote(first.url);
    await first.stop();
    const second = await start(options);
    expect(await readNotes(second.url)).toEqual([{ text: "kept" }]);
    expect(second.location.startsWith(place)).toBe(isRoot);
    const copies = existsSync(place)
      ? readdirSync(place).filter((n) => n.startsWith("postgres-"))
      : [];
    expect(copies).toHaveLength(isRoot ? 1 : 0);
    await second.destroy();
    expect(existsSync(second.location)).toBe(false);
  });

  it("refuses a shared place that others can write to", async () => {
    const closed = join(folder, "closed");
    const place = join(folder, "shared");
    mkdirSync(closed, { mode: 0o700 });
    mkdirSync(place);
    chmodSync(place, 0o777);
    const options = { dataDir: join(closed, "pgdata"), sharedPlaces: [place] };
    if (!isRoot) return void (await start(options)); // an ordinary user needs no shared place
    expect((await refusal(options)).message).toContain(`${place}: others can write to it`);
  });
});

describe("an install whose scripts npm did not run", () => {
  it("gets the libraries' links and the right to execute", async () => {
    const packageRoot = join(folder, "package");
    cpSync(platformPackage(), packageRoot, {
      recursive: true,
      filter: (path) => !lstatSync(path).isSymbolicLink(),
    });
    for (const name of readdirSync(join(packageRoot, "native/bin"))) {
      chmodSync(join(packageRoot, "native/bin", name), 0o644);
    }
    const { url } = await start({ packageRoot });
    expect(await query(url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});

describe("root's Postgres on a system without a user for it", () => {
  it("is run under a bare number, after initdb under a user with a name", async () => {
    const accounts = chooseAccounts(undefined, []);
    if (!isRoot) return expect(accounts).toEqual({ server: "self", initdb: "self" });
    expect(accounts.server).toEqual({ uid: 58_431, gid: 58_431 });
    const binaries = findBinaries(accounts.server, [join(folder, "shared")]);
    makeCluster(binaries, accounts, join(folder, "cluster"), "password", "fast");
    expect(ownerOf(join(folder, "cluster", "PG_VERSION"))).toEqual(accounts.server);
  });

  it("keeps running as whoever owns the data", async () => {
    await (await start()).stop();
    const owner = isRoot ? { uid: 58_431, gid: 58_431 } : ("self" as const);
    giveTo(dataDir, owner);
    const server = await start();
    const expected = isRoot ? 58_431 : process.getuid?.();
    expect(statSync(join(dataDir, "postmaster.pid")).uid).toBe(expected);
    expect(await query(server.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});

async function adminUrlOf(port: number): Promise<URL> {
  const record = JSON.parse(readFileSync(`${dataDir}.json`, "utf8"));
  return new URL(`postgresql://postgres:${record.superuserPassword}@127.0.0.1:${port}/postgres`);
}

function platformPackage(): string {
  return dirname(dirname(dirname(findBinaries("self", []).postgres)));
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address !== null ? address.port : 0;
}
