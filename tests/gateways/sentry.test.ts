import { describe, expect, it } from "vitest";
import type { PostRequest } from "../../src/domain/ports.js";
import { Secret } from "../../src/domain/secret.js";
import { markerIn, testEventTitle } from "../../src/domain/test-event.js";
import { postTestEvent } from "../../src/gateways/sentry/test-event.js";

const DSN = new Secret("CHECK_SENTRY_DSN", "https://abc123@o1.ingest.example/42");
const MARKER = "dep_01J0000000-mb2x";

const textOf = ({ body }: PostRequest): string =>
  typeof body === "string" ? body : new TextDecoder().decode(body);

describe("a test event for error tracking", () => {
  it("is one envelope with one event, an issue of its own by its fingerprint, in words that we know again", async () => {
    const sent: PostRequest[] = [];
    await postTestEvent(MARKER, DSN, async (request) => {
      sent.push(request);
      return { status: 200, text: "{}" };
    });
    expect(sent).toHaveLength(1);
    const [request] = sent;
    if (request === undefined) throw new Error("nothing was sent");
    expect(request.url).toMatch(/^https:\/\/o1\.ingest\.example\/api\/42\/envelope\/\?/);
    expect(new URL(request.url).searchParams.get("sentry_key")).toBe("abc123");
    const [, header, item] = textOf(request)
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(header).toMatchObject({ type: "event" });
    expect(item).toMatchObject({
      message: testEventTitle(MARKER),
      level: "info",
      fingerprint: ["signalbox-check", MARKER],
      tags: { signalbox_check: MARKER },
    });
    expect(JSON.stringify(item)).not.toContain(process.cwd());
    expect(markerIn(String(item?.message))).toBe(MARKER);
  });

  it.each([
    ["is refused", async () => ({ status: 403, text: "" }), "status 403"],
    ["is not answered", () => Promise.reject(new Error("no answer in 5000 ms")), "no answer"],
  ])("that %s is told, so that it is tried again", async (_name, post, detail) => {
    await expect(postTestEvent(MARKER, DSN, post)).rejects.toMatchObject({
      code: "gateway_unavailable",
      detail,
    });
  });

  it("is known by its whole title only", () => {
    expect(markerIn(`Error: ${testEventTitle(MARKER)}`)).toBeNull();
    expect(markerIn("Signalbox check of the lights")).toBeNull();
  });
});
