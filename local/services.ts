import type { Secrets } from "./secrets.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What Signalbox stands on. Each is real, by its variables, or has an emulator here. */
export const SERVICES = [
  { id: "postgres", name: "Postgres", needs: ["DATABASE_URL"] },
  { id: "kv", name: "Upstash Redis", needs: ["KV_REST_API_URL", "KV_REST_API_TOKEN"] },
  {
    id: "qstash",
    name: "QStash",
    needs: ["QSTASH_URL", "QSTASH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"],
  },
  { id: "stripe", name: "Stripe", needs: ["STRIPE_API_KEY"], address: "STRIPE_API_URL" },
  { id: "resend", name: "Resend", needs: ["RESEND_API_KEY"], address: "RESEND_BASE_URL" },
  { id: "slack", name: "Slack", needs: ["SLACK_WEBHOOK_URL"] },
  {
    id: "pagerduty",
    name: "PagerDuty",
    needs: ["PAGERDUTY_ROUTING_KEY"],
    address: "PAGERDUTY_EVENTS_URL",
  },
  {
    id: "twilio",
    name: "Twilio",
    needs: ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"],
    address: "TWILIO_API_URL",
  },
  {
    id: "status-page",
    name: "status page",
    needs: ["STATUS_PAGE_URL", "STATUS_PAGE_TOKEN"],
  },
] as const satisfies readonly {
  id: string;
  name: string;
  /** All of them, or none. */
  needs: readonly string[];
  /** Where the real service is, when not at its official address. */
  address?: string;
}[];

export type ServiceId = (typeof SERVICES)[number]["id"];
export type VendorId = Exclude<ServiceId, "postgres" | "kv" | "qstash">;

/** The number that Twilio gives to everybody for tests. */
const TWILIO_TEST_NUMBER = "+15005550006";
/** Whom the emulators tell, by the roles that the presets have. Nobody lives at these. */
const LOCAL_RECIPIENTS = [
  "on-call",
  "technical-lead",
  "project-manager",
  "operations-manager",
  "cto",
  "executive",
].flatMap((role, n) => [`${role}.email=${role}@example.com`, `${role}.sms=+1555010000${n + 1}`]);
/** Our own Resend has no such limit, and nobody wants to wait for it here. */
const LOCAL_EMAIL_PER_SECOND = "20";

/** A variable that is set; an empty one counts as not set, as for the app. */
export const setting = (env: Environment, name: string): string | undefined =>
  env[name]?.trim() || undefined;

/** The services that no variable names: these are emulated. */
export function emulatedServices(env: Environment): ServiceId[] {
  return SERVICES.filter(({ needs }) => needs.every((name) => !setting(env, name))).map(
    ({ id }) => id,
  );
}

/** Services that are named by half: neither the real one nor the emulator would be right. */
export function problemsOf(env: Environment): string[] {
  return SERVICES.flatMap((service) => {
    const set = service.needs.filter((name) => setting(env, name));
    const missing = service.needs.filter((name) => !setting(env, name));
    if (set.length > 0 && missing.length > 0) {
      const advice = `set all of them for the real ${service.name}, or none for the local one`;
      return [`${missing.join(", ")} missing beside ${set.join(", ")}: ${advice}`];
    }
    const address = "address" in service ? service.address : undefined;
    if (address === undefined || !setting(env, address) || set.length > 0) return [];
    return [`${address} is set without ${service.needs.join(", ")}: set both, or neither`];
  });
}

/** Where the emulators listen; those of real services are absent. */
export interface Addresses {
  /** The app's database, embedded or not. */
  databaseUrl: string;
  kv?: string;
  qstash?: string;
  /** By service: an address to look at and to steer it by. */
  vendors: Partial<Record<VendorId, string>>;
  /** The webhook's whole address, which is its credential. */
  slackWebhookUrl?: string;
  /** The emulated page in each API that it speaks. */
  statusPageUrls?: { betterStack: string; statuspage: string };
}

/**
 * The app's whole environment: the caller's, and for what that does not name the local secrets and
 * the emulators' addresses.
 */
export function appEnvironment(
  env: Environment,
  secrets: Secrets,
  { databaseUrl, kv, qstash, vendors, slackWebhookUrl, statusPageUrls }: Addresses,
  appUrl: string,
): Record<string, string> {
  const local: Record<string, string | undefined> = {
    ...secrets,
    PUBLIC_BASE_URL: appUrl,
    EMAIL_PER_SECOND: LOCAL_EMAIL_PER_SECOND,
    SIGNALBOX_RECIPIENTS: LOCAL_RECIPIENTS.join(";"),
    DATABASE_URL: databaseUrl,
    KV_REST_API_URL: kv,
    QSTASH_URL: qstash,
    STRIPE_API_URL: vendors.stripe,
    RESEND_BASE_URL: vendors.resend,
    SLACK_WEBHOOK_URL: slackWebhookUrl,
    PAGERDUTY_EVENTS_URL: vendors.pagerduty && `${vendors.pagerduty}/v2/enqueue`,
    TWILIO_API_URL: vendors.twilio,
    TWILIO_FROM: TWILIO_TEST_NUMBER,
    // Its address and token are set together, or neither is.
    STATUS_PAGE_TOKEN: statusPageUrls === undefined ? undefined : secrets.STATUS_PAGE_TOKEN,
    STATUS_PAGE_URL:
      setting(env, "STATUS_PAGE_KIND") === "statuspage"
        ? statusPageUrls?.statuspage
        : statusPageUrls?.betterStack,
  };
  const merged: Record<string, string> = {};
  for (const source of [local, env]) {
    for (const [name, value] of Object.entries(source)) {
      if (value?.trim()) merged[name] = value;
    }
  }
  delete merged.QSTASH_DEV; // the SDK would leave our queue for one of its own
  return merged;
}
