import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CallerEnv, requireRole } from "../../src/admin/access.js";
import { Transient } from "../../src/domain/errors.js";
import type { Role } from "../../src/domain/operator.js";
import { Secret } from "../../src/domain/secret.js";
import { findKey } from "../../src/store/api-keys.js";
import { countingIds } from "../support/fakes.js";
import { ADMIN_TOKEN, type AdminWorld, adminWorld, posted } from "./world.js";

const HOUR_MS = 3_600_000;

interface Made {
  id: string;
  name: string;
  key: string;
}
interface Problem {
  code: string;
  detail: string;
}

let w: AdminWorld;
beforeEach(async () => {
  w = await adminWorld();
});
afterEach(() => w.close());

const by = (key: string, body?: unknown): RequestInit => ({
  method: body === undefined ? "GET" : "POST",
  headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
});
async function made(name: string, role: Role): Promise<Made> {
  const answer = await w.ask("/api/admin/keys", posted({ name, role }));
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { data: Made }).data;
}
const revoke = (id: string) => w.ask(`/api/admin/keys/${id}/revoke`, posted({}));
const listed = async (): Promise<Record<string, unknown>[]> =>
  (await w.json<{ data: Record<string, unknown>[] }>("/api/admin/keys")).data;

describe("a named key", () => {
  it("is told once and kept as a hash that is nowhere shown", async () => {
    const anna = await made("anna", "operator");
    expect(anna.key).toMatch(/^sbk_[\w-]{43}$/);
    expect(await listed()).toEqual([
      expect.objectContaining({ id: anna.id, name: "anna", role: "operator", createdBy: "admin" }),
    ]);
    const kept = (await w.database.pool.query("SELECT * FROM api_key")).rows[0];
    const trail = (await w.database.pool.query("SELECT * FROM audit_entry")).rows;
    const seen = JSON.stringify([await listed(), kept, trail, w.logged]);
    expect(seen).not.toContain(anna.key);
    expect(JSON.stringify(await listed())).not.toContain(String(kept.key_hash));
    expect(kept.key_hash).toMatch(/^[0-9a-f]{64}$/);
    expect(trail).toMatchObject([
      { action: "api_key.created", actor: "admin", details: { name: "anna", role: "operator" } },
    ]);
  });

  it.each(["operator", "approver"] as const)(
    "of an %s opens what the admin token opens",
    async (role) => {
      const { key } = await made("anna", role);
      expect((await w.ask("/api/admin/events", by(key))).status).toBe(200);
    },
  );

  it("signs what is done with it: the audit trail says its name", async () => {
    const anna = await made("anna", "operator");
    await w.deliver({ source: "stripe", sample: "payment-failed", body: "{ unreadable" });
    const letters = await w.json<{ data: Made[] }>("/api/admin/dead-letters");
    const path = `/api/admin/dead-letters/${letters.data[0]?.id}`;
    await w.ask(`${path}/replay`, by(anna.key, { reason: "mended" }));
    const { data } = await w.json<{ data: { audit: object[] } }>(path);
    expect(data.audit[0]).toMatchObject({
      action: "dead_letter.replayed",
      actor: "operator:anna",
    });
    const line = w.logged.findLast(({ fields }) => String(fields.path).endsWith("/replay"));
    expect(line?.fields.actor).toBe("operator:anna");
  });

  it("that may only read is refused everywhere here, in a sentence that says what it lacks", async () => {
    const { key } = await made("app", "read");
    for (const path of ["events", "keys", "openapi.json", "nothing"]) {
      const answer = await w.ask(`/api/admin/${path}`, by(key));
      expect([path, answer.status]).toEqual([path, 403]);
      expect(await answer.json()).toMatchObject({
        code: "forbidden",
        detail: "This needs the role operator; this key has the role read.",
      });
    }
    const answer = await w.ask("/api/admin/keys", by(key, { name: "me", role: "operator" }));
    expect(answer.status).toBe(403);
    expect(await listed()).toHaveLength(1);
  });

  it("that is revoked opens nothing from the next request on, and its name is free again", async () => {
    const anna = await made("anna", "operator");
    expect((await revoke(anna.id)).status).toBe(200);
    const answer = await w.ask("/api/admin/events", by(anna.key));
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect((await revoke(anna.id)).status).toBe(200);
    const again = await made("anna", "operator");
    expect((await w.ask("/api/admin/events", by(again.key))).status).toBe(200);
    expect(await listed()).toMatchObject([{ revokedAt: null }, { revokedBy: "admin" }]);
  });

  it("that somebody changed by one letter, cut or lengthened opens nothing", async () => {
    const { key } = await made("anna", "operator");
    const changed = key.at(-5) === "A" ? "B" : "A";
    const wrong = `${key.slice(0, -5)}${changed}${key.slice(-4)}`;
    for (const given of [
      wrong,
      key.slice(0, -1),
      `${key}A`,
      key.toUpperCase(),
      "sbk_",
      `x${key}`,
    ]) {
      expect((await w.ask("/api/admin/events", by(given))).status).toBe(401);
    }
  });

  it("of a name that is in use is refused, also when both are made at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        w.ask("/api/admin/keys", posted({ name: "anna", role: "operator" })),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  });

  it.each([
    { name: "Anna B.", role: "operator" },
    { name: "anna", role: "root" },
    { name: "anna" },
  ])("made wrongly is 400: %j", async (body) => {
    const answer = await w.ask("/api/admin/keys", posted(body));
    expect([answer.status, ((await answer.json()) as Problem).code]).toEqual([
      400,
      "invalid_request",
    ]);
  });

  it("says when it was last used, with one write an hour at most", async () => {
    const { key } = await made("anna", "operator");
    const used = async () => (await listed())[0]?.lastUsedAt;
    expect(await used()).toBeNull();
    const first = new Date(w.clock.now()).toISOString();
    await w.ask("/api/admin/events", by(key));
    expect(await used()).toBe(first);
    w.clock.advance(HOUR_MS - 1);
    await w.ask("/api/admin/events", by(key));
    expect(await used()).toBe(first);
    w.clock.advance(1);
    await w.ask("/api/admin/events", by(key));
    expect(await used()).toBe(new Date(w.clock.now()).toISOString());
  });

  it("lets nobody in while the database is not to be had, and the admin token still is", async () => {
    const { key } = await made("anna", "operator");
    const down = await adminWorld({
      findKey: () => Promise.reject(new Transient("database_unavailable")),
    });
    const answer = await down.ask("/api/admin/health", by(key));
    expect(answer.status).toBe(200); // open to anybody
    expect((await down.ask("/api/admin/events", by(key))).status).toBe(503);
    expect((await down.ask("/api/admin/events")).status).toBe(200);
    await down.close();
  });
});

describe("an approver", () => {
  it("is made by the admin token or another approver, never by an operator", async () => {
    const anna = await made("anna", "operator");
    const body = { name: "ben", role: "approver" };
    const refused = await w.ask("/api/admin/keys", by(anna.key, body));
    expect(refused.status).toBe(403);
    expect(((await refused.json()) as Problem).detail).toContain("made by an approver");
    const ben = await made("ben", "approver");
    const cleo = await w.ask("/api/admin/keys", by(ben.key, { name: "cleo", role: "approver" }));
    expect(cleo.status).toBe(201);
  });
});

describe("a guard outside of the admin API", () => {
  const guarded = (needed: Role, findAnyKey = (given: string) => findKey(w.database, given, 0)) => {
    const app = new Hono<CallerEnv>();
    const deps = {
      adminToken: new Secret("ADMIN_TOKEN", ADMIN_TOKEN),
      findKey: findAnyKey,
      ids: countingIds(),
    };
    app.get("/asked", requireRole(needed, deps), (c) => c.json(c.var.caller));
    return (key: string) => app.request("/asked", by(key));
  };

  it("lets pass who has the role or a higher one, and says who it is", async () => {
    const keys = {
      read: (await made("app", "read")).key,
      operator: (await made("anna", "operator")).key,
      approver: (await made("ben", "approver")).key,
      admin: ADMIN_TOKEN,
    };
    const passes = async (needed: Role) => {
      const ask = guarded(needed);
      const answers = Object.entries(keys).map(async ([who, key]) => [
        who,
        (await ask(key)).status,
      ]);
      return Object.fromEntries(await Promise.all(answers));
    };
    expect(await passes("read")).toEqual({ read: 200, operator: 200, approver: 200, admin: 200 });
    expect(await passes("operator")).toEqual({
      read: 403,
      operator: 200,
      approver: 200,
      admin: 200,
    });
    expect(await passes("approver")).toEqual({
      read: 403,
      operator: 403,
      approver: 200,
      admin: 403,
    });
    expect(await (await guarded("read")(keys.read)).json()).toEqual({
      actor: "operator:app",
      role: "read",
    });
  });

  it("refuses all others as a problem, and everybody while it cannot tell", async () => {
    const { key } = await made("app", "read");
    const stranger = await guarded("read")("sbk_nobody");
    expect([stranger.status, stranger.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    const down = guarded("read", () => Promise.reject(new Transient("database_unavailable")));
    expect((await down(key)).status).toBe(503);
  });
});
