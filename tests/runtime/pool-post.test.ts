import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createPoolPost } from "../../src/runtime/pool-post.js";

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((close) => close()));
});

async function listen(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function pool() {
  const made = createPoolPost();
  opened.push(made.close);
  return made.post;
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text));

describe("Node's way to POST", () => {
  it("sends path, headers and bytes as they are, and gives back status and text whole", async () => {
    const { url } = await listen((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString("base64");
        const seen = { path: request.url, method: request.method, kind: request.headers["x-kind"] };
        response.writeHead(201);
        const letter = Buffer.from("ก"); // its three bytes in two chunks
        response.write(letter.subarray(0, 1));
        const json = Buffer.from(JSON.stringify({ ...seen, body }));
        response.end(Buffer.concat([letter.subarray(1), json]));
      });
    });
    const body = Uint8Array.of(0, 255, 10);
    const address = `${url}/v2/publish/https://a.example/api?x=1`;
    const answer = await pool()({
      url: address,
      headers: { "X-Kind": "k" },
      body,
      timeoutMs: 5_000,
    });
    expect(answer.status).toBe(201);
    expect(answer.text).toBe(
      `ก${JSON.stringify({
        path: "/v2/publish/https://a.example/api?x=1",
        method: "POST",
        kind: "k",
        body: "AP8K",
      })}`,
    );
  });

  it("takes any status for an answer", async () => {
    const { url } = await listen((_request, response) => response.writeHead(500).end("no"));
    const answer = await pool()({ url, headers: {}, body: "x", timeoutMs: 5_000 });
    expect(answer).toEqual({ status: 500, text: "no" });
  });

  it.each([
    ["before it answers", () => undefined],
    [
      "in the middle of its answer",
      (response: { write(text: string): void }) => response.write("{"),
    ],
  ])("gives up on a server that hangs %s, and cuts the call", async (_when, begin) => {
    let cut: () => void = () => undefined;
    const wasCut = new Promise<void>((resolve) => {
      cut = resolve;
    });
    let calls = 0;
    const { url } = await listen((_request, response) => {
      calls += 1;
      if (calls === 1) return response.end("{}");
      response.on("close", cut);
      begin(response);
    });
    const post = pool();
    await post({ url, headers: {}, body: "x", timeoutMs: 5_000 }); // connected: the next call is sent at once
    const call = post({ url, headers: {}, body: bytes("x"), timeoutMs: 50 });
    await expect(call).rejects.toThrow("no answer in 50 ms");
    await wasCut;
  });

  it("rejects when nobody listens", async () => {
    const { url, server } = await listen(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const call = pool()({ url, headers: {}, body: "x", timeoutMs: 5_000 });
    await expect(call).rejects.toThrow("ECONNREFUSED");
  });

  it("never sends what had to wait for a connection until nobody waited for it", async () => {
    const held: (() => void)[] = [];
    let seen = 0;
    const { url } = await listen((_request, response) => {
      seen += 1;
      held.push(() => response.end("ok"));
    });
    const post = pool();
    const request = { url, headers: {}, body: "x" };
    const connections = 64;
    const holding = Array.from({ length: connections }, () =>
      post({ ...request, timeoutMs: 9_000 }),
    );
    await expect.poll(() => seen).toBe(connections);
    await expect(post({ ...request, timeoutMs: 50 })).rejects.toThrow("no answer in 50 ms");
    for (const answer of held) answer();
    await Promise.all(holding);
    // The pool sends in order: had the given-up call been sent, it would have been before this one.
    const after = post({ ...request, timeoutMs: 9_000 });
    await expect.poll(() => held.length).toBe(connections + 1);
    held.at(-1)?.();
    await after;
    expect(seen).toBe(connections + 1);
  });
});
