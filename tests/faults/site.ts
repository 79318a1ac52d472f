import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../local/addresses.js";
import { type Home, openHome } from "../../local/home.js";
import type { Order, Report } from "../../local/messages.js";
import { locationOf, readRecord } from "../../local/postgres/record.js";
import { localSecrets, type Secrets } from "../../local/secrets.js";
import { type Addresses, appEnvironment, type ServiceId } from "../../local/services.js";

const READY_TIMEOUT_MS = 60_000;
const POLICY = join(import.meta.dirname, "policy.yaml");
const EMULATED: readonly ServiceId[] = ["postgres", "kv", "qstash", "resend", "slack"];

/** A Signalbox of our own: the platform and the app as processes that can be killed and started again. */
export interface Site {
  url: string;
  secrets: Secrets;
  home: Home;
  /** Where the platform's parts really listen, whatever stands before them. */
  addresses(): Addresses;
  startPlatform(): Promise<void>;
  startApp(): Promise<void>;
  /** SIGKILL: nothing is closed, nothing is flushed. */
  killApp(): Promise<void>;
  /** SIGKILL for the emulators, and for Postgres by its own pid. */
  killPlatform(): Promise<void>;
  /** Stops all as Ctrl-C would. */
  close(): Promise<void>;
  /** Deletes the home of a closed site, and the database where that had to be made elsewhere. */
  remove(): void;
}

export interface SiteOptions {
  dir: string;
  /** What the app is told in place of the platform's own addresses, such as those of proxies. */
  addressesForApp?(real: Addresses): Addresses;
  env?: Readonly<Record<string, string>>;
}

interface Running {
  process: ChildProcess;
  ended: Promise<void>;
}

export async function openSite(options: SiteOptions): Promise<Site> {
  mkdirSync(options.dir, { recursive: true });
  const home = openHome(options.dir);
  const secrets = localSecrets(home);
  const port = await freePort();
  if (port === undefined) throw new Error("no free port on 127.0.0.1");
  const url = `http://127.0.0.1:${port}`;
  let addresses: Addresses | null = null;
  let platform: Running | null = null;
  let app: Running | null = null;
  const known = (): Addresses => {
    if (addresses === null) throw new Error("the platform has not been started");
    return addresses;
  };
  const killApp = async (): Promise<void> => {
    await killed(app);
    app = null;
  };
  return {
    url,
    secrets,
    home,
    addresses: known,
    async startPlatform() {
      const order = { home: home.dir, appUrl: url, emulated: EMULATED, secrets };
      const started = await startChild("platform", { type: "platform", order }, home, {});
      platform = started.running;
      addresses = started.ready.addresses ?? known();
    },
    async startApp() {
      const told = options.addressesForApp?.(known()) ?? known();
      const env = { LOG_LEVEL: "info", SIGNALBOX_POLICY: POLICY, ...options.env };
      const environment = appEnvironment(env, secrets, told, url);
      const started = await startChild("app", { type: "app", port }, home, environment);
      app = started.running;
    },
    killApp,
    async killPlatform() {
      const postmaster = postmasterOf(home);
      if (postmaster !== null) process.kill(postmaster, "SIGKILL");
      await killed(platform);
      platform = null;
    },
    async close() {
      await stopped(app);
      await stopped(platform);
    },
    remove() {
      const dataDir = home.path("postgres");
      const record = readRecord(dataDir);
      const dirs = record === undefined ? [] : [locationOf(dataDir, record)];
      for (const dir of [...dirs, home.dir]) rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function startChild(
  name: "platform" | "app",
  order: Order,
  home: Home,
  env: Readonly<Record<string, string>>,
): Promise<{ running: Running; ready: Extract<Report, { type: "ready" }> }> {
  const logFile = home.path(`${name}.log`);
  const log = openSync(logFile, "a", 0o600);
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(process.execPath, ["scripts/typescript.mjs", `local/${name}.ts`], {
    cwd: join(import.meta.dirname, "../.."),
    env: { PATH, HOME, TMPDIR, ...env },
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const ready = new Promise<Extract<Report, { type: "ready" }>>((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`the ${name} ${why}`));
    const late = setTimeout(() => fail("was not ready in time"), READY_TIMEOUT_MS);
    child.once("exit", (code) => fail(`ended with ${code}`)); // once it is ready this changes nothing
    child.on("message", (report: Report) => {
      if (report.type === "failed") fail(`failed: ${report.message}`);
      if (report.type !== "ready") return;
      clearTimeout(late);
      resolve(report);
    });
  });
  child.send(order);
  try {
    return { running: { process: child, ended }, ready: await ready };
  } catch (cause) {
    child.kill("SIGKILL");
    throw new Error(`${(cause as Error).message}; its log ends with\n${tailOf(logFile)}`, {
      cause,
    });
  }
}

const tailOf = (file: string): string => readFileSync(file, "utf8").slice(-2_000);

async function killed(running: Running | null): Promise<void> {
  if (running === null) return;
  running.process.kill("SIGKILL");
  await running.ended;
}

async function stopped(running: Running | null): Promise<void> {
  if (running === null) return;
  if (running.process.connected) running.process.send({ type: "stop" } satisfies Order);
  await running.ended;
}

/** The pid in the first line of Postgres's own file; null when it does not run. */
function postmasterOf(home: Home): number | null {
  const dataDir = home.path("postgres");
  const record = readRecord(dataDir);
  if (record === undefined) return null;
  const text = readFileSync(join(locationOf(dataDir, record), "postmaster.pid"), "utf8");
  const pid = Number(text.split("\n")[0]);
  return Number.isInteger(pid) && pid > 1 ? pid : null;
}
