import { statSync } from "node:fs";
import { isProduction } from "../src/runtime/environment.js";
import { bindable, LOOPBACK, rememberedPorts } from "./addresses.js";
import { type App, type Child, type Platform, startApp, startPlatform } from "./children.js";
import { StartFailure } from "./failure.js";
import { claimHome, type Home, openHome } from "./home.js";
import { applyMigrations, MIGRATIONS } from "./migrate.js";
import { endLeftPostgres, endOrphans } from "./orphans.js";
import { localSecrets, SHOWN_SECRETS } from "./secrets.js";
import { type Environment, emulatedServices, setting, type VendorId } from "./services.js";
import { awayNote, checkSettings } from "./settings.js";

export interface SignalboxOptions {
  home: string;
  /** 0: the port of the last start on this home, or any free one. */
  port: number;
  env: Environment;
  verbose?: boolean | undefined;
  log?: ((line: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** What programs are told of a start. In production nothing secret is in it. */
export interface Running {
  url: string;
  adminToken: string | null;
  cronSecret: string | null;
  secrets: Record<string, string>;
  /** Where to read mails and Slack messages; null when the real service gets them. */
  mailboxUrl: string | null;
  slackUrl: string | null;
  databaseUrl: string | null;
  qstashUrl: string | null;
  qstashToken: string | null;
  kvUrl: string | null;
  kvToken: string | null;
  /** Where each emulator listens; those of real services are absent. */
  emulators: Partial<Record<VendorId | "qstash" | "kv", string>>;
  home: string;
  logFile: string | null;
  /** The process to send SIGTERM to. */
  pid: number;
  pids: { app: number; platform: number | null };
}

export interface Signalbox {
  readonly running: Running;
  /** What went less than well; the start is usable all the same. */
  readonly warnings: readonly string[];
  /** Resolves with a sentence when a part ends that should not. */
  readonly broken: Promise<string>;
  /** The app finishes what is in hand, the emulators close, Postgres stops. May be called again. */
  stop(): Promise<void>;
  /** Ends a stop that takes too long. */
  hurry(): void;
}

const SETUP_TIMEOUT_MS = 30_000;

/**
 * Starts everything on one home: the platform, the app on it, and the schedules in the queue.
 *
 * @throws StartFailure, ConfigError, PostgresFailure, MigrationFailure; then nothing is left running
 */
export async function startSignalbox(options: SignalboxOptions): Promise<Signalbox> {
  const { env, log = () => undefined } = options;
  const home = openHome(options.home);
  const release = claimHome(home);
  const crew: { platform?: Platform; app?: App } = {};
  const stop = async (): Promise<void> => {
    try {
      home.remove("running.json");
      // First of all, so that it does not deliver to an app that is gone: that would cost retries.
      if (crew.app !== undefined) await crew.platform?.setQueue(false);
      await crew.app?.stop();
      await crew.platform?.stop();
      await endLeftPostgres(home); // when the platform was killed
    } finally {
      release();
    }
  };
  try {
    home.remove("running.json");
    const production = isProduction(env);
    const secrets = production ? undefined : localSecrets(home);
    checkSettings(env, secrets, `http://${LOOPBACK}:${options.port}`);
    await endOrphans(home, log);
    const port = await choosePort(home, options.port);
    const appEnv = await startGround(crew, home, port, options);
    log("Starting the app");
    crew.app = await startApp({ ...options, home: home.dir, env: appEnv, port });
    await crew.platform?.setQueue(true);
    const away = awayNote(env, crew.platform?.addresses.qstash, crew.app.url);
    const warnings = [...away, ...(await setUp(crew.app.url, appEnv.ADMIN_TOKEN ?? ""))];
    const running = describe(home, crew.app, crew.platform, appEnv, options);
    home.write("running.json", running);
    return handle(running, warnings, crew, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What the app stands on; the app's environment. In production all of it is elsewhere. */
async function startGround(
  crew: { platform?: Platform },
  home: Home,
  port: number,
  options: SignalboxOptions,
): Promise<Record<string, string>> {
  const { env, log } = options;
  if (isProduction(env)) {
    log?.("Applying migrations");
    await applyMigrations({ databaseUrl: setting(env, "DATABASE_URL") ?? "", dir: MIGRATIONS });
    const named = Object.entries(env).filter((entry): entry is [string, string] => !!entry[1]);
    return Object.fromEntries(named);
  }
  const emulated = emulatedServices(env);
  log?.(
    emulated.includes("postgres") ? "Starting Postgres and the emulators" : "Starting emulators",
  );
  const appUrl = `http://${LOOPBACK}:${port}`;
  crew.platform = await startPlatform({ ...options, home: home.dir, appUrl, holdQueue: true });
  return crew.platform.env;
}

async function choosePort(home: Home, wanted: number): Promise<number> {
  if (wanted === 0) return rememberedPorts(home).choose("app");
  const port = await bindable(wanted);
  if (port === undefined) {
    throw new StartFailure(
      `Port ${wanted} on ${LOOPBACK} is in use by another program. Stop that program, or choose ` +
        `another port: npm start -- --port ${wanted + 1}`,
    );
  }
  return port;
}

/** Registers the schedules in the queue. Without them everything works, only sweeps do not run. */
async function setUp(url: string, adminToken: string): Promise<string[]> {
  const again = "Run it again with: npx --no signalbox setup";
  try {
    const answer = await fetch(`${url}/api/admin/setup`, {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}` },
      signal: AbortSignal.timeout(SETUP_TIMEOUT_MS),
    });
    const text = await answer.text();
    if (!answer.ok) return [`The schedules were not set up (${answer.status} ${text}). ${again}`];
    const { data } = JSON.parse(text) as { data?: { checks?: { ok: boolean; detail: string }[] } };
    return (data?.checks ?? []).filter(({ ok }) => !ok).map(({ detail }) => detail);
  } catch (error) {
    return [`The schedules were not set up (${(error as Error).message}). ${again}`];
  }
}

function describe(
  home: Home,
  app: App,
  platform: Platform | undefined,
  env: Record<string, string>,
  { verbose }: SignalboxOptions,
): Running {
  const { vendors = {}, qstash, kv } = platform?.addresses ?? {};
  const emulators = { ...vendors, ...(qstash && { qstash }), ...(kv && { kv }) };
  const secret = (name: string): string | null =>
    platform === undefined ? null : (env[name] ?? null);
  const shown = SHOWN_SECRETS.map((name) => [name, secret(name)]).filter(([, value]) => value);
  return {
    url: app.url,
    adminToken: secret("ADMIN_TOKEN"),
    cronSecret: secret("CRON_SECRET"),
    secrets: Object.fromEntries(shown) as Record<string, string>,
    mailboxUrl: vendors.resend === undefined ? null : `${vendors.resend}/mailbox`,
    slackUrl: vendors.slack === undefined ? null : `${vendors.slack}/messages`,
    databaseUrl: secret("DATABASE_URL"),
    qstashUrl: secret("QSTASH_URL"),
    qstashToken: secret("QSTASH_TOKEN"),
    kvUrl: secret("KV_REST_API_URL"),
    kvToken: secret("KV_REST_API_TOKEN"),
    emulators,
    home: home.dir,
    logFile: verbose === true ? null : home.path("app.log"),
    pid: process.pid,
    pids: { app: app.pid, platform: platform?.pid ?? null },
  };
}

const sizeOf = (file: string | undefined): number =>
  file === undefined ? 0 : (statSync(file, { throwIfNoEntry: false })?.size ?? 0);

function handle(
  running: Running,
  warnings: readonly string[],
  crew: { platform?: Platform; app?: App },
  stopAll: () => Promise<void>,
): Signalbox {
  let stopping: Promise<void> | undefined;
  const parts: [string, Child | undefined][] = [
    ["app", crew.app],
    ["platform", crew.platform],
  ];
  const ends = parts.map(async ([role, child]) => {
    if (child === undefined) return new Promise<string>(() => undefined);
    const log = running.logFile?.replace("app.log", `${role}.log`);
    const bytes = sizeOf(log);
    const { code, signal } = await child.exited;
    // What was killed from outside wrote nothing about it, whatever it had written before.
    const where = signal !== "SIGKILL" && sizeOf(log) > bytes ? ` See the end of ${log}.` : "";
    return (
      `The ${role} ended unexpectedly (${signal ?? code}). Nothing accepted is lost; ` +
      `npm start goes on where it stopped.${log === undefined ? "" : where}`
    );
  });
  if (crew.platform !== undefined) ends.push(crew.platform.broken);
  return {
    running,
    warnings,
    broken: Promise.race(ends),
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
    hurry() {
      for (const [, child] of parts) child?.kill("SIGKILL");
    },
  };
}
