import type { ChannelsConfig, PlatformConfig, StatusPageConfig } from "../channels/channel.js";
import type { Secret } from "../domain/secret.js";
import type { GatewaysConfig } from "../gateways/registry.js";
import { livemodeOf } from "../gateways/stripe/client.js";
import type { Policy } from "../policy/schema.js";
import type { DatabaseConfig } from "../store/database.js";
import { type CheckConfig, readChecks } from "./check-config.js";
import { systemClock } from "./clock.js";
import { type DoorConfig, readDoorConfig } from "./config.js";
import { isProduction, isPublic, type Reader, readEnvironment } from "./environment.js";
import { type PolicyReader, readPolicyConfig } from "./policy-config.js";

export interface NodeConfig {
  door: DoorConfig;
  database: DatabaseConfig;
  channels: ChannelsConfig;
  gateways: GatewaysConfig;
  policy: Policy;
  /** Other policies, as this deployment would have them. */
  policies: PolicyReader;
  checks: CheckConfig;
  signingKeys: readonly Secret[];
  /** The tokens that may have sealed a delivery: the live one, then the one before. */
  queueTokens: readonly Secret[];
  adminToken: Secret;
  cronSecret: Secret;
  /** What links to unsubscribe are signed with, the live one first; none: no mail that needs one goes out. */
  unsubscribeSecrets: readonly Secret[];
  sentryDsn: string | undefined;
  /** Project ids and slugs that are this very deployment, in lower case. */
  ours: ReadonlySet<string>;
  production: boolean;
  /** Anybody can call it: what it asks for strangers' sake, it asks of the public internet only. */
  public: boolean;
}

const CONNECT_TIMEOUT_MS = 3_000;
/** Longer than the role's statement_timeout, 8 s (prisma/migrations/20261124000000_statement_limit). */
const QUERY_TIMEOUT_MS = 10_000;

/** @throws ConfigError with every problem at once, the door's included. */
export function parseNodeConfig(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<NodeConfig> {
  const read = readEnvironment(env);
  const sentryDsn = read.optionalText("SENTRY_DSN");
  const { policy, policies } = readPolicyConfig(read, isProduction(env));
  const config: NodeConfig = {
    door: readDoorConfig(read),
    database: {
      url: read.secret("DATABASE_URL").reveal(),
      poolMax: read.integer("DATABASE_POOL_MAX"),
      preparedStatements: read.boolean("DATABASE_PREPARED_STATEMENTS"),
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      queryTimeoutMs: QUERY_TIMEOUT_MS,
    },
    channels: readChannels(read, isPublic(env), policy.timeZone),
    gateways: readGateways(read),
    policy,
    policies,
    checks: readChecks(read),
    signingKeys: [
      read.secret("QSTASH_CURRENT_SIGNING_KEY"),
      read.secret("QSTASH_NEXT_SIGNING_KEY"),
    ],
    queueTokens: read.secrets("QSTASH_TOKEN"),
    adminToken: read.secret("ADMIN_TOKEN"),
    cronSecret: read.secret("CRON_SECRET"),
    unsubscribeSecrets: read.isSet("UNSUBSCRIBE_SECRET") ? read.secrets("UNSUBSCRIBE_SECRET") : [],
    sentryDsn,
    ours: new Set(
      [
        projectOfDsn(sentryDsn),
        read.optionalText("SENTRY_PROJECT_SLUG"),
        read.optionalText("VERCEL_PROJECT_ID"),
      ].flatMap((name) => (name === undefined ? [] : [name.toLowerCase()])),
    ),
    production: isProduction(env),
    public: isPublic(env),
  };
  read.finish();
  return Object.freeze(config);
}

/** The project's id is the last segment of a DSN: `https://key@host/4509877862268928`. */
function projectOfDsn(dsn: string | undefined): string | undefined {
  return dsn === undefined ? undefined : /\/(\d+)\/?$/.exec(dsn)?.[1];
}

function readGateways(read: Reader): GatewaysConfig {
  const apiKey = read.optionalSecret("STRIPE_API_KEY");
  const apiUrl = read.optionalText("STRIPE_API_URL");
  const callsPerSecond = read.integer("STRIPE_CALLS_PER_SECOND");
  if (apiKey === undefined) return {};
  if (livemodeOf(apiKey) === null) {
    read.problem("STRIPE_API_KEY must begin with sk_test_, sk_live_, rk_test_ or rk_live_");
  }
  return { stripe: { apiKey, apiUrl, callsPerSecond } };
}

/** The webhook to the platform's own application; one half of it would never be told, or refused by everybody. */
function readPlatform(read: Reader): PlatformConfig | undefined {
  const url = read.optionalText("PLATFORM_WEBHOOK_URL");
  const hasSecret = read.isSet("PLATFORM_WEBHOOK_SECRET");
  if (url === undefined || !hasSecret) {
    if (url !== undefined || hasSecret) {
      read.problem("PLATFORM_WEBHOOK_URL and PLATFORM_WEBHOOK_SECRET: set both of them or none");
    }
    return undefined;
  }
  const secrets = read.secrets("PLATFORM_WEBHOOK_SECRET");
  for (const secret of secrets) {
    if (!isSigningSecret(secret.reveal())) {
      read.problem(`${secret.name} must be whsec_ and base64 of 24 to 64 bytes`);
    }
  }
  return { url, secrets, clock: systemClock };
}

function isSigningSecret(text: string): boolean {
  const key = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
  const bytes = Buffer.from(key ?? "", "base64").length;
  return bytes >= 24 && bytes <= 64;
}

/** A page without its token, or the other way round, would look as if users were told. */
function readStatusPage(read: Reader): StatusPageConfig | undefined {
  const url = read.optionalText("STATUS_PAGE_URL");
  const token = read.optionalSecret("STATUS_PAGE_TOKEN");
  const kind = read.text("STATUS_PAGE_KIND") === "statuspage" ? "statuspage" : "better-stack";
  const resources = (read.optionalText("STATUS_PAGE_RESOURCES") ?? "")
    .split(",")
    .map((id) => id.trim())
    .filter((id) => id !== "");
  if (url !== undefined && token !== undefined) return { kind, url, token, resources };
  if (url !== undefined || token !== undefined) {
    read.problem("STATUS_PAGE_URL and STATUS_PAGE_TOKEN: set both of them or none");
  }
  return undefined;
}

const TWILIO = ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"] as const;

/** Half a channel would be silently none, and the default sender is a domain that is nobody's. */
function checkChannels(read: Reader, isPublicHere: boolean): void {
  const missing = TWILIO.filter((name) => !read.isSet(name));
  if (missing.length > 0 && missing.length < TWILIO.length) {
    const set = TWILIO.filter((name) => read.isSet(name));
    read.problem(`${missing.join(", ")} missing beside ${set.join(", ")}: set all of them or none`);
  }
  if (isPublicHere && read.isSet("RESEND_API_KEY") && !read.isSet("EMAIL_FROM")) {
    read.problem(
      "EMAIL_FROM is missing beside RESEND_API_KEY: set a sender that Resend has verified",
    );
  }
}

/** A zone that is misspelt would quietly become UTC in every mail. */
function readTimeZone(read: Reader, ofPolicy: string): string {
  const timeZone = read.optionalText("PLATFORM_TIME_ZONE") ?? ofPolicy;
  if (!isZone(timeZone)) {
    read.problem("PLATFORM_TIME_ZONE must be an IANA zone, such as Asia/Bangkok");
  }
  return timeZone;
}

function isZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

function readChannels(read: Reader, isPublicHere: boolean, timeZone: string): ChannelsConfig {
  checkChannels(read, isPublicHere);
  const resendKey = read.optionalSecret("RESEND_API_KEY");
  const slackUrl = read.optionalSecret("SLACK_WEBHOOK_URL");
  const routingKey = read.optionalSecret("PAGERDUTY_ROUTING_KEY");
  const [accountSid, authToken, from] = [
    read.optionalText("TWILIO_ACCOUNT_SID"),
    read.optionalSecret("TWILIO_AUTH_TOKEN"),
    read.optionalText("TWILIO_FROM"),
  ];
  const baseUrl = read.optionalText("RESEND_BASE_URL");
  return {
    platformName: read.text("PLATFORM_NAME"),
    timeZone: readTimeZone(read, timeZone),
    resend: resendKey && { apiKey: resendKey, baseUrl, from: read.text("EMAIL_FROM") },
    slack: slackUrl && { webhookUrl: slackUrl },
    pagerduty: routingKey && { routingKey, eventsUrl: read.text("PAGERDUTY_EVENTS_URL") },
    twilio:
      accountSid !== undefined && authToken !== undefined && from !== undefined
        ? { accountSid, authToken, from, apiUrl: read.text("TWILIO_API_URL") }
        : undefined,
    platform: readPlatform(read),
    statusPage: readStatusPage(read),
  };
}
