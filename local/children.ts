import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { StartFailure } from "./failure.js";
import { openHome } from "./home.js";
import type { Order, PlatformOrder, Report } from "./messages.js";
import { noteProcess } from "./orphans.js";
import { localSecrets, type Secrets } from "./secrets.js";
import {
  type Addresses,
  appEnvironment,
  type Environment,
  emulatedServices,
  setting,
} from "./services.js";

/** A process of ours: told to stop over its channel, or killed. */
export interface Child {
  readonly pid: number;
  /** Ends when the process does. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
  /** Ends it cleanly; it is killed when it has not ended in time. May be called again. */
  stop(): Promise<void>;
}

export interface Platform extends Child {
  /** The app's whole environment. */
  readonly env: Record<string, string>;
  readonly addresses: Addresses;
  /** Resolves with a sentence when it runs on without something that it stands on. */
  readonly broken: Promise<string>;
  /** Starts, or stops, the queue's emulator. */
  setQueue(open: boolean): Promise<void>;
}

export interface App extends Child {
  readonly url: string;
  readonly port: number;
}

interface ChildOptions {
  /** Where its process is noted down, and its output is kept (`app.log`, `platform.log`). */
  home: string;
  /** Its output goes to our stderr instead. */
  verbose?: boolean | undefined;
  /** Told what happens, one short line each. */
  log?: ((line: string) => void) | undefined;
  /** Aborted: a start that is no longer wanted is stopped. */
  signal?: AbortSignal | undefined;
}

export interface PlatformOptions extends ChildOptions {
  /** Where the app will listen: QStash's and Stripe's emulators deliver there. */
  appUrl: string;
  /** What it names is not emulated; `process.env` unless said otherwise. */
  env?: Environment | undefined;
  /** `setQueue(true)` starts the queue's emulator, once the app is there to be delivered to. */
  holdQueue?: boolean | undefined;
}

export interface AppOptions extends ChildOptions {
  env: Environment;
  port: number;
}

/** Runs TypeScript of the project; local/app.ts and local/platform.ts for us. */
const RUN = join(import.meta.dirname, "../scripts/typescript.mjs");
/** First start: initdb and all. A machine under load takes a multiple of the usual three seconds. */
const READY_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 50_000;
/** A killed predecessor's lock on the database takes a while to fall; calls in flight to end. */
const QUEUE_TIMEOUT_MS = 30_000;
const LOG_BYTES_MAX = 20 * 1024 * 1024;

/**
 * Starts Postgres, the tables and all emulators in a process of their own. After a SIGKILL the same
 * call finds the data, and the addresses where they are still free.
 *
 * @throws StartFailure whose message says what to do
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const home = openHome(options.home);
  const env = options.env ?? process.env;
  const secrets = localSecrets(home);
  const order: PlatformOrder = {
    home: home.dir,
    appUrl: options.appUrl,
    emulated: emulatedServices(env),
    secrets: overridden(secrets, env),
    holdQueue: options.holdQueue,
    databaseUrl: setting(env, "DATABASE_URL"),
  };
  const started = await startChild("platform", env, { type: "platform", order }, options);
  const { addresses } = started.ready;
  if (addresses === undefined) throw new StartFailure("The platform did not say where it is.");
  return {
    ...started.child,
    addresses,
    broken: started.broken,
    setQueue: (open) => setQueue(started.process, started.child, open),
    env: appEnvironment(env, secrets, addresses, options.appUrl),
  };
}

/** Serves the app on 127.0.0.1. @throws StartFailure, also with everything that is wrong in `env` */
export async function startApp(options: AppOptions): Promise<App> {
  const { port } = options;
  const { child } = await startChild("app", options.env, { type: "app", port }, options);
  return { ...child, port, url: `http://127.0.0.1:${port}` };
}

function overridden(secrets: Secrets, env: Environment): Secrets {
  const names = Object.keys(secrets) as (keyof Secrets)[];
  const own = names.map((name) => [name, setting(env, name) ?? secrets[name]]);
  return Object.fromEntries(own) as Secrets;
}

type Role = "platform" | "app";
type Ready = Extract<Report, { type: "ready" }>;

async function startChild(
  role: Role,
  env: Environment,
  order: Order,
  options: ChildOptions,
): Promise<{ process: ChildProcess; child: Child; broken: Promise<string>; ready: Ready }> {
  options.signal?.throwIfAborted();
  const process = spawnChild(role, env, options);
  const exited = new Promise<Awaited<Child["exited"]>>((resolve) => {
    process.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const child = handleOf(process, exited);
  const broken = new Promise<string>((resolve) => {
    process.on("message", (message: Report) => {
      if (message.type === "broken") resolve(message.message);
    });
  });
  noteProcess(openHome(options.home), role, child.pid);
  try {
    return {
      process,
      child,
      broken,
      ready: await readiness(role, process, exited, order, options),
    };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

function spawnChild(role: Role, env: Environment, options: ChildOptions): ChildProcess {
  const log = options.verbose === true ? undefined : openLog(join(options.home, `${role}.log`));
  try {
    // Its stdout would mix with what this command prints for programs.
    const output = log ?? 2;
    return fork(RUN, [`local/${role}.ts`], {
      execArgv: [],
      env: env as NodeJS.ProcessEnv,
      stdio: ["ignore", output, output, "ipc"],
    });
  } finally {
    if (log !== undefined) closeSync(log); // the child has its own
  }
}

/** Appended to; one old log is kept when it has grown too long. */
function openLog(file: string): number {
  const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > LOG_BYTES_MAX) renameSync(file, `${file}.1`);
  return openSync(file, "a", 0o600);
}

function readiness(
  role: Role,
  process: ChildProcess,
  exited: Child["exited"],
  order: Order,
  options: ChildOptions,
): Promise<Ready> {
  const log = join(options.home, `${role}.log`);
  const where = options.verbose === true ? "" : ` See the end of ${log}.`;
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      const seconds = READY_TIMEOUT_MS / 1000;
      reject(new StartFailure(`The ${role} was not ready after ${seconds} s.${where}`));
    }, READY_TIMEOUT_MS);
    process.on("message", (message: Report) => {
      if (message.type === "progress") return options.log?.(message.line);
      clearTimeout(late);
      if (message.type === "ready") resolve(message);
      if (message.type === "failed") reject(new StartFailure(message.message));
    });
    process.once("error", reject);
    options.signal?.addEventListener("abort", () => reject(options.signal?.reason), { once: true });
    void exited.then(({ code, signal }) => {
      clearTimeout(late);
      const message = `The ${role} ended before it was ready (${signal ?? code}).${where}`;
      reject(new StartFailure(message));
    });
    send(process, order);
  });
}

/** Resolves when it is done; a platform that is gone, or hangs, has no queue to be closed. */
function setQueue(process: ChildProcess, child: Child, open: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void =>
      open ? reject(new StartFailure("The queue's emulator did not start.")) : resolve();
    const late = setTimeout(giveUp, QUEUE_TIMEOUT_MS).unref();
    void child.exited.then(giveUp);
    process.on("message", (message: Report) => {
      if (message.type === "failed") reject(new StartFailure(message.message));
      if (message.type !== "queue" || message.open !== open) return;
      clearTimeout(late);
      resolve();
    });
    send(process, { type: "queue", open });
  });
}

/** A channel that has closed meanwhile is no error: the process is gone, which `exited` tells. */
const send = (process: ChildProcess, order: Order): void => {
  if (process.connected) process.send(order, () => undefined);
};

function handleOf(process: ChildProcess, exited: Child["exited"]): Child {
  const pid = process.pid ?? 0;
  const stop = async (): Promise<void> => {
    send(process, { type: "stop" });
    const late = setTimeout(() => process.kill("SIGKILL"), STOP_TIMEOUT_MS);
    if (pid > 0) await exited;
    clearTimeout(late);
  };
  let stopping: Promise<void> | undefined;
  return {
    pid,
    exited,
    kill: (signal) => {
      process.kill(signal);
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}
