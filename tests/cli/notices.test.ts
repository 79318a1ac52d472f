import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld } from "../admin/world.js";
import { run, type Served, served } from "./run.js";

let w: AdminWorld;
let s: Served;
let folder: string;

beforeAll(async () => {
  w = await adminWorld();
  s = await served(w.app);
  folder = mkdtempSync(join(tmpdir(), "signalbox-mails-"));
});
afterAll(async () => {
  await s.close();
  await w.close();
  rmSync(folder, { recursive: true, force: true });
});

const preview = (args: readonly string[], env: Record<string, string> = {}) =>
  run(["notices", "preview", ...args], { ...s.env, ...env });

describe("notices preview", () => {
  it("writes HTML and text also where there is no browser, and then names the fix", async () => {
    const out = join(folder, "made", "here");
    const ran = await preview(["payment-received", "--locale", "th", "--out", out], {
      CHROMIUM_PATH: "/none/chromium",
    });
    expect(ran.code).toBe(1);
    expect(ran.out).toBe(
      [
        "ชำระเงินเรียบร้อยแล้ว ฿1,999.00 · Payment received",
        join(out, "payment-received.th.html"),
        join(out, "payment-received.th.txt"),
        "",
      ].join("\n"),
    );
    expect(ran.err).toContain("CHROMIUM_PATH is /none/chromium, which is no program");
    expect(ran.err).toContain("apt-get install chromium");
    expect(readFileSync(join(out, "payment-received.th.html"), "utf8")).toContain('lang="th"');
    expect(readFileSync(join(out, "payment-received.th.txt"), "utf8")).toContain("฿1,999.00");
  });

  it("writes nothing for a template that there is not, and names those that there are", async () => {
    const out = join(folder, "unknown");
    const ran = await preview(["payment", "--out", out]);
    expect([ran.code, ran.out]).toEqual([1, ""]);
    expect(ran.err).toContain("Templates: payment-received, payment-failed");
    expect(readdirSync(folder)).not.toContain("unknown");
  });

  it("takes no name that would leave the folder", async () => {
    const ran = await preview(["../payment-received", "--out", folder]);
    expect([ran.code, ran.out]).toEqual([2, ""]);
    expect((await preview(["payment-received", "--locale", "../th"])).code).toBe(2);
  });

  it("says so when the folder can't be written to", async () => {
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    const ran = await preview(["payment-received", "--out", file]);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(`can't be written to ${file} (EEXIST)`);
    expect(ran.err).toContain("--out");
  });
});
