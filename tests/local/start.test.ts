import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ResendEmulator, startResendEmulator } from "../../emulators/resend/index.js";
import { locationOf, readRecord } from "../../local/postgres/record.js";
import { readPidFile } from "../../local/postgres/server.js";
import type { Running } from "../../local/signalbox.js";
import {
  adminList,
  type Command,
  cleanUp,
  noneRuns,
  postgresRuns,
  postPayment,
  processed,
  processesOf,
  startCommand,
  temporaryHome,
} from "../support/platform.js";
import { testDatabase } from "../support/postgres.js";

afterAll(cleanUp);

interface EventRow {
  eventKey: string;
  type: string;
  status: string;
}

const portOf = (url: string): string => new URL(url).port;

/** One life of one home, told in order: each test goes on where the one before it stopped. */
describe.sequential("npm start on a home of its own", () => {
  const home = temporaryHome();
  let command: Command;
  let running: Running;
  const keys: string[] = [];

  it("prints one line of JSON once it is ready, with all that a program needs", async () => {
    command = startCommand(home);
    running = await command.ready();
    expect(command.stdout().trimEnd().split("\n")).toHaveLength(1);
    expect(running).toMatchObject({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      adminToken: expect.stringMatching(/^\w{32,}$/),
      cronSecret: expect.stringMatching(/^\w{32,}$/),
      secrets: {
        STRIPE_WEBHOOK_SECRET: expect.stringMatching(/^whsec_/),
        SENTRY_CLIENT_SECRET: expect.any(String),
        VERCEL_WEBHOOK_SECRET: expect.any(String),
        BETTER_STACK_WEBHOOK_TOKEN: expect.any(String),
        RESEND_WEBHOOK_SECRET: expect.stringMatching(/^whsec_/),
      },
      mailboxUrl: expect.stringMatching(/\/mailbox$/),
      slackUrl: expect.stringMatching(/\/messages$/),
      databaseUrl: expect.stringMatching(/^postgres(ql)?:\/\/signalbox:/),
      qstashUrl: expect.any(String),
      qstashToken: expect.any(String),
      kvUrl: expect.any(String),
      kvToken: expect.any(String),
      pid: command.pid,
      home,
    });
    const emulators = [
      ...["kv", "pagerduty", "qstash", "resend", "slack", "status-page", "stripe", "twilio"],
    ];
    expect(Object.keys(running.emulators).sort()).toEqual(emulators);
    expect(JSON.parse(readFileSync(join(home, "running.json"), "utf8"))).toEqual(running);
  });

  it("lets nobody else read its secrets, its log or its mails", () => {
    const modes = [
      "secrets.json",
      "running.json",
      "app.log",
      "platform.log",
      "emulators",
      "kv",
    ].map((name) => statSync(join(home, name)).mode & 0o077);
    expect(modes).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("has the schedules registered, and pages to read mails and messages on", async () => {
    const headers = { authorization: `Bearer ${running.qstashToken}` };
    const answer = await fetch(`${running.qstashUrl}/v2/schedules`, { headers });
    const schedules = (await answer.json()) as { destination: string }[];
    const destinations = schedules.map(({ destination }) => destination).sort();
    const jobs = ["reconcile", "relay", "sweep", "watch"].map(
      (job) => `${running.url}/api/cron/${job}`,
    );
    expect(destinations).toEqual(jobs);
    for (const url of [running.mailboxUrl, running.slackUrl]) {
      expect((await fetch(url ?? "")).status).toBe(200);
    }
  });

  it("refuses a home that another start lives in, and says where that one is", async () => {
    const second = startCommand(home);
    expect(await second.ended()).toBe(1);
    expect(second.stderr()).toContain(`already running on ${home} (${running.url}`);
    expect(second.stderr()).toContain("--home");
    expect(second.stdout()).toBe("");
  });

  it("refuses a port that another program has, before it makes a database", async () => {
    const other = temporaryHome();
    const second = startCommand(other, ["--port", portOf(running.url)]);
    expect(await second.ended()).toBe(1);
    expect(second.stderr()).toContain(`Port ${portOf(running.url)} on 127.0.0.1 is in use`);
    expect(second.stderr()).toContain("--port");
    expect(existsSync(join(other, "postgres"))).toBe(false);
  });

  it("stops on SIGTERM with 0 and leaves no process, after what was accepted is done", async () => {
    const key = await postPayment(running, "before-term");
    keys.push(key);
    expect(await processed(running, key)).toBe(true);
    command.signal("SIGTERM");
    expect(await command.ended()).toBe(0);
    expect(await noneRuns(processesOf(running))).toBe(true);
    expect(postgresRuns(home)).toBe(false);
    expect(existsSync(join(home, "running.json"))).toBe(false);
  });

  /** What was posted by this test; the deployment posts itself a canary now and then. */
  const deliveredEvents = async () =>
    (await adminList<EventRow>(running, "events")).filter(
      ({ type }) => type !== "signalbox.canary",
    );

  it("finds its data, secrets and addresses again at the next start", async () => {
    const before = running;
    command = startCommand(home);
    running = await command.ready();
    const changing = { pid: 0, pids: {} };
    expect({ ...running, ...changing }).toEqual({ ...before, ...changing });
    const ports = JSON.parse(readFileSync(join(home, "ports.json"), "utf8")) as Record<
      string,
      number
    >;
    expect(Object.keys(ports).length).toBeGreaterThan(8);
    expect(
      Math.max(...Object.values(ports)),
      "of the system's own range, which it gives away",
    ).toBeLessThan(32_768);
    const events = await deliveredEvents();
    expect(events).toEqual([expect.objectContaining({ eventKey: keys[0], status: "processed" })]);
    const mails = async () =>
      ((await (await fetch(mailsOf(running))).json()) as { data: [] }).data.length;
    // Where the stop came before the mail had left, it leaves now, or with the queue's first retry.
    await expect.poll(mails, { timeout: 40_000 }).toBe(1);
  }, 60_000);

  it("loses nothing that it accepted when all its processes are killed at once", async () => {
    const ids = Array.from({ length: 10 }, (_, index) => `killed-${index}`);
    keys.push(...(await Promise.all(ids.map((id) => postPayment(running, id)))));
    for (const pid of processesOf(running)) process.kill(pid, "SIGKILL");
    expect(await command.ended()).toBe("SIGKILL");
    command = startCommand(home);
    running = await command.ready();
    for (const key of keys) expect(await processed(running, key)).toBe(true);
    expect(await adminList(running, "payments")).toHaveLength(keys.length);
  });

  it("takes its place again when only the command itself was killed", async () => {
    const before = running;
    command.signal("SIGKILL");
    expect(await command.ended()).toBe("SIGKILL");
    command = startCommand(home);
    running = await command.ready();
    expect(running.url).toBe(before.url);
    expect(await noneRuns(processesOf(before))).toBe(true);
    expect(await deliveredEvents()).toHaveLength(keys.length);
  });

  it("says so and ends with 1 when Postgres alone dies, and the next start loses nothing", async () => {
    const dataDir = join(home, "postgres");
    const record = readRecord(dataDir);
    const location = record === undefined ? dataDir : locationOf(dataDir, record);
    process.kill(readPidFile(location)?.pid ?? 0, "SIGKILL");
    expect(await command.ended()).toBe(1);
    expect(command.stderr()).toContain(
      `Postgres ended unexpectedly, see ${join(home, "postgres.log")}; nothing accepted is lost`,
    );
    expect(await noneRuns(processesOf(running))).toBe(true);
    command = startCommand(home);
    running = await command.ready();
    expect(await deliveredEvents()).toHaveLength(keys.length);
  });

  it("says so and ends with 1, leaving nothing behind, when the platform dies", async () => {
    process.kill(running.pids.platform ?? 0, "SIGKILL");
    expect(await command.ended()).toBe(1);
    expect(command.stderr()).toContain("The platform ended unexpectedly (SIGKILL)");
    expect(await noneRuns(processesOf(running))).toBe(true);
    expect(postgresRuns(home)).toBe(false);
  });
});

const mailsOf = (running: Running): string => `${running.emulators.resend}/mailbox.json`;

describe("npm start beside real services", () => {
  let resend: ResendEmulator;
  let slack: Server;
  const posted: string[] = [];

  beforeAll(async () => {
    resend = await startResendEmulator({ apiKey: "re_real" });
    slack = createServer((request, response) => {
      posted.push(request.url ?? "");
      response.end("ok");
    });
    await new Promise<void>((resolve) => slack.listen(0, "127.0.0.1", resolve));
  });

  afterAll(async () => {
    await resend.close();
    slack.close();
  });

  it("uses what the environment names in place of its emulator, and secrets as they are set", async () => {
    const database = await testDatabase();
    const { port } = slack.address() as AddressInfo;
    const home = temporaryHome();
    const command = startCommand(home, [], {
      DATABASE_URL: database.url,
      RESEND_API_KEY: "re_real",
      RESEND_BASE_URL: resend.url,
      SLACK_WEBHOOK_URL: `http://127.0.0.1:${port}/services/real`,
      STRIPE_API_KEY: "sk_test_real",
      STRIPE_WEBHOOK_SECRET: "whsec_from_the_environment",
      ADMIN_TOKEN: "admin-token-of-the-environment",
    });
    const running = await command.ready();
    const emulators = ["kv", "pagerduty", "qstash", "status-page", "twilio"];
    expect(Object.keys(running.emulators).sort()).toEqual(emulators);
    expect(running).toMatchObject({
      mailboxUrl: null,
      slackUrl: null,
      databaseUrl: database.url,
      adminToken: "admin-token-of-the-environment",
      secrets: { STRIPE_WEBHOOK_SECRET: "whsec_from_the_environment" },
    });
    expect(await processed(running, await postPayment(running, "real"))).toBe(true);
    await expect.poll(() => resend.mails().length, { timeout: 15_000 }).toBe(1);
    process.kill(running.pids.app, "SIGKILL");
    expect(await command.ended()).toBe(1);
    expect(command.stderr()).toContain(
      "The app ended unexpectedly (SIGKILL). Nothing accepted is lost; npm start goes on where it stopped.",
    );
    expect(command.stderr()).not.toContain("See the end of");
    expect(postgresRuns(home)).toBe(false);
    await database.drop();
  });

  it("names DATABASE_URL when nothing answers there", async () => {
    const command = startCommand(temporaryHome(), [], {
      DATABASE_URL: "postgres://someone:hush-hush@127.0.0.1:1/none",
    });
    expect(await command.ended()).toBe(1);
    const said = command.stderr();
    expect(said).toContain("DATABASE_URL: 127.0.0.1:1 does not answer (ECONNREFUSED).");
    expect(said).not.toContain("hush-hush");
    expect(said).not.toContain("    at ");
  });

  it("names every service that is set by half, and every setting that is wrong, at once", async () => {
    const command = startCommand(temporaryHome(), [], {
      KV_REST_API_URL: "https://kv.example.com",
      TWILIO_FROM: "+15550100000",
      RESEND_BASE_URL: "https://mail.example.com",
      DATABASE_PREPARED_STATEMENTS: "perhaps",
      EMAIL_PER_SECOND: "many",
    });
    expect(await command.ended()).toBe(1);
    const said = command.stderr();
    expect(said).toContain("KV_REST_API_TOKEN missing beside KV_REST_API_URL");
    expect(said).toContain("TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN missing beside TWILIO_FROM");
    expect(said).toContain("RESEND_BASE_URL is set without RESEND_API_KEY");
    expect(said).toContain("DATABASE_PREPARED_STATEMENTS must be true or false");
    expect(said).toContain("EMAIL_PER_SECOND must be a whole number");
    expect(said).not.toContain("    at "); // sentences, not a stack
  });
});

describe("npm start in production", () => {
  it("invents no secret: it refuses to start, and lists every problem at once", async () => {
    const home = temporaryHome();
    const command = startCommand(home, [], {
      NODE_ENV: "production",
      QSTASH_DEV: "true",
      VERCEL_WEBHOOK_SECRET: "is-set",
      ADMIN_TOKEN: "short",
    });
    expect(await command.ended()).toBe(1);
    const said = command.stderr();
    expect(said).toContain("NODE_ENV is production: nothing is invented; unset it");
    const missing = [
      "PUBLIC_BASE_URL",
      "DATABASE_URL",
      "KV_REST_API_URL",
      "KV_REST_API_TOKEN",
      "QSTASH_TOKEN",
      "QSTASH_CURRENT_SIGNING_KEY",
      "QSTASH_NEXT_SIGNING_KEY",
      "STRIPE_WEBHOOK_SECRET",
      "SENTRY_CLIENT_SECRET",
      "BETTER_STACK_WEBHOOK_TOKEN",
      "RESEND_WEBHOOK_SECRET",
      "CRON_SECRET",
    ];
    for (const name of missing) expect(said).toContain(`${name} is missing`);
    expect(said).toContain("ADMIN_TOKEN has 5 characters");
    expect(said).toContain("QSTASH_DEV is set in production");
    expect(said).not.toContain("VERCEL_WEBHOOK_SECRET is missing");
    expect(existsSync(join(home, "secrets.json"))).toBe(false);
  });
});

describe("npm start, interrupted", () => {
  it("ends cleanly on Ctrl-C while it is still starting", async () => {
    const home = temporaryHome();
    const command = startCommand(home);
    await command.said("Starting Postgres");
    command.signal("SIGINT");
    expect(await command.ended()).toBe(0);
    expect(command.stdout()).toBe("");
    expect(postgresRuns(home)).toBe(false);
  });

  it("ends when npm is ended, whose shell hands no signal on", async () => {
    const env = { npm_lifecycle_event: "start" };
    const shell = startCommand(temporaryHome(), [], env, { inShell: true });
    const running = await shell.ready();
    shell.signal("SIGTERM");
    expect(await noneRuns([running.pid, ...processesOf(running)], 30_000)).toBe(true);
  });
});
