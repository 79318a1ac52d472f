import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run, type Served, served } from "../cli/run.js";
import { type AdminWorld, adminWorld, posted } from "./world.js";

interface Row {
  id: string;
  email: string;
  locale: string;
  services: string[];
  removedAt: string | null;
  result?: string;
  unsubscribed?: boolean;
}

let w: AdminWorld;
let s: Served;
let folder: string;
beforeAll(async () => {
  w = await adminWorld();
  s = await served(w.app);
  folder = mkdtempSync(join(tmpdir(), "signalbox-subscribers-"));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await s.close();
  await w.close();
});

const add = async (...subscribers: unknown[]): Promise<Row[]> => {
  const answer = await w.ask("/api/admin/subscribers", posted({ subscribers }));
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { data: Row[] }).data;
};
const remove = (body: unknown) => w.ask("/api/admin/subscribers/remove", posted(body));
const list = async (query = ""): Promise<Row[]> =>
  (await w.json<{ data: Row[] }>(`/api/admin/subscribers${query}`)).data;
const actions = async (id: string) =>
  (
    await w.database.query<{ action: string }>(
      "SELECT action FROM audit_entry WHERE subject = $1 ORDER BY id",
      [id],
    )
  ).map(({ action }) => action);

describe("subscribers", () => {
  it("are added once, however the address is written, and changed by adding them again", async () => {
    const [first] = await add({ email: " Reader@Example.com ", locale: "th" });
    expect(first).toMatchObject({
      email: "reader@example.com",
      locale: "th",
      services: [],
      result: "added",
      unsubscribed: false,
    });
    expect(await add({ email: "reader@example.com", locale: "th" })).toMatchObject([
      { id: first?.id, result: "unchanged" },
    ]);
    const [changed] = await add({ email: "reader@example.com", locale: "en", services: ["web"] });
    expect(changed).toMatchObject({ id: first?.id, result: "changed", services: ["web"] });
    expect(await list("?locale=en")).toMatchObject([{ id: first?.id, services: ["web"] }]);
    expect(await actions(first?.id ?? "")).toEqual(["subscriber.added", "subscriber.changed"]);
  });

  it("are removed by address, once, and may come back", async () => {
    const [row] = await add({ email: "leaver@example.com" });
    const asked = { email: "LEAVER@example.com", reason: "asked by mail" };
    expect((await remove(asked)).status).toBe(200);
    expect((await remove(asked)).status).toBe(404);
    expect((await list()).find(({ id }) => id === row?.id)?.removedAt).not.toBeNull();
    expect(await add({ email: "leaver@example.com" })).toMatchObject([
      { id: row?.id, result: "added", removedAt: null },
    ]);
    expect(await actions(row?.id ?? "")).toEqual([
      "subscriber.added",
      "subscriber.removed",
      "subscriber.added",
    ]);
  });

  it("who have unsubscribed are told apart", async () => {
    const email = "quiet@example.com";
    await w.ask(
      "/api/admin/suppressions",
      posted({ email, reason: "no such mail", kind: "unsubscribed" }),
    );
    expect(await add({ email })).toMatchObject([{ result: "added", unsubscribed: true }]);
  });

  it("refuse what is no address, without repeating it, and are in no log", async () => {
    const answer = await w.ask(
      "/api/admin/subscribers",
      posted({ subscribers: [{ email: "no address" }] }),
    );
    expect(answer.status).toBe(400);
    expect(await answer.text()).not.toContain("no address");
    expect(JSON.stringify(w.logged)).not.toMatch(/example\.com/i);
    const audit = await w.database.query("SELECT * FROM audit_entry", []);
    expect(JSON.stringify(audit)).not.toMatch(/example\.com/i);
  });

  it("are imported from a file by the command line, more than a request takes", async () => {
    const lines = Array.from({ length: 620 }, (_, i) => `user${i}@example.org,th,web api`);
    const file = join(folder, "subscribers.csv");
    writeFileSync(file, `email,locale,services\n${lines.join("\n")}\n`);
    const first = await run(["subscribers", "import", file], s.env);
    expect(first).toMatchObject({ code: 0 });
    expect(first.out).toContain("620 added, 0 changed, 0 as they were.");
    expect((await run(["subscribers", "import", file], s.env)).out).toContain("620 as they were");
    const [one] = await add({
      email: "user619@example.org",
      locale: "th",
      services: ["api", "web"],
    });
    expect(one?.result).toBe("unchanged");
  });

  it("are added, listed and removed by the command line", async () => {
    const args = ["add", "cli@example.com", "--locale", "th", "--service", "web", "api"];
    expect((await run(["subscribers", ...args], s.env)).out).toContain("added");
    expect((await run(["subscribers", "list"], s.env)).out).toContain("cli@example.com");
    const gone = await run(
      ["subscribers", "remove", "cli@example.com", "--reason", "a test"],
      s.env,
    );
    expect(gone).toMatchObject({ code: 0 });
    const again = await run(
      ["subscribers", "remove", "cli@example.com", "--reason", "a test"],
      s.env,
    );
    expect(again.code).toBe(1);
  });
});
