import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { Writable } from "node:stream";
import type { Express } from "express";

/** Takes what would go out on the wire. */
class Wire extends Writable {
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

/** Gives a request to an Express app without a network: Express has no `fetch` to call. @returns the status. */
export function inject(
  app: Express,
  { path, headers, body }: { path: string; headers: Record<string, string>; body: Uint8Array },
): Promise<number> {
  const request = new IncomingMessage(new Socket());
  request.method = "POST";
  request.url = path;
  request.headers = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  request.headers["content-length"] = String(body.length);
  const response = new ServerResponse(request);
  response.assignSocket(new Wire() as unknown as Socket);
  return new Promise((resolve) => {
    response.on("finish", () => resolve(response.statusCode));
    app(request, response);
    request.push(body);
    request.push(null);
    request.complete = true;
  });
}
