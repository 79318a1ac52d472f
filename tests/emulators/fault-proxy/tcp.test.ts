import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type FaultProxy, startFaultProxy } from "../../../emulators/fault-proxy/proxy.js";

/** Answers `<length>:<line>` for each line, and keeps what it was told: a database, as the proxy sees one. */
class EchoServer {
  readonly lines: string[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.on("data", (data) => {
      const text = data.toString();
      this.lines.push(text);
      socket.write(`${text.length}:${text}`);
    });
  });

  async start(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A client that remembers what it heard, and how it ended. */
class Client {
  heard = "";
  ended: "open" | "closed" | "reset" = "open";
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1" });
    this.socket.on("data", (data) => {
      this.heard += data.toString();
    });
    this.socket.on("error", () => {
      this.ended = "reset";
    });
    this.socket.on("close", (hadError) => {
      this.ended = hadError ? "reset" : "closed";
    });
  }

  async ask(line: string): Promise<string> {
    const before = this.heard.length;
    this.socket.write(line);
    await vi.waitFor(() => expect(this.heard.length).toBeGreaterThan(before));
    return this.heard.slice(before);
  }

  async hasEnded(): Promise<string> {
    await vi.waitFor(() => expect(this.ended).not.toBe("open"));
    return this.ended;
  }
}

describe("the fault proxy over TCP", () => {
  let target: EchoServer;
  let proxy: FaultProxy;
  let clients: Client[];
  const client = () => {
    const made = new Client(proxy.port);
    clients.push(made);
    return made;
  };
  beforeEach(async () => {
    target = new EchoServer();
    clients = [];
    const port = await target.start();
    proxy = await startFaultProxy({ target: { host: "127.0.0.1", port } });
  });
  afterEach(async () => {
    for (const made of clients) made.socket.destroy();
    await proxy.close();
    await target.stop();
  });

  it("passes bytes both ways, and the end of a connection", async () => {
    const c = client();
    expect(await c.ask("hello")).toBe("5:hello");
    expect(await c.ask("again")).toBe("5:again");
    c.socket.end();
    expect(await c.hasEnded()).toBe("closed");
    expect(proxy.counters).toEqual({ connections: 1, requests: 0, faulted: 0 });
    expect(proxy.url("postgres")).toBe(`postgres://127.0.0.1:${proxy.port}`);
  });

  it("passes a large amount unchanged", async () => {
    const c = client();
    const text = "x".repeat(3_000_000);
    c.socket.write(text);
    await vi.waitFor(() => expect(c.heard.replace(/\d+:/g, "")).toHaveLength(text.length), 10_000);
    expect(c.heard.replace(/\d+:/g, "")).toBe(text);
  });

  it("refuse: resets new and existing connections, and works again after", async () => {
    const old = client();
    await old.ask("hello");
    proxy.set("refuse");
    expect(await old.hasEnded()).toBe("reset");
    expect(await client().hasEnded()).toBe("reset");
    proxy.set("pass");
    expect(await client().ask("back")).toBe("4:back");
    expect(proxy.counters).toMatchObject({ connections: 3, faulted: 1 });
  });

  it("hang: accepts and never answers, also on existing connections; resets them when it is over", async () => {
    const old = client();
    await old.ask("hello");
    proxy.set("hang");
    const fresh = client();
    old.socket.write("query");
    fresh.socket.write("query");
    await vi.waitFor(() => expect(proxy.counters.faulted).toBe(2));
    expect([old.ended, fresh.ended]).toEqual(["open", "open"]);
    expect(fresh.socket.readyState).toBe("open");
    proxy.set("pass");
    expect([await old.hasEnded(), await fresh.hasEnded()]).toEqual(["reset", "reset"]);
    expect(target.lines).toEqual(["hello"]);
    expect([old.heard, fresh.heard]).toEqual(["5:hello", ""]);
  });

  it("cut: destroys in the middle of the answer", async () => {
    proxy.set("cut", { afterBytes: 4 });
    const c = client();
    c.socket.write("hello");
    await c.hasEnded();
    expect(c.heard).toBe("5:he");
    expect(target.lines).toEqual(["hello"]);
  });

  it("drop-answer: the target has acted, and the client hears nothing", async () => {
    const c = client();
    await c.ask("begin");
    proxy.set("drop-answer");
    c.socket.write("commit");
    expect(await c.hasEnded()).toBe("reset");
    expect(c.heard).toBe("5:begin");
    expect(target.lines).toEqual(["begin", "commit"]);
  });

  it("slow: delays each piece, and keeps to its rate, until the mode changes", async () => {
    const c = client();
    await c.ask("hello");
    proxy.set("slow", { latencyMs: 60 });
    const began = performance.now();
    await c.ask("hello");
    expect(performance.now() - began).toBeGreaterThan(115); // there and back; timers may fire a little early
    proxy.set("slow", { bytesPerSecond: 1_000 });
    const throttled = performance.now();
    await c.ask("x".repeat(100));
    expect(performance.now() - throttled).toBeGreaterThan(190);
  });

  it("applies to the next few connections only", async () => {
    proxy.set("refuse", { count: 2 });
    expect(await client().hasEnded()).toBe("reset");
    expect(await client().hasEnded()).toBe("reset");
    expect(proxy.mode).toBe("pass");
    expect(await client().ask("third")).toBe("5:third");
  });

  it("applies to what matches only", async () => {
    proxy.set("drop-answer", { match: "COMMIT", count: 1 });
    const c = client();
    await c.ask("BEGIN");
    c.socket.write("COMMIT");
    expect(await c.hasEnded()).toBe("reset");
    expect(target.lines).toEqual(["BEGIN", "COMMIT"]);
    expect(await client().ask("COMMIT")).toBe("6:COMMIT");
  });

  it("is reset for the client when the target is down", async () => {
    await target.stop();
    expect(await client().hasEnded()).toBe("reset");
    await target.start();
  });

  it("does not answer HTTP statuses", () => {
    expect(() => proxy.set("status")).toThrow(RangeError);
  });
});
