import { createServer } from "node:http";
import { expect, it } from "vitest";
import { createReporter } from "../../src/runtime/sentry.js";

it("a report has left before the function may be frozen after its answer", async () => {
  const received: string[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      text += chunk;
    });
    request.on("end", () => {
      received.push(text);
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const waited: Promise<unknown>[] = [];
  const reporter = createReporter({
    dsn: `http://key@127.0.0.1:${address.port}/4242`,
    environment: "test",
    deploymentId: undefined,
    waitUntil: (work) => waited.push(work),
  });
  reporter.report(new TypeError("broken"), { requestId: "req_1", action: "test" });
  expect(waited).toHaveLength(1);
  await Promise.all(waited);
  expect(received.join()).toContain("req_1");
  await reporter.close();
  await new Promise((resolve) => server.close(resolve));
});
