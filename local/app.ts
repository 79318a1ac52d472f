// The app's process: every address of the deployment on one port of this machine.
import { serve } from "@hono/node-server";
import { buildNode } from "../src/runtime/node.js";
import { LOOPBACK } from "./addresses.js";
import { liveAsChild } from "./child.js";
import { StartFailure } from "./failure.js";

/** How long requests in hand may take to end; longer than a worker's own limits. */
const DRAIN_TIMEOUT_MS = 10_000;
const IDLE_LOOK_MS = 50;

type Server = ReturnType<typeof serve>;

liveAsChild("app", async ({ port }) => {
  const runtime = buildNode(process.env);
  const server = await listen(runtime.app.fetch, port);
  const stop = async (): Promise<void> => {
    await drain(server);
    await runtime.close();
  };
  return { ready: { type: "ready", url: `http://${LOOPBACK}:${port}` }, stop };
});

function listen(fetch: Parameters<typeof serve>[0]["fetch"], port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, port, hostname: LOOPBACK }, () => resolve(server));
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" ? new StartFailure(portTaken(port)) : error),
    );
  });
}

/** Takes no more connections, lets requests in hand end, and cuts what is left after a while. */
async function drain(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  if (!("closeIdleConnections" in server)) return closed;
  // A connection that is kept alive turns idle only when its request ends.
  const look = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_TIMEOUT_MS);
  await closed;
  clearInterval(look);
  clearTimeout(cut);
}

const portTaken = (port: number): string => `Port ${port} was taken by another program meanwhile.`;
