import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { type RestBackend, restFront } from "../../emulators/upstash-redis/protocol.js";
import type { Outcome, Reply } from "../../emulators/upstash-redis/reply.js";

const START_MS_MAX = 10_000;

export interface RealRedis {
  readonly port: number;
  readonly client: Redis;
  stop(): Promise<void>;
}

/**
 * Starts Debian's redis-server on a free port, in a temp folder of its own.
 *
 * @throws Error that says what to install when there is no redis-server.
 */
export async function startRealRedis(): Promise<RealRedis> {
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), "signalbox-real-redis-"));
  const settings = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir];
  const child = spawn("redis-server", [...settings, "--save", "", "--appendonly", "no"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await ready(child);
  // The REST API answers in the shapes of RESP2.
  const client = new Redis({ port, host: "127.0.0.1", maxRetriesPerRequest: 1, protocol: 2 });
  return {
    port,
    client,
    stop: async () => {
      client.disconnect();
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await exited;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`redis-server was not ready within ${START_MS_MAX} ms`));
    }, START_MS_MAX);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    child.once("error", (cause) => {
      const hint = "install redis-server: apt-get install redis-server";
      settle(() => reject(new Error(`redis-server cannot be started; ${hint}`, { cause })));
    });
    child.once("exit", (code) => settle(() => reject(new Error(`redis-server ended: ${code}`))));
    let seen = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes("Ready to accept connections")) settle(resolve);
    });
  });
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Puts a real Redis behind the emulator's own REST protocol, so that only the commands differ. */
export async function startRedisRestFront(
  redis: Redis,
  token: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const front = restFront({ token, backend: backendOf(redis), log: () => undefined });
  const server = createServer((request, response) => {
    front(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** All commands of a request go out in one tick on one connection, so nothing comes between MULTI and EXEC. */
export function backendOf(redis: Redis): RestBackend {
  const send = (words: readonly string[]): Promise<Outcome> => outcomeOf(redis, words);
  return {
    pipeline: (commands) => Promise.all(commands.map(send)),
    transaction: async (commands) => {
      const sent = [["multi"], ...commands, ["exec"]].map(send);
      const [, ...queued] = await Promise.all(sent);
      const done = queued.pop();
      const refused = queued.find((outcome) => "error" in outcome);
      if (refused !== undefined && "error" in refused) return { error: refused.error };
      if (done === undefined || !("result" in done) || !Array.isArray(done.result)) {
        throw new Error(`EXEC answered ${JSON.stringify(done)}`);
      }
      return done.result.map((reply: unknown) => asOutcome(reply));
    },
    syncToken: () => "real-redis",
  };
}

async function outcomeOf(redis: Redis, words: readonly string[]): Promise<Outcome> {
  const [name = "", ...args] = words;
  // In capitals, ioredis would not know the command and leaves its reply alone; it turns `hgetall` into an object.
  const sent = name.toLowerCase() === "hgetall" ? "HGETALL" : name;
  try {
    return { result: (await redis.call(sent, ...args)) as Reply };
  } catch (error) {
    return asOutcome(error);
  }
}

/** A failed command inside EXEC's answer is an Error among the replies. */
function asOutcome(reply: unknown): Outcome {
  return reply instanceof Error ? { error: reply.message } : { result: reply as Reply };
}
