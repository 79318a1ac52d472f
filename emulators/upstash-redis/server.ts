import type { FileHandle } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Engine, type EngineStats } from "./engine.js";
import { type Answer, restFront } from "./protocol.js";

const COMPACT_BYTES_MIN = 64 * 1024 * 1024;
/** Longer than clients keep a connection, so that the server is never the first to drop an idle one. */
const KEEP_ALIVE_MS = 75_000;

export interface UpstashRedisEmulatorOptions {
  /** Kept across restarts and `kill -9`; created when missing, and held by one process at a time. */
  readonly dataDir: string;
  readonly token: string;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly host?: string;
  /** Milliseconds since 1970. */
  readonly clock?: { now(): number };
  readonly log?: (message: string) => void;
  readonly compactBytesMin?: number;
  /** Puts the log's bytes on the disk; tests hand in one that counts or fails. */
  readonly sync?: (file: FileHandle) => Promise<void>;
}

export interface UpstashRedisEmulator {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
  stats(): EngineStats & { readonly requests: number };
}

/**
 * Starts a local stand-in for Upstash Redis's REST API. A write is answered once it is on the disk.
 *
 * Controls, behind the same token: `POST /_emulator/clock {"advanceMs": 60000}`, `GET /_emulator/clock`,
 * `GET /_emulator/stats`.
 *
 * @throws Error when the port or the folder is taken, or the log is damaged in the middle.
 */
export async function startUpstashRedisEmulator(
  options: UpstashRedisEmulatorOptions,
): Promise<UpstashRedisEmulator> {
  const host = options.host ?? "127.0.0.1";
  const log = options.log ?? (() => undefined);
  const engine = await Engine.open({
    dataDir: options.dataDir,
    clock: options.clock ?? { now: () => Date.now() },
    compactBytesMin: options.compactBytesMin ?? COMPACT_BYTES_MIN,
    sync: options.sync ?? ((file) => file.datasync()),
    log,
  });
  let requests = 0;
  const stats = () => ({ requests, ...engine.stats() });
  const routes = {
    "/_emulator/clock": (method: string, body: unknown) => clockRoute(engine, method, body),
    "/_emulator/stats": async (): Promise<Answer> => ({ status: 200, body: stats() }),
  };
  const front = restFront({ token: options.token, backend: engine, routes, log });
  let closing = false;
  const server = createServer((request, response) => {
    requests += 1;
    if (closing) response.setHeader("connection", "close");
    front(request, response).catch((error: unknown) => response.destroy(asError(error)));
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options.port ?? 0, host, () => resolve());
    });
  } catch (error) {
    await engine.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    stats,
    close: async () => {
      closing = true;
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS).unref();
      });
      await engine.close();
    },
  };
}

/** Requests under way get this long to end before their connections are cut. */
const CLOSE_GRACE_MS = 2_000;

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));

async function clockRoute(engine: Engine, method: string, body: unknown): Promise<Answer> {
  if (method !== "GET") {
    const advanceMs: unknown =
      typeof body === "object" && body !== null && "advanceMs" in body ? body.advanceMs : null;
    if (!Number.isSafeInteger(advanceMs) || Number(advanceMs) < 0) {
      return { status: 400, body: { error: 'ERR send {"advanceMs": <whole number, 0 or more>}' } };
    }
    await engine.advanceClock(Number(advanceMs));
  }
  return { status: 200, body: { now: engine.now(), offsetMs: engine.clockOffsetMs } };
}
