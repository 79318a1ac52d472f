import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string | Buffer;
}

/** `hang`: never answer; `drop`: cut the connection. */
type Handler = (request: Request, body: Buffer) => Promise<Answer | "hang" | "drop">;

export interface Listener {
  url: string;
  port: number;
  close(): Promise<void>;
}

/** A JSON answer. */
export const jsonAnswer = (
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): Answer => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(value),
});

/** A plain text answer. */
export const textAnswer = (
  status: number,
  body: string,
  headers: Record<string, string> = {},
): Answer => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  body,
});

export async function toAnswer(response: Response): Promise<Answer> {
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: Buffer.from(await response.arrayBuffer()),
  };
}

/** The answer as a client sees it. @param now for the `Date` header, milliseconds since 1970. */
export function fromAnswer({ status, headers, body }: Answer, now: number): Response {
  const date = new Date(now).toUTCString();
  const content = typeof body === "string" ? body : new Uint8Array(body);
  return new Response(content, { status, headers: { date, ...headers } });
}

/**
 * A plain HTTP server on 127.0.0.1, so that a fault can cut or hold the socket itself. Its `Date` header follows `now`.
 * @throws the listen error (EADDRINUSE …).
 */
export async function listen(
  options: { port: number; bodyBytesMax: number; now: () => number },
  handler: Handler,
): Promise<Listener> {
  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing, options, handler).catch((error: unknown) => {
      console.error("emulator:", error);
      outgoing.destroy();
    });
  });
  server.listen(options.port, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: { bodyBytesMax: number; now: () => number },
  handler: Handler,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const body = await readBody(incoming, options.bodyBytesMax);
  if (body === "cut") return;
  const answer =
    body === "too large"
      ? textAnswer(413, "body too large", { connection: "close" })
      : await handler(toRequest(incoming, body), body);
  if (outgoing.destroyed) return;
  if (answer === "drop") {
    outgoing.destroy();
    return;
  }
  if (answer === "hang") {
    if (!gone.signal.aborted) await once(gone.signal, "abort");
    return;
  }
  const date = new Date(options.now()).toUTCString();
  outgoing.writeHead(answer.status, { date, ...answer.headers });
  outgoing.end(incoming.method === "HEAD" ? undefined : answer.body);
}

async function readBody(
  incoming: IncomingMessage,
  bytesMax: number,
): Promise<Buffer | "too large" | "cut"> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) return "too large";
      chunks.push(chunk);
    }
  } catch (error) {
    // The client went away in the middle of its request: nobody is left to answer.
    if ((error as NodeJS.ErrnoException).code === "ECONNRESET") return "cut";
    throw error;
  }
  return Buffer.concat(chunks);
}

function toRequest(incoming: IncomingMessage, body: Buffer): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  const method = incoming.method ?? "GET";
  const hasBody = method !== "GET" && method !== "HEAD";
  const url = new URL(incoming.url ?? "/", `http://${incoming.headers.host ?? "127.0.0.1"}`);
  return new Request(url, { method, headers, ...(hasBody ? { body: new Uint8Array(body) } : {}) });
}
