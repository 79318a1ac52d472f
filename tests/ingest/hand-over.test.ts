import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { signedRequest } from "../../cli/sign.js";
import { Transient } from "../../src/domain/errors.js";
import type { Kv } from "../../src/domain/ports.js";
import { Secret } from "../../src/domain/secret.js";
import { createDoor, type DoorDeps } from "../../src/ingest/door.js";
import { unpack } from "../../src/ingest/unpack.js";
import { openDelivery } from "../../src/queues/delivery.js";
import type { Publisher } from "../../src/queues/publish.js";
import { createKv } from "../../src/runtime/kv.js";
import { webhookSourceById } from "../../src/sources/registry.js";
import { countingIds, listeningLog } from "../support/fakes.js";

const SECRET = "whsec_hand_over";
const TOKEN = new Secret("QSTASH_TOKEN", "hand-over-token");
const EMAIL = "somchai@example.com";
const unused = () => Promise.reject(new Error("not used by the door"));

type Message = Parameters<Publisher["publishDelivery"]>[0];

function doorWith(
  over: Partial<DoorDeps> & Pick<DoorDeps, "kv">,
  publish: Publisher["publishDelivery"],
) {
  const log = listeningLog();
  const door = createDoor({
    sourceById: webhookSourceById,
    secretsOf: () => [new Secret("STRIPE_WEBHOOK_SECRET", SECRET)],
    publisher: { publishDelivery: publish, publishOutbox: unused, republish: unused },
    queueToken: TOKEN,
    queueBodyBytesMax: 500,
    clock: { now: () => Date.now() },
    ids: countingIds(),
    log,
    waitUntil: () => undefined,
    ...over,
  });
  return {
    log,
    post(event: object): Promise<Response> {
      const body = new TextEncoder().encode(JSON.stringify(event));
      const { headers } = signedRequest("stripe", body, { secret: SECRET, now: Date.now() });
      const request = new Request("http://door/", { method: "POST", headers, body });
      return door(request, { source: "stripe", token: null });
    },
  };
}

/** KV in memory; what it cannot do is overridden. */
function memoryKv(over: Partial<Kv> = {}): Kv {
  const kept = new Map<string, string>();
  return {
    get: async (key) => kept.get(key) ?? null,
    setFor: async (key, value) => {
      kept.set(key, value);
    },
    park: async (_index, key, value) => {
      kept.set(key, value);
    },
    tally: async () => undefined,
    delete: unused,
    parked: unused,
    unpark: unused,
    counts: unused,
    count: unused,
    list: unused,
    ping: unused,
    ...over,
  };
}

const event = (over: object = {}): object => ({
  id: "evt_hand_over",
  object: "event",
  type: "customer.created",
  created: 1,
  data: { object: { email: EMAIL } },
  ...over,
});
const noise = (): string => randomBytes(2_000).toString("hex");

let closing: (() => Promise<unknown>) | null = null;
afterEach(async () => {
  await closing?.();
  closing = null;
});

/** KV over HTTP that answers all commands alike. */
async function answeringKv(status: number, body: string): Promise<Kv> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing = () => new Promise((resolve) => server.close(resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const url = `http://127.0.0.1:${address.port}`;
  return createKv({ url, token: new Secret("KV", "kv-token"), timeoutMs: 2_000 });
}

describe("a delivery that KV refuses", () => {
  it.each([
    [400, '{"error":"ERR max daily request limit exceeded"}'],
    [500, '{"error":"ERR internal"}'],
    [502, "<html>bad gateway</html>"],
    [200, '[{"error":"OOM command not allowed"},{"error":"EXECABORT"}]'],
  ])("with %s puts nothing of its body into the log", async (status, answer) => {
    const kv = await answeringKv(status, answer);
    const refused = () => Promise.reject(new Transient("queue_unavailable"));
    for (const size of [{}, { noise: noise() }]) {
      const { post, log } = doorWith({ kv }, refused);
      expect((await post(event(size))).status).toBe(503);
      expect(log.lines.map((line) => line.action)).toContain("delivery.refused");
      expectWithoutBody(inspect(log.lines, { depth: 10, maxStringLength: null }));
    }
    const value = btoa(JSON.stringify(event()));
    const error = await kv.park("i", "k", value, 1, 1_000).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "kv_unavailable" });
    expectWithoutBody(inspect(error, { depth: 10, maxStringLength: null, showHidden: true }));
  });

  function expectWithoutBody(text: string): void {
    expect(text).toContain("kv_unavailable");
    expect(text).not.toContain(EMAIL);
    // In Base64 a text looks one of three ways, by where it begins.
    for (const before of ["", "x", "xx"]) {
      expect(text).not.toContain(btoa(`${before}${EMAIL}`).slice(4, 20));
    }
    expect(text).not.toMatch(/[A-Za-z0-9+/]{120,}/);
  }
});

describe("a body that travels by claim check", () => {
  it("is still found by its message when the event came again in other bytes", async () => {
    const kv = memoryKv();
    const sent: Message[] = [];
    const { post } = doorWith({ kv }, async (message) => {
      sent.push(message);
      return { messageId: "msg_1", deduplicated: sent.length > 1 };
    });
    const random = noise();
    expect((await post(event({ pending_webhooks: 2, random }))).status).toBe(202);
    expect((await post(event({ pending_webhooks: 1, random }))).status).toBe(200);
    const opened = await Promise.all(
      sent.map(async ({ sealed, body }) => {
        const delivery = openDelivery(sealed, [TOKEN]);
        if (delivery === null) throw new Error("not sealed by us");
        const bytes = await unpack(delivery, body, kv);
        if (bytes instanceof Error) throw bytes;
        return JSON.parse(new TextDecoder().decode(bytes)).pending_webhooks as number;
      }),
    );
    expect(opened).toEqual([2, 1]);
  });
});

describe("the second that Sentry gives", () => {
  // The clock is the wall's, because the bounds are timers: once more if the machine was busy.
  it("is enough to say 503 even when KV hangs at both of its calls", { retry: 2 }, async () => {
    const never = () => new Promise<never>(() => undefined);
    const refused = () => Promise.reject(new Transient("queue_unavailable"));
    const { post, log } = doorWith({ kv: memoryKv({ setFor: never, park: never }) }, refused);
    const startedAt = performance.now();
    expect((await post(event({ random: noise() }))).status).toBe(503);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(log.lines.map((line) => line.action)).toEqual([
      "body.unclaimed",
      "delivery.spilling",
      "delivery.refused",
      "delivery.received",
    ]);
  });

  it("leaves the spill its turn after a claim that hung", { retry: 2 }, async () => {
    const never = () => new Promise<never>(() => undefined);
    const tooLate = () =>
      new Promise<never>((_resolve, reject) => {
        setTimeout(() => reject(new Transient("queue_unavailable")), 500);
      });
    const { post } = doorWith({ kv: memoryKv({ setFor: never }) }, tooLate);
    const startedAt = performance.now();
    expect((await post(event({ random: noise() }))).status).toBe(202);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
