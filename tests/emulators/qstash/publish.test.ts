import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { MINUTE_MS, TOKEN, until, type World, world } from "./support.js";

/** Sends a request line exactly as given, which fetch would tidy. */
function raw(w: World, target: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; body: string }>((resolve, reject) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port: w.qstash.port,
        method: "POST",
        path: target,
        headers: { Authorization: `Bearer ${TOKEN}`, ...headers },
      },
      (response) => {
        let body = "";
        response.on("data", (chunk) => {
          body += String(chunk);
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    sent.on("error", reject);
    sent.end("x");
  });
}

describe("authorization", () => {
  it("takes the bearer token and ?qstash_token, and refuses all else with 401 {error}", async () => {
    const w = await world();
    const statuses = async (url: string, headers: Record<string, string> = {}) =>
      (await fetch(url, { headers })).status;
    const keys = `${w.qstash.url}/v2/keys`;
    expect(await statuses(keys, { Authorization: `Bearer ${TOKEN}` })).toBe(200);
    expect(await statuses(`${keys}?qstash_token=${TOKEN}`)).toBe(200);
    expect(await statuses(keys)).toBe(401);
    expect(await statuses(keys, { Authorization: "Bearer other" })).toBe(401);
    expect(await statuses(`${w.qstash.url}/_emulator/state`)).toBe(401);
    const refused = await fetch(keys);
    expect(await refused.json()).toEqual({ error: expect.any(String) });
  });
});

describe("publish", () => {
  it("delivers body, method, content type and forwarded headers, and names itself", async () => {
    const w = await world();
    const { messageId } = await w.client.publishJSON({
      url: `${w.destination.url}/hook`,
      body: { hello: "wörld" },
      headers: { "X-My-Header": "value" },
      method: "PUT",
    });
    expect(messageId).toMatch(/^msg_/);
    await w.qstash.waitForRest();
    const [received] = w.destination.received;
    expect(received?.method).toBe("PUT");
    expect(received?.body.toString()).toBe('{"hello":"wörld"}');
    expect(received?.headers).toMatchObject({
      "user-agent": "Upstash-QStash",
      "content-type": "application/json",
      "x-my-header": "value",
      "upstash-message-id": messageId,
      "upstash-retried": "0",
      "upstash-region": "EU-CENTRAL-1",
      "upstash-caller-ip": "127.0.0.1",
    });
    expect(received?.headers["upstash-method"]).toBeUndefined();
    expect(received?.headers.authorization).toBeUndefined();
  });

  it("carries bytes that are no text unchanged", async () => {
    const w = await world();
    const body = Buffer.from([0, 255, 254, 0xef, 0xbb, 0xbf, 10, 13]);
    await w.call("POST", `/v2/publish/${w.destination.url}/bytes`, { body });
    await w.qstash.waitForRest();
    expect(w.destination.received[0]?.body.equals(body)).toBe(true);
  });

  it("takes the destination raw from the path, less its own query keys", async () => {
    const w = await world();
    const target = "/a%20b//c/%C3%BC?x=1&y=%C3%BC&z=a+b";
    await raw(
      w,
      `/v2/publish/${w.destination.url}${target}&qstash_token=${TOKEN}&upstash-retries=0`,
    );
    await w.client.publish({ url: `${w.destination.url}${target}` });
    await w.qstash.waitForRest();
    expect(w.destination.received.map((r) => r.target)).toEqual([target, target]);
    const { receiver } = w;
    for (const r of w.destination.received) {
      const signature = String(r.headers["upstash-signature"]);
      await receiver.verify({ signature, body: r.body.toString(), url: r.url });
    }
  });

  it("reads configuration from lower-case query parameters", async () => {
    const w = await world();
    await w.qstash.setClock({ freeze: true });
    const answer = await raw(w, `/v2/publish/${w.destination.url}/q?upstash-delay=100s`);
    expect(answer.status).toBe(200);
    expect(await w.qstash.state()).toMatchObject({ delayed: 1, due: 0 });
  });

  it("forwards all inbound headers in webhook mode, but never the token", async () => {
    const w = await world();
    await w.call("POST", `/v2/publish/${w.destination.url}/hook`, {
      headers: { "Upstash-Header-Forward": "true", "X-Provider": "p" },
      body: "{}",
    });
    await w.qstash.waitForRest();
    expect(w.destination.received[0]?.headers["x-provider"]).toBe("p");
    expect(w.destination.received[0]?.headers.authorization).toBeUndefined();
  });

  it.each([
    ["a destination that is no url", "/v2/publish/some-group", {}, 400],
    ["a delay that is no duration", null, { "Upstash-Delay": "soon" }, 400],
    ["a delay over the plan's limit", null, { "Upstash-Delay": "8d" }, 400],
    ["a retry expression that is none", null, { "Upstash-Retry-Delay": "process.exit()" }, 400],
    ["a callback that is no url", null, { "Upstash-Callback": "here" }, 400],
    ["flow control without a limit", null, { "Upstash-Flow-Control-Key": "k" }, 400],
    ["a colon in the deduplication id", null, { "Upstash-Deduplication-Id": "a:b" }, 400],
  ] as const)("refuses %s", async (_, path, headers, status) => {
    const w = await world();
    const answer = await raw(w, path ?? `/v2/publish/${w.destination.url}`, headers);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toEqual({ error: expect.any(String) });
    expect(await w.qstash.state()).toMatchObject({ pending: 0 });
  });

  it("refuses a body over the plan's size with 413 and stores nothing", async () => {
    const w = await world({ limits: { messageBytesMax: 1_000 } });
    const path = `/v2/publish/${w.destination.url}`;
    const small = await w.call("POST", path, { body: "x".repeat(1_000) });
    expect(small.status).toBe(200);
    const large = await w.call("POST", path, { body: "x".repeat(1_001) });
    expect(large.status).toBe(413);
    expect((await w.qstash.waitForRest()).delivered).toBe(1);
  });
});

describe("delay", () => {
  it("holds a message for its delay, and not-before beats delay", async () => {
    const w = await world();
    await w.qstash.setClock({ freeze: true });
    const url = `${w.destination.url}/later`;
    const at = Math.ceil(w.qstash.now() / 1_000) + 600;
    await w.client.publish({ url, body: "delay", delay: "10m" });
    await w.client.publish({ url, body: "seconds", delay: 30 });
    await w.client.publish({ url, body: "not before", delay: 1, notBefore: at + 600 });
    await w.qstash.waitForRest();
    expect(w.destination.received).toEqual([]);
    await w.qstash.setClock({ advanceMs: MINUTE_MS });
    await w.qstash.waitForRest();
    expect(w.destination.bodies()).toEqual(["seconds"]);
    await w.qstash.setClock({ advanceMs: 10 * MINUTE_MS });
    await w.qstash.waitForRest();
    await w.qstash.setClock({ advanceMs: 10 * MINUTE_MS });
    await w.qstash.waitForRest();
    expect(w.destination.bodies()).toEqual(["seconds", "delay", "not before"]);
  });

  it("lets a scaled clock reach it by itself", async () => {
    const w = await world();
    await w.qstash.setClock({ scale: 10_000 });
    await w.client.publish({ url: w.destination.url, delay: "1h" });
    await until(() => w.destination.received.length === 1, "the delayed message");
  });
});

describe("batch", () => {
  it("answers in order and delivers each with its own settings", async () => {
    const w = await world();
    const url = w.destination.url;
    const answers = await w.client.batchJSON([
      { url: `${url}/one`, body: { n: 1 }, headers: { "X-N": "1" } },
      { url: `${url}/two`, body: { n: 2 }, deduplicationId: "two" },
      { url: `${url}/three`, body: { n: 3 }, deduplicationId: "two" },
    ]);
    expect(answers).toHaveLength(3);
    const [, second, third] = answers as { messageId: string; deduplicated?: boolean }[];
    expect(third).toEqual({ messageId: second?.messageId, deduplicated: true });
    await w.qstash.waitForRest();
    expect(w.destination.received.map((r) => r.target).sort()).toEqual(["/one", "/two"]);
    expect(w.destination.received.find((r) => r.target === "/one")?.headers["x-n"]).toBe("1");
  });

  it("stores nothing of a batch with an element that cannot be read", async () => {
    const w = await world();
    const url = w.destination.url;
    const batch = [{ destination: url }, { destination: url, headers: { "upstash-delay": "?" } }];
    const answer = await w.call("POST", "/v2/batch", { body: JSON.stringify(batch) });
    expect(answer.status).toBe(400);
    expect(await w.qstash.state()).toMatchObject({ pending: 0, delivered: 0 });
  });

  it("refuses a NUL in a header, which no database text can hold", async () => {
    const w = await world();
    const batch = [{ destination: w.destination.url, headers: { "upstash-label": "a\u0000" } }];
    const answer = await w.call("POST", "/v2/batch", { body: JSON.stringify(batch) });
    expect(answer.status).toBe(400);
  });
});

describe("deduplication", () => {
  it("answers 202 with the old id for ten minutes, and delivers again after them", async () => {
    const w = await world();
    await w.qstash.setClock({ freeze: true });
    const send = async () => {
      const answer = await w.call("POST", `/v2/publish/${w.destination.url}/d`, {
        headers: { "Upstash-Deduplication-Id": "abc" },
        body: "b",
      });
      return { status: answer.status, ...((await answer.json()) as { messageId: string }) };
    };
    const first = await send();
    expect(first.status).toBe(200);
    await w.qstash.waitForRest();
    const { messageId } = first;
    expect(await send()).toEqual({ status: 202, messageId, deduplicated: true });
    await w.qstash.setClock({ advanceMs: 10 * MINUTE_MS - 1 });
    expect(await send()).toMatchObject({ status: 202, messageId });
    await w.qstash.setClock({ advanceMs: 1 });
    const later = await send();
    expect(later).toMatchObject({ status: 200 });
    expect(later.messageId).not.toBe(messageId);
    await w.qstash.waitForRest();
    expect(w.destination.received).toHaveLength(2);
  });

  it("by content: destination, body, content type and forwarded headers", async () => {
    const w = await world();
    const url = `${w.destination.url}/c`;
    const base = { url, body: "same", headers: { "X-A": "1" }, contentBasedDeduplication: true };
    const first = await w.client.publish(base);
    const again = await w.client.publish(base);
    expect(again).toEqual({ messageId: first.messageId, deduplicated: true });
    const others = [
      { ...base, body: "other" },
      { ...base, url: `${url}2` },
      { ...base, headers: { "X-A": "2" } },
      { ...base, headers: { "X-A": "1", "Content-Type": "text/x-other" } },
    ];
    for (const other of others) {
      expect(await w.client.publish(other)).not.toHaveProperty("deduplicated");
    }
    await w.qstash.waitForRest();
    expect(w.destination.received).toHaveLength(5);
  });

  it("lets exactly one of many concurrent publishers through", async () => {
    const w = await world();
    const ids = Array.from({ length: 200 }, (_, i) => `key-${i % 10}`);
    const answers = await Promise.all(
      ids.map((deduplicationId) =>
        w.client.publish({ url: `${w.destination.url}/${deduplicationId}`, deduplicationId }),
      ),
    );
    const fresh = answers.filter((answer) => !("deduplicated" in answer));
    expect(fresh).toHaveLength(10);
    expect(new Set(answers.map((answer) => (answer as { messageId: string }).messageId)).size).toBe(
      10,
    );
    await w.qstash.waitForRest();
    expect(w.destination.received.map((r) => r.target).sort()).toEqual(
      [...new Set(ids)].map((id) => `/${id}`).sort(),
    );
  });

  it("outlives a restart", async () => {
    const w = await world();
    const publish = () =>
      w.client.publish({ url: w.destination.url, deduplicationId: "kept" }) as Promise<{
        messageId: string;
        deduplicated?: boolean;
      }>;
    const { messageId } = await publish();
    await w.restart();
    expect(await publish()).toEqual({ messageId, deduplicated: true });
  });
});
