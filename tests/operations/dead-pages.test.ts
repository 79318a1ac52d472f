import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type QstashEmulator, startQstashEmulator } from "../../emulators/qstash/index.js";
import { Transient } from "../../src/domain/errors.js";
import type { Kv } from "../../src/domain/ports.js";
import { Secret } from "../../src/domain/secret.js";
import { sweepDeadMessages } from "../../src/operations/sweep-dead-messages.js";
import { createQueueAccount } from "../../src/queues/account.js";
import { createPublisher, type QueueConfig } from "../../src/queues/publish.js";
import { fetchPost } from "../../src/runtime/fetch-post.js";
import { countingIds, listeningLog, stillClock } from "../support/fakes.js";
import { emptyDatabase, type TestDatabase } from "../support/postgres.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

const TOKEN = "pages-token";
const LABEL = "signalbox";
/** More than one run looks at: 50 pages of 20. */
const WAITING = 1_001;

let qstash: QstashEmulator;
let queueDb: TestDatabase;
let w: StoreWorld;
let config: QueueConfig;
let closeWorker: () => Promise<void>;

/** Answers for good what is "for good", and "KV is down" to everything else. */
async function startWorker(): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    request.resume();
    const isFinal = request.headers.kind === "final";
    response.writeHead(isFinal ? 489 : 503, {
      ...(isFinal ? { "upstash-nonretryable-error": "true" } : {}),
      "content-type": "application/json",
    });
    response.end(JSON.stringify({ code: isFinal ? "forged_message" : "kv_unavailable" }));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function publish(kinds: readonly string[]): Promise<void> {
  for (let at = 0; at < kinds.length; at += 100) {
    const batch = kinds.slice(at, at + 100).map((kind) => ({
      destination: `${config.publicBaseUrl}/api/queues/events`,
      headers: {
        "Upstash-Label": LABEL,
        "Upstash-Retries": "0",
        "Upstash-Forward-Signalbox-Delivery": "v1.x.y",
        "Upstash-Forward-Kind": kind,
      },
      body: "{}",
    }));
    const answer = await fetch(`${qstash.url}/v2/batch`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify(batch),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }
  await qstash.waitForRest(60_000);
}

beforeAll(async () => {
  [w, queueDb] = await Promise.all([storeWorld(), emptyDatabase()]);
  qstash = await startQstashEmulator({
    databaseUrl: queueDb.url,
    token: TOKEN,
    currentSigningKey: "sig_1",
    nextSigningKey: "sig_2",
    maxParallelism: 100,
  });
  const worker = await startWorker();
  closeWorker = worker.close;
  config = {
    url: qstash.url,
    token: new Secret("QSTASH_TOKEN", TOKEN),
    publicBaseUrl: worker.url,
    label: LABEL,
    eventParallelism: 8,
    emailPerSecond: 2,
    publishTimeoutMs: 2_000,
  };
  // The queue lists its newest first, so what can be settled lies behind all that wait.
  await publish(["final"]);
  await publish(Array.from({ length: WAITING }, () => "waiting"));
}, 120_000);
afterEach(() => void vi.restoreAllMocks());
afterAll(async () => {
  await Promise.all([qstash.close(), closeWorker(), w.close()]);
  await queueDb.drop();
});

/** A KV that keeps values, and whose ping fails; or that is down altogether. */
function placeKv(isDown: boolean): Kv {
  const values = new Map<string, string>();
  const down = () => Promise.reject(new Transient("kv_unavailable"));
  return {
    get: (key) => (isDown ? down() : Promise.resolve(values.get(key) ?? null)),
    setFor: async (key, value) => void (isDown ? await down() : values.set(key, value)),
    delete: async (key) => void (isDown ? await down() : values.delete(key)),
    ping: down,
    park: down,
    parked: down,
    unpark: down,
    tally: down,
    counts: down,
    count: down,
    list: down,
  };
}

function sweepWith(kv: Kv) {
  const buried: string[] = [];
  const lastRun = { place: undefined };
  const deps = {
    account: createQueueAccount(config),
    publisher: createPublisher(config, fetchPost),
    database: w.database,
    kv,
    lastRun,
    clock: stillClock(Date.now()),
    ids: countingIds(),
    log: listeningLog(),
    buryEvent: async (message: { messageId: string }) => void buried.push(message.messageId),
    buryNotice: () => Promise.resolve("gone" as const),
    reopenReplay: () => Promise.resolve(),
  };
  return { run: () => sweepDeadMessages(deps), buried, deps };
}

describe("the dead letter queue, page by page", () => {
  it("lets no entry starve behind those that wait: a run goes on where the last one ended", async () => {
    expect((await qstash.state()).dlq).toBe(WAITING + 1);
    const kv = placeKv(false);
    const first = sweepWith(kv);
    expect(await first.run()).toMatchObject({ waiting: 1_000, buried: 0 });
    const elsewhere = sweepWith(kv); // another instance knows it by KV
    expect(await elsewhere.run()).toMatchObject({ waiting: 1, buried: 1 });
    expect(elsewhere.buried).toHaveLength(1);
    expect(await first.run(), "and then begins at the top").toMatchObject({ waiting: 1_000 });
  });

  it("goes by this instance's own last run while KV is what everything waits for", async () => {
    await publish(["final"]);
    const sweep = sweepWith(placeKv(true));
    expect(await sweep.run()).toMatchObject({ buried: 1 });
    expect(await sweep.run()).toMatchObject({ waiting: 2 });
  });

  it("begins at the top where the queue no longer takes the place of the last run", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined); // the SDK prints what it throws
    const kv = placeKv(false);
    await kv.setFor("dead-messages:place", "not-a-cursor", 1_000);
    expect(await sweepWith(kv).run()).toMatchObject({ waiting: 1_000 });
  });
});
