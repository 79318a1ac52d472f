import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ConfigError } from "../../src/runtime/environment.js";
import { parseNodeConfig } from "../../src/runtime/node-config.js";

const REQUIRED = {
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
const COMPLETE = {
  ...REQUIRED,
  SLACK_WEBHOOK_URL: "https://slack.example.com/hook",
  RESEND_API_KEY: "re_1",
  EMAIL_FROM: "Box <box@hooks.example.com>",
  SIGNALBOX_RECIPIENTS: "on-call.email=a@b.example;technical-lead.email=c@d.example",
};

const TBAT = {
  SIGNALBOX_POLICY: "tbat",
  SIGNALBOX_RECIPIENTS: ["on-call", "technical-lead", "project-manager", "executive"]
    .map((role) => `${role}.email=${role}@b.example`)
    .join(";"),
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

  it("waits longer for an answer of the database than Postgres lets a statement last (8 s, by its migration)", () => {
    expect(parseNodeConfig(COMPLETE).database.queryTimeoutMs).toBeGreaterThan(8_000 + 1_000);
  });

  it("lists every missing variable at once", () => {
    const problems = problemsOf({ NODE_ENV: "production" });
    const required = Object.keys(REQUIRED).filter((name) => name !== "NODE_ENV");
    for (const name of required) {
      expect(problems.filter((problem) => problem.startsWith(`${name} is missing`))).toHaveLength(
        1,
      );
    }
  });

  it.each(Object.keys(REQUIRED).filter((n) => n !== "NODE_ENV"))(
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
    const env = { ...COMPLETE, EMAIL_FROM: undefined };
    expect(problemsOf(env).join()).toMatch(/^EMAIL_FROM is missing beside RESEND_API_KEY/);
    expect(problemsOf({ ...env, EMAIL_FROM: "Box <box@hooks.example.com>" })).toEqual([]);
    expect(problemsOf({ ...env, NODE_ENV: "test" })).toEqual([]);
  });

  it("names half a channel instead of leaving it out", () => {
    const half = problemsOf({ ...COMPLETE, TWILIO_FROM: "+15550100000" });
    expect(half.join()).toMatch(/TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN missing beside TWILIO_FROM/);
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
    const tbat = { ...COMPLETE, ...TBAT, SIGNALBOX_PACKAGES: "price_1=ADVANCED" };
    const { policy, channels } = parseNodeConfig(tbat);
    expect(policy.payments).toMatchObject({ currency: "THB", packageOf: { price_1: "ADVANCED" } });
    expect(channels.timeZone).toBe("Asia/Bangkok");
    expect(problemsOf({ ...COMPLETE, SIGNALBOX_POLICY: "tbaat" })).toEqual([
      "SIGNALBOX_POLICY must be one of tbat, ai-gurus, brainbytes, stamford, runbook, or the path of a .yaml or .json file",
    ]);
    expect(problemsOf({ ...COMPLETE, SIGNALBOX_PACKAGES: "price_1" })).toEqual([
      "SIGNALBOX_PACKAGES must be pairs such as price_1=ADVANCED,prod_2=BASIC",
    ]);
  });

  it("refuses in production a policy whose steps reach nobody, and says all of it", () => {
    const problems = problemsOf({ ...COMPLETE, SIGNALBOX_POLICY: "tbat" });
    expect(problems).toContain(
      "SIGNALBOX_POLICY tbat routes.critical.steps[1]: project-manager has no address by email: set `project-manager.email`",
    );
    expect(problems).toContain(
      "SIGNALBOX_POLICY tbat clocks[0].executives: executive has no address by email: set `executive.email`",
    );
    const without = { ...COMPLETE, RESEND_API_KEY: undefined, SLACK_WEBHOOK_URL: undefined };
    expect(problemsOf(without)).toContain(
      "SIGNALBOX_POLICY runbook routes.cache.steps[0].channels: it reaches nobody: this deployment cannot send by email and slack",
    );
    for (const env of [without, { ...COMPLETE, SIGNALBOX_POLICY: "tbat" }]) {
      expect(problemsOf({ ...env, NODE_ENV: "test" })).toEqual([]);
    }
  });

  it("puts the addresses of the roles into the policy, and shows none that is wrong", () => {
    const { policy } = parseNodeConfig({ ...COMPLETE, ...TBAT });
    expect(policy.roles.executive?.addresses).toEqual({ email: "executive@b.example" });
    expect(policy.roles.cto?.addresses).toEqual({});
    const wrong =
      "on-call.email=a@b.example;on-call.email=e@f.example;technical-lead.email=hush-hush;on-call.fax=1;x;on-cal.sms=+66812345678";
    const problems = problemsOf({ ...COMPLETE, SIGNALBOX_RECIPIENTS: wrong });
    expect(problems.filter((problem) => problem.startsWith("SIGNALBOX_RECIPIENTS"))).toEqual([
      "SIGNALBOX_RECIPIENTS: on-call.email is there twice",
      "SIGNALBOX_RECIPIENTS: technical-lead.email must be such as a@b.example",
      "SIGNALBOX_RECIPIENTS: on-call.fax: only email and sms have an address for each role",
      "SIGNALBOX_RECIPIENTS: part 5 must be such as on-call.email=a@b.example",
      "SIGNALBOX_RECIPIENTS: on-cal is no role of the policy, which has on-call, technical-lead",
    ]);
    expect(problems.join()).not.toContain("hush");
  });

  it("knows the deployment's services by all their names", () => {
    const SIGNALBOX_SERVICES = "shop=Shop*, 4500000000000001; api=api.example.com";
    expect(parseNodeConfig({ ...COMPLETE, SIGNALBOX_SERVICES }).policy.services).toEqual([
      { id: "shop", names: ["Shop*", "4500000000000001"] },
      { id: "api", names: ["api.example.com"] },
    ]);
    expect(problemsOf({ ...COMPLETE, SIGNALBOX_SERVICES: "shop;The Shop=x" })).toEqual([
      "SIGNALBOX_SERVICES: part 1 must be such as shop=Shop*,4500000000000001",
      "SIGNALBOX_SERVICES: part 2 must be such as shop=Shop*,4500000000000001",
    ]);
    expect(problemsOf({ ...COMPLETE, SIGNALBOX_SERVICES: "a=x*;b=xyz" })).toEqual([
      "SIGNALBOX_POLICY runbook services[1].names[0]: xyz is the service a already",
    ]);
  });

  it("takes a policy from a file, and says by line and column what is wrong there", () => {
    const dir = mkdtempSync(join(tmpdir(), "signalbox-policy-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const file = (name: string, text: string) => {
      writeFileSync(join(dir, name), text);
      return { ...COMPLETE, SIGNALBOX_POLICY: join(dir, name) };
    };
    const good = file(
      "good.yaml",
      "extends: runbook\nname: ours\nservices:\n  - {id: a, names: [b]}\n",
    );
    expect(parseNodeConfig(good).policy).toMatchObject({ name: "ours", services: [{ id: "a" }] });
    const json = file("good.json", '{ "extends": "runbook", "timeZone": "Asia/Tokyo" }');
    expect(parseNodeConfig(json).channels.timeZone).toBe("Asia/Tokyo");
    const bad = file(
      "bad.yml",
      "extends: runbook\ngrouping:\n  by: [service]\n  windowMinutes: 5\n  flapMinutes: 6\nstorm: {incidents: 1, minutes: 0}\n",
    );
    expect(problemsOf(bad)).toEqual([
      `SIGNALBOX_POLICY ${join(dir, "bad.yml")}:5:16 grouping.flapMinutes: it is longer than the window of an incident, 5 min`,
      `SIGNALBOX_POLICY ${join(dir, "bad.yml")}:6:32 storm.minutes: in no time nothing is a storm`,
    ]);
    const none = { ...COMPLETE, SIGNALBOX_POLICY: join(dir, "none.yaml") };
    expect(problemsOf(none)).toEqual([
      `SIGNALBOX_POLICY names ${join(dir, "none.yaml")}, which cannot be read: Error ENOENT`,
    ]);
  });
});
