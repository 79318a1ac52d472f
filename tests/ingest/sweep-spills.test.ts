import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshen, loadSample, requestOf } from "../../cli/samples/index.js";
import { Transient } from "../../src/domain/errors.js";
import { OWN_VERIFIERS } from "../../src/domain/event.js";
import type { Kv } from "../../src/domain/ports.js";
import { Secret } from "../../src/domain/secret.js";
import { SECOND_MS } from "../../src/domain/time.js";
import { handOver } from "../../src/ingest/door.js";
import { SPILL_INDEX, spillKey } from "../../src/ingest/spill.js";
import { sweepSpills } from "../../src/ingest/sweep-spills.js";
import { unpack } from "../../src/ingest/unpack.js";
import { type Delivery, openDelivery } from "../../src/queues/delivery.js";
import { deduplicationIdOf, type Publisher, queueError } from "../../src/queues/publish.js";
import { listeningLog, stillClock } from "../support/fakes.js";
import { type House, openHouse, SECRETS } from "../support/house.js";

const TOKEN = new Secret("QSTASH_TOKEN", "sweep-spills-token");
const TOKEN_BEFORE = new Secret("QSTASH_TOKEN_PREVIOUS", "sweep-spills-token-before");
/** What the queue takes; the door is told that it is ten times as much. */
const QUEUE_BYTES_MAX = 1_000;

type Message = Parameters<Publisher["publishDelivery"]>[0];
const unused = () => Promise.reject(new Error("not used by the spill"));

/** KV in memory: values, and the one index in its order. */
function memoryKv(): Kv & { kept: Map<string, string>; inLine(): string[]; tallied: object[] } {
  const tallied: object[] = [];
  const kept = new Map<string, string>();
  const index = new Map<string, number>();
  const inLine = (): string[] => [...index].sort(([, a], [, b]) => a - b).map(([key]) => key);
  return {
    kept,
    inLine,
    tallied,
    get: async (key) => kept.get(key) ?? null,
    setFor: async (key, value) => void kept.set(key, value),
    async park(_index, key, value, at) {
      kept.set(key, value);
      index.set(key, at);
    },
    parked: async (_index, limit) => inLine().slice(0, limit),
    async unpark(_index, key) {
      kept.delete(key);
      index.delete(key);
    },
    count: async () => index.size,
    delete: unused,
    async tally(counts) {
      tallied.push(counts);
    },
    counts: unused,
    list: unused,
    ping: unused,
  };
}

/** The door and the sweep on one KV and one queue, which refuses as `publish` says. */
function world(publish: (message: Message) => void) {
  const taken: Message[] = [];
  const publisher: Publisher = {
    async publishDelivery(message) {
      publish(message);
      taken.push(message);
      return { messageId: `msg_${taken.length}`, deduplicated: false };
    },
    publishOutbox: unused,
    republish: unused,
  };
  const [kv, log, clock] = [memoryKv(), listeningLog(), stillClock()];
  const deps = { kv, log, clock, publisher };
  return {
    ...deps,
    taken,
    post: (
      eventKey: string,
      body: Uint8Array<ArrayBuffer>,
      queueToken = TOKEN,
      verifiedBy = delivery.verifiedBy,
    ) =>
      handOver(
        { ...deps, queueToken, queueBodyBytesMax: 10 * QUEUE_BYTES_MAX },
        { ...delivery, eventKey, receivedAt: clock.now(), verifiedBy },
        body,
      ),
    sweep: () => sweepSpills({ ...deps, queueTokens: [TOKEN, TOKEN_BEFORE] }),
    /** What a worker reads of a message; only the live token counts. */
    async read({ sealed, body }: Message) {
      const opened = openDelivery(sealed, [TOKEN]);
      if (opened === null) throw new Error("not sealed with the live token");
      return { delivery: opened, bytes: await unpack(opened, body, kv) };
    },
    said: () => log.lines.map(({ action }) => action),
  };
}

const delivery: Delivery = {
  v: 1,
  source: "stripe",
  eventKey: "evt_1",
  type: "customer.created",
  occurredAt: 1,
  receivedAt: 1,
  requestId: "req_1",
  verifiedBy: "STRIPE_WEBHOOK_SECRET",
  headers: { "x-kept": "ยินดี" },
  encoding: "raw",
};

const tooLarge = ({ body }: Message): void => {
  if (body.length > QUEUE_BYTES_MAX) throw queueError(413, { detail: "QStash answered 413" });
};
const bytesOf = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(new TextEncoder().encode(text));
/** Bytes of no text, which gzip makes no smaller; and a text that fits gzipped what the door was told. */
const RAW = Uint8Array.from(randomBytes(5_000));
const ZIPPED = bytesOf(randomBytes(6_000).toString("base64").repeat(2));

describe("an accepted delivery that is larger than the queue takes", () => {
  it.each([
    ["as it came", RAW, "raw"],
    ["gzipped", ZIPPED, "gzip"],
  ])(
    "and was parked %s ends published as a claim, its bytes unchanged, instead of waiting for ever",
    async (_, body, encoding) => {
      const w = world(tooLarge);
      expect(await w.post("evt_1", body)).toMatchObject({ kind: "accepted", spilled: true });
      const [key = ""] = w.kv.inLine();
      const parked = JSON.parse(w.kv.kept.get(key) ?? "") as { sealed: string };
      expect(openDelivery(parked.sealed, [TOKEN])).toMatchObject({ encoding });
      expect(await w.sweep()).toBe(1);
      expect(w.kv.inLine()).toEqual([]);
      const [message] = w.taken;
      if (message === undefined) throw new Error("nothing was published");
      const read = await w.read(message);
      expect(message.body).toHaveLength(0);
      expect(message.deduplicationId).toBe(deduplicationIdOf("stripe", "evt_1"));
      expect(read.bytes).toEqual(body);
      const { encoding: _was, claimKey, bodySha256, ...facts } = read.delivery;
      const { encoding: _is, ...before } = { ...delivery, receivedAt: w.clock.now() };
      expect(facts, "all that the door found out goes along").toEqual(before);
      expect(claimKey).toBe(`body:${message.deduplicationId}:${bodySha256}`);
      expect(w.said()).toEqual(["delivery.spilling", "spill.claimed"]);
    },
  );

  it("is sealed with the live token though it was parked before the rotation", async () => {
    const w = world(tooLarge);
    await w.post("evt_1", RAW, TOKEN_BEFORE);
    expect(await w.sweep()).toBe(1);
    const [message] = w.taken;
    expect(message && (await w.read(message)).bytes).toEqual(RAW);
  });

  it("stays parked as it was, and lets the others pass, when it is refused even as a claim", async () => {
    const poison = deduplicationIdOf("stripe", "evt_poison");
    let isDown = true;
    const w = world((message) => {
      if (isDown) throw new Transient("queue_unavailable");
      if (message.deduplicationId === poison) throw queueError(400, { detail: "answered 400" });
    });
    await w.post("evt_poison", RAW);
    const parked = w.kv.kept.get(spillKey(poison));
    w.clock.advance(1);
    await w.post("evt_good", bytesOf("{}"));
    w.clock.advance(1);
    isDown = false;
    await expect(w.sweep()).rejects.toMatchObject({ detail: "answered 400" });
    expect(w.taken.map(({ deduplicationId }) => deduplicationId)).toEqual([
      deduplicationIdOf("stripe", "evt_good"),
    ]);
    expect(w.kv.inLine()).toEqual([spillKey(poison)]);
    expect(w.kv.kept.get(spillKey(poison))).toBe(parked);
  });

  it("travels with its body still when the queue was only down", async () => {
    let isDown = true;
    const w = world(() => {
      if (isDown) throw new Transient("queue_unavailable");
    });
    await w.post("evt_1", RAW);
    await expect(w.sweep()).rejects.toThrow("queue_unavailable");
    isDown = false;
    expect(await w.sweep()).toBe(1);
    expect(w.taken.map(({ body }) => body)).toEqual([RAW]);
    expect([...w.kv.kept]).toEqual([]);
  });
});

describe("what a sweep has published", () => {
  const minute = "door:2026-11-21T09:00";

  it("is counted for the minute in which the door had it, so that it can be held against what arrives", async () => {
    let isDown = true;
    const known = deduplicationIdOf("stripe", "evt_known");
    const w = world(() => {
      if (isDown) throw new Transient("queue_unavailable");
    });
    for (const key of ["evt_1", "evt_1", "evt_2", "evt_known"]) await w.post(key, bytesOf("{}"));
    await w.post("evt_fetched", bytesOf("{}"), TOKEN, OWN_VERIFIERS.reconciliation);
    isDown = false;
    const { publishDelivery } = w.publisher;
    w.publisher.publishDelivery = async (message) => ({
      ...(await publishDelivery(message)),
      deduplicated: message.deduplicationId === known, // the door's own publish had come through
    });
    w.clock.advance(10 * 60 * SECOND_MS);
    expect(await w.sweep()).toBe(4);
    expect(w.kv.tallied).toEqual([{ [minute]: { "stripe.swept": 2 } }]);
  });

  it("is counted though the queue refuses the next, and published though KV does not count it", async () => {
    let left = 2;
    const w = world(() => {
      left -= 1;
      if (left < 0) throw new Transient("queue_unavailable");
    });
    left = 0;
    for (const key of ["evt_1", "evt_2", "evt_3"]) await w.post(key, bytesOf("{}"));
    left = 1;
    await expect(w.sweep()).rejects.toThrow("queue_unavailable");
    expect(w.kv.tallied).toEqual([{ [minute]: { "stripe.swept": 1 } }]);
    left = 9;
    w.kv.tally = () => Promise.reject(new Transient("kv_unavailable"));
    expect(await w.sweep()).toBe(2);
    expect(w.said()).toContain("tally.lost");
  });
});

describe("a sweep of very many parked deliveries", () => {
  it("ends after twenty seconds, says how many are left, and the next one goes on", async () => {
    let isDown = true;
    const w = world(() => {
      if (isDown) throw new Transient("queue_unavailable");
      w.clock.advance(SECOND_MS); // a slow queue
    });
    const keys = Array.from({ length: 45 }, (_, i) => `evt_${String(i).padStart(2, "0")}`);
    for (const key of keys) {
      await w.post(key, bytesOf("{}"));
      w.clock.advance(1);
    }
    isDown = false;
    expect([await w.sweep(), await w.kv.count(SPILL_INDEX)]).toEqual([20, 25]);
    expect(w.log.lines.at(-1)).toEqual({
      level: "warn",
      action: "spill.left",
      fields: { left: 25 },
    });
    expect([await w.sweep(), await w.sweep(), await w.sweep()]).toEqual([20, 5, 0]);
    expect(w.taken.map(({ deduplicationId }) => deduplicationId)).toEqual(
      keys.map((key) => deduplicationIdOf("stripe", key)),
    );
    expect(w.said().filter((action) => action === "spill.left")).toHaveLength(2);
  });
});

describe("the relay job of the whole house", () => {
  let h: House;
  let db: pg.Client;
  beforeAll(async () => {
    // More than QStash's free plan takes, which is what the emulator holds to.
    h = await openHouse({ QSTASH_BODY_BYTES_MAX: "2000000" });
    db = new pg.Client({ connectionString: h.databaseUrl });
    await db.connect();
  });
  afterAll(async () => {
    await db.end();
    await h.close();
  });

  it("lets pages and timers not wait for what was parked in an outage", async () => {
    const answer = (await (await h.cron("relay")).json()) as Record<string, unknown>;
    const { job: _job, requestId: _id, ...steps } = answer;
    expect(Object.keys(steps)).toEqual(["outbox", "timers", "spills", "holds"]);
  });

  it("works on an accepted delivery that is over the queue's real limit, to the very same bytes", async () => {
    const set = { "data.object.description": randomBytes(850_000).toString("base64") };
    const ask = { uniqueId: "over-the-limit", now: Date.now(), set };
    const sample = freshen(loadSample("stripe", "payment-canceled"), ask);
    const secret = SECRETS.STRIPE_WEBHOOK_SECRET;
    const { headers, body } = requestOf(sample, { secret, now: Date.now() });
    const url = `${h.url}/api/webhooks/stripe`;
    // On a busy machine KV may need longer than the door has; then it says 503, and Stripe sends again.
    const post = async () => (await fetch(url, { method: "POST", headers, body })).status;
    await expect.poll(post, { timeout: 20_000 }).toBe(202);
    expect(await (await h.cron("relay")).json()).toMatchObject({ spills: 1 });
    await h.rest();
    const { rows } = await db.query(
      "SELECT e.status, b.body FROM event e JOIN event_body b ON b.event_id = e.id",
    );
    expect(rows.map(({ status }) => status)).toEqual(["processed"]);
    expect(Buffer.compare(rows[0].body, body)).toBe(0);
  });
});
