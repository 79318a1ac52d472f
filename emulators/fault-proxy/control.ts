import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import { MODES } from "./fault.js";
import type { FaultProxy } from "./proxy.js";

const COMMAND_BYTES_MAX = 64 * 1024;

const Command = z.strictObject({
  mode: z.enum(MODES),
  count: z.int().positive().optional(),
  match: z.string().min(1).optional(),
  afterBytes: z.int().nonnegative().optional(),
  latencyMs: z.number().nonnegative().optional(),
  bytesPerSecond: z.number().positive().optional(),
  status: z.int().min(200).max(599).optional(),
});

interface FaultProxyControl {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Lets another process drive proxies by name: `GET /proxies`, `GET /proxies/{name}`, and
 * `POST /proxies/{name} {"mode": "hang", …options of set}`; answers the proxy's state. It has no password, so it
 * listens on this machine only.
 */
export async function startFaultProxyControl(
  proxies: Readonly<Record<string, FaultProxy>>,
  options: { readonly port?: number } = {},
): Promise<FaultProxyControl> {
  const server = createServer((request, response) => {
    answer(proxies, request)
      .catch((error: unknown) => ({ status: 500, body: { error: String(error) } }))
      .then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(body));
      })
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const stateOf = ({ port, mode, fault, counters }: FaultProxy) => ({ port, mode, fault, counters });

async function answer(
  proxies: Readonly<Record<string, FaultProxy>>,
  request: IncomingMessage,
): Promise<Answer> {
  const [, root, name, ...rest] = (request.url ?? "").split("/");
  if (root !== "proxies" || rest.length > 0) return { status: 404, body: { error: "not found" } };
  if (name === undefined) {
    const states = Object.entries(proxies).map(([key, proxy]) => [key, stateOf(proxy)]);
    return { status: 200, body: Object.fromEntries(states) };
  }
  const proxy = new Map(Object.entries(proxies)).get(decodeURIComponent(name));
  if (proxy === undefined) return { status: 404, body: { error: `no proxy '${name}'` } };
  if (request.method === "POST") {
    const command = Command.safeParse(await readJson(request));
    if (!command.success) return { status: 400, body: { error: z.prettifyError(command.error) } };
    const { mode, ...options } = command.data;
    try {
      proxy.set(mode, options);
    } catch (error) {
      if (error instanceof RangeError) return { status: 400, body: { error: error.message } };
      throw error;
    }
  }
  return { status: 200, body: stateOf(proxy) };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > COMMAND_BYTES_MAX) return undefined;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
