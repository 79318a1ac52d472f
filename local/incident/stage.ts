import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { freshen, loadSample, requestOf } from "../../cli/samples/index.js";
import type { Scene } from "../../cli/samples/night.js";
import { startPagerDutyEmulator } from "../../emulators/pagerduty/index.js";
import { startQstashEmulator } from "../../emulators/qstash/index.js";
import { startResendEmulator } from "../../emulators/resend/index.js";
import { startSlackEmulator } from "../../emulators/slack/index.js";
import { startStatusPageEmulator } from "../../emulators/status-page/index.js";
import { startTwilioEmulator } from "../../emulators/twilio/index.js";
import { startUpstashRedisEmulator } from "../../emulators/upstash-redis/server.js";
import { buildNode } from "../../src/runtime/node.js";
import { type NodeConfig, parseNodeConfig } from "../../src/runtime/node-config.js";
import { LOOPBACK } from "../addresses.js";
import { openHome } from "../home.js";
import { applyMigrations, MIGRATIONS } from "../migrate.js";
import { startPostgres } from "../postgres.js";
import { localSecrets, type SecretName, type Secrets } from "../secrets.js";
import { appEnvironment, type Environment } from "../services.js";

export type Policy = NodeConfig["policy"];

const SECRET_OF: Readonly<Record<string, SecretName>> = {
  sentry: "SENTRY_CLIENT_SECRET",
  vercel: "VERCEL_WEBHOOK_SECRET",
  "better-stack": "BETTER_STACK_WEBHOOK_TOKEN",
};

/** As often as the jobs are called. */
const STEP_MS = 60_000;
/** Where the story has nothing for hours: the jobs find less to do than in a minute, and are called less often. */
const QUIET_STEP_MS = 30 * STEP_MS;
/** Of the machine's own time; what does not rest by then does not rest. */
const REST_TIMEOUT_MS = 60_000;
const CALL_TIMEOUT_MS = 30_000;
const NOWHERE = "http://127.0.0.1:1";
const JOBS = ["relay", "watch", "sweep"] as const;

export type Row = Record<string, unknown>;
/** The time of the play: it stands still while anything is worked on. */
export interface VirtualClock {
  now(): number;
  set(at: number): void;
}

export type Stage = Awaited<ReturnType<typeof openStage>>;

export interface StageOptions {
  home: string;
  env: Environment;
  policy: string;
  beginsAt(policy: Policy): number;
  log(line: string): void;
}

/** What was opened, closed in the reverse order. */
class Closing {
  readonly #parts: (() => unknown)[] = [];
  add<T>(part: T, close: (part: T) => unknown): T {
    this.#parts.push(() => close(part));
    return part;
  }
  async close(): Promise<void> {
    for (const close of this.#parts.splice(0).reverse()) await close();
  }
}

const virtualClock = (beginsAt: number): VirtualClock => {
  let at = beginsAt;
  return {
    now: () => at,
    set: (wanted) => {
      if (wanted < at) throw new Error("time does not go back");
      at = wanted;
    },
  };
};

/**
 * The real app in this process, on a Postgres of its own, with the vendors' emulators over HTTP. Only time is played:
 * app, queue, KV and vendors go by one clock, which is moved when nothing is on its way any more.
 *
 * @throws StartFailure, ConfigError; what had begun is closed then.
 */
export async function openStage(options: StageOptions) {
  const closing = new Closing();
  try {
    return await open(options, closing);
  } catch (error) {
    await closing.close();
    throw error;
  }
}

async function open(
  { home: dir, env: given, policy: name, beginsAt, log }: StageOptions,
  closing: Closing,
) {
  const home = openHome(dir);
  const secrets = localSecrets(home);
  const clock = virtualClock(beginsAt(policyOf(given, secrets, name)));
  const postgres = closing.add(
    await startPostgres({ dataDir: home.path("postgres"), log }),
    (one) => one.destroy(),
  );
  await applyMigrations({ databaseUrl: postgres.url, dir: MIGRATIONS });
  const services = await openServices(closing);
  const vendors = await openVendors(
    secrets,
    clock,
    home.path("kv"),
    await postgres.database("queue"),
    closing,
  );
  const { server, url, use } = await listen();
  closing.add(server, closed);
  const env = environmentOf(given, secrets, {
    databaseUrl: postgres.url,
    url,
    vendors,
    services,
    name,
  });
  const node = buildNode(env, { clock });
  closing.add(node, (one) => one.close());
  use(node.app.fetch);
  const { policy } = parseNodeConfig(env);
  return {
    name,
    policy,
    clock,
    url,
    services,
    vendors,
    ...doing({ url, env, clock, vendors }),
    close: () => closing.close(),
  };
}

/** As the app will read it, with the addresses that everybody has here. */
function policyOf(given: Environment, secrets: Secrets, name: string): Policy {
  const nowhere = {
    databaseUrl: "postgres://unknown",
    kv: NOWHERE,
    statusPageUrls: { betterStack: NOWHERE, statuspage: NOWHERE },
    vendors: {},
  };
  const env = appEnvironment(given, secrets, nowhere, NOWHERE);
  return parseNodeConfig({ ...env, SIGNALBOX_POLICY: name }).policy;
}

type Vendors = Awaited<ReturnType<typeof openVendors>>;

async function openVendors(
  secrets: Secrets,
  clock: VirtualClock,
  kvDir: string,
  queueDatabase: string,
  closing: Closing,
) {
  const kept = <T extends { close(): Promise<void> }>(part: T): T =>
    closing.add(part, (one) => one.close());
  const queue = {
    databaseUrl: queueDatabase,
    token: secrets.QSTASH_TOKEN,
    currentSigningKey: secrets.QSTASH_CURRENT_SIGNING_KEY,
    nextSigningKey: secrets.QSTASH_NEXT_SIGNING_KEY,
  };
  const twilio = { accountSid: secrets.TWILIO_ACCOUNT_SID, authToken: secrets.TWILIO_AUTH_TOKEN };
  return {
    kv: kept(
      await startUpstashRedisEmulator({ dataDir: kvDir, token: secrets.KV_REST_API_TOKEN, clock }),
    ),
    slack: kept(await startSlackEmulator({ clock })),
    pagerduty: kept(
      await startPagerDutyEmulator({ routingKeys: [secrets.PAGERDUTY_ROUTING_KEY], clock }),
    ),
    twilio: kept(await startTwilioEmulator({ ...twilio, clock })),
    resend: kept(await startResendEmulator({ apiKey: secrets.RESEND_API_KEY, clock })),
    statusPage: kept(await startStatusPageEmulator({ token: secrets.STATUS_PAGE_TOKEN, clock })),
    qstash: kept(await startQstashEmulator({ ...queue, clock })),
  };
}

type Services = Awaited<ReturnType<typeof openServices>>;

/** The platform's own services, as far as anybody looks at them: they answer, or they are down. */
async function openServices(closing: Closing) {
  const down = new Set<string>();
  const place = async (name: string): Promise<string> => {
    const server = createServer((_request, response) => {
      response.writeHead(down.has(name) ? 502 : 200).end();
    });
    await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
    closing.add(server, closed);
    return `http://${LOOPBACK}:${(server.address() as AddressInfo).port}`;
  };
  return { down, urls: { web: await place("web"), api: await place("api") } };
}

function environmentOf(
  given: Environment,
  secrets: Secrets,
  at: { databaseUrl: string; url: string; vendors: Vendors; services: Services; name: string },
): Record<string, string> {
  const { vendors, services } = at;
  const addresses = {
    databaseUrl: at.databaseUrl,
    kv: vendors.kv.url,
    qstash: vendors.qstash.url,
    slackWebhookUrl: vendors.slack.webhookUrl,
    statusPageUrls: vendors.statusPage.pageUrls,
    vendors: {
      resend: vendors.resend.url,
      pagerduty: vendors.pagerduty.url,
      twilio: vendors.twilio.url,
    },
  };
  const { STRIPE_API_KEY: _nobodyPays, ...env } = appEnvironment(given, secrets, addresses, at.url);
  return {
    ...env,
    SIGNALBOX_POLICY: at.name,
    SIGNALBOX_SERVICES: "web=web;api=api",
    CHECK_BASE_URLS: Object.entries(services.urls)
      .map(([service, url]) => `${service}=${url}`)
      .join(","),
    STATUS_PAGE_RESOURCES: "8001",
    // The second of a rate passes when the clock moves, and it moves when all is sent.
    EMAIL_PER_SECOND: "1000",
    LOG_LEVEL: env.LOG_LEVEL ?? "silent",
  };
}

/** What a play does on the stage. */
function doing({
  url,
  env,
  clock,
  vendors,
}: {
  url: string;
  env: Record<string, string>;
  clock: VirtualClock;
  vendors: Vendors;
}) {
  const rest = async (): Promise<void> => {
    vendors.qstash.wake();
    await vendors.qstash.waitForRest(REST_TIMEOUT_MS);
  };
  const admin = async <T = Row>(path: string, body?: object): Promise<T> => {
    const headers = {
      authorization: `Bearer ${env.ADMIN_TOKEN}`,
      "content-type": "application/json",
    };
    const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const answer = await fetch(`${url}/api/admin/${path}`, { headers, ...sent, ...inTime() });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const job = async (name: string): Promise<void> => {
    const headers = { authorization: `Bearer ${env.CRON_SECRET}` };
    const answer = await fetch(`${url}/api/cron/${name}`, { headers, ...inTime() });
    if (!answer.ok)
      throw new Error(`cron ${name} answered ${answer.status}: ${await answer.text()}`);
  };
  const runJobs = async (): Promise<void> => {
    await Promise.all(JOBS.map(job)); // each has a schedule of its own
    await rest();
  };
  return {
    rest,
    job,
    admin,
    rows: async (list: string): Promise<Row[]> =>
      (await admin<{ data: Row[] }>(`${list}?limit=500`)).data,
    /** Signs a sample as its provider would, and posts it to the door. */
    async post({ source, sample: name, uniqueId, set }: Scene): Promise<void> {
      const sample = freshen(loadSample(source, name), { uniqueId, now: clock.now(), set });
      const secret = env[SECRET_OF[source] ?? ""] ?? "";
      const { headers, body } = requestOf(sample, { secret, now: clock.now() });
      const init = { method: "POST", headers, body, ...inTime() };
      const answer = await fetch(`${url}/api/webhooks/${source}`, init);
      if (answer.status !== 202)
        throw new Error(`${source} ${name}: ${answer.status} ${await answer.text()}`);
      await rest();
    },
    /** Time goes on until then. `quiet`: in longer steps. */
    async until(at: number, { quiet = false } = {}): Promise<void> {
      const step = quiet ? QUIET_STEP_MS : STEP_MS;
      while (clock.now() < at) {
        clock.set(Math.min(at, (Math.floor(clock.now() / step) + 1) * step));
        await rest();
        if (clock.now() % STEP_MS === 0) await runJobs();
      }
    },
  };
}

const inTime = () => ({ signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });

type Fetch = (request: Request) => Response | Promise<Response>;

/** A port first, because the app's own address is part of its environment; then the app on it. */
async function listen() {
  let handler: Fetch = () => new Response("not built yet", { status: 503 });
  const server = await new Promise<Server>((resolve) => {
    const started = serve(
      { fetch: (request) => handler(request), port: 0, hostname: LOOPBACK },
      () => resolve(started as Server),
    );
  });
  const { port } = server.address() as AddressInfo;
  const use = (fetch: Fetch): void => {
    handler = fetch;
  };
  return { server, url: `http://${LOOPBACK}:${port}`, use };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
