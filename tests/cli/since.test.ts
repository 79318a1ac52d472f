import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sinceOf } from "../../cli/since.js";
import { type AdminWorld, adminWorld, STARTED_AT } from "../admin/world.js";
import { run, type Served, served } from "./run.js";

let w: AdminWorld;
let s: Served;

beforeAll(async () => {
  w = await adminWorld();
  await w.deliver({ source: "stripe", sample: "payment-failed", body: "{" });
  w.clock.advance(3_600_000);
  await w.deliver({ source: "sentry", sample: "issue-created", body: "{" });
  s = await served(w.app);
});
afterAll(async () => {
  await s.close();
  await w.close();
});

describe("--since", () => {
  it.each([
    ["30s", STARTED_AT - 30_000],
    ["90m", STARTED_AT - 90 * 60_000],
    ["2h", STARTED_AT - 2 * 3_600_000],
    ["7d", STARTED_AT - 7 * 86_400_000],
    ["2026-11-21T10:00:00.5+07:00", STARTED_AT + 500],
    ["2026-11-21 03:00", STARTED_AT],
    ["2026-11-21", STARTED_AT - 3 * 3_600_000],
  ])("%s is a moment", (text, at) => {
    expect(sinceOf(text, true, STARTED_AT)).toBe(new Date(at).toISOString());
  });

  const found = async (...args: string[]) => {
    const ran = await run(["dead-letters", "list", "--json", ...args], s.env);
    expect({ code: ran.code, err: ran.err }).toEqual({ code: 0, err: "" });
    return (JSON.parse(ran.out) as { data: unknown[] }).data.length;
  };

  it("without an offset is in the zone that times are shown in, on every page", async () => {
    expect(await found("--since", "2026-11-21 10:00")).toBe(2); // in Bangkok
    expect(await found("--since", "2026-11-21 10:30", "--all", "--limit", "1")).toBe(1);
    expect(await found("--since", "2026-11-21 10:00", "--utc")).toBe(0);
    expect(await found("--since", "2026-11-21 03:30", "--utc")).toBe(1);
  });

  it("goes along with --source", async () => {
    expect(await found("--source", "stripe")).toBe(1);
    expect(await found("--source", "stripe", "--since", "2026-11-21 10:30")).toBe(0);
  });

  it("that is no moment is a wrong call: exit code 2", async () => {
    for (const text of ["soon", "2w", "2026-11-41", "2026-02-30", "10:00"]) {
      const { code, err } = await run(["events", "list", "--since", text], s.env);
      expect(code).toBe(2);
      expect(err).toContain(`--since ${text}: it must be 30m, 2h, 7d, or a time such as`);
    }
  });

  it("is named as the option in which it stands", async () => {
    const { code, err } = await run(["reconcile", "--to", "2026-02-30"], s.env);
    expect(code).toBe(2);
    expect(err).toContain("--to 2026-02-30: it must be");
  });
});
