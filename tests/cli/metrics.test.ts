import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld } from "../admin/world.js";
import { run, type Served, served } from "./run.js";

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

describe("metrics", () => {
  it("are reported and listed with their numbers, and say so when nothing is known", async () => {
    expect((await run(["metrics", "list", "cache_hits_percent"], s.env)).out).toBe(
      "Nothing is known of cache_hits_percent in this time.\n",
    );
    const minute = ["--minute", "2026-11-21T02:50:10Z"];
    const asked = ["metrics", "report", "cache_hits_percent", "71.25", "--label", "api", ...minute];
    expect((await run([...asked, "--samples", "400"], s.env)).out).toBe(
      "Kept: cache_hits_percent of api is 71.25.\n",
    );
    const { code, out } = await run(["metrics", "list", "cache_hits_percent", "--utc"], s.env);
    expect(code).toBe(0);
    expect(out).toContain("2026-11-21 02:50:00");
    expect(out).toMatch(/api +71\.25 +71\.25 +71\.25 +400/);
    const asJson = await run(["metrics", "list", "cache_hits_percent", "--json"], s.env);
    expect(JSON.parse(asJson.out)).toMatchObject({ data: [{ label: "api", value: 71.25 }] });
  });

  it("refuse what is no number, and a metric that there is not", async () => {
    const wrong = await run(["metrics", "report", "cost_percent", "lots", "--label", "a"], s.env);
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("it must be a number")]);
    const unknown = await run(["metrics", "list", "moon"], s.env);
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining("must be one of")]);
  });
});

describe("uptime", () => {
  it("is told beside its target, and fails where that is missed", async () => {
    expect((await run(["uptime"], s.env)).out).toContain("No monitor has told of an outage.");
    await w.deliver({ source: "better-stack", sample: "incident-started" });
    w.clock.advance(3_600_000);
    const { code, out } = await run(["uptime", "--days", "1"], s.env);
    expect(code).toBe(1);
    // Down since the first that is known of it: not over a day, of which nobody saw the rest, nor by hundredths of minutes.
    expect(out).toMatch(
      /since 2026-11-21 \d\d:\d\d \(Asia\/Bangkok\), (1 h \d+ min) +0 % +99\.5 % +failed +\1 +1 +down/,
    );
    expect(out).toMatch(/Incidents in 30 days: 1 · known after \d+ min · answered after not known/);
  });
});

describe("incidents notice and review", () => {
  it("print the document, in Thai where that is asked for", async () => {
    type List = { data: { id: string }[] };
    const [incident] = (await w.json<List>("/api/admin/incidents")).data;
    const id = String(incident?.id);
    const notice = await run(["incidents", "notice", id], s.env);
    expect(notice.out).toContain(`# Incident notice ${id}`);
    const review = await run(["incidents", "review", id, "--locale", "th"], s.env);
    expect(review.out).toContain(`# รายงานทบทวนหลังเหตุขัดข้อง ${id}`);
    expect((await run(["incidents", "review", "INC-0"], s.env)).code).toBe(1);
  });
});
