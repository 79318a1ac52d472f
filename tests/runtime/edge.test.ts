import { afterEach, describe, expect, it, vi } from "vitest";
import { doorEnvironment } from "../../scripts/check-vercel/door-environment.js";
import { buildEdge } from "../../src/runtime/edge.js";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe("the edge door", () => {
  it("answers a defect with a problem and a request id that finds the line in the log", async () => {
    const lines: string[] = [];
    vi.spyOn(console, "error").mockImplementation((line: string) => {
      lines.push(line);
    });
    const app = buildEdge(doorEnvironment("http://127.0.0.1:1"));
    const torn = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new TypeError("torn by somebody@example.com")),
    });
    const init = { method: "POST", body: torn, duplex: "half" };
    const response = await app.request("/api/webhooks/stripe", init as RequestInit);
    expect(response.status).toBe(500);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const { code, requestId } = (await response.json()) as Record<string, string>;
    expect(code).toBe("internal");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ action: "request.failed", requestId });
    expect(lines.join()).not.toContain("somebody@example.com");
  });
});

describe("the door's functions", () => {
  // Vercel's launchers: the edge calls the default export, Node the `fetch` on it.
  it("serve the edge and Node with the same export, so that one line is the whole switch", async () => {
    for (const [name, value] of Object.entries(doorEnvironment("http://127.0.0.1:1"))) {
      vi.stubEnv(name, value);
    }
    const files = [
      await import("../../api/webhooks/[source].js"),
      await import("../../api/webhooks/[source]/[token].js"),
    ];
    for (const { default: door, config } of files) {
      expect(config).toEqual({ runtime: "edge" });
      const request = () => new Request("https://box.example/api/webhooks/paypal/x");
      for (const response of [await door(request()), await door.fetch(request())]) {
        expect(response.status).toBe(404);
        expect(await response.json()).toMatchObject({ code: "unknown_source" });
      }
    }
  });
});
