import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SECRET_NAMES } from "../../cli/connection.js";
import { sources } from "../../src/sources/registry.js";
import { ADMIN_TOKEN, type AdminWorld, adminWorld } from "../admin/world.js";
import { BIN, cliHome, deserted, run, type Served, served } from "./run.js";

let w: AdminWorld;
let s: Served;
beforeAll(async () => {
  w = await adminWorld();
  s = await served(w.app);
});
afterAll(async () => {
  await s.close();
  await w.close();
});

describe("where to, and with what", () => {
  it("knows the secret of every source by the name that the source gives it", () => {
    expect([...SECRET_NAMES]).toEqual(sources.map(({ id, secret }) => [id, secret]));
  });

  it("takes address and token from what the local start wrote down", async () => {
    const { home, remove } = cliHome({ url: s.url, adminToken: ADMIN_TOKEN, secrets: {} });
    expect(await run(["events", "list"], { SIGNALBOX_HOME: home })).toEqual({
      code: 0,
      out: "No events.\n",
      err: "",
    });
    remove();
  });

  it("never gives the local start's token to another address", async () => {
    const given: (string | undefined)[] = [];
    const elsewhere = await served(
      new Hono().all("*", (c) => {
        given.push(c.req.header("authorization"));
        return c.json({ data: [], nextCursor: null });
      }),
    );
    const { home, remove } = cliHome({ url: s.url, adminToken: ADMIN_TOKEN, secrets: {} });
    const ran = await run(["events", "list", "--url", elsewhere.url], { SIGNALBOX_HOME: home });
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(
      `There is no key for ${elsewhere.url}.\nSet SIGNALBOX_KEY or ADMIN_TOKEN`,
    );
    expect(given).toEqual([]);
    await elsewhere.close();
    remove();
  });

  it("localhost and 127.0.0.1 are one place; options beat the environment", async () => {
    const { home, remove } = cliHome({ url: s.url, adminToken: ADMIN_TOKEN, secrets: {} });
    const url = s.url.replace("127.0.0.1", "localhost");
    const env = { SIGNALBOX_HOME: home, SIGNALBOX_URL: "http://127.0.0.1:1" };
    const { code, out } = await run(["events", "list", "--url", `${url}/`], env);
    expect({ code, out }).toEqual({ code: 0, out: "No events.\n" });
    const token = await run(["events", "list", "--token", ADMIN_TOKEN], {
      ...s.env,
      ADMIN_TOKEN: "another",
    });
    expect(token.code).toBe(0);
    remove();
  });

  it("--home is SIGNALBOX_HOME; with nothing running there it says so", async () => {
    const { home, remove } = cliHome({ url: s.url, adminToken: ADMIN_TOKEN, secrets: {} });
    const named = await run(["events", "list", "--home", home]);
    expect({ code: named.code, out: named.out }).toEqual({ code: 0, out: "No events.\n" });
    remove();
    const samples = [
      ["events", "list"],
      ["trigger", "stripe", "payment-failed"],
    ];
    for (const args of samples) {
      const { code, err } = await run([...args, "--home", home]);
      expect(code).toBe(1);
      expect(err).toContain(`No Signalbox is running on ${home}.\n`);
      expect(err).toContain("SIGNALBOX_HOME");
    }
  });

  it("survives a half-written file of the local start", async () => {
    const { home, remove } = cliHome({});
    const ran = await run(["events", "list"], { ...s.env, SIGNALBOX_HOME: home });
    expect(ran.code).toBe(0);
    remove();
  });
});

describe("what goes wrong is said in a sentence, and what to do next", () => {
  it("nobody there", async () => {
    const url = await deserted();
    const { code, err } = await run(["health", "--url", url]);
    expect({ code, err }).toEqual({
      code: 1,
      err: `Nothing answers at ${url}.\nIs \`npm start\` running? For another address use --url or SIGNALBOX_URL.\n`,
    });
  });

  it("no such host", async () => {
    const { code, err } = await run(["health", "--url", "http://signalbox.invalid"]);
    expect(code).toBe(1);
    expect(err).toContain("There is no host signalbox.invalid.");
  });

  it("the wrong token", async () => {
    const { code, err } = await run(["events", "list"], { ...s.env, ADMIN_TOKEN: "wrong" });
    expect(code).toBe(1);
    expect(err).toBe(
      `${s.url} does not take this key or admin token.\nIs the key revoked? Compare SIGNALBOX_KEY or ADMIN_TOKEN (or --token) with the deployment's.\n`,
    );
  });

  it("somebody else's server, or one that sends us on", async () => {
    const other = await served(
      new Hono()
        .get("/moved/*", (c) => c.redirect("https://example.com/"))
        .all("*", (c) => c.html("<h1>It works!</h1>")),
    );
    const env = { ADMIN_TOKEN };
    const html = await run(["events", "list", "--url", other.url], env);
    expect(html.code).toBe(1);
    expect(html.err).toMatch(/is not Signalbox's admin API \(200, text\/html/);
    const moved = await run(["events", "list", "--url", `${other.url}/moved`], env);
    expect(moved.err).toContain("(302, on to https://example.com/)");
    await other.close();
  });

  it("with --json the failure is the one document", async () => {
    const { code, out } = await run(["events", "list", "--json", "--source", ""], s.env);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({
      error: {
        message: expect.stringMatching(
          /^source: must be one of stripe, sentry, vercel, better-stack, resend, monitor\. \(request req_\d+\)$/,
        ),
        next: "Mend the field that the detail names.",
        status: 400,
        code: "invalid_request",
        detail: "source: must be one of stripe, sentry, vercel, better-stack, resend, monitor",
        requestId: expect.stringMatching(/^req_/),
      },
    });
  });

  it.each([
    [["evnts"], "Did you mean events?"],
    [["events", "list", "--limit", "0"], "whole number from 1 to 500"],
    [["events", "list", "--limit", "501"], "whole number from 1 to 500"],
    [["events", "list", "--sauce", "stripe"], "unknown option '--sauce'"],
    [["events", "show"], "missing required argument 'id'"],
    [["events", "show"], "See `npx --no signalbox help events show`."],
    [["help", "events", "sow"], "unknown command 'sow'\nSee `npx --no signalbox help events`."],
    [["health", "--url", "ftp://example.com"], '"ftp://example.com" is no address.'],
    [["health", "--url", "example.com:3000"], '"example.com:3000" is no address.'],
  ])("%j is a wrong call: exit code 2", async (args, sentence) => {
    const { code, err } = await run(args, s.env);
    expect(code).toBe(2);
    expect(err).toContain(sentence);
  });

  it("help goes as deep as the words that follow it", async () => {
    const asked = await run(["help", "incidents", "ack"]);
    expect(asked).toEqual(await run(["incidents", "ack", "--help"]));
    expect(asked.out).toContain("Usage: npx --no signalbox incidents ack [options] <ids...>");
  });

  it("help and version are no failures", async () => {
    for (const args of [
      ["--help"],
      ["help", "trigger"],
      ["events", "list", "--help"],
      ["--version"],
    ]) {
      const { code, out } = await run(args);
      expect([args, code]).toEqual([args, 0]);
      expect(out).not.toBe("");
    }
  });
});

describe("the bin", () => {
  it("runs by a symbolic link, from any folder, whatever tsconfig lies there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "signalbox-bin-"));
    const link = join(folder, "signalbox");
    symlinkSync(BIN, link);
    cpSync(resolve(import.meta.dirname, "../../biome.json"), join(folder, "tsconfig.json"));
    const { code, out } = await run(
      ["samples", "vercel", "--json"],
      {},
      { cwd: folder, bin: link },
    );
    expect(code).toBe(0);
    expect(JSON.parse(out).data).toContainEqual({ source: "vercel", sample: "deployment-ready" });
    rmSync(folder, { recursive: true });
  });

  it("without the packages it says how to get them", async () => {
    const folder = mkdtempSync(join(tmpdir(), "signalbox-bare-"));
    mkdirSync(join(folder, "cli"));
    const bin = join(folder, "cli", "signalbox.mjs");
    cpSync(BIN, bin);
    const { code, err } = await run(["health"], {}, { bin });
    expect(code).toBe(1);
    expect(err).toContain("packages are not installed");
    expect(err).toContain("npm ci --ignore-scripts");
    rmSync(folder, { recursive: true });
  });

  it("is what `npx --no signalbox` runs, in the project's folder and below", async () => {
    const root = dirname(dirname(BIN));
    for (const cwd of [root, join(root, "src", "domain")]) {
      const env = { ...process.env, NO_COLOR: "1" };
      const args = ["--no", "signalbox", "samples", "stripe"];
      const { stdout } = await promisify(execFile)("npx", args, { cwd, env, timeout: 25_000 });
      expect(stdout).toContain("payment-succeeded");
    }
  });

  it("does not fail when its reader leaves", async () => {
    const command = `"${process.execPath}" "${BIN}" samples | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await promisify(execFile)("bash", ["-c", command]);
    expect(stderr).toBe("");
    expect(stdout.trim().split("\n").at(-1)).toBe("0");
  });
});
