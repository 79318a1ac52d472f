import { Secret } from "../domain/secret.js";
import { POLICY_NAMES } from "../policy/names.js";

type Env = Readonly<Record<string, string | undefined>>;

/** Where a variable is read: the door on the edge, the workers on Node, or only `npm start`. */
type Use = "door" | "node" | "local";

export interface Variable {
  use: readonly Use[];
  kind: "text" | "secret" | "url" | "integer" | "boolean";
  /** Absent: required, unless optional. */
  default?: string;
  /** The default of a deployment on Vercel that is not production. */
  previewDefault?: string;
  optional?: true;
  /** Held where the deployment is public: a secret that may be shorter would be guessed. */
  lengthMin?: number;
  /** Nothing else is taken. */
  oneOf?: readonly string[];
  /** Secrets under rotation: the old one under this name with `_PREVIOUS`. */
  rotates?: true;
  about: string;
}

const text = (about: string, o: Partial<Variable> = {}): Variable => ({
  use: ["door", "node"],
  kind: "text",
  about,
  ...o,
});
const secret = (about: string, o: Partial<Variable> = {}): Variable =>
  text(about, { kind: "secret", ...o });
const url = (about: string, o: Partial<Variable> = {}): Variable =>
  text(about, { kind: "url", ...o });
const integer = (about: string, fallback: string, o: Partial<Variable> = {}): Variable =>
  text(about, { kind: "integer", default: fallback, ...o });
const node = { use: ["node"] as const };
const optional = { use: ["node"] as const, optional: true as const };

/** Every variable that is read, and nowhere else. `docs/reference/environment.md` is generated from it. */
export const ENVIRONMENT = {
  NODE_ENV: text("`production` holds the secrets to their lengths and invents nothing.", {
    use: ["door", "node", "local"],
    optional: true,
  }),
  VERCEL_ENV: text(
    "Set by Vercel, and goes before `NODE_ENV`. A preview is as public as production, and held to the same rules.",
    { optional: true },
  ),
  QSTASH_DEV: text(
    "Must not be set in production or on Vercel: its signing keys are public. `npm start` ignores it elsewhere.",
    { optional: true },
  ),
  PUBLIC_BASE_URL: url(
    "The address at which QStash reaches this deployment, exactly: QStash signs it. No slash at the end.",
  ),
  STRIPE_WEBHOOK_SECRET: secret("Signing secret of the Stripe endpoint (`whsec_…`).", {
    rotates: true,
  }),
  SENTRY_CLIENT_SECRET: secret("Client secret of the Sentry integration.", { rotates: true }),
  VERCEL_WEBHOOK_SECRET: secret("Secret of the Vercel webhook.", { rotates: true }),
  BETTER_STACK_WEBHOOK_TOKEN: secret(
    "Token that Better Stack sends as Basic password, as X-Webhook-Token, or in the path.",
    { rotates: true, lengthMin: 16 },
  ),
  RESEND_WEBHOOK_SECRET: secret("Signing secret of the Resend webhook (`whsec_…`, base64).", {
    rotates: true,
  }),
  QSTASH_URL: url("QStash's address.", { default: "https://qstash.upstash.io" }),
  QSTASH_TOKEN: secret("Publishes to QStash; the door's seal is derived from it.", {
    rotates: true,
  }),
  QSTASH_CURRENT_SIGNING_KEY: secret("Verifies QStash's calls.", node),
  QSTASH_NEXT_SIGNING_KEY: secret("The same after a rotation of QStash's keys.", node),
  QSTASH_BODY_BYTES_MAX: integer(
    "Largest message of the QStash plan, in bytes; larger bodies are gzipped, then left in KV.",
    "1000000",
  ),
  QSTASH_LABEL: text(
    "Marks this deployment's messages in a shared QStash account: its sweep takes what bears this label.",
    { default: "signalbox", previewDefault: "signalbox-preview" },
  ),
  KV_REST_API_URL: url("Upstash Redis REST address (Vercel KV)."),
  KV_REST_API_TOKEN: secret("Its token."),
  DATABASE_URL: secret("Postgres 15 or later; the pooled address for traffic.", node),
  DATABASE_POOL_MAX: integer("Connections of one instance.", "10", node),
  DATABASE_PREPARED_STATEMENTS: text(
    "`false` behind a pooler that does not keep a session's prepared statements.",
    { ...node, kind: "boolean", default: "true" },
  ),
  EVENT_PARALLELISM: integer("Events worked on at once, over all instances.", "8"),
  EMAIL_PER_SECOND: integer(
    "Mails a second that the Resend account may send. A quarter, and one at least, is kept for people on call.",
    "2",
  ),
  ADMIN_TOKEN: secret("Opens /api/admin as `admin`, to make the first named key with.", {
    ...node,
    lengthMin: 16,
  }),
  CRON_SECRET: secret("What Vercel's cron sends as Bearer.", { ...node, lengthMin: 16 }),
  UNSUBSCRIBE_SECRET: secret(
    "Signs the links by which recipients unsubscribe, and those that acknowledge an incident. Without it, mail that must carry the first becomes a dead letter that says so, and messages to people on call have no link to acknowledge by.",
    { ...optional, rotates: true, lengthMin: 32 },
  ),
  PLATFORM_NAME: text("How people know this platform; heads mails and messages.", {
    ...node,
    default: "Signalbox",
  }),
  PLATFORM_TIME_ZONE: text(
    "IANA zone (`Asia/Bangkok`) of the times in mails and messages, where a notice brings none; the policy's when absent.",
    optional,
  ),
  RESEND_API_KEY: secret("Mail. Without it, mails become dead letters that say so.", optional),
  RESEND_BASE_URL: url("Resend's address, when it is not the official one.", optional),
  EMAIL_FROM: text(
    "Sender: `Name <address>` of a domain that Resend has verified. Required beside `RESEND_API_KEY` in production and on Vercel.",
    { ...node, default: "Signalbox <notices@example.com>" },
  ),
  SLACK_WEBHOOK_URL: secret("Slack's incoming webhook; the address is the credential.", optional),
  PAGERDUTY_ROUTING_KEY: secret("Events v2 integration key.", optional),
  PAGERDUTY_EVENTS_URL: url("PagerDuty's address for events.", {
    ...node,
    default: "https://events.pagerduty.com/v2/enqueue",
  }),
  TWILIO_ACCOUNT_SID: text(
    "SMS: the account. These three are set together or not at all.",
    optional,
  ),
  TWILIO_AUTH_TOKEN: secret("SMS: its token.", optional),
  TWILIO_FROM: text("SMS: the sending number or messaging service.", optional),
  TWILIO_API_URL: url("Twilio's address.", { ...node, default: "https://api.twilio.com" }),
  STATUS_PAGE_KIND: text("Whose API the status page speaks.", {
    ...node,
    default: "better-stack",
    oneOf: ["better-stack", "statuspage"],
  }),
  STATUS_PAGE_URL: url(
    "The status page in that API: `https://uptime.betterstack.com/api/v2/status-pages/<id>` or `https://api.statuspage.io/v1/pages/<id>`.",
    optional,
  ),
  STATUS_PAGE_TOKEN: secret("The status page's API token.", optional),
  STATUS_PAGE_RESOURCES: text(
    "Ids of what the status page shows as affected, with commas between.",
    optional,
  ),
  PLATFORM_WEBHOOK_URL: url(
    "Where the platform's own application is told of changed entitlements. Set together with its secret or not at all.",
    optional,
  ),
  PLATFORM_WEBHOOK_SECRET: secret(
    "Signs those calls as Standard Webhooks says (`whsec_` and base64 of 24 to 64 bytes).",
    { ...optional, rotates: true },
  ),
  SIGNALBOX_POLICY: text(
    `Whose rules hold: ${POLICY_NAMES.join(", ")}, or the path of a policy's file (\`.yaml\`, \`.json\`). See [policy](policy.md).`,
    { ...node, default: "runbook" },
  ),
  SIGNALBOX_RECIPIENTS: text(
    "Where the policy's roles are reached: `on-call.email=a@b.example;on-call.sms=+66812345678`. In production each address that a step needs, by a channel that is set up, must be there.",
    optional,
  ),
  SIGNALBOX_SERVICES: text(
    "By which names monitors, projects and deployments know one service: `shop=Shop*,4500000000000001;api=api.example.com`. Instead of the policy's `services`.",
    optional,
  ),
  SIGNALBOX_PACKAGES: text(
    "Packages by the gateway's price or product: `price_1=ADVANCED,prod_2=BASIC`. For what names no package in its metadata.",
    optional,
  ),
  SENTRY_DSN: text("Where our own defects are reported.", optional),
  CHECK_SENTRY_DSN: secret(
    "DSN of the platform's own Sentry project: after a deployment a test event is sent there, which must come back by its webhook. Without it that check is left out.",
    optional,
  ),
  CHECK_BASE_URLS: text(
    "Where services answer, by name: `web=https://shop.example,api=https://api.shop.example`. What is not named is looked at under its deployment's own address, which its host may protect; where this is no public deployment, not at all.",
    optional,
  ),
  SENTRY_PROJECT_SLUG: text(
    "Our own Sentry project by name, so that its alerts are not reported again.",
    optional,
  ),
  VERCEL_PROJECT_ID: text("Set by Vercel: deployments of this project are our own.", optional),
  VERCEL_DEPLOYMENT_ID: text("Set by Vercel; on every log line.", optional),
  LOG_LEVEL: text("`debug`, `info`, `warn`, `error` or `silent`.", {
    default: "info",
    oneOf: ["debug", "info", "warn", "error", "silent"],
  }),
  STRIPE_API_KEY: secret(
    "Stripe's API (`sk_…`, or `rk_…` that reads all and writes refunds and payment intents). Without it nothing is fetched or reconciled; `npm start` uses its emulator.",
    { use: ["node", "local"], optional: true },
  ),
  STRIPE_API_URL: url("Stripe's address, when it is not the official one.", {
    use: ["node", "local"],
    optional: true,
  }),
  STRIPE_CALLS_PER_SECOND: integer(
    "Calls a second that one instance makes to Stripe. A sandbox allows 25 in all, live mode 25 to each address.",
    "20",
    node,
  ),
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof ENVIRONMENT;

/** All problems at once, so that a deployment is mended in one go. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The configuration has ${problems.length} problem(s):\n- ${problems.join("\n- ")}`);
    this.name = "ConfigError";
  }
}

export interface Reader {
  text(name: VariableName): string;
  optionalText(name: VariableName): string | undefined;
  integer(name: VariableName): number;
  boolean(name: VariableName): boolean;
  secret(name: VariableName): Secret;
  optionalSecret(name: VariableName): Secret | undefined;
  /** The live secret, then the one before it. */
  secrets(name: VariableName): readonly Secret[];
  /** True when something was set, and not left to its default. */
  isSet(name: VariableName): boolean;
  /** Names what only shows when variables are looked at together. */
  problem(sentence: string): void;
  /** @throws ConfigError when anything that was read, or should have been, is wrong. */
  finish(): void;
}

/** Reads variables by the table above; collects problems instead of stopping at the first. */
export function readEnvironment(env: Env): Reader {
  const problems: string[] = [];
  const given = (name: VariableName | `${VariableName}_PREVIOUS`): string | undefined =>
    env[name]?.trim() || undefined;
  const preview = (given("VERCEL_ENV") ?? "production") !== "production";
  const raw = (name: VariableName): string | undefined => {
    const variable: Variable = ENVIRONMENT[name];
    const value = given(name);
    if (value !== undefined) {
      // A short secret is guessed; on a developer's machine nobody is there to guess it.
      if (isPublic(env)) checkLength(name, variable, value, problems);
      return checked(name, variable, value, problems);
    }
    if (preview && variable.previewDefault !== undefined) return variable.previewDefault;
    if (variable.default !== undefined) return variable.default;
    if (!variable.optional) problems.push(`${name} is missing: ${variable.about}`);
    return undefined;
  };
  const secretOf = (name: VariableName): Secret => new Secret(name, raw(name) ?? "");
  refuseDevQueue(env, problems);
  return {
    text: (name) => raw(name) ?? "",
    optionalText: raw,
    integer: (name) => Number(raw(name) ?? 0),
    boolean: (name) => raw(name) === "true",
    secret: secretOf,
    optionalSecret(name) {
      const value = raw(name);
      return value === undefined ? undefined : new Secret(name, value);
    },
    secrets(name) {
      const live = secretOf(name);
      const nameBefore = `${name}_PREVIOUS` as const;
      const before = given(nameBefore);
      if (before === undefined) return [live];
      if (isPublic(env)) checkLength(nameBefore, ENVIRONMENT[name], before, problems);
      return [live, new Secret(nameBefore, before)];
    },
    isSet: (name) => given(name) !== undefined,
    problem: (sentence) => problems.push(sentence),
    finish() {
      if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
    },
  };
}

/** Secrets are named, never shown. */
function checkLength(name: string, variable: Variable, value: string, problems: string[]): void {
  if (variable.lengthMin !== undefined && value.length < variable.lengthMin) {
    problems.push(`${name} has ${value.length} characters; it needs ${variable.lengthMin} or more`);
  }
}

function checked(name: string, variable: Variable, value: string, problems: string[]): string {
  if (variable.kind === "integer" && !/^[1-9]\d*$/.test(value)) {
    problems.push(`${name} must be a whole number above 0`);
  }
  if (variable.kind === "boolean" && value !== "true" && value !== "false") {
    problems.push(`${name} must be true or false`);
  }
  if (variable.oneOf !== undefined && !variable.oneOf.includes(value)) {
    problems.push(`${name} must be one of ${variable.oneOf.join(", ")}`);
  }
  if (variable.kind === "url") {
    if (!/^https?:\/\/[^\s/]+/.test(value)) problems.push(`${name} must be an http(s) address`);
    return value.replace(/\/+$/, "");
  }
  return value;
}

/** In dev mode the SDK trusts keys that are printed in its documentation: anybody could sign. */
function refuseDevQueue(env: Env, problems: string[]): void {
  const dev = env.QSTASH_DEV;
  if (isPublic(env) && dev !== undefined && dev !== "" && dev !== "false") {
    problems.push(
      "QSTASH_DEV is set in production or on Vercel: unset it, its signing keys are public",
    );
  }
}

/** Anybody can call it: what Vercel runs always, previews too. Held to the strict rules. */
export function isPublic(env: Env): boolean {
  return isProduction(env) || (env.VERCEL_ENV ?? "").trim() !== "";
}

export function isProduction(env: Env): boolean {
  return (env.VERCEL_ENV?.trim() || env.NODE_ENV?.trim()) === "production";
}
