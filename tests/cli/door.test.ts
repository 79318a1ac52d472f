import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { countsKey } from "../../src/domain/door-counts.js";
import { writeMetrics } from "../../src/store/metrics.js";
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

describe("door", () => {
  const refusal = (second: number) =>
    JSON.stringify({
      at: `2026-11-21T02:59:0${second}.000Z`,
      requestId: `req_d${second}`,
      code: "bad_signature",
      detail: "no signature fits",
    });

  it("counts what was answered per source and outcome, then tells the last refusals with time and zone", async () => {
    expect((await run(["door", "--source", "vercel"], s.env)).out).toBe(
      "No deliveries in the last 60 minutes.\n\nNo refusals.\n",
    );
    const now = w.clock.now();
    const counts = {
      [countsKey(now)]: { "vercel.accepted": 3, "vercel.bad_signature": 2, "sentry.accepted": 1 },
      [countsKey(now - 120_000)]: { "vercel.bad_signature": 4 },
    };
    const lists = { "refusals:vercel": [1, 2, 3, 4, 5, 6].map(refusal) };
    await w.kv.tally(counts, lists, { ttlMs: 60_000, listMax: 200 });
    const { code, out, err } = await run(["door", "--source", "vercel"], s.env);
    expect({ code, err }).toEqual({
      code: 0,
      err: "There may be more: npx --no signalbox refusals\n",
    });
    const lines = out.split("\n");
    expect(lines.slice(0, 8)).toEqual([
      "Deliveries in the last 60 minutes",
      "Source  Outcome        Count  Latest minute (Asia/Bangkok)",
      "vercel  bad_signature  6      2026-11-21 10:00:00",
      "vercel  accepted       3      2026-11-21 10:00:00",
      "",
      "Last refusals",
      "At (Asia/Bangkok)    Source  Code           Detail             Request",
      "2026-11-21 09:59:06  vercel  bad_signature  no signature fits  req_d6",
    ]);
    expect(lines.filter((line) => line.includes("req_d"))).toHaveLength(5);
    const newest = JSON.parse((await run(["door", "--minutes", "1", "--json"], s.env)).out);
    expect(
      newest.data.counts.map(({ outcome, count }: { outcome: string; count: number }) => [
        outcome,
        count,
      ]),
    ).toEqual([
      ["accepted", 1],
      ["accepted", 3],
      ["bad_signature", 2],
    ]);
  });

  it("says by balance what was acknowledged and what came to a worker, and where to go on when some is missing", async () => {
    expect((await run(["door", "balance"], s.env)).out).toBe(
      "Nothing is compared yet: each minute is, 15 minutes after it, by the cron job watch. Is it run? See npx --no signalbox health\n",
    );
    const end = Math.floor(w.clock.now() / 60_000) * 60_000 - 15 * 60_000;
    const counted = (label: string, minute: number, value: number) => ({
      ...{ metric: "deliveries_acknowledged", label, minute, value },
      samples: 1,
    });
    await writeMetrics(w.database, [
      counted("signalbox", end - 300 * 60_000, 0),
      counted("signalbox", end - 60_000, 3),
      counted("stripe", end - 60_000, 3),
    ]);
    const { code, out, err } = await run(["door", "balance", "--minutes", "120"], s.env);
    expect(out.split("\n").slice(0, 3)).toEqual([
      "Deliveries acknowledged 2026-11-21 07:45:00 to 2026-11-21 09:45:00 (Asia/Bangkok)",
      "Source        Acknowledged  Arrived  Missing",
      "stripe        3             0        3",
    ]);
    expect({ code, err }).toEqual({
      code: 0,
      err: "What is missing may wait in the queue: docs/runbooks/accepted-but-not-there.md\n",
    });
    const json = JSON.parse((await run(["door", "balance", "--json"], s.env)).out);
    expect(json.data[0]).toMatchObject({ source: "stripe", missing: 3 });
  });

  it("refuses a source that there is not", async () => {
    const { code, err } = await run(["door", "--source", "github"], s.env);
    expect(code).toBe(1);
    expect(err).toContain("source: must be one of unknown, stripe");
  });
});

describe("dead-letters show", () => {
  it("ends with the exact commands that may come next, while there is something to do", async () => {
    await w.deliver({ source: "stripe", sample: "payment-failed", body: "{" });
    const { data } = await w.json<{ data: { id: string }[] }>("/api/admin/dead-letters");
    const letter = data[0]?.id ?? "";
    const shown = async () =>
      (await run(["dead-letters", "show", letter], s.env)).out.trimEnd().split("\n");
    expect((await shown()).slice(-4)).toEqual([
      "",
      "Next",
      `npx --no signalbox dead-letters replay ${letter} --reason "…"`,
      `npx --no signalbox dead-letters discard ${letter} --reason "…"`,
    ]);
    const [json] = (await run(["dead-letters", "show", letter, "--json"], s.env)).out.split("\n");
    expect(JSON.parse(json ?? "")).toEqual(await w.json(`/api/admin/dead-letters/${letter}`));
    await run(["dead-letters", "discard", letter, "--reason", "a test"], s.env);
    expect((await shown()).join("\n")).not.toContain("replay");
  });
});
