import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAdminApp } from "../../src/admin/app.js";
import { documentedRoutes, openApiDocument } from "../../src/admin/openapi.js";
import { Secret } from "../../src/domain/secret.js";
import { openDatabase } from "../../src/store/database.js";
import { openPrisma } from "../../src/store/prisma.js";
import { ADMIN_TOKEN, type AdminWorld, adminWorld, posted } from "./world.js";

interface Problem {
  status: number;
  code: string;
  detail: string;
  hint: string;
  requestId: string;
}

let w: AdminWorld;
beforeAll(async () => {
  w = await adminWorld();
});
afterAll(() => w.close());

const authorized = { authorization: `Bearer ${ADMIN_TOKEN}` };
const problemOf = async (path: string, init?: RequestInit): Promise<Problem> => {
  const answer = await w.ask(path, init);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const problem = (await answer.json()) as Problem;
  expect(problem.status).toBe(answer.status);
  expect(problem.requestId).toBe(answer.headers.get("x-request-id"));
  return problem;
};

/** Every documented address, as a request. */
const addresses = documentedRoutes.map(({ method, path, open }) => ({
  method: method.toUpperCase(),
  path: `/api/admin${path.replaceAll("{id}", "evt_1")}`,
  open: open === true,
}));

describe("without the token", () => {
  it.each([
    ["no header", {}],
    ["another token", { authorization: "Bearer not-the-token" }],
    ["the token and more", { authorization: `Bearer ${ADMIN_TOKEN}x` }],
    ["a part of the token", { authorization: `Bearer ${ADMIN_TOKEN.slice(0, -1)}` }],
    ["an empty token", { authorization: "Bearer " }],
    ["another scheme", { authorization: `Basic ${btoa(`admin:${ADMIN_TOKEN}`)}` }],
    ["the bare token", { authorization: ADMIN_TOKEN }],
  ])("%s opens nothing but health", async (_name, headers) => {
    for (const { method, path, open } of addresses) {
      const answer = await w.ask(path, { method, headers: headers as Record<string, string> });
      expect([path, answer.status]).toEqual([path, open ? 200 : 401]);
    }
  });

  it("says how to be let in, and not what is there", async () => {
    for (const path of ["/api/admin", "/api/admin/", "/api/admin/nothing", "/api/admin/a/b/c"]) {
      const answer = await w.ask(path, { headers: {} });
      expect([path, answer.status]).toEqual([path, 401]);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      expect(await answer.json()).toMatchObject({ code: "unauthorized" });
    }
  });

  it("a deployment whose token is empty is closed, not open", async () => {
    const closed = await adminWorld({ adminToken: new Secret("ADMIN_TOKEN", "") });
    for (const authorization of ["Bearer ", "Bearer", "Bearer [secret]", "Bearer undefined"]) {
      const answer = await closed.ask("/api/admin/events", { headers: { authorization } });
      expect(answer.status).toBe(401);
    }
    await closed.close();
  });

  it("the scheme may be written in any case", async () => {
    const headers = { authorization: `bearer ${ADMIN_TOKEN}` };
    expect((await w.ask("/api/admin/events", { headers })).status).toBe(200);
  });
});

describe("every answer", () => {
  it("carries the security headers and is not kept by caches", async () => {
    for (const path of ["/api/admin/events", "/api/admin/health", "/api/admin/nothing"]) {
      const { headers } = await w.ask(path);
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("strict-transport-security")).not.toBeNull();
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-request-id")).toMatch(/^req_/);
    }
  });

  it("is one line in the log, without the token and the query", async () => {
    w.logged.length = 0;
    await w.ask("/api/admin/payments?userRef=somebody");
    expect(w.logged).toEqual([
      {
        action: "admin.answered",
        fields: {
          requestId: expect.stringMatching(/^req_/),
          method: "GET",
          path: "/api/admin/payments",
          status: 200,
          durationMs: 0,
          actor: "admin",
        },
      },
    ]);
  });
});

describe("what is asked wrongly", () => {
  it.each([
    ["events?limit=0", "limit: must be a whole number from 1 to 500"],
    ["events?limit=501", "limit: must be a whole number from 1 to 500"],
    ["events?limit=ten", "limit: must be a whole number from 1 to 500"],
    ["events?limit=1.5", "limit: must be a whole number from 1 to 500"],
    ["events?limit=", "limit: must be a whole number from 1 to 500"],
    ["events?cursor=nonsense", "cursor: must be the nextCursor of a page of events"],
    ["events?cursor=", "cursor: must be the nextCursor of a page of events"],
    [
      `events?cursor=${btoa('["audit","a"]')}`,
      "cursor: must be the nextCursor of a page of events",
    ],
    ["events?eventKey=", "eventKey: must not be empty"],
    ["events?eventKey=%00", "eventKey: must not hold a NUL character"],
    ["dead-letters?status=gone", "status: must be one of open, replaying, resolved, discarded"],
    ["refusals?source=github", "source: must be one of unknown, stripe, sentry, vercel"],
    ["events?limt=5", "limt: not known here; there is limit, cursor, source, status, type"],
  ])("GET %s is 400 and names the field", async (path, detail) => {
    const problem = await problemOf(`/api/admin/${path}`);
    expect(problem).toMatchObject({ status: 400, code: "invalid_request" });
    expect(problem.detail).toContain(detail);
  });

  it("an id that nothing has is 404, whatever it is made of", async () => {
    for (const { path, method } of addresses) {
      if (method !== "GET" || !path.includes("evt_1")) continue;
      for (const id of ["evt_1", "%00", "a%20b", "x".repeat(300), "%E0%A4%A"]) {
        const problem = await problemOf(path.replace("evt_1", id));
        expect([path, id, problem.code]).toEqual([path, id, "not_found"]);
      }
    }
  });

  it("a path that nothing is at is 404, another method 405 with what is allowed", async () => {
    expect(await problemOf("/api/admin/nothing")).toMatchObject({ code: "not_found" });
    const answer = await w.ask("/api/admin/events", { ...posted({}), method: "DELETE" });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET");
    const settled = await w.ask("/api/admin/dead-letters/ded_1/replay");
    expect([settled.status, settled.headers.get("allow")]).toEqual([405, "POST"]);
  });
});

describe("when something is down", () => {
  it("the database: 503 with Retry-After, and nobody is woken for it", async () => {
    const gone = openDatabase(
      {
        url: "postgres://nobody@127.0.0.1:1/none",
        poolMax: 1,
        preparedStatements: true,
        connectTimeoutMs: 500,
        queryTimeoutMs: 500,
      },
      () => undefined,
    );
    const down = await adminWorld({ prisma: openPrisma(gone.pool) });
    for (const path of ["events", "payments", "audit", "events/evt_1", "incidents/inc_1"]) {
      const answer = await down.ask(`/api/admin/${path}`);
      expect([path, answer.status]).toEqual([path, 503]);
      expect(answer.headers.get("retry-after")).toBe("5");
      expect(await answer.json()).toMatchObject({ code: "database_unavailable" });
    }
    expect(down.reported).toEqual([]);
    await gone.close();
    await down.close();
  });

  it("a database that hangs: 503 too", async () => {
    const slow = openDatabase(
      { ...(await hanging()), poolMax: 1, preparedStatements: true },
      () => undefined,
    );
    const down = await adminWorld({ prisma: openPrisma(slow.pool) });
    const answer = await down.ask("/api/admin/events");
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: "database_unavailable" });
    await slow.close();
    await down.close();
  });

  it("KV: only the refusals suffer", async () => {
    const list = () => Promise.reject(new Error("connect ECONNREFUSED"));
    const down = await adminWorld({ kv: { ...w.kv, list } });
    const answer = await down.ask("/api/admin/refusals");
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: "kv_unavailable" });
    expect((await down.ask("/api/admin/events")).status).toBe(200);
    await down.close();
  });

  it("a defect: 500 without its words, reported with the request id", async () => {
    const health = () => Promise.reject(new TypeError("secret words"));
    const broken = await adminWorld({ health });
    const answer = await broken.ask("/api/admin/health");
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(text).not.toContain("secret words");
    expect(broken.reported).toMatchObject([{ message: "secret words" }]);
    const failed = broken.logged.find(({ action }) => action === "admin.failed");
    expect(failed?.fields).toEqual({
      requestId: answer.headers.get("x-request-id"),
      code: "internal",
      error: "TypeError",
    });
    await broken.close();
  });
});

describe("the OpenAPI description", () => {
  it("documents exactly the routes that the app has", () => {
    const served = createAdminApp({
      prisma: w.database as never,
      adminToken: new Secret("ADMIN_TOKEN", "x"),
      sources: ["stripe"],
      operations: {},
    } as never)
      .routes.filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    const documented = documentedRoutes.map(
      ({ method, path }) => `${method.toUpperCase()} ${path}`,
    );
    expect([...new Set(served)].toSorted()).toEqual(documented.toSorted());
  });

  it("is served as it is made, and every reference in it leads somewhere", async () => {
    const document = openApiDocument();
    expect(await w.json("/api/admin/openapi.json", { headers: authorized })).toEqual(
      JSON.parse(JSON.stringify(document)),
    );
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)];
    expect(refs.length).toBeGreaterThan(50);
    for (const [, pointer] of refs) {
      const target = (pointer ?? "")
        .split("/")
        .reduce<unknown>((here, key) => (here as Record<string, unknown>)[key], document);
      expect([pointer, typeof target]).toEqual([pointer, "object"]);
    }
  });
});

/** A server that takes the connection and never says a word. */
async function hanging() {
  const { createServer } = await import("node:net");
  const server = createServer((socket) => socket.on("error", () => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const { port } = server.address() as { port: number };
  const url = `postgres://nobody@127.0.0.1:${port}/none`;
  return { url, connectTimeoutMs: 300, queryTimeoutMs: 300 };
}
