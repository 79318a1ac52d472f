import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recipientHash } from "../../src/store/recipient-hash.js";
import { run, type Served, served } from "../cli/run.js";
import { type AdminWorld, adminWorld, posted } from "./world.js";

interface Row {
  id: string;
  reason: string;
  recipientHash: string;
}

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

const ADDRESS = "Buyer@Example.com";
const add = (body: unknown) => w.ask("/api/admin/suppressions", posted(body));
const remove = (body: unknown) => w.ask("/api/admin/suppressions/remove", posted(body));
const list = async (query = ""): Promise<Row[]> =>
  (await w.json<{ data: Row[] }>(`/api/admin/suppressions${query}`)).data;
const entries = (action: string) =>
  w.database.query("SELECT actor, subject, details FROM audit_entry WHERE action = $1", [action]);

describe("suppressions", () => {
  it("are added by address, once, and kept as a hash alone", async () => {
    const asked = { email: ` ${ADDRESS} `, reason: "asked by telephone" };
    const first = (await (await add(asked)).json()) as { data: Row };
    expect(first.data).toMatchObject({
      reason: "manual",
      recipientHash: recipientHash("buyer@example.com"),
    });
    expect(await (await add(asked)).json()).toEqual(first);
    expect(await entries("suppression.added")).toEqual([
      {
        actor: "admin",
        subject: first.data.id,
        details: { reason: "manual", because: "asked by telephone" },
      },
    ]);
    await add({ email: ADDRESS, reason: "no reminders", kind: "unsubscribed" });
    expect((await list()).map(({ reason }) => reason)).toEqual(["unsubscribed", "manual"]);
    expect(await list("?reason=manual")).toEqual([first.data]);
    w.clock.advance(1_000);
    expect(await list(`?since=${new Date(w.clock.now()).toISOString()}`)).toEqual([]);
    const kept = JSON.stringify([
      w.logged,
      await w.database.query("SELECT s.*, a.* FROM suppression s, audit_entry a", []),
    ]);
    expect(kept).not.toMatch(/buyer/i);
  });

  it("are taken off by address: one kind, then all, each told once", async () => {
    const asked = { email: "BUYER@example.com", reason: "it is good again" };
    const one = (await (await remove({ ...asked, kind: "manual" })).json()) as { data: Row[] };
    expect(one.data.map(({ reason }) => reason)).toEqual(["manual"]);
    const rest = (await (await remove(asked)).json()) as { data: Row[] };
    expect(rest.data.map(({ reason }) => reason)).toEqual(["unsubscribed"]);
    expect(await (await remove(asked)).json()).toEqual({ data: [] });
    expect(await list()).toEqual([]);
    expect(await entries("suppression.removed")).toHaveLength(2);
    const trail = await w.json<{ data: unknown[] }>(`/api/admin/audit?subject=${one.data[0]?.id}`);
    expect(trail.data).toHaveLength(2);
  });

  it("are looked up by address, in the body: which reasons hold, and what is sent", async () => {
    const check = async (email: string) =>
      (
        (await (await w.ask("/api/admin/suppressions/check", posted({ email }))).json()) as {
          data: { suppressions: Row[]; sends: object };
        }
      ).data;
    expect(await check("looked-up@example.com")).toEqual({
      suppressions: [],
      sends: { transactional: true, other: true },
    });
    const asked = { email: "looked-up@example.com", reason: "a test" };
    await add({ ...asked, kind: "unsubscribed" });
    expect(await check(" LOOKED-UP@example.com ")).toMatchObject({
      suppressions: [{ reason: "unsubscribed" }],
      sends: { transactional: true, other: false },
    });
    await add(asked);
    expect(await check("looked-up@example.com")).toMatchObject({
      suppressions: [{ reason: "unsubscribed" }, { reason: "manual" }],
      sends: { transactional: false, other: false },
    });
    await remove(asked);
    expect(JSON.stringify(w.logged)).not.toMatch(/looked-up/i);
  });

  it("asked wrongly are 400, and the answer does not repeat the address", async () => {
    for (const email of ["nobody", "a@b@c", "a b@c", `${"x".repeat(250)}@b.com`, 5, undefined]) {
      const answer = await add({ email, reason: "r" });
      const said = await answer.text();
      expect([answer.status, said.includes("must be a mail address")]).toEqual([400, true]);
      if (typeof email === "string") expect(said).not.toContain(email);
    }
    expect((await add({ email: "a@b.com", reason: "r", kind: "bounced" })).status).toBe(400);
    expect((await remove({ email: "a@b.com" })).status).toBe(400);
  });
});

describe("signalbox suppressions", () => {
  const said = ["--reason", "a test"];
  it("add, list, remove; and remove again does nothing", async () => {
    const added = await run(["suppressions", "add", "cli@example.com", ...said], s.env);
    expect([added.code, added.err]).toEqual([0, ""]);
    expect(added.out).toContain("manual");
    expect(added.out).not.toContain("cli@example.com");
    const listed = await run(["suppressions", "list", "--reason", "manual"], s.env);
    expect(listed.out).toBe(added.out);
    const removed = await run(["suppressions", "remove", "cli@example.com", ...said], s.env);
    expect(removed.out).toMatch(/^Removed: manual \(since .+\)\.\nIt is not suppressed/);
    const again = await run(["suppressions", "remove", "cli@example.com", ...said], s.env);
    expect(again).toEqual({ code: 0, out: "It was not suppressed; nothing was done.\n", err: "" });
  });

  it("check says what is still sent", async () => {
    const free = await run(["suppressions", "check", "checked@example.com"], s.env);
    expect([free.code, free.out]).toEqual([0, "It is not suppressed: all mail is sent.\n"]);
    const kind = ["--kind", "unsubscribed"];
    await run(["suppressions", "add", "checked@example.com", ...said, ...kind], s.env);
    const told = await run(["suppressions", "check", "checked@example.com"], s.env);
    expect(told.out).toContain("unsubscribed");
    expect(told.out).toContain("is still sent; reminders and announcements are not.");
    expect(told.out).not.toContain("checked@");
  });
});
