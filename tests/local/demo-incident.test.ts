import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
let place: string;

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), "signalbox-test-incident-"));
});
afterAll(() => {
  rmSync(place, { recursive: true, force: true });
});

it("npm run demo:incident plays the exam platform's night, judges it, and cleans up", async () => {
  const { PATH, HOME } = process.env;
  // Services of the caller must not be reached by a demo; these would make the start fail.
  const hostile = { STRIPE_API_KEY: "sk_live_mine", DATABASE_URL: "postgres://127.0.0.1:1/mine" };
  const script = [join(ROOT, "scripts/run.mjs"), "local/demo-incident.ts", "--policy", "tbat"];
  const child = spawn(process.execPath, script, {
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
  expect(out).toContain("03:02:00 GMT+7  → PagerDuty  incident-raised");
  expect(out).toContain("“🔴 CRITICAL เกิดเหตุขัดข้อง: web: Status 502”");
  expect(out).toContain("mail to executive@example.com");
  expect(out).toContain("Slack could not be reached");
  expect(out).toContain("# Incident notice INC-20261124-0259");
  expect(out).toMatch(/Yes: \d+ messages in \d+ hours/);
  expect(readdirSync(place).filter((name) => name.startsWith("signalbox-demo"))).toEqual([]);
}, 600_000);
