import type { ChannelsConfig } from "../channels/channel.js";
import type { Secret } from "../domain/secret.js";
import type { DatabaseConfig } from "../store/database.js";
import { type DoorConfig, readDoorConfig } from "./config.js";
import { isProduction, isPublic, type Reader, readEnvironment } from "./environment.js";

export interface NodeConfig {
  door: DoorConfig;
  database: DatabaseConfig;
  channels: ChannelsConfig;
  signingKeys: readonly Secret[];
  /** The tokens that may have sealed a delivery: the live one, then the one before. */
  queueTokens: readonly Secret[];
  adminToken: Secret;
  cronSecret: Secret;
  sentryDsn: string | undefined;
  /** Project ids and slugs that are this very deployment, in lower case. */
  ours: ReadonlySet<string>;
  production: boolean;
}

const CONNECT_TIMEOUT_MS = 3_000;
const QUERY_TIMEOUT_MS = 10_000;

/** @throws ConfigError with every problem at once, the door's included. */
export function parseNodeConfig(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<NodeConfig> {
  const read = readEnvironment(env);
  const sentryDsn = read.optionalText("SENTRY_DSN");
  const config: NodeConfig = {
    door: readDoorConfig(read),
    database: {
      url: read.secret("DATABASE_URL").reveal(),
      poolMax: read.integer("DATABASE_POOL_MAX"),
      preparedStatements: read.boolean("DATABASE_PREPARED_STATEMENTS"),
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      queryTimeoutMs: QUERY_TIMEOUT_MS,
    },
    channels: readChannels(read, isPublic(env)),
    signingKeys: [
      read.secret("QSTASH_CURRENT_SIGNING_KEY"),
      read.secret("QSTASH_NEXT_SIGNING_KEY"),
    ],
    queueTokens: read.secrets("QSTASH_TOKEN"),
    adminToken: read.secret("ADMIN_TOKEN"),
    cronSecret: read.secret("CRON_SECRET"),
    sentryDsn,
    ours: new Set(
      [
        projectOfDsn(sentryDsn),
        read.optionalText("SENTRY_PROJECT_SLUG"),
        read.optionalText("VERCEL_PROJECT_ID"),
      ].flatMap((name) => (name === undefined ? [] : [name.toLowerCase()])),
    ),
    production: isProduction(env),
  };
  read.finish();
  return Object.freeze(config);
}

/** The project's id is the last segment of a DSN: `https://key@host/4509877862268928`. */
function projectOfDsn(dsn: string | undefined): string | undefined {
  return dsn === undefined ? undefined : /\/(\d+)\/?$/.exec(dsn)?.[1];
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
function readTimeZone(read: Reader): string {
  const timeZone = read.text("PLATFORM_TIME_ZONE");
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

function readChannels(read: Reader, isPublicHere: boolean): ChannelsConfig {
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
    timeZone: readTimeZone(read),
    resend: resendKey && { apiKey: resendKey, baseUrl, from: read.text("EMAIL_FROM") },
    slack: slackUrl && { webhookUrl: slackUrl },
    pagerduty: routingKey && { routingKey, eventsUrl: read.text("PAGERDUTY_EVENTS_URL") },
    twilio:
      accountSid !== undefined && authToken !== undefined && from !== undefined
        ? { accountSid, authToken, from, apiUrl: read.text("TWILIO_API_URL") }
        : undefined,
  };
}
