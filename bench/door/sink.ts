import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import type { Contender } from "../lanes/lane.js";

const MESSAGE = JSON.stringify({ messageId: "msg_bench_000000000000000000000000" });
const OK = JSON.stringify({ result: "OK" });
const HEAD_END = Buffer.from("\r\n\r\n");

/**
 * Says yes to everything that a queue or a KV is asked, and keeps nothing. It reads no more of HTTP than its
 * callers write (a length, one request at a time), so that the processor is left to what is measured.
 */
function serve(socket: Socket): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (let used = answerOne(socket, pending); used > 0; used = answerOne(socket, pending)) {
      pending = pending.subarray(used);
    }
  });
  socket.on("error", () => socket.destroy());
  socket.setNoDelay(true);
}

/** @returns how many bytes the first request took; 0 while it is not all there. */
function answerOne(socket: Socket, bytes: Buffer): number {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return 0;
  const head = bytes.toString("latin1", 0, headEnd);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  const end = headEnd + HEAD_END.length + length;
  if (bytes.length < end) return 0;
  const [, path = "/"] = head.split(" ", 2);
  const isQueue = path.startsWith("/v2/");
  const one = isQueue ? MESSAGE : OK;
  const isBatch = path === "/pipeline" || path === "/multi-exec" || path === "/v2/batch";
  const parts: unknown[] = isBatch ? JSON.parse(bytes.toString("utf8", end - length, end)) : [];
  const text = isBatch ? `[${parts.map(() => one)}]` : one;
  const status = isQueue ? "201 Created" : "200 OK";
  const headers = `content-type: application/json\r\ncontent-length: ${text.length}`;
  socket.write(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${text}`);
  return end;
}

export async function openSink(): Promise<Contender> {
  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, prepare: () => Promise.reject(new Error("a sink does no work of its own")) };
}
