import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  startUpstashRedisEmulator,
  type UpstashRedisEmulator,
  type UpstashRedisEmulatorOptions,
} from "../../../emulators/upstash-redis/server.js";

const TOKEN = "durability-token";

describe("the Upstash Redis emulator's data", () => {
  let dataDir: string;
  let open: UpstashRedisEmulator[];
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "signalbox-redis-"));
    open = [];
  });
  afterEach(async () => {
    for (const emulator of open) await emulator.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const start = async (options: Partial<UpstashRedisEmulatorOptions> = {}) => {
    const emulator = await startUpstashRedisEmulator({ dataDir, token: TOKEN, ...options });
    open.push(emulator);
    return emulator;
  };
  const stop = async (emulator: UpstashRedisEmulator) => {
    open = open.filter((other) => other !== emulator);
    await emulator.close();
  };
  const logFile = () => join(dataDir, "redis.log");

  it("is there again after a restart: every type, its expiry, and the clock", async () => {
    const clock = { now: () => 1_000_000 };
    const first = await start({ clock });
    await send(first, "/pipeline", [
      ["set", "s", "ข้อความ", "ex", 100],
      ["hset", "h", "f", "1", "g", "2"],
      ["rpush", "l", "a", "b"],
      ["sadd", "m", "x", "y"],
      ["zadd", "z", "-inf", "low", 1.5, "high"],
      ["incr", "n"],
    ]);
    await send(first, "/_emulator/clock", { advanceMs: 40_000 });
    const question = [
      ["get", "s"],
      ["ttl", "s"],
      ["hgetall", "h"],
      ["lrange", "l", 0, -1],
      ["smembers", "m"],
      ["zrange", "z", 0, -1, "withscores"],
      ["get", "n"],
      ["scan", 0, "count", 2],
    ];
    const before = await send(first, "/pipeline", question);
    expect(before.body).toContainEqual({ result: 60 });
    for (const round of ["from commands", "from a snapshot"]) {
      for (const emulator of open) await stop(emulator);
      expect(await send(await start({ clock }), "/pipeline", question), round).toEqual(before);
    }
  });

  it("does not bring back what expired before the restart", async () => {
    const clock = { now: () => 1_000_000 };
    const first = await start({ clock });
    await send(first, "/", ["set", "k", "v", "px", 500]);
    await send(first, "/_emulator/clock", { advanceMs: 400 });
    await send(first, "/", ["append", "k", "!"]);
    await send(first, "/_emulator/clock", { advanceMs: 101 });
    expect(await send(first, "/", ["incr", "k"])).toEqual({ status: 200, body: { result: 1 } });
    await stop(first);
    const second = await start({ clock });
    expect(
      (
        await send(second, "/pipeline", [
          ["get", "k"],
          ["pttl", "k"],
        ])
      ).body,
    ).toEqual([{ result: "1" }, { result: -1 }]);
    expect((await send(second, "/_emulator/clock", undefined)).body).toEqual({
      now: 1_000_501,
      offsetMs: 501,
    });
  });

  it("survives a log cut at any byte of its last record, without that record only", async () => {
    const first = await start();
    await send(first, "/", ["set", "k", "kept"]);
    const whole = (await stat(logFile())).size;
    await send(first, "/multi-exec", [
      ["set", "k", "lost"],
      ["set", "j", "lost"],
    ]);
    await stop(first);
    const bytes = await readFile(logFile());
    for (let cut = whole; cut < bytes.length; cut++) {
      await writeFile(logFile(), bytes.subarray(0, cut));
      const emulator = await start();
      expect((await send(emulator, "/", ["mget", "k", "j"])).body).toEqual({
        result: ["kept", null],
      });
      await stop(emulator);
    }
  });

  it("refuses to start when an acknowledged record in the middle is damaged", async () => {
    const first = await start();
    await send(first, "/", ["set", "k", "first"]);
    await send(first, "/", ["set", "k", "second"]);
    await stop(first);
    const bytes = await readFile(logFile());
    const place = bytes.indexOf("first");
    bytes.write("F", place);
    await writeFile(logFile(), bytes);
    await expect(start()).rejects.toThrow(/redis\.log: the record at byte \d+ is damaged/);
    expect(await readFile(logFile())).toEqual(bytes);
  });

  it("answers a write, and a read that saw it, only once it is on the disk", async () => {
    let letThrough: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    let gated = false;
    const emulator = await start({
      sync: async (file) => {
        if (gated) await gate;
        await file.datasync();
      },
    });
    gated = true;
    const answered: string[] = [];
    const write = send(emulator, "/", ["set", "k", "v"]).then(() => answered.push("write"));
    await vi.waitFor(() => expect(emulator.stats().writes).toBe(1));
    const read = send(emulator, "/", ["get", "k"]).then(() => answered.push("read"));
    await vi.waitFor(() => expect(emulator.stats().commands).toBe(2));
    expect(answered).toEqual([]);
    letThrough();
    await Promise.all([write, read]);
    expect(answered.sort()).toEqual(["read", "write"]);
  });

  it("puts many writes on the disk with few syncs", async () => {
    const emulator = await start();
    const before = emulator.stats().syncs;
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => send(emulator, "/", ["set", `k${i}`, "v"])),
    );
    expect(emulator.stats().keys).toBe(200);
    expect(emulator.stats().syncs - before).toBeLessThan(150);
  });

  it("answers nothing any more once the disk has failed, and has the acknowledged data after", async () => {
    let failing = false;
    const emulator = await start({
      sync: async (file) => {
        if (failing) throw new Error("no space left on device");
        await file.datasync();
      },
    });
    await send(emulator, "/", ["set", "k", "safe"]);
    failing = true;
    expect((await send(emulator, "/", ["set", "j", "unsafe"])).status).toBe(500);
    expect((await send(emulator, "/", ["get", "k"])).status).toBe(500);
    await stop(emulator);
    expect((await send(await start(), "/", ["get", "k"])).body).toEqual({ result: "safe" });
  });

  it("rewrites a log that has grown, and loses nothing by it", async () => {
    const emulator = await start({ compactBytesMin: 2_000 });
    for (let i = 0; i < 200; i++) await send(emulator, "/", ["incr", "n"]);
    expect(emulator.stats().compactions).toBeGreaterThan(1);
    expect((await stat(logFile())).size).toBeLessThan(4_000);
    await stop(emulator);
    expect((await send(await start(), "/", ["get", "n"])).body).toEqual({ result: "200" });
  });

  it("belongs to one process at a time", async () => {
    const first = await start();
    await expect(start()).rejects.toThrow("is in use by another Upstash Redis emulator");
    await stop(first);
    await start();
  });
});

async function send(emulator: UpstashRedisEmulator, path: string, body: unknown) {
  const response = await fetch(emulator.url + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as unknown };
}
