import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerType, serve } from "@hono/node-server";
import { freshen, loadSample, requestOf } from "../../cli/samples/index.js";
import { startQstashEmulator } from "../../emulators/qstash/index.js";
import { startResendEmulator } from "../../emulators/resend/index.js";
import { startSlackEmulator } from "../../emulators/slack/index.js";
import { startStripeEmulator } from "../../emulators/stripe/index.js";
import { startUpstashRedisEmulator } from "../../emulators/upstash-redis/server.js";
import type { Clock } from "../../src/domain/time.js";
import { buildNode } from "../../src/runtime/node.js";
import { emptyDatabase, testDatabase } from "./postgres.js";

export const SECRETS = {
  STRIPE_WEBHOOK_SECRET: "whsec_house_stripe",
  SENTRY_CLIENT_SECRET: "house-sentry-secret",
  VERCEL_WEBHOOK_SECRET: "house-vercel-secret",
  BETTER_STACK_WEBHOOK_TOKEN: "house-better-stack-token",
  RESEND_WEBHOOK_SECRET: "whsec_aG91c2UtcmVzZW5kLXNlY3JldC0x",
} as const;
const SECRET_OF: Readonly<Record<string, keyof typeof SECRETS>> = {
  stripe: "STRIPE_WEBHOOK_SECRET",
  sentry: "SENTRY_CLIENT_SECRET",
  vercel: "VERCEL_WEBHOOK_SECRET",
  "better-stack": "BETTER_STACK_WEBHOOK_TOKEN",
  resend: "RESEND_WEBHOOK_SECRET",
};
export const ADMIN_TOKEN = "house-admin-token-0001";
export const CRON_SECRET = "house-cron-secret-0001";

export interface SampleAsk {
  uniqueId?: string;
  set?: Record<string, string>;
}

/**
 * The whole path in one process: a real Postgres, the emulators of the vendors over HTTP, and the app
 * built by its own root. What a test breaks is beside it, not in it.
 */
export async function openHouse(
  overrides: Record<string, string> = {},
  options: { resendPerSecond?: number; clock?: Clock } = {},
) {
  const openedAt = Date.now(); // one moment for all samples, so that posting one again posts the same bytes
  const dataDir = await mkdtemp(join(tmpdir(), "signalbox-house-"));
  const [own, queueDb] = await Promise.all([testDatabase(), emptyDatabase()]);
  const keys = { currentSigningKey: "sig_house_current", nextSigningKey: "sig_house_next" };
  const token = "house-qstash-token";
  const kvToken = "house-kv-token";
  let now = (): number => Date.now();
  const stripeKey = "sk_test_house";
  const [qstash, kv, resend, slack, stripe] = await Promise.all([
    startQstashEmulator({ databaseUrl: queueDb.url, token, ...keys }),
    startUpstashRedisEmulator({ dataDir: join(dataDir, "kv"), token: kvToken }),
    startResendEmulator({
      dataDir,
      apiKey: "re_house",
      ratePerSecond: options.resendPerSecond,
      clock: { now: () => now() },
    }),
    startSlackEmulator({ dataDir }),
    startStripeEmulator({ dataDir, apiKey: stripeKey }),
  ]);
  if (options.resendPerSecond !== undefined) now = () => qstash.now(); // both hold to one clock's seconds
  const { server, url } = await listen();
  const env = {
    ...SECRETS,
    PUBLIC_BASE_URL: url,
    QSTASH_URL: qstash.url,
    QSTASH_TOKEN: token,
    QSTASH_CURRENT_SIGNING_KEY: keys.currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: keys.nextSigningKey,
    KV_REST_API_URL: kv.url,
    KV_REST_API_TOKEN: kvToken,
    DATABASE_URL: own.url,
    ADMIN_TOKEN,
    CRON_SECRET,
    RESEND_API_KEY: "re_house",
    RESEND_BASE_URL: resend.url,
    STRIPE_API_KEY: stripeKey,
    STRIPE_API_URL: stripe.url,
    STRIPE_CALLS_PER_SECOND: "1000",
    SLACK_WEBHOOK_URL: slack.webhookUrl,
    EMAIL_PER_SECOND: "50",
    LOG_LEVEL: "silent",
    ...overrides,
  };
  const by = options.clock === undefined ? {} : { clock: options.clock };
  let node = buildNode(env, by);
  server.use(node.app.fetch);

  const admin = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" };
    const response = await fetch(`${url}/api/admin/${path}`, { headers, ...init });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  return {
    url,
    env,
    qstash,
    kv,
    resend,
    slack,
    stripe,
    databaseUrl: own.url,
    admin,
    list: async (name: string): Promise<Record<string, unknown>[]> =>
      (await admin<{ data: Record<string, unknown>[] }>(`${name}?limit=500`)).data,
    /** Signs a sample as its provider would, and posts it. */
    async post(source: string, name: string, ask: SampleAsk = {}): Promise<Response> {
      const { uniqueId = "one", set = {} } = ask;
      const sample = freshen(loadSample(source, name), { uniqueId, now: openedAt, set });
      const secret = SECRETS[SECRET_OF[source] ?? "STRIPE_WEBHOOK_SECRET"];
      const { headers, body } = requestOf(sample, { secret, now: Date.now() });
      return fetch(`${url}/api/webhooks/${source}`, { method: "POST", headers, body });
    },
    cron: (job: "relay" | "sweep" | "reconcile" | "watch"): Promise<Response> =>
      fetch(`${url}/api/cron/${job}`, { headers: { authorization: `Bearer ${CRON_SECRET}` } }),
    rest: (timeoutMs = 20_000) => qstash.waitForRest(timeoutMs),
    /** Another release takes the place of this one, with its own settings. */
    async redeploy(settings: Record<string, string>): Promise<void> {
      const before = node;
      node = buildNode({ ...env, ...settings }, by);
      server.use(node.app.fetch);
      await before.close();
    },
    async close() {
      await server.close();
      await node.close();
      await Promise.all([
        qstash.close(),
        kv.close(),
        resend.close(),
        slack.close(),
        stripe.close(),
      ]);
      await Promise.all([own.drop(), queueDb.drop()]);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
export type House = Awaited<ReturnType<typeof openHouse>>;

type Fetch = (request: Request) => Response | Promise<Response>;

/** A port first, because the app's own address is part of its environment; then the app on it. */
async function listen() {
  let handler: Fetch = () => new Response("not built yet", { status: 503 });
  const server = await new Promise<ServerType>((resolve) => {
    const started = serve(
      { fetch: (request) => handler(request), port: 0, hostname: "127.0.0.1" },
      () => resolve(started),
    );
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    server: {
      use(fetch: Fetch) {
        handler = fetch;
      },
      close: () =>
        new Promise<void>((resolve, reject) => {
          server.close((error) => (error ? reject(error) : resolve()));
          if ("closeAllConnections" in server) server.closeAllConnections();
        }),
    },
  };
}
