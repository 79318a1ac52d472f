import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/runtime/environment.js";
import { parseNodeConfig } from "../../src/runtime/node-config.js";

const COMPLETE = {
  NODE_ENV: "production",
  PUBLIC_BASE_URL: "https://hooks.example.com/",
  STRIPE_WEBHOOK_SECRET: "whsec_1",
  SENTRY_CLIENT_SECRET: "sentry-1",
  VERCEL_WEBHOOK_SECRET: "vercel-1",
  BETTER_STACK_WEBHOOK_TOKEN: "better-stack-token-1",
  RESEND_WEBHOOK_SECRET: "whsec_cmVzZW5kLTE=",
  QSTASH_TOKEN: "qstash-1",
  QSTASH_CURRENT_SIGNING_KEY: "sig_1",
  QSTASH_NEXT_SIGNING_KEY: "sig_2",
  KV_REST_API_URL: "https://kv.example.com",
  KV_REST_API_TOKEN: "kv-1",
  DATABASE_URL: "postgres://u:p@db.example.com/x",
  ADMIN_TOKEN: "admin-token-0001",
  CRON_SECRET: "cron-secret-0001",
};

function problemsOf(env: Record<string, string | undefined>): readonly string[] {
  try {
    parseNodeConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("the configuration", () => {
  it("starts with what production needs, and cuts the slash off the public address", () => {
    expect(problemsOf(COMPLETE)).toEqual([]);
    expect(parseNodeConfig(COMPLETE).door.queue.publicBaseUrl).toBe("https://hooks.example.com");
  });

  it("lists every missing variable at once", () => {
    const problems = problemsOf({ NODE_ENV: "production" });
    const required = Object.keys(COMPLETE).filter((name) => name !== "NODE_ENV");
    for (const name of required) {
      expect(problems.filter((problem) => problem.startsWith(`${name} is missing`))).toHaveLength(
        1,
      );
    }
  });

  it.each(Object.keys(COMPLETE).filter((n) => n !== "NODE_ENV"))(
    "refuses to start without %s",
    (name) => {
      expect(problemsOf({ ...COMPLETE, [name]: undefined })).toHaveLength(1);
      expect(problemsOf({ ...COMPLETE, [name]: "  " })).toHaveLength(1);
    },
  );

  it("names what is wrong and never shows a secret", () => {
    const env = {
      ...COMPLETE,
      ADMIN_TOKEN: "tooshort",
      KV_REST_API_URL: "kv",
      EMAIL_PER_SECOND: "0",
    };
    const problems = problemsOf(env).join("\n");
    expect(problems).toMatch(/ADMIN_TOKEN has 8 characters/);
    expect(problems).toMatch(/KV_REST_API_URL must be an http/);
    expect(problems).toMatch(/EMAIL_PER_SECOND must be a whole number/);
    expect(problems).not.toContain("tooshort");
  });

  it("refuses QSTASH_DEV in production, whose signing keys anybody can read", () => {
    expect(problemsOf({ ...COMPLETE, QSTASH_DEV: "true" }).join()).toMatch(/QSTASH_DEV/);
    expect(problemsOf({ ...COMPLETE, VERCEL_ENV: "production", QSTASH_DEV: "1" })).toHaveLength(1);
    expect(problemsOf({ ...COMPLETE, NODE_ENV: "development", QSTASH_DEV: "true" })).toEqual([]);
  });

  it("keeps the secret before the live one for as long as it is set", () => {
    const env = { ...COMPLETE, STRIPE_WEBHOOK_SECRET_PREVIOUS: "whsec_0" };
    const secrets = parseNodeConfig(env).door.sourceSecrets.get("stripe") ?? [];
    expect(secrets.map((secret) => [secret.name, secret.reveal()])).toEqual([
      ["STRIPE_WEBHOOK_SECRET", "whsec_1"],
      ["STRIPE_WEBHOOK_SECRET_PREVIOUS", "whsec_0"],
    ]);
  });

  it("holds the secret before the live one to the same length", () => {
    const short = { ...COMPLETE, BETTER_STACK_WEBHOOK_TOKEN_PREVIOUS: "x" };
    expect(problemsOf(short)).toEqual([
      "BETTER_STACK_WEBHOOK_TOKEN_PREVIOUS has 1 characters; it needs 16 or more",
    ]);
  });

  it.each(["preview", "development", "production"])(
    "holds a deployment on Vercel to production's rules, since anybody can call it (%s)",
    (VERCEL_ENV) => {
      const env = { ...COMPLETE, NODE_ENV: undefined, VERCEL_ENV };
      expect(problemsOf(env)).toEqual([]);
      expect(problemsOf({ ...env, ADMIN_TOKEN: "x", CRON_SECRET: "y" })).toHaveLength(2);
      expect(problemsOf({ ...env, QSTASH_DEV: "true" }).join()).toMatch(/QSTASH_DEV/);
    },
  );

  it("keeps a preview's messages apart from production's by the label's default", () => {
    const labelOf = (env: Record<string, string>) =>
      parseNodeConfig({ ...COMPLETE, ...env }).door.queue.label;
    expect(labelOf({})).toBe("signalbox");
    expect(labelOf({ VERCEL_ENV: "production" })).toBe("signalbox");
    expect(labelOf({ VERCEL_ENV: "preview" })).toBe("signalbox-preview");
    expect(labelOf({ VERCEL_ENV: "preview", QSTASH_LABEL: "mine" })).toBe("mine");
  });

  it("takes no log level that does not exist", () => {
    expect(problemsOf({ ...COMPLETE, LOG_LEVEL: "verbose" })).toEqual([
      "LOG_LEVEL must be one of debug, info, warn, error, silent",
    ]);
    for (const LOG_LEVEL of ["debug", "silent"]) {
      expect(problemsOf({ ...COMPLETE, LOG_LEVEL })).toEqual([]);
    }
  });

  it("takes no zone that there is not: mails would quietly be in UTC", () => {
    expect(parseNodeConfig(COMPLETE).channels.timeZone).toBe("UTC");
    const zoned = parseNodeConfig({ ...COMPLETE, PLATFORM_TIME_ZONE: "Asia/Bangkok" });
    expect(zoned.channels.timeZone).toBe("Asia/Bangkok");
    expect(problemsOf({ ...COMPLETE, PLATFORM_TIME_ZONE: "Bangkok" })).toEqual([
      "PLATFORM_TIME_ZONE must be an IANA zone, such as Asia/Bangkok",
    ]);
  });

  it("sends no mail from a domain that is nobody's", () => {
    const env = { ...COMPLETE, RESEND_API_KEY: "re_1" };
    expect(problemsOf(env).join()).toMatch(/^EMAIL_FROM is missing beside RESEND_API_KEY/);
    expect(problemsOf({ ...env, EMAIL_FROM: "Box <box@hooks.example.com>" })).toEqual([]);
    expect(problemsOf({ ...env, NODE_ENV: "test" })).toEqual([]);
  });

  it("names half a channel instead of leaving it out", () => {
    const half = problemsOf({ ...COMPLETE, TWILIO_FROM: "+15550100000" });
    expect(half.join()).toMatch(
      /^TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN missing beside TWILIO_FROM/,
    );
  });

  it("knows its own Sentry project by the DSN", () => {
    const env = {
      ...COMPLETE,
      SENTRY_DSN: "https://k@o1.ingest.example.com/4242",
      SENTRY_PROJECT_SLUG: "Box",
    };
    expect([...parseNodeConfig(env).ours]).toEqual(["4242", "box"]);
  });

  it("takes the webhook to the platform whole or not at all, and only with a secret that signs", () => {
    const PLATFORM_WEBHOOK_URL = "https://app.example.com/hooks";
    const PLATFORM_WEBHOOK_SECRET = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
    const half = ["PLATFORM_WEBHOOK_URL and PLATFORM_WEBHOOK_SECRET: set both of them or none"];
    expect(problemsOf({ ...COMPLETE, PLATFORM_WEBHOOK_URL })).toEqual(half);
    expect(problemsOf({ ...COMPLETE, PLATFORM_WEBHOOK_SECRET })).toEqual(half);
    const both = { ...COMPLETE, PLATFORM_WEBHOOK_URL, PLATFORM_WEBHOOK_SECRET };
    const rotating = { ...both, PLATFORM_WEBHOOK_SECRET_PREVIOUS: PLATFORM_WEBHOOK_SECRET };
    expect(parseNodeConfig(COMPLETE).channels.platform).toBeUndefined();
    expect(parseNodeConfig(rotating).channels.platform?.secrets).toHaveLength(2);
    for (const bad of ["whsec_", "whsec_c2hvcnQ=", "plain-text-that-is-long-enough", "whsec_%%%"]) {
      expect(problemsOf({ ...both, PLATFORM_WEBHOOK_SECRET: bad })).toEqual([
        "PLATFORM_WEBHOOK_SECRET must be whsec_ and base64 of 24 to 64 bytes",
      ]);
    }
  });

  it("chooses a platform's rules by name, with its zone and this deployment's own prices", () => {
    expect(parseNodeConfig(COMPLETE).policy.payments.defaultPackage).toBe("standard");
    const tbat = { ...COMPLETE, SIGNALBOX_POLICY: "tbat", SIGNALBOX_PACKAGES: "price_1=ADVANCED" };
    const { policy, channels } = parseNodeConfig(tbat);
    expect(policy.payments).toMatchObject({ currency: "THB", packageOf: { price_1: "ADVANCED" } });
    expect(channels.timeZone).toBe("Asia/Bangkok");
    expect(problemsOf({ ...COMPLETE, SIGNALBOX_POLICY: "tbaat" })).toEqual([
      "SIGNALBOX_POLICY must be one of tbat, ai-gurus, brainbytes, stamford, runbook",
    ]);
    expect(problemsOf({ ...COMPLETE, SIGNALBOX_PACKAGES: "price_1" })).toEqual([
      "SIGNALBOX_PACKAGES must be pairs such as price_1=ADVANCED,prod_2=BASIC",
    ]);
  });
});
