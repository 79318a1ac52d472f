import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure, usage } from "./failure.js";

export const DEFAULT_URL = "http://127.0.0.1:3000";

/** The environment variable of each source's secret, by the source's name in its address. */
export const SECRET_NAMES: ReadonlyMap<string, string> = new Map([
  ["stripe", "STRIPE_WEBHOOK_SECRET"],
  ["sentry", "SENTRY_CLIENT_SECRET"],
  ["vercel", "VERCEL_WEBHOOK_SECRET"],
  ["better-stack", "BETTER_STACK_WEBHOOK_TOKEN"],
  ["resend", "RESEND_WEBHOOK_SECRET"],
]);

type Env = Readonly<Record<string, string | undefined>>;

/** What the local start writes down about itself, as far as it is used here. */
interface Running {
  url: string;
  adminToken: string | undefined;
  secrets: Record<string, string>;
}

export interface Target {
  /** Without a slash at the end. */
  url: string;
  /** Null when none is known; only what needs it asks for it. */
  token: string | null;
  /** By environment name. */
  secrets: Env;
  /** The home on which nothing runs, when nobody named an address either. */
  deserted: string | null;
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Where to speak to, and with what. Named on the command line, else by the environment, else by the
 * local start. Its token and secrets are used for its own address only.
 *
 * @throws Failure when the address is no http URL.
 */
export function targetOf(
  options: { url?: string; home?: string; token?: string },
  env: Env,
): Target {
  const named = options.home ?? filled(env.SIGNALBOX_HOME);
  const home = named === undefined ? join(root, ".signalbox") : resolve(named);
  const running = readRunning(join(home, "running.json"));
  // A home that is named on the command line goes before an address of the environment.
  const given = options.url ?? (options.home === undefined ? filled(env.SIGNALBOX_URL) : undefined);
  const url = httpUrl(given ?? running?.url ?? DEFAULT_URL);
  const local = running !== null && isSamePlace(url, running.url) ? running : null;
  return {
    url,
    token:
      options.token ??
      filled(env.SIGNALBOX_KEY) ??
      filled(env.ADMIN_TOKEN) ??
      local?.adminToken ??
      null,
    secrets: { ...local?.secrets, ...onlyFilled(env) },
    deserted: running === null && given === undefined ? home : null,
  };
}

/** @throws Failure when nobody said which. */
export function tokenOf(target: Target): string {
  if (target.token !== null) return target.token;
  refuseDeserted(target);
  throw new Failure(
    `There is no key for ${target.url}.`,
    "Set SIGNALBOX_KEY or ADMIN_TOKEN, or start the local Signalbox with `npm start`.",
  );
}

/** @throws Failure when nobody said which. */
export function secretOf(target: Target, source: string): string {
  const name = SECRET_NAMES.get(source) ?? "";
  const secret = target.secrets[name];
  if (secret !== undefined) return secret;
  refuseDeserted(target);
  throw new Failure(
    `There is no secret to sign with for ${target.url}.`,
    `Pass --secret, set ${name}, or start the local Signalbox with \`npm start\`.`,
  );
}

/** Without a start there is nobody to have the token or the secret from. */
function refuseDeserted({ deserted }: Target): void {
  if (deserted === null) return;
  throw new Failure(
    `No Signalbox is running on ${deserted}.`,
    "Start it with `npm start`, or name another: its folder by --home or SIGNALBOX_HOME, its address by --url.",
  );
}

const filled = (value: string | undefined): string | undefined => (value ? value : undefined);

function onlyFilled(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value));
}

function readRunning(file: string): Running | null {
  let said: Partial<Running>;
  try {
    said = JSON.parse(readFileSync(file, "utf8")) as Partial<Running>;
  } catch {
    return null; // no local start, or one that is writing it just now
  }
  if (typeof said.url !== "string") return null;
  return { url: said.url, adminToken: said.adminToken, secrets: said.secrets ?? {} };
}

function httpUrl(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw usage(`"${given}" is no address.`, `Write it as ${DEFAULT_URL} or https://example.com.`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

function isSamePlace(a: string, b: string): boolean {
  const [one, other] = [new URL(a), new URL(b)];
  const near = LOOPBACK.has(one.hostname) && LOOPBACK.has(other.hostname);
  return one.origin === other.origin || (near && one.port === other.port);
}
