import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { BadRequest, PublishHeaders } from "./publish-request.js";

/**
 * One request. `path` and `rawTail` are exactly what came in the request line: destinations stand
 * in the path with their `//`, escapes and query, so nothing may normalise it.
 */
export interface Call {
  method: string;
  /** Up to the first `?`. */
  path: string;
  /** Path and query, untouched. */
  target: string;
  query: URLSearchParams;
  headers: PublishHeaders;
  callerIp: string | undefined;
  readBody(bytesMax: number): Promise<Buffer>;
  /** Ends the connection without an answer. */
  hangUp(): void;
}

export interface Reply {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

export const ok = (body: unknown): Reply => ({ status: 200, body });
export const notFound = (what: string): Reply => ({
  status: 404,
  body: { error: `${what} not found` },
});

export function callOf(request: IncomingMessage): Call {
  const target = request.url ?? "/";
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1));
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    pairs.push([request.rawHeaders[i] ?? "", request.rawHeaders[i + 1] ?? ""]);
  }
  return {
    method: request.method ?? "GET",
    path,
    target,
    query,
    headers: new PublishHeaders(pairs, query),
    callerIp: request.socket.remoteAddress,
    readBody: (bytesMax) => readBody(request, bytesMax),
    hangUp: () => request.socket.destroy(),
  };
}

async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > bytesMax) throw new BadRequest(`message is larger than ${bytesMax} bytes`, 413);
    chunks.push(bytes);
  }
  return chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks);
}

export function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (response.destroyed) return;
  const text = JSON.stringify(reply.body);
  response.writeHead(reply.status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
    // An unread rest of a body would be taken for the next request.
    ...(request.complete ? {} : { Connection: "close" }),
    ...reply.headers,
  });
  response.end(text);
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** `Authorization: Bearer <token>` or `?qstash_token=<token>`, in constant time. */
export function isAuthorized(call: Call, tokenDigest: Buffer): boolean {
  const bearer = /^Bearer\s+(.+)$/i.exec(call.headers.get("authorization") ?? "")?.[1];
  const offered = bearer ?? call.query.get("qstash_token");
  return offered !== null && timingSafeEqual(digest(offered.trim()), tokenDigest);
}

export const tokenDigest = digest;
