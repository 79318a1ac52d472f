import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { control } from "./control.js";
import { isDataError, type Log } from "./database.js";
import type { Emulator } from "./emulator.js";
import {
  type Call,
  callOf,
  isAuthorized,
  notFound,
  type Reply,
  send,
  tokenDigest,
} from "./http.js";
import { BadRequest } from "./publish-request.js";
import { createSchedule, publish, publishBatch } from "./publish-routes.js";
import { ROUTES } from "./routes.js";

/** Longer than any client keeps an idle connection, so that the client ends it, never we. */
const KEEP_ALIVE_MS = 75_000;

const PUBLISH = "/v2/publish/";
const SCHEDULES = "/v2/schedules/";

/** node:http, because only its `request.url` holds the request line as it came. */
export function createQstashServer(emulator: Emulator, token: string, log: Log): Server {
  const expected = tokenDigest(token);
  const server = createServer((request, response) => {
    void answer(emulator, expected, request, response, log);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = KEEP_ALIVE_MS + 1_000;
  return server;
}

async function answer(
  emulator: Emulator,
  expected: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
  log: Log,
): Promise<void> {
  try {
    const call = callOf(request);
    const reply = isAuthorized(call, expected)
      ? await route(emulator, call)
      : { status: 401, body: { error: "unauthorized: invalid or missing token" } };
    if (reply !== null) send(request, response, reply);
  } catch (error) {
    send(request, response, replyTo(error, log));
  }
}

function replyTo(error: unknown, log: Log): Reply {
  if (error instanceof BadRequest) return { status: error.status, body: { error: error.message } };
  if (isDataError(error)) return { status: 400, body: { error: "message cannot be stored" } };
  log("request failed", error);
  return { status: 500, body: { error: "internal error" } };
}

async function route(emulator: Emulator, call: Call): Promise<Reply | null> {
  const { method, path, target } = call;
  if (method === "POST" && target.startsWith(PUBLISH)) {
    return publish(emulator, call, target.slice(PUBLISH.length));
  }
  if (method === "POST" && path === "/v2/batch") return publishBatch(emulator, call);
  if (method === "POST" && /^\/v2\/schedules\/https?:\/\//i.test(target)) {
    return createSchedule(emulator, call, target.slice(SCHEDULES.length));
  }
  if (path.startsWith("/_emulator/")) return control(emulator, call);
  if (!path.startsWith("/v2/")) return notFound("route");
  return table(emulator, call, path.slice("/v2/".length));
}

/**
 * A trailing slash is dropped, so that `DELETE /v2/messages/` means "all", as it does at the real
 * service (the SDK guards its callers against it).
 */
async function table(emulator: Emulator, call: Call, path: string): Promise<Reply> {
  const parts = path.replace(/\/$/, "").split("/");
  for (const [pattern, handle] of Object.entries(ROUTES)) {
    const [method, shape = ""] = pattern.split(" ");
    const names = shape.split("/");
    if (method !== call.method || names.length !== parts.length) continue;
    if (!names.every((name, i) => name === "*" || name === parts[i])) continue;
    const open = parts.filter((_, i) => names[i] === "*").map(decode);
    return handle(emulator, call, ...open);
  }
  return notFound("route");
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new BadRequest(`invalid path segment "${part}"`);
  }
}
