import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadSample, requestOf, sampleNames } from "../../cli/samples/index.js";
import {
  doorEnvironment,
  PUBLIC_BASE_URL,
  QUEUE_TOKEN,
  secretOf,
} from "../../scripts/check-vercel/door-environment.js";
import {
  bundleEdge,
  type EdgeBundle,
  type EdgeInstance,
  startEdge,
} from "../../scripts/check-vercel/edge-function.js";
import { type PublishSink, startPublishSink } from "../../scripts/check-vercel/publish-sink.js";
import { Secret } from "../../src/domain/secret.js";
import { DELIVERY_HEADER, openDelivery } from "../../src/queues/delivery.js";
import { deduplicationIdOf } from "../../src/queues/publish.js";
import { sources } from "../../src/sources/registry.js";

const GZIPPED_BYTES_MAX = 60_000;
const ENTRIES = ["api/webhooks/[source].ts", "api/webhooks/[source]/[token].ts"];

describe.each(ENTRIES)("the edge function %s", (entry) => {
  it("is small, and holds nothing that only Node can run", async () => {
    const bundle = await bundleEdge(entry);
    expect(bundle.gzippedBytes).toBeLessThanOrEqual(GZIPPED_BYTES_MAX);
    expect(bundle.externals).toEqual([]);
    const tooHeavy = /node_modules\/(stripe|zod|@sentry|@upstash\/qstash|@prisma|pg|undici|pino)\//;
    expect(bundle.inputs.filter((path) => tooHeavy.test(path))).toEqual([]);
    expect(bundle.inputs.some((path) => path.endsWith("src/ingest/door.ts"))).toBe(true);
  });
});

describe("the bundle of an edge function", () => {
  it.each(["node:crypto", "crypto"])("tells when something asks for %s", async (specifier) => {
    const folder = mkdtempSync(join(tmpdir(), "signalbox-edge-"));
    const entry = join(folder, "entry.ts");
    writeFileSync(entry, `export { createHmac as default } from ${JSON.stringify(specifier)};`);
    const told = bundleEdge(entry).then(({ externals }) => externals.join(), String);
    expect(await told.finally(() => rmSync(folder, { recursive: true }))).toContain(specifier);
  });
});

describe("the edge function in an edge VM", () => {
  let sink: PublishSink;
  let bundle: EdgeBundle;
  let edge: EdgeInstance;
  beforeAll(async () => {
    [sink, bundle] = await Promise.all([startPublishSink(), bundleEdge(ENTRIES[0] ?? "")]);
    const began = performance.now();
    edge = startEdge(bundle, doorEnvironment(sink.url));
    const ms = (performance.now() - began).toFixed(1);
    console.info(`edge: ${bundle.gzippedBytes} bytes gzipped, VM and start in ${ms} ms`);
  });
  afterAll(() => sink.close());

  const post = (source: string, secret: string) => {
    const signing = { secret, now: performance.timeOrigin + performance.now() };
    const request = requestOf(loadSample(source, sampleNames(source)[0] ?? ""), signing);
    const url = `${PUBLIC_BASE_URL}/api/webhooks/${source}`;
    return { request, answer: edge.fetch(url, { method: "POST", ...request }) };
  };

  it.each(sources.map(({ id }) => id))(
    "takes a signed request of %s and publishes its bytes",
    async (source) => {
      const before = sink.published.length;
      const { request, answer } = post(source, secretOf(source));
      const response = await answer;
      const accepted = (await response.json()) as { eventKey: string; requestId: string };
      expect(response.status).toBe(202);
      const [published, ...more] = sink.published.slice(before);
      expect(more).toEqual([]);
      expect(published?.destination).toBe(`${PUBLIC_BASE_URL}/api/queues/events`);
      expect(published?.body).toEqual(request.body);
      const { headers } = published ?? { headers: new Headers() };
      expect(headers.get("authorization")).toBe(`Bearer ${QUEUE_TOKEN}`);
      expect(headers.get("upstash-deduplication-id")).toBe(
        await deduplicationIdOf(source, accepted.eventKey),
      );
      expect(headers.get("upstash-failure-callback")).toBe(`${PUBLIC_BASE_URL}/api/queues/failed`);
      expect(headers.get("upstash-flow-control-key")).toBe("signalbox-events");
      expect([...headers.values()].join()).not.toContain(secretOf(source));
      const sealed = headers.get(`upstash-forward-${DELIVERY_HEADER}`);
      const tokens = [new Secret("QSTASH_TOKEN", QUEUE_TOKEN)];
      expect(await openDelivery(sealed, tokens)).toMatchObject({ source, ...identityOf(accepted) });
    },
  );

  it.each(sources.map(({ id }) => id))(
    "refuses a request of %s that is signed with another secret",
    async (source) => {
      const before = sink.published.length;
      const response = await post(source, "another-secret-altogether").answer;
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
        401,
        "bad_signature",
      ]);
      expect(sink.published.length).toBe(before);
    },
  );

  it("does not start without its configuration, and lists all of what is missing", () => {
    expect(() => startEdge(bundle, {})).toThrow(
      /9 problem[\s\S]*PUBLIC_BASE_URL[\s\S]*STRIPE_WEBHOOK_SECRET/,
    );
  });
});

const identityOf = ({ eventKey, requestId }: { eventKey: string; requestId: string }) => ({
  eventKey,
  requestId,
});
