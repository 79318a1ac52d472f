import { ConfigError, isProduction } from "../src/runtime/environment.js";
import { parseNodeConfig } from "../src/runtime/node-config.js";
import type { Secrets } from "./secrets.js";
import { appEnvironment, type Environment, problemsOf, setting } from "./services.js";

/** Stand for what is only known once the emulators listen. */
const NOWHERE = "http://127.0.0.1:1";
const UNKNOWN_YET = {
  databaseUrl: "postgres://unknown",
  kv: NOWHERE,
  qstash: NOWHERE,
  slackWebhookUrl: NOWHERE,
  statusPageUrls: { betterStack: NOWHERE, statuspage: NOWHERE },
  vendors: { stripe: NOWHERE, resend: NOWHERE, pagerduty: NOWHERE, twilio: NOWHERE },
};

/**
 * Refuses settings that the app would refuse, before anything is started for it. In production
 * nothing is invented, so whatever is missing is a problem.
 *
 * @param secrets the home's own; not used in production
 * @throws ConfigError with every problem at once
 */
export function checkSettings(env: Environment, secrets: Secrets | undefined, url: string): void {
  const whole = secrets === undefined ? env : appEnvironment(env, secrets, UNKNOWN_YET, url);
  const problems = [
    ...configProblems(whole),
    ...halves(env),
    ...unreachable(env),
    ...databaseProblems(env),
  ];
  if (problems.length === 0) return;
  const failure = new ConfigError(problems);
  if (isProduction(env)) failure.message = `${whyStrict(env)}\n${failure.message}`;
  throw failure;
}

/** Most often it is left over in somebody's shell. */
function whyStrict(env: Environment): string {
  const name = env.VERCEL_ENV?.trim() ? "VERCEL_ENV" : "NODE_ENV";
  return `${name} is production: nothing is invented; unset it for a local start.`;
}

/** Its text holds the password, and is not repeated. */
function databaseProblems(env: Environment): string[] {
  const url = setting(env, "DATABASE_URL");
  if (url === undefined) return [];
  if (!/^postgres(ql)?:\/\//.test(url)) return ["DATABASE_URL must begin with postgres://"];
  if (URL.canParse(url)) return [];
  return ["DATABASE_URL is no address; in a password write #, /, ? and @ as %23, %2F, %3F and %40"];
}

function configProblems(env: Environment): readonly string[] {
  try {
    parseNodeConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** In production what a deployment can't do without is named as missing already. */
function halves(env: Environment): string[] {
  const problems = problemsOf(env);
  if (!isProduction(env)) return problems;
  return problems.filter((problem) => !/^(KV_|QSTASH_|DATABASE_|TWILIO_)/.test(problem));
}

const isNear = (url: string): boolean =>
  URL.canParse(url) && /^(localhost|127\.|\[::1\]|0\.0\.0\.0)/.test(new URL(url).hostname);

/** The real QStash calls us back over the internet. */
function unreachable(env: Environment): string[] {
  const qstash = setting(env, "QSTASH_URL");
  if (qstash === undefined || isNear(qstash) || setting(env, "PUBLIC_BASE_URL")) return [];
  if (isProduction(env)) return []; // named as missing already
  return [`PUBLIC_BASE_URL is missing: ${qstash} can't call 127.0.0.1; set a tunnel's address`];
}

/**
 * A queue of our own that delivers to somewhere else: right with a proxy before this start, else
 * every delivery is lost on whoever listens there.
 *
 * @param queue the emulated queue's address; undefined for a real one
 * @param url where the app listens
 */
export function awayNote(env: Environment, queue: string | undefined, url: string): string[] {
  const wanted = setting(env, "PUBLIC_BASE_URL");
  if (queue === undefined || wanted === undefined) return [];
  const samePort = (): boolean => isNear(wanted) && new URL(wanted).port === new URL(url).port;
  if (samePort()) return [];
  return [
    `PUBLIC_BASE_URL is ${wanted}: the local queue delivers there, not to ${url}. Unset it, unless ` +
      "that address leads back here.",
  ];
}
