import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
let place: string;

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), "signalbox-test-demo-"));
});
afterAll(() => {
  rmSync(place, { recursive: true, force: true });
});

it("npm run demo shows what each source's webhook became, the second ones as duplicates, and cleans up", async () => {
  const { PATH, HOME } = process.env;
  // Services of the caller must not be reached by a demo; these would make the start fail.
  const hostile = { RESEND_API_KEY: "re_mine", DATABASE_URL: "postgres://127.0.0.1:1/mine" };
  const child = spawn(process.execPath, [join(ROOT, "scripts/run.mjs"), "local/demo.ts"], {
    env: { PATH, HOME, TMPDIR: place, ...hostile },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => {
    out += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    err += String(chunk);
  });
  const code = await new Promise((done) => child.once("close", done));
  expect(code, out + err).toBe(0);
  for (const source of ["stripe", "sentry", "vercel", "better-stack"]) {
    expect(out).toMatch(new RegExp(`^${source} .*event processed .*200 duplicate$`, "m"));
  }
  for (const id of ["pay_", "ent_", "INC-", "dep_"]) expect(out).toContain(` ${id}`);
  expect(out).toMatch(/mail to \S+ sent +[0-9a-f-]{36}/);
  expect(out).toContain("All as it should be");
  expect(out).not.toContain("\u001b"); // no colours in a pipe
  expect(readdirSync(place).filter((name) => name.startsWith("signalbox-demo"))).toEqual([]);
});
