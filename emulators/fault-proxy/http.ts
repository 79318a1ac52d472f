import {
  createServer,
  type IncomingMessage,
  request as openRequest,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import { pipeline, Transform } from "node:stream";
import {
  AFTER_BYTES_DEFAULT,
  type Fault,
  type FaultSwitch,
  holdBack,
  STATUS_DEFAULT,
} from "./fault.js";
import type { Front, Target } from "./front.js";

/** Longer than any client here keeps an idle connection. */
const KEEP_ALIVE_MS = 75_000;
/** Belong to one hop; `expect` is answered by this hop. */
const HOP_HEADERS = new Set(["connection", "keep-alive", "proxy-connection", "expect"]);

/** Forwards HTTP/1.1 requests one by one: path, headers and bodies as they came, `Host` too. No upgrades. */
export function httpFront(target: Target, faults: FaultSwitch): Front {
  const sockets = new Set<Socket>();
  const hung = new Set<Socket>();
  const hang = (socket: Socket): void => {
    hung.add(socket);
  };
  const server = createServer((incoming, response) => {
    faults.counters.requests += 1;
    const fault = faults.take(`${incoming.method} ${incoming.url}`);
    const exchange: Exchange = { incoming, response, target, faults, fault, hang };
    if (fault?.mode === "hang") hang(incoming.socket);
    else if (fault?.mode === "refuse") incoming.socket.resetAndDestroy();
    else if (fault?.mode === "status") answerStatus(exchange, fault);
    else void forward(exchange);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = 0;
  server.on("connection", (socket: Socket) => {
    faults.counters.connections += 1;
    if (faults.isBlanket("refuse")) {
      faults.take(null);
      socket.resetAndDestroy();
      return;
    }
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      hung.delete(socket);
    });
  });
  return {
    server,
    faultChanged: () => {
      for (const socket of hung) socket.resetAndDestroy();
      if (!faults.isBlanket("refuse")) return;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    destroyAll: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
  };
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: Target;
  readonly faults: FaultSwitch;
  readonly fault: Fault | null;
  readonly hang: (socket: Socket) => void;
}

function answerStatus({ incoming, response }: Exchange, fault: Fault): void {
  const status = fault.status ?? STATUS_DEFAULT;
  incoming.resume();
  incoming.once("end", () => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: `fault proxy answers ${status}` }));
  });
}

/** Each request goes out on a fresh connection, so that no stale one adds a fault that nobody asked for. */
async function forward(exchange: Exchange): Promise<void> {
  const { incoming, response, target, fault } = exchange;
  if (fault?.mode === "slow") await holdBack(fault, 0);
  const outgoing = openRequest({
    host: target.host,
    port: target.port,
    method: incoming.method,
    path: incoming.url,
    headers: endToEnd(incoming.rawHeaders),
    agent: false,
  });
  outgoing.on("error", () => incoming.socket.resetAndDestroy()); // what the target does, the client sees
  outgoing.on("response", (answer) => handAnswer(exchange, answer));
  response.once("close", () => outgoing.destroy());
  pipeline(incoming, slowed(fault), outgoing, ignoreEnd);
}

function handAnswer(exchange: Exchange, answer: IncomingMessage): void {
  const { incoming, response, faults, fault } = exchange;
  const { socket } = incoming;
  if (faults.isBlanket("hang")) {
    exchange.hang(socket);
    return;
  }
  if (fault?.mode === "drop-answer") {
    answer.resume();
    answer.once("close", () => socket.resetAndDestroy());
    return;
  }
  response.sendDate = false;
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.rawHeaders));
  if (fault?.mode === "cut") {
    cutAnswer(exchange, answer, fault);
    return;
  }
  pipeline(answer, slowed(fault), response, (error) => {
    if (error) socket.resetAndDestroy();
  });
}

/** Of an answer whose length is announced at least its last byte is kept back, or nothing would be cut. */
function cutAnswer({ incoming, response }: Exchange, answer: IncomingMessage, fault: Fault): void {
  const announced = Number(answer.headers["content-length"] ?? Infinity);
  let left = Math.min(fault.afterBytes ?? AFTER_BYTES_DEFAULT, Math.max(0, announced - 1));
  const { socket } = incoming;
  const cut = (): void => {
    answer.destroy();
    socket.write("", () => socket.destroy()); // once what was written before is out
  };
  response.flushHeaders();
  if (left === 0) cut();
  answer.on("data", (piece: Buffer) => {
    response.write(piece.subarray(0, left));
    left -= Math.min(left, piece.length);
    if (left === 0) cut();
  });
  answer.once("end", cut);
}

function slowed(fault: Fault | null): Transform {
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      if (fault?.mode !== "slow") done(null, piece);
      else holdBack(fault, piece.length).then(() => done(null, piece), done);
    },
  });
}

function endToEnd(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (!HOP_HEADERS.has(name.toLowerCase())) kept.push(name, rawHeaders[i + 1] ?? "");
  }
  return kept;
}

/** Either end's failure is already told to the other by its own listener. */
const ignoreEnd = (): void => undefined;
