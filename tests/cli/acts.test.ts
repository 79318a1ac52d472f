import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld } from "../admin/world.js";
import { run, type Served, served } from "./run.js";

let w: AdminWorld;
let s: Served;
let made = 0;
let letter: string;

beforeAll(async () => {
  w = await adminWorld();
  s = await served(w.app);
});
afterAll(async () => {
  await s.close();
  await w.close();
});

const newLetter = async (): Promise<string> => {
  made += 1;
  await w.deliver({ source: "stripe", sample: "payment-failed", body: `{ ${made}` });
  const { data } = await w.json<{ data: { id: string }[] }>("/api/admin/dead-letters?limit=1");
  return data[0]?.id ?? "";
};
const statusOf = async (id: string): Promise<string> =>
  (await w.json<{ data: { status: string } }>(`/api/admin/dead-letters/${id}`)).data.status;

describe("dead-letters", () => {
  beforeEach(async () => {
    letter = await newLetter();
  });

  it("replay: says that it runs, and where to look", async () => {
    const ran = await run(["dead-letters", "replay", letter, "--reason", "mended"], s.env);
    expect(ran).toEqual({
      code: 0,
      out: `${letter}  replaying\n`,
      err: `See what becomes of it: npx --no signalbox dead-letters show ${letter}\n`,
    });
    expect(await statusOf(letter)).toBe("replaying");
  });

  it("discard", async () => {
    const ran = await run(["dead-letters", "discard", letter, "--reason", "a test"], s.env);
    expect(ran).toEqual({ code: 0, out: `${letter}  discarded\n`, err: "" });
    expect(await statusOf(letter)).toBe("discarded");
  });

  it("one that was settled before: exit code 1 and what it is", async () => {
    await run(["dead-letters", "discard", letter, "--reason", "a test"], s.env);
    const { code, err } = await run(["dead-letters", "replay", letter, "--reason", "no"], s.env);
    expect(code).toBe(1);
    expect(err).toContain("The dead letter is discarded already.");
  });

  it("several: one that fails does not stop the rest, but counts", async () => {
    const other = await newLetter();
    const args = ["dead-letters", "discard", letter, "ded_none", other, "--reason", "a test"];
    const ran = await run(args, s.env);
    expect(ran.code).toBe(1);
    expect(ran.out).toBe(`${letter}  discarded\n${other}  discarded\n`);
    expect(ran.err).toContain("There is no dead letter ded_none.");
  });

  it("replay --code: counts, and with --yes replays all open ones of the code", async () => {
    const other = await newLetter();
    const args = ["dead-letters", "replay", "--code", "unreadable_body", "--reason", "mended"];
    const counted = await run(args, s.env);
    expect(counted.code).toBe(2);
    const count = Number(
      /There are (\d+) open dead letters of unreadable_body/.exec(counted.err)?.[1],
    );
    expect(count).toBeGreaterThanOrEqual(2);
    expect(await statusOf(letter)).toBe("open");
    const ran = await run([...args, "--yes"], s.env);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain(`[1/${count}] ${other}  replaying\n`);
    expect(ran.out.trimEnd().split("\n")).toHaveLength(count);
    expect(await statusOf(letter)).toBe("replaying");
    const none = await run([...args, "--yes"], s.env);
    expect(none).toEqual({
      code: 0,
      out: "",
      err: "There are 0 open dead letters of unreadable_body.\n",
    });
    expect((await run([...args, letter], s.env)).code).toBe(2);
  });

  it("replay --code: only those of a source, and made since then", async () => {
    await w.deliver({ source: "sentry", sample: "issue-created", body: `[ ${made}` });
    w.clock.advance(3_600_000);
    const since = new Date(w.clock.now()).toISOString();
    const later = await newLetter();
    await w.deliver({ source: "sentry", sample: "issue-created", body: `[ ${made} later` });
    const narrowed = ["--code", "unreadable_body", "--source", "stripe", "--since", since];
    const args = ["dead-letters", "replay", ...narrowed, "--reason", "mended"];
    const count = `1 open dead letter of unreadable_body from stripe since ${since}`;
    expect((await run(args, s.env)).err).toContain(`There are ${count}. Nothing was done.`);
    const ran = await run([...args, "--yes"], s.env);
    expect([ran.code, ran.out]).toEqual([0, `[1/1] ${later}  replaying\n`]);
    expect(await statusOf(letter)).toBe("open");
    const wrong = ["dead-letters", "replay", letter, "--source", "stripe", "--reason", "r"];
    expect((await run(wrong, s.env)).code).toBe(2);
  });

  it("--json: one document for all of them", async () => {
    const args = ["dead-letters", "discard", letter, "ded_none", "--reason", "r", "--json"];
    const { out, code } = await run(args, s.env);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      data: [
        { id: letter, status: "discarded" },
        { id: "ded_none", error: { code: "not_found" } },
      ],
    });
  });

  it("without a reason nothing is tried: exit code 2", async () => {
    const { code, err } = await run(["dead-letters", "discard", letter], s.env);
    expect(code).toBe(2);
    expect(err).toContain("required option '--reason <text>' not specified");
    expect(await statusOf(letter)).toBe("open");
  });
});

describe("health", () => {
  it("needs no token; exit code 1 when unhealthy", async () => {
    const env = { SIGNALBOX_URL: s.url };
    const well = await run(["health"], env);
    expect(well).toEqual({
      code: 0,
      out: [
        `address          ${s.url}`,
        "status           healthy",
        "version          0.0.0-test",
        "database         connected",
        "kv               connected",
        "queue            connected",
        "outbox           0 messages overdue",
        "parked           3 deliveries in KV",
        "dead letters     2 open",
        "sources          0 held",
        "held events      0 kept until a release",
        "discrepancies    0 open",
        "reconciliations  0 failed or partial at last",
        "last relay       34 seconds ago",
        "last sweep       not known",
        "asked at         2026-11-21 10:00:00 Asia/Bangkok",
        "",
      ].join("\n"),
      err: "",
    });
    w.health.status = "unhealthy";
    const ill = await run(["health", "--json"], env);
    w.health.status = "healthy";
    expect(ill.code).toBe(1);
    expect(JSON.parse(ill.out)).toMatchObject({ data: { status: "unhealthy" } });
  });
});

describe("setup", () => {
  it("shows schedules and checks; exit code 1 when a check is not good", async () => {
    expect(await run(["setup"], s.env)).toEqual({
      code: 1,
      out: [
        "Schedule  Cron       Calls            State",
        "relay     * * * * *  /api/cron/relay  created",
        "",
        "Check             Result    Detail",
        "parallelism fits  not good  20 events on 10 connections",
        "",
      ].join("\n"),
      err: "",
    });
  });
});

describe("refusals", () => {
  it("are told with their cause", async () => {
    const at = "2026-11-21T03:00:05.000Z";
    const refusal = { at, requestId: "req_9", code: "stale_signature", detail: "signed 900 s ago" };
    const lists = { "refusals:stripe": [JSON.stringify(refusal)] };
    await w.kv.tally({}, lists, { ttlMs: 60_000, listMax: 200 });
    expect((await run(["refusals", "--source", "stripe"], s.env)).out.split("\n")).toEqual([
      "At (Asia/Bangkok)    Source  Code             Detail            Request",
      "2026-11-21 10:00:05  stripe  stale_signature  signed 900 s ago  req_9",
      "",
    ]);
  });
});
