import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProbe, isPublicAddress } from "../../src/runtime/probe.js";

describe("a probe of a public deployment", () => {
  const { probe, close } = createProbe({ onlyPublic: true });
  afterAll(close);

  it.each([
    ["http://shop.example/", "is not asked: its address is not https"],
    ["file:///etc/hostname", "is not asked: its address is not https"],
    ["shop.example", "is no address"],
    ["https://127.0.0.1:1/", "is not asked: its address is not of the public internet"],
    ["https://2130706433/", "is not asked: its address is not of the public internet"],
    ["https://0x7f.1/", "is not asked: its address is not of the public internet"],
    ["https://169.254.169.254/latest", "is not asked: its address is not of the public internet"],
    ["https://[::1]/", "is not asked: its address is not of the public internet"],
    ["https://[::ffff:10.0.0.1]/", "is not asked: its address is not of the public internet"],
    // A name of the machine's own: what it stands for is looked at as the connection is made.
    ["https://localhost:1/", "is not asked: its address is not of the public internet"],
  ])("does not ask %s", async (url, why) => {
    expect(await probe(url)).toEqual({ kind: "failed", why });
  });
});

describe("a public address", () => {
  it.each([
    ["76.76.21.21", true],
    ["2606:4700::1111", true],
    ["10.1.2.3", false],
    ["172.16.0.1", false],
    ["192.168.0.1", false],
    ["100.64.0.1", false],
    ["127.0.0.53", false],
    ["0.0.0.0", false],
    ["169.254.169.254", false],
    ["224.0.0.1", false],
    ["255.255.255.255", false],
    ["::", false],
    ["::ffff:127.0.0.1", false],
    ["fd00::1", false],
    ["fe80::1", false],
    ["64:ff9b::a00:1", false],
    ["no address", false],
  ])("%s: %s", (address, expected) => {
    expect(isPublicAddress(address)).toBe(expected);
  });
});

describe("a probe on a developer's machine", () => {
  const { probe, close } = createProbe({ onlyPublic: false });
  let server: Server;
  let base = "";
  const paths: string[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      paths.push(request.url ?? "");
      if (request.url === "/hangs-up") request.socket.destroy();
      else if (request.url === "/moved") response.writeHead(302, { location: "/other" }).end();
      else response.writeHead(503).end("x".repeat(1_000_000));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await close();
    await new Promise((resolve) => server.close(resolve));
  });

  it("tells the status, and follows no redirect", async () => {
    expect(await probe(`${base}/any`)).toEqual({ kind: "answered", status: 503 });
    expect(await probe(`${base}/moved`)).toEqual({ kind: "answered", status: 302 });
    expect(paths).toEqual(["/any", "/moved"]);
  });

  it("says in words why nothing answers", async () => {
    expect(await probe(`${base}/hangs-up`)).toEqual({
      kind: "failed",
      why: "gives no answer (UND_ERR_SOCKET)",
    });
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    expect(await probe(`http://127.0.0.1:${port}/`)).toEqual({
      kind: "failed",
      why: "gives no answer (ECONNREFUSED)",
    });
  });
});
