import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld } from "../admin/world.js";
import { run, type Served, served } from "./run.js";

let w: AdminWorld;
let s: Served;
beforeEach(async () => {
  w = await adminWorld();
  s = await served(w.app);
});
afterEach(async () => {
  await s.close();
  await w.close();
});

const why = ["--reason", "it is right"];
const signalbox = (...args: string[]) => run(args, s.env);

describe("sources", () => {
  it("are held, shown by list and door, tried and released with progress", async () => {
    const held = await signalbox("sources", "hold", "stripe", "--reason", "a bad release");
    expect([held.code, held.out]).toEqual([0, expect.stringContaining("a bad release")]);
    const ids: string[] = [];
    for (const uniqueId of ["a", "b", "c"]) {
      const done = await w.deliver({ source: "stripe", sample: "payment-succeeded", uniqueId });
      ids.push(done.eventId);
    }
    const listed = await signalbox("sources", "list");
    expect(listed.out).toMatch(/stripe +held +3 /);
    const door = await signalbox("door", "--source", "stripe");
    expect(door.out).toContain("stripe is held since 2026-11-21 10:00:00 by admin: 3 events kept");

    const tried = await signalbox("sources", "release", "stripe", ...why, "--only", String(ids[0]));
    expect([tried.code, tried.out]).toEqual([0, expect.stringMatching(/evt_\w+ +processed/)]);
    const unsaid = await signalbox("sources", "release", "stripe");
    expect([unsaid.code, unsaid.err]).toEqual([2, expect.stringContaining("--reason")]);
    const released = await signalbox("sources", "release", "stripe", ...why);
    expect(released).toEqual({
      code: 0,
      out: "stripe is open: 2 processed. Held now: 0.\n",
      err: "2/2 held events worked on\n",
    });
    const again = await signalbox("sources", "release", "stripe", ...why);
    expect([again.code, again.out]).toEqual([0, "stripe was not held; nothing was done.\n"]);
  }, 60_000);

  it("whose drain leaves something dead say so by the exit code", async () => {
    await signalbox("sources", "hold", "stripe", "--reason", "a test");
    await w.deliver({ source: "stripe", sample: "payment-succeeded", body: "{ unreadable" });
    const released = await signalbox("sources", "release", "stripe", ...why, "--json");
    expect(released.code).toBe(1);
    expect(JSON.parse(released.out)).toEqual({
      data: { outcomes: { dead: 1 }, left: 0, wasHeld: true },
    });
  }, 60_000);
});

describe("keys", () => {
  it("are made, used, listed without themselves, and revoked by name", async () => {
    const made = await signalbox("keys", "create", "--name", "anna", "--role", "operator");
    expect(made.out).toMatch(/^sbk_[\w-]{43}\n$/);
    const env = { SIGNALBOX_URL: s.url, SIGNALBOX_KEY: made.out.trim() };
    const listed = await run(["keys", "list"], env);
    expect(listed.out).toMatch(/anna +operator +active/);
    expect(listed.out).not.toContain("sbk_");
    const revoked = await signalbox("keys", "revoke", "anna");
    expect(revoked.out).toContain("revoked");
    const refused = await run(["keys", "list"], env);
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringContaining("Is the key revoked?"),
    ]);
    const missing = await signalbox("keys", "revoke", "anna");
    expect([missing.code, missing.err]).toEqual([
      1,
      expect.stringContaining("no key in use named anna"),
    ]);
  }, 60_000);
});
