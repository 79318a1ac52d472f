import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld } from "../admin/world.js";
import { run, type Served, served } from "./run.js";

let world: AdminWorld;
let server: Served;
const dir = mkdtempSync(join(tmpdir(), "signalbox-cli-policy-"));
beforeAll(async () => {
  world = await adminWorld();
  server = await served(world.app);
});
afterAll(async () => {
  await server.close();
  await world.close();
  rmSync(dir, { recursive: true });
});

const policy = (...args: string[]) => run(["policy", ...args], server.env);
function file(name: string, text: string): string {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
}

describe("signalbox policy", () => {
  it("checks a file: each problem by file, line and column, and 1 when there is one", async () => {
    const bad = file("bad.yaml", "extends: tbat\nstorm: {incidents: 5, minutes: 0}\n");
    const found = await policy("check", bad);
    expect(found.code).toBe(1);
    expect(found.out).toContain(`${bad}:2:32 storm.minutes: in no time nothing is a storm`);
    const good = await policy("check", file("good.yaml", "extends: tbat\n"));
    expect([good.code, good.out]).toEqual([0, "tbat: nothing is wrong.\n"]);
    const own = await policy("check");
    expect(own.out).toBe("runbook holds; it was checked at the start, and nothing is wrong.\n");
    const none = await policy("check", join(dir, "none.yaml"));
    expect([none.code, none.err]).toEqual([2, expect.stringContaining("there is no such file")]);
    const preset = await policy("check", "runbook");
    expect(preset.code).toBe(2);
    expect(preset.err).toContain("A file's path is wanted");
    expect(preset.err).toContain("policy diff runbook");
  });

  it("shows the policy as a file would say it, or one part", async () => {
    const storm = await policy("show", "storm");
    expect(storm.out).toBe("incidents: 10\nminutes: 5\n");
    const whole = await policy("show", "--json");
    expect(JSON.parse(whole.out)).toMatchObject({ data: { name: "runbook" } });
    const wrong = await policy("show", "routes.pager");
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain("Here it has outage, database, degradation");
  });

  it("explains a sample and an event", async () => {
    const sample = await policy("explain", "sentry/metric-alert-critical", "--utc");
    expect(sample.code).toBe(0);
    expect(sample.out).toContain("by the policy runbook\n\n- sentry reports of ");
    expect(sample.out).toContain("- At once On call is told by email and slack.");
    const { eventId } = await world.deliver({ source: "better-stack", sample: "incident-started" });
    const event = await policy("explain", eventId);
    expect(event.out).toMatch(/It is part of INC-\d{8}-\d{4}/);
    expect((await policy("explain", "better-stack/none")).code).toBe(2);
    const none = await policy("explain", "evt_none");
    expect(none.code).toBe(1);
    expect(none.err).toContain("events list`");
    expect(none.err).not.toContain("policy list");
  });

  it("compares with a preset or a file, on past signals too", async () => {
    const mine = file("mine.yaml", "extends: runbook\nstorm: {incidents: 11, minutes: 5}\n");
    const own = await policy("diff", mine);
    expect(own.out).toBe(
      "storm.incidents: 10 → 11\n\n1 lines differ between runbook and runbook.\n",
    );
    const tbat = await policy("diff", "tbat", "--last", "7d");
    expect(tbat.out).toMatch(/Of 1 signals since .*, 1 would have been told otherwise:/);
    expect(tbat.out).toContain("→ CRITICAL (P0) of Shop: checkout by critical, rule system-down");
    expect((await policy("diff", "nobody")).code).toBe(1);
  });
});
