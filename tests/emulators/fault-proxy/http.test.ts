import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "undici";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startFaultProxyControl } from "../../../emulators/fault-proxy/control.js";
import type { FaultOptions, Mode } from "../../../emulators/fault-proxy/fault.js";
import { type FaultProxy, startFaultProxy } from "../../../emulators/fault-proxy/proxy.js";

const ANSWER = "0123456789";

interface Seen {
  readonly line: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

describe("the fault proxy over HTTP", () => {
  let seen: Seen[];
  let target: Server;
  let proxy: FaultProxy;
  let pool: Pool;
  beforeEach(async () => {
    seen = [];
    target = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      seen.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
      response.writeHead(201, { "X-Twice": ["a", "b"], "content-type": "text/plain" });
      response.end(body === "long" ? "x".repeat(200_000) : ANSWER);
    });
    await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", () => resolve()));
    const { port } = target.address() as AddressInfo;
    proxy = await startFaultProxy({ target: { host: "127.0.0.1", port }, protocol: "http" });
    pool = new Pool(proxy.url("http"), { connections: 1 });
  });
  afterEach(async () => {
    await pool.destroy();
    await proxy.close();
    target.closeAllConnections();
    await new Promise((resolve) => target.close(resolve));
  });

  const post = async (path = "/", body = "{}", signal?: AbortSignal) => {
    const answer = await pool.request({
      path,
      method: "POST",
      body,
      headers: { "x-custom": "Ünï" },
      ...(signal === undefined ? {} : { signal }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
  };
  const failureOf = async (work: Promise<unknown>) => {
    const [outcome] = await Promise.allSettled([work]);
    return outcome?.status === "rejected" ? String(outcome.reason.code) : "no failure";
  };

  it("passes path, headers and bodies as they came", async () => {
    const answer = await post("/v2/publish/https://a.example//b?x=%C3%BC", "long");
    expect(answer).toMatchObject({ status: 201, headers: { "x-twice": ["a", "b"] } });
    expect(answer.body).toHaveLength(200_000);
    expect(seen).toEqual([
      {
        line: "POST /v2/publish/https://a.example//b?x=%C3%BC",
        headers: expect.objectContaining({
          host: `127.0.0.1:${proxy.port}`,
          "x-custom": "Ünï",
          "content-length": "4",
        }),
        body: "long",
      },
    ]);
  });

  it("passes what fetch streams in chunks", async () => {
    const body = new Blob(["a", "b"]).stream();
    const init = { method: "POST", body, duplex: "half" as const };
    const response = await fetch(`${proxy.url("http")}/chunks`, init);
    expect([response.status, await response.text()]).toEqual([201, ANSWER]);
    expect(seen[0]?.body).toBe("ab");
  });

  it("counts requests, not connections", async () => {
    await post();
    await post();
    expect(proxy.counters).toEqual({ connections: 1, requests: 2, faulted: 0 });
  });

  it("status: answers each request on a kept connection and forwards none", async () => {
    await post();
    proxy.set("status");
    const answer = { status: 500, body: '{"error":"fault proxy answers 500"}' };
    expect(await post("/", "x".repeat(100_000))).toMatchObject(answer);
    expect(await post()).toMatchObject(answer);
    proxy.set("status", { status: 429 });
    expect((await post()).status).toBe(429);
    proxy.set("pass");
    expect((await post()).status).toBe(201);
    expect(seen).toHaveLength(2);
    expect(proxy.counters).toEqual({ connections: 1, requests: 5, faulted: 3 });
  });

  it("refuse: resets idle kept connections and new ones", async () => {
    await post();
    proxy.set("refuse");
    expect(await failureOf(post())).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
    expect(await failureOf(fetch(proxy.url("http")))).toBe("undefined");
    expect(seen).toHaveLength(1);
    proxy.set("pass");
    expect((await post()).status).toBe(201);
  });

  it("hang: never answers on kept or new connections, and resets them when it is over", async () => {
    await post();
    proxy.set("hang");
    const kept = failureOf(post());
    const fresh = failureOf(fetch(proxy.url("http")));
    await vi.waitFor(() => expect(proxy.counters.faulted).toBe(2));
    expect(await Promise.race([kept, fresh, Promise.resolve("waiting")])).toBe("waiting");
    proxy.set("pass");
    expect(await kept).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
    expect(await fresh).toBe("undefined"); // fetch hides the code in its cause
    expect(seen).toHaveLength(1);
  });

  it("hang: lets a client give up in its own time", async () => {
    proxy.set("hang");
    const [outcome] = await Promise.allSettled([post("/", "{}", AbortSignal.timeout(50))]);
    expect(outcome).toMatchObject({ status: "rejected", reason: { name: "TimeoutError" } });
  });

  it("cut: gives the head and some of the body, then destroys", async () => {
    proxy.set("cut", { afterBytes: 4 });
    const answer = await pool.request({ path: "/", method: "GET" });
    expect(answer.statusCode).toBe(201);
    let got = "";
    answer.body.on("data", (piece) => {
      got += String(piece);
    });
    await new Promise<void>((resolve) => answer.body.once("error", () => resolve()));
    expect(got).toBe("0123");
    proxy.set("cut", { afterBytes: 99_999 });
    expect(await failureOf(post())).not.toBe("no failure");
    expect(seen).toHaveLength(2);
  });

  it("drop-answer: the target has acted, and the client gets no byte", async () => {
    proxy.set("drop-answer", { count: 1 });
    expect(await failureOf(post("/pay", "once"))).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
    expect(seen).toMatchObject([{ line: "POST /pay", body: "once" }]);
    expect((await post()).status).toBe(201);
  });

  it("slow: delays a request and each piece of its answer", async () => {
    proxy.set("slow", { latencyMs: 40 });
    const began = performance.now();
    expect((await post()).body).toBe(ANSWER);
    expect(performance.now() - began).toBeGreaterThan(110); // before it, its body, its answer
  });

  it("applies to requests that match only, and to so many", async () => {
    proxy.set("status", { match: "POST /v2/publish", count: 1 });
    expect((await post("/other")).status).toBe(201);
    expect((await post("/v2/publish/x")).status).toBe(500);
    expect((await post("/v2/publish/x")).status).toBe(201);
  });

  it("is reset for the client when the target is down", async () => {
    target.closeAllConnections();
    await new Promise((resolve) => target.close(resolve));
    expect(await failureOf(post())).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
  });

  describe("driven by another process", () => {
    const drive = async (url: string, body?: { mode: Mode | "nosuch" } & FaultOptions) => {
      const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
      const response = await fetch(url, init);
      return { status: response.status, body: (await response.json()) as unknown };
    };

    it("switches a proxy by name and shows all states", async () => {
      const control = await startFaultProxyControl({ qstash: proxy });
      const state = await drive(`${control.url}/proxies/qstash`, { mode: "status", status: 503 });
      const expected = {
        port: proxy.port,
        mode: "status",
        fault: { mode: "status", status: 503 },
        counters: { connections: 0, requests: 0, faulted: 0 },
      };
      expect(state).toEqual({ status: 200, body: expected });
      expect((await post()).status).toBe(503);
      await drive(`${control.url}/proxies/qstash`, { mode: "pass" });
      expect((await drive(`${control.url}/proxies`)).body).toEqual({
        qstash: {
          port: proxy.port,
          mode: "pass",
          fault: null,
          counters: { connections: 1, requests: 1, faulted: 1 },
        },
      });
      await control.close();
    });

    it("answers 404 to an unknown name and 400 to an unknown mode", async () => {
      const control = await startFaultProxyControl({ qstash: proxy });
      expect((await drive(`${control.url}/proxies/toString`)).status).toBe(404);
      expect((await drive(`${control.url}/proxies/qstash`, { mode: "nosuch" })).status).toBe(400);
      expect((await drive(`${control.url}/proxies/qstash`, { mode: "cut", count: 0 })).status).toBe(
        400,
      );
      expect(proxy.mode).toBe("pass");
      await control.close();
    });
  });
});
