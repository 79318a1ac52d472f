import type { LaneSetup } from "./lanes/lane.js";
import { STRIPE_SECRET } from "./stripe-events.js";

export const QSTASH_KEYS = { current: "sig_bench_current", next: "sig_bench_next" };
export const PUBLIC_BASE_URL = "http://127.0.0.1:3000";

/** An environment as `npm start` would give it, with the sink in the place of queue and KV. */
export function environmentOf({ sinkUrl, databaseUrl }: LaneSetup): Record<string, string> {
  return {
    PUBLIC_BASE_URL,
    STRIPE_WEBHOOK_SECRET: STRIPE_SECRET,
    SENTRY_CLIENT_SECRET: "bench-sentry-secret",
    VERCEL_WEBHOOK_SECRET: "bench-vercel-secret",
    BETTER_STACK_WEBHOOK_TOKEN: "bench-better-stack-token",
    RESEND_WEBHOOK_SECRET: "whsec_YmVuY2gtcmVzZW5kLXNlY3JldA==",
    QSTASH_URL: sinkUrl || "http://127.0.0.1:9",
    QSTASH_TOKEN: "bench-qstash-token",
    QSTASH_CURRENT_SIGNING_KEY: QSTASH_KEYS.current,
    QSTASH_NEXT_SIGNING_KEY: QSTASH_KEYS.next,
    KV_REST_API_URL: sinkUrl || "http://127.0.0.1:9",
    KV_REST_API_TOKEN: "bench-kv-token",
    DATABASE_URL: databaseUrl || "postgres://nobody@127.0.0.1:9/none",
    ADMIN_TOKEN: "bench-admin-token-0001",
    CRON_SECRET: "bench-cron-secret-0001",
  };
}
