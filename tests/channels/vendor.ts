import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";

/** How the vendor behaves on the next call. */
export type Behaviour =
  | { status: number; headers?: Record<string, string>; body?: string }
  /** Takes the request and never answers. */
  | "hang"
  /** Cuts the line instead of answering. */
  | "cut"
  /** Says the status, then never sends the body that it announced. */
  | { status: number; hangsInBody: true };

export interface Seen {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface Vendor {
  url: string;
  /** Requests that came in, in order. */
  seen: Seen[];
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

/** A small server that records what reaches it and behaves as told. */
export async function startVendor(): Promise<Vendor> {
  const seen: Seen[] = [];
  let behaviour: Behaviour = { status: 200 };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      seen.push({ method, path: url, headers, body: Buffer.concat(chunks).toString("utf8") });
      answer(response, behaviour);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    behave(next) {
      behaviour = next;
    },
    close: () => closeServer(server),
  };
}

function answer(response: ServerResponse, behaviour: Behaviour): void {
  if (behaviour === "hang") return;
  if (behaviour === "cut") {
    response.destroy();
    return;
  }
  if ("hangsInBody" in behaviour) {
    response.writeHead(behaviour.status, { "content-length": "100" });
    response.write('{"half');
    return;
  }
  response.writeHead(behaviour.status, behaviour.headers);
  response.end(behaviour.body ?? "");
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
  });
}

/**
 * A port where nobody listens and nobody can begin to: it is the near end of a connection that is
 * held open. A port that was only closed could be another test's server a moment later.
 */
export async function holdClosedPort(vendor: Vendor): Promise<{ url: string; release(): void }> {
  const socket = connect(Number(new URL(vendor.url).port), "127.0.0.1");
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return { url: `http://127.0.0.1:${socket.localPort}`, release: () => socket.destroy() };
}
