import { randomBytes } from "node:crypto";
import type { Home } from "./home.js";

const hex = (bytes: number): string => randomBytes(bytes).toString("hex");

/** In hexadecimal: a double click selects it, and it needs no escaping in a URL. */
const MAKERS = {
  STRIPE_WEBHOOK_SECRET: () => `whsec_${hex(24)}`,
  SENTRY_CLIENT_SECRET: () => hex(32),
  VERCEL_WEBHOOK_SECRET: () => hex(24),
  BETTER_STACK_WEBHOOK_TOKEN: () => hex(24),
  // Its key is what the base64 stands for, so it is the one that is not in hexadecimal.
  RESEND_WEBHOOK_SECRET: () => `whsec_${randomBytes(24).toString("base64")}`,
  ADMIN_TOKEN: () => hex(24),
  CRON_SECRET: () => hex(24),
  UNSUBSCRIBE_SECRET: () => hex(32),
  QSTASH_TOKEN: () => hex(24),
  QSTASH_CURRENT_SIGNING_KEY: () => `sig_${hex(16)}`,
  QSTASH_NEXT_SIGNING_KEY: () => `sig_${hex(16)}`,
  KV_REST_API_TOKEN: () => hex(24),
  STRIPE_API_KEY: () => `sk_test_${hex(24)}`,
  RESEND_API_KEY: () => `re_${hex(16)}`,
  PAGERDUTY_ROUTING_KEY: () => hex(16),
  STATUS_PAGE_TOKEN: () => hex(16),
  TWILIO_ACCOUNT_SID: () => `AC${hex(16)}`,
  TWILIO_AUTH_TOKEN: () => hex(16),
} as const;

export type SecretName = keyof typeof MAKERS;
export type Secrets = Readonly<Record<SecretName, string>>;

/** What providers sign with, and what opens our own doors: shown to the user, who needs them. */
export const SHOWN_SECRETS = [
  "STRIPE_WEBHOOK_SECRET",
  "SENTRY_CLIENT_SECRET",
  "VERCEL_WEBHOOK_SECRET",
  "BETTER_STACK_WEBHOOK_TOKEN",
  "RESEND_WEBHOOK_SECRET",
] as const satisfies readonly SecretName[];

/** The home's own secrets: made once, and those that a later version needs are added to them. */
export function localSecrets(home: Home): Secrets {
  const known = home.read<Partial<Record<SecretName, string>>>("secrets.json") ?? {};
  const made = Object.entries(MAKERS).map(([name, make]) => [
    name,
    known[name as SecretName] ?? make(),
  ]);
  const secrets = Object.fromEntries(made) as Record<SecretName, string>;
  if (made.some(([name]) => known[name as SecretName] === undefined)) {
    home.write("secrets.json", secrets);
  }
  return secrets;
}
