import { describe, expect, it } from "vitest";
import { DEFAULT_HOME, readOptions } from "../../local/options.js";
import type { Running } from "../../local/signalbox.js";
import { colorsFor, summaryOf } from "../../local/summary.js";

const running: Running = {
  url: "http://127.0.0.1:3000",
  adminToken: "admin-token-value",
  cronSecret: "cron-secret-value",
  secrets: {
    STRIPE_WEBHOOK_SECRET: "whsec_value",
    SENTRY_CLIENT_SECRET: "sentry-value",
    VERCEL_WEBHOOK_SECRET: "vercel-value",
    BETTER_STACK_WEBHOOK_TOKEN: "better-stack-value",
    RESEND_WEBHOOK_SECRET: "whsec_resend-value",
  },
  mailboxUrl: "http://127.0.0.1:4001/mailbox",
  slackUrl: null,
  databaseUrl: "postgres://127.0.0.1/signalbox",
  qstashUrl: null,
  qstashToken: null,
  kvUrl: null,
  kvToken: null,
  emulators: {},
  home: DEFAULT_HOME,
  logFile: "/var/lib/elsewhere/app.log",
  pid: 1,
  pids: { app: 2, platform: 3 },
};
const plain = colorsFor({ isTTY: false } as NodeJS.WriteStream, {});
const summary = (
  more: Partial<Running> = {},
  env: NodeJS.ProcessEnv = {},
  warnings: string[] = [],
) => summaryOf({ running: { ...running, ...more }, warnings }, env, plain);

describe("the summary of npm start", () => {
  it("shows each source's address with its secret, the pages to look at, and commands to try", () => {
    const text = summary();
    for (const source of ["stripe", "sentry", "vercel", "better-stack", "resend"]) {
      expect(text).toContain(`http://127.0.0.1:3000/api/webhooks/${source}\n`);
    }
    for (const secret of Object.values(running.secrets)) expect(text).toContain(secret);
    expect(text).toContain("http://127.0.0.1:4001/mailbox");
    expect(text).toContain("admin-token-value");
    expect(text).toContain("\n  npx --no signalbox trigger stripe payment-succeeded\n");
    expect(text).toContain("Ctrl-C");
  });

  it("leaves out what a real service has, and does not show secrets that the environment named", () => {
    const text = summary({}, { STRIPE_WEBHOOK_SECRET: "whsec_value", ADMIN_TOKEN: "x" });
    expect(text).not.toContain("whsec_value");
    expect(text).not.toContain("admin-token-value");
    expect(text).toContain("from STRIPE_WEBHOOK_SECRET");
    expect(text).not.toContain("Slack");
  });

  it("names the home in its commands when it is not the usual one", () => {
    const text = summary({ home: "/tmp/my home" });
    expect(text).toContain("SIGNALBOX_HOME='/tmp/my home' npx --no signalbox trigger");
  });

  it("tells what went less than well", () => {
    expect(summary({}, {}, ["The schedules were not set up."])).toContain("Note: The schedules");
  });

  it("is coloured on a terminal only, and never against NO_COLOR", () => {
    const terminal = { isTTY: true } as NodeJS.WriteStream;
    const colour = "\u001b[";
    expect(colorsFor(terminal, {}).red("x")).toContain(colour);
    expect(colorsFor(terminal, { NO_COLOR: "1" }).red("x")).toBe("x");
    expect(colorsFor(terminal, { TERM: "dumb" }).red("x")).toBe("x");
    expect(summary()).not.toContain(colour);
  });
});

describe("the options of npm start", () => {
  it("take a flag before a variable before the usual value", () => {
    const env = { PORT: "4000", SIGNALBOX_HOME: "/from/env" };
    expect(readOptions(["--port", "5000", "--home", "/from/flag"], env)).toMatchObject({
      port: 5000,
      home: "/from/flag",
    });
    expect(readOptions([], env)).toMatchObject({ port: 4000, home: "/from/env" });
    expect(readOptions([], { PORT: "" })).toMatchObject({ port: 3000, home: DEFAULT_HOME });
  });

  it.each([
    [["--port", "70000"], '--port must be a port, 0 to 65535; it is "70000".'],
    [["--port", "http"], "--port must be a port"],
    [["--prot", "3000"], "Unknown option '--prot'. See npm start -- --help"],
    [["extra"], "See npm start -- --help"],
  ])("refuse %j with a sentence", (args, sentence) => {
    expect(() => readOptions(args, {})).toThrow(sentence);
  });
});
