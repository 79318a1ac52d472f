import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface Published {
  /** The path after `/v2/publish/`: the address that QStash would call. */
  destination: string;
  headers: Headers;
  body: Uint8Array<ArrayBuffer>;
}

export interface PublishSink {
  url: string;
  published: Published[];
  close(): Promise<void>;
}

/** Takes publishes as QStash would and keeps them; anything else (counters for KV) is answered and forgotten. */
export async function startPublishSink(): Promise<PublishSink> {
  const published: Published[] = [];
  const server = createServer(async (request, response) => {
    const body = Uint8Array.from(await buffer(request));
    const [, destination] = (request.url ?? "").split("/v2/publish/");
    response.setHeader("content-type", "application/json");
    if (destination === undefined) {
      response.end("[]");
      return;
    }
    const headers = new Headers(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    published.push({ destination, headers, body });
    response.end(JSON.stringify({ messageId: `msg_${published.length}` }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    published,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
