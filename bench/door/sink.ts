import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Contender } from "../lanes/lane.js";
import { listening } from "./listen.js";

const MESSAGE = JSON.stringify({ messageId: "msg_bench_000000000000000000000000" });
const OK = JSON.stringify({ result: "OK" });

/** Says yes to everything that a queue or a KV is asked, and keeps nothing: what stands before it is measured. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? "/";
  const batched = path === "/pipeline" || path === "/multi-exec" || path === "/v2/batch";
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => {
    if (batched) chunks.push(chunk);
  });
  request.on("end", () => {
    const isQueue = path.startsWith("/v2/");
    const one = isQueue ? MESSAGE : OK;
    const text = batched ? `[${parts(chunks).map(() => one)}]` : one;
    response.writeHead(isQueue ? 201 : 200, { "content-type": "application/json" });
    response.end(text);
  });
}

const parts = (chunks: Buffer[]): unknown[] => JSON.parse(Buffer.concat(chunks).toString());

export async function openSink(): Promise<Contender> {
  const url = await listening(createServer({ keepAliveTimeout: 60_000 }, answer));
  return { url, prepare: () => Promise.reject(new Error("a sink does no work of its own")) };
}
