import { describe, expect, it } from "vitest";
import { Transient } from "../../src/domain/errors.js";
import { Secret } from "../../src/domain/secret.js";
import { createConsumer } from "../../src/queues/consume.js";
import { createCron } from "../../src/runtime/cron.js";
import { countingIds, listeningLog, stillClock } from "../support/fakes.js";

const STEP_BYTES = 64 * 1024;

/** A body that never ends, and says how much of it was asked for. */
function endless() {
  const asked = { bytes: 0 };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        asked.bytes += STEP_BYTES;
        controller.enqueue(new Uint8Array(STEP_BYTES));
      },
    },
    { highWaterMark: 0 },
  );
  return { asked, body };
}
const post = (body: ReadableStream<Uint8Array>, headers: Record<string, string>): Request =>
  new Request("https://box.example/x", { method: "POST", body, headers, duplex: "half" });

const unexpected = () => Promise.reject(new Error("nobody may come this far"));

function consumer() {
  return createConsumer(
    {
      config: { publicBaseUrl: "https://box.example" },
      signingKeys: [new Secret("A", "sig_1")],
      clock: stillClock(),
      ids: countingIds(),
      log: listeningLog(),
      report: () => undefined,
    },
    { events: unexpected, notifications: unexpected, timers: unexpected, failed: unexpected },
  );
}

function cron(steps: Record<string, () => Promise<unknown>> = {}) {
  const reported: unknown[] = [];
  const log = listeningLog();
  const run = createCron({
    publicBaseUrl: "https://box.example",
    cronSecret: new Secret("CRON_SECRET", "cron-secret-00001"),
    isSigned: unexpected,
    kv: { setFor: () => Promise.reject(new Transient("kv_unavailable")) },
    clock: stillClock(),
    log,
    report: (error, context) => reported.push([error, context]),
    requestId: () => "req_1",
    jobs: { relay: steps, sweep: {}, reconcile: {}, watch: {} },
  });
  return { run, reported, log };
}

async function codeOf(response: Response): Promise<[number, string | null, unknown]> {
  const { code } = (await response.json()) as { code?: unknown };
  return [response.status, response.headers.get("content-type"), code];
}
const PROBLEM = "application/problem+json";

describe("a public address reads no more than it must for a stranger", () => {
  it("a queue's: nothing without a signature", async () => {
    const { asked, body } = endless();
    const response = await consumer()("events", post(body, {}));
    expect(await codeOf(response)).toEqual([401, PROBLEM, "missing_signature"]);
    expect(asked.bytes).toBe(0);
  });

  it("a queue's: at most the bound with one that may be false", async () => {
    const { asked, body } = endless();
    const response = await consumer()("events", post(body, { "upstash-signature": "a.b.c" }));
    expect(await codeOf(response)).toEqual([413, PROBLEM, "too_large"]);
    expect(asked.bytes).toBeLessThanOrEqual(16 * 1024 * 1024 + 2 * STEP_BYTES);
  });

  it("a cron job's: nothing without a signature, and next to nothing with one", async () => {
    const none = endless();
    const { run } = cron();
    expect(await codeOf(await run("relay", post(none.body, {})))).toEqual([
      401,
      PROBLEM,
      "unauthorized",
    ]);
    expect(none.asked.bytes).toBe(0);
    const some = endless();
    const response = await run("relay", post(some.body, { "upstash-signature": "a.b.c" }));
    expect(response.status).toBe(401);
    expect(some.asked.bytes).toBeLessThanOrEqual(3 * STEP_BYTES);
  });
});

describe("a cron job's step that fails", () => {
  it("is reported when it is a defect, never quoted, and keeps no other from its turn", async () => {
    const defect = new TypeError("cannot read somebody@example.com");
    const { run, reported, log } = cron({
      first: () => Promise.reject(defect),
      second: () => Promise.reject(new Transient("database_unavailable")),
      third: async () => 3,
    });
    const headers = { authorization: "Bearer cron-secret-00001" };
    const response = await run("relay", new Request("https://box.example/x", { headers }));
    expect([response.status, await response.json()]).toMatchObject([
      503,
      { first: { error: "internal" }, second: { error: "database_unavailable" }, third: 3 },
    ]);
    expect(reported).toEqual([[defect, { requestId: "req_1", action: "cron.relay.first" }]]);
    expect(log.lines.map(({ action }) => action)).toContain("cron.not_noted"); // KV is down here
    expect(JSON.stringify(log.lines)).not.toContain("somebody@example.com");
  });
});
