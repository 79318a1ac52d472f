import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freshen, loadSample, requestOf } from "../../cli/samples/index.js";
import { openHome } from "../../local/home.js";
import { endLeftPostgres, endOrphans } from "../../local/orphans.js";
import { isRunning, waitUntil } from "../../local/postgres/processes.js";
import { locationOf, readRecord } from "../../local/postgres/record.js";
import { isPostmasterOf, readPidFile } from "../../local/postgres/server.js";
import type { Running } from "../../local/signalbox.js";

const ROOT = resolve(import.meta.dirname, "../..");
const READY_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 30_000;

/** One `npm start` as a user has it: a process, what it prints, how it ends. */
export interface Command {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Its one line of JSON. */
  ready(): Promise<Running>;
  /** Waits until it has printed something on stderr. */
  said(text: string): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Its exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals>;
}

const commands: ChildProcess[] = [];
const homes: string[] = [];

/** A folder for one Signalbox; `cleanUp` ends what still runs on it, and deletes it. */
export function temporaryHome(): string {
  const folder = mkdtempSync(join(tmpdir(), "signalbox-test-start-"));
  chmodSync(folder, 0o711); // as root, Postgres runs as another user
  homes.push(join(folder, "home"));
  return join(folder, "home");
}

/** Runs it with nothing of the caller's environment that could change it. */
export function startCommand(
  home: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  options: { inShell?: boolean } = {},
): Command {
  const line = [
    process.execPath,
    join(ROOT, "scripts/start.mjs"),
    "--json",
    "--home",
    home,
    ...args,
  ];
  // npm's way: a shell that waits, and that does not hand on what ends it.
  const shell = ["sh", "-c", `${line.map((word) => `'${word}'`).join(" ")}; exit $?`];
  const [program = "", ...words] = options.inShell === true ? shell : line;
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(program, words, {
    env: { PATH, HOME, TMPDIR, PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  commands.push(child);
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk) => {
    said.out += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    said.err += String(chunk);
  });
  const end = new Promise<number | NodeJS.Signals>((done) => {
    child.once("close", (code, signal) => done(code ?? signal ?? -1));
  });
  let hasEnded = false;
  void end.then(() => {
    hasEnded = true;
  });
  const until = async (what: string, condition: () => boolean, timeoutMs: number) => {
    const came = await waitUntil(() => condition() || hasEnded, timeoutMs);
    if (!came || !condition()) throw new Error(`${what} did not come; it said:\n${said.err}`);
  };
  return {
    pid: child.pid ?? 0,
    stdout: () => said.out,
    stderr: () => said.err,
    async ready() {
      await until("a line of JSON", () => said.out.includes("\n"), READY_TIMEOUT_MS);
      return JSON.parse(said.out) as Running;
    },
    said: (text) => until(`"${text}"`, () => said.err.includes(text), READY_TIMEOUT_MS),
    signal: (signal) => child.kill(signal),
    async ended() {
      await waitUntil(() => hasEnded, END_TIMEOUT_MS);
      if (!hasEnded) throw new Error(`It has not ended; it said:\n${said.err}`);
      return end;
    },
  };
}

/** Whether a Postgres runs on the home's data. */
export function postgresRuns(home: string): boolean {
  const dataDir = openHome(home).path("postgres");
  const record = readRecord(dataDir);
  const location = record === undefined ? dataDir : locationOf(dataDir, record);
  const server = readPidFile(location);
  return server !== undefined && isPostmasterOf(server.pid, location);
}

/** Everything of a start that runs. The queue before the app: a delivery refused would cost a retry, ten seconds. */
export const processesOf = ({ pid, pids }: Running): number[] =>
  [pid, pids.platform, pids.app].filter((one): one is number => one !== null);

export const noneRuns = (pids: readonly number[], timeoutMs = 15_000): Promise<boolean> =>
  waitUntil(() => !pids.some(isRunning), timeoutMs);

/** Posts a fresh sample of Stripe's, signed. @returns its event key */
export async function postPayment(running: Running, uniqueId: string): Promise<string> {
  const now = Date.now();
  const sample = freshen(loadSample("stripe", "payment-succeeded"), { uniqueId, now });
  const secret = running.secrets.STRIPE_WEBHOOK_SECRET ?? "";
  const answer = await fetch(`${running.url}/api/webhooks/stripe`, {
    method: "POST",
    ...requestOf(sample, { secret, now }),
  });
  const said = (await answer.json()) as { status: string; eventKey: string };
  if (answer.status !== 202) throw new Error(`answered ${answer.status} ${JSON.stringify(said)}`);
  return said.eventKey;
}

/** Rows of a list of the admin API. */
export async function adminList<Row>(running: Running, list: string): Promise<Row[]> {
  const answer = await fetch(`${running.url}/api/admin/${list}`, {
    headers: { authorization: `Bearer ${running.adminToken}` },
  });
  if (!answer.ok) throw new Error(`${list} answered ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { data: Row[] }).data;
}

/** Waits until an event is processed. */
export async function processed(running: Running, eventKey: string): Promise<boolean> {
  return waitUntil(async () => {
    const events = await adminList<{ status: string }>(running, `events?eventKey=${eventKey}`);
    return events[0]?.status === "processed";
  }, 30_000);
}

/** Ends every command and every Postgres that a test has left, and deletes the homes. */
export async function cleanUp(): Promise<void> {
  for (const child of commands.splice(0)) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGTERM");
    if (!(await noneRuns([child.pid]))) child.kill("SIGKILL");
  }
  for (const home of homes.splice(0)) {
    const open = openHome(home);
    await endOrphans(open, () => undefined);
    await endLeftPostgres(open);
    const record = readRecord(open.path("postgres"));
    if (record !== undefined) {
      rmSync(locationOf(open.path("postgres"), record), { recursive: true, force: true });
    }
    rmSync(resolve(home, ".."), { recursive: true, force: true });
  }
}
