import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, Receiver } from "@upstash/qstash";
import { onTestFinished } from "vitest";
import {
  type QstashEmulator,
  type QstashEmulatorOptions,
  startQstashEmulator,
} from "../../../emulators/qstash/index.js";
import { emptyDatabase } from "../../support/postgres.js";

export const TOKEN = "qstash-test-token";
export const CURRENT_KEY = "sig_currentTestKey";
export const NEXT_KEY = "sig_nextTestKey";

/** One request as a destination received it. */
export interface Received {
  method: string;
  /** The raw request target. */
  target: string;
  /** The public URL, with the target untouched. */
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Scripted {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  /** Answers only once this resolves. */
  after?: Promise<unknown>;
}

export interface Destination {
  url: string;
  received: Received[];
  /** How many calls are open now, and were at most. */
  open: number;
  openMost: number;
  /** What to answer; by default 200. */
  respond: (request: Received) => Scripted;
  bodies(): string[];
  close(): Promise<void>;
}

/** A local destination that records what reached it. */
export async function startDestination(port = 0): Promise<Destination> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const target = request.url ?? "";
      const received: Received = {
        method: request.method ?? "",
        target,
        url: `${destination.url}${target}`,
        headers: request.headers,
        body: Buffer.concat(chunks),
      };
      destination.received.push(received);
      destination.open += 1;
      destination.openMost = Math.max(destination.openMost, destination.open);
      const { status = 200, headers = {}, body = "", after } = destination.respond(received);
      void Promise.resolve(after).then(() => {
        destination.open -= 1;
        response.writeHead(status, headers).end(body);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const destination: Destination = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    open: 0,
    openMost: 0,
    respond: () => ({}),
    bodies: () => destination.received.map(({ body }) => body.toString()),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return destination;
}

export interface World {
  qstash: QstashEmulator;
  client: Client;
  receiver: Receiver;
  destination: Destination;
  databaseUrl: string;
  /** Closes the emulator and starts another on the same database. */
  restart(): Promise<QstashEmulator>;
  /** A raw call to the emulator with the token. */
  call(method: string, path: string, init?: CallInit): Promise<Response>;
}

export interface CallInit {
  headers?: Record<string, string>;
  body?: string | Buffer;
}

export const clientOf = (qstash: { url: string }): Client =>
  new Client({ baseUrl: qstash.url, token: TOKEN, retry: false, enableTelemetry: false });

/** A database, an emulator, the real SDK and a destination; all gone with the test. */
export async function world(options: Partial<QstashEmulatorOptions> = {}): Promise<World> {
  const database = await emptyDatabase();
  const destination = await startDestination();
  const settings: QstashEmulatorOptions = {
    databaseUrl: database.url,
    token: TOKEN,
    currentSigningKey: CURRENT_KEY,
    nextSigningKey: NEXT_KEY,
    ...options,
  };
  const made: World = {
    qstash: await startQstashEmulator(settings),
    client: new Client({ token: TOKEN }),
    receiver: new Receiver({ currentSigningKey: CURRENT_KEY, nextSigningKey: NEXT_KEY }),
    destination,
    databaseUrl: database.url,
    restart: async () => {
      await made.qstash.close();
      made.qstash = await startQstashEmulator(settings);
      made.client = clientOf(made.qstash);
      return made.qstash;
    },
    call: (method, path, { headers = {}, body } = {}) =>
      fetch(`${made.qstash.url}${path}`, {
        method,
        headers: { Authorization: `Bearer ${TOKEN}`, ...headers },
        ...(body === undefined ? {} : { body }),
      }),
  };
  made.client = clientOf(made.qstash);
  onTestFinished(async () => {
    await made.qstash.close();
    await destination.close();
    await database.drop();
  });
  return made;
}

/** Waits for a condition, at most ten real seconds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string) {
  const deadline = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A promise that a test opens by hand. */
export function gate(): { open: () => void; opened: Promise<void> } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
