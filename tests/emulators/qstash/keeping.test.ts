import { describe, expect, it } from "vitest";
import { MINUTE_MS, type World, world } from "./support.js";

async function withDead(w: World, labels: readonly string[]): Promise<void> {
  w.destination.respond = () => ({ status: 500, body: "broken" });
  for (const label of labels) {
    await w.client.publish({
      url: `${w.destination.url}/${label}`,
      body: `body of ${label}`,
      label: [label, "all"],
      retries: 0,
      headers: { "X-Own": label },
    });
  }
  await w.qstash.waitForRest();
}

const labelsOf = (list: { messages: { label?: string }[] }) =>
  list.messages.map(({ label }) => label).sort();

describe("the dead letter queue", () => {
  it("lists what failed, with the message, the answer and its labels", async () => {
    const w = await world();
    await withDead(w, ["a"]);
    const { messages, cursor } = await w.client.dlq.listMessages();
    expect(cursor).toBeUndefined();
    expect(messages).toMatchObject([
      {
        dlqId: expect.stringMatching(/^\d+-\d+$/),
        url: `${w.destination.url}/a`,
        method: "POST",
        body: "body of a",
        header: { "X-Own": ["a"] },
        maxRetries: 0,
        label: "a",
        labels: ["a", "all"],
        responseStatus: 500,
        responseBody: "broken",
      },
    ]);
    const one = await w.call("GET", `/v2/dlq/${messages[0]?.dlqId}`);
    expect(await one.json()).toMatchObject({ label: "a" });
    expect((await w.call("GET", "/v2/dlq/1-1")).status).toBe(404);
  });

  it("filters by label, url, message, status and date, and pages by cursor", async () => {
    const w = await world();
    await withDead(w, ["a", "b", "c", "d", "e"]);
    const list = w.client.dlq.listMessages.bind(w.client.dlq);
    expect(labelsOf(await list({ filter: { label: "b" } }))).toEqual(["b"]);
    expect(labelsOf(await list({ filter: { label: "all" } }))).toHaveLength(5);
    expect(labelsOf(await list({ filter: { url: `${w.destination.url}/c` } }))).toEqual(["c"]);
    expect(labelsOf(await list({ filter: { responseStatus: 404 } }))).toEqual([]);
    expect(labelsOf(await list({ filter: { fromDate: 1, toDate: Date.now() } }))).toHaveLength(5);
    expect(labelsOf(await list({ filter: { toDate: 1 } }))).toEqual([]);
    const seen: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = await list({ count: 2, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...labelsOf(page));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen.sort()).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("retries by id and by filter as NEW messages, and removes the entries", async () => {
    const w = await world();
    await withDead(w, ["a", "b", "c"]);
    w.destination.respond = () => ({});
    const [dead] = (await w.client.dlq.listMessages({ filter: { label: "a" } })).messages;
    const { responses } = await w.client.dlq.retry(dead?.dlqId ?? "");
    expect(responses).toHaveLength(1);
    expect(responses[0]?.messageId).not.toBe(dead?.messageId);
    const rest = await w.client.dlq.retry({ filter: { label: "all" }, count: 1 });
    expect(rest.cursor).toEqual(expect.any(String));
    const last = await w.client.dlq.retry({ all: true });
    expect(last).toMatchObject({ responses: [{}] });
    expect(last.cursor).toBeUndefined();
    await w.qstash.waitForRest();
    const again = w.destination.received.slice(3);
    expect(again.map((r) => r.body.toString()).sort()).toEqual(
      ["a", "b", "c"].map((label) => `body of ${label}`),
    );
    expect(again.every((r) => r.headers["x-own"] !== undefined)).toBe(true);
    expect(again.map((r) => r.headers["upstash-retried"])).toEqual(["0", "0", "0"]);
    expect(await w.qstash.state()).toMatchObject({ dlq: 0, delivered: 3 });
  });

  it("answers a retry 201, and lets its headers override the message's", async () => {
    const w = await world();
    await withDead(w, ["a"]);
    const answer = await w.call("POST", "/v2/dlq/retry?label=a", {
      headers: { "Upstash-Label": "second" },
    });
    expect(answer.status).toBe(201);
    await w.qstash.waitForRest();
    expect(labelsOf(await w.client.dlq.listMessages())).toEqual(["second"]);
  });

  it("deletes one (404 when gone), many and all", async () => {
    const w = await world();
    await withDead(w, ["a", "b", "c", "d"]);
    const { messages } = await w.client.dlq.listMessages();
    const idOf = (label: string) => messages.find((m) => m.label === label)?.dlqId ?? "";
    await w.client.dlq.delete(idOf("a"));
    await expect(w.client.dlq.delete(idOf("a"))).rejects.toMatchObject({ status: 404 });
    expect(await w.client.dlq.delete([idOf("b"), idOf("c")])).toMatchObject({ deleted: 2 });
    expect(await w.client.dlq.delete({ all: true })).toMatchObject({ deleted: 1 });
  });

  it("outlives a restart", async () => {
    const w = await world();
    await withDead(w, ["a"]);
    await w.restart();
    expect(labelsOf(await w.client.dlq.listMessages())).toEqual(["a"]);
  });
});

describe("messages", () => {
  const delayed = (w: World, label: string) =>
    w.client.publish({
      url: `${w.destination.url}/${label}`,
      body: label,
      label,
      delay: "1h",
      headers: { "X-Secret": "s" },
    }) as Promise<{ messageId: string }>;

  it("can be read until they are delivered", async () => {
    const w = await world();
    const { messageId } = await delayed(w, "a");
    expect(await w.client.messages.get(messageId)).toMatchObject({
      messageId,
      url: `${w.destination.url}/a`,
      method: "POST",
      body: "a",
      header: { "X-Secret": ["s"] },
      maxRetries: 3,
      label: "a",
    });
    await w.qstash.flush();
    await w.qstash.waitForRest();
    await expect(w.client.messages.get(messageId)).rejects.toMatchObject({ status: 404 });
  });

  it("show bodies that are no text in base64, and redact what they are told to", async () => {
    const w = await world();
    const path = `/v2/publish/${w.destination.url}`;
    const headers = { "Upstash-Delay": "1h" };
    const answer = await w.call("POST", path, { headers, body: Buffer.from([255, 0]) });
    const { messageId } = (await answer.json()) as { messageId: string };
    expect(await w.client.messages.get(messageId)).toMatchObject({ bodyBase64: "/wA=" });
    const redacted = (await w.client.publish({
      url: w.destination.url,
      body: "secret",
      delay: "1h",
      headers: { "X-Key": "secret", "X-Other": "open" },
      redact: { body: true, header: ["X-Key"] },
    })) as { messageId: string };
    expect(await w.client.messages.get(redacted.messageId)).toMatchObject({
      body: "REDACTED",
      header: { "X-Key": ["REDACTED"], "X-Other": ["open"] },
    });
  });

  it("are cancelled by id, by filter, and ALL of them without a filter", async () => {
    const w = await world();
    const { messageId } = await delayed(w, "a");
    for (const label of ["b", "c", "d", "e"]) await delayed(w, label);
    expect(await w.client.messages.cancel(messageId)).toEqual({ cancelled: 1 });
    await expect(w.client.messages.cancel(messageId)).rejects.toMatchObject({ status: 404 });
    expect(await w.client.messages.cancel({ filter: { label: ["b", "c"] } })).toEqual({
      cancelled: 2,
    });
    const all = await w.call("DELETE", "/v2/messages");
    expect(await all.json()).toEqual({ cancelled: 2 });
    await w.qstash.flush();
    await w.qstash.waitForRest();
    expect(w.destination.received).toEqual([]);
    expect(await w.qstash.state()).toMatchObject({ cancelled: 5, pending: 0 });
  });
});

describe("logs", () => {
  it("tell a message's story, newest first, under both paths", async () => {
    const w = await world();
    w.destination.respond = (r) =>
      r.headers["upstash-retried"] === "0" ? { status: 500, headers: { "Retry-After": "0" } } : {};
    const published = await w.client.publish({ url: w.destination.url, label: "story" });
    const { messageId } = published as { messageId: string };
    await w.qstash.waitForRest();
    const { logs } = await w.client.logs({ filter: { messageId } });
    expect(logs.map(({ state }) => state).reverse()).toEqual([
      "CREATED",
      "ACTIVE",
      "ERROR",
      "RETRY",
      "ACTIVE",
      "DELIVERED",
    ]);
    const documented = (await (await w.call("GET", "/v2/logs?label=story&count=2")).json()) as {
      logs: unknown[];
      cursor: string;
    };
    expect(documented.logs).toHaveLength(2);
    expect(documented.cursor).toEqual(expect.any(String));
  });
});

describe("schedules", () => {
  it("fire each minute of the emulated clock, once for a jump over many", async () => {
    const w = await world();
    await w.qstash.setClock({ freeze: true });
    const url = `${w.destination.url}/cron`;
    const { scheduleId } = await w.client.schedules.create({
      destination: url,
      cron: "* * * * *",
      scheduleId: "relay-1",
      body: "tick",
      retries: 0,
    });
    expect(scheduleId).toBe("relay-1");
    await w.qstash.setClock({ advanceMs: MINUTE_MS });
    await w.qstash.waitForRest();
    expect(w.destination.bodies()).toEqual(["tick"]);
    await w.qstash.setClock({ advanceMs: 60 * MINUTE_MS });
    await w.qstash.waitForRest();
    expect(w.destination.bodies()).toEqual(["tick", "tick"]);
    expect(w.destination.received[0]?.headers["upstash-schedule-id"]).toBe("relay-1");
    const shown = await w.client.schedules.get("relay-1");
    expect(shown).toMatchObject({
      cron: "* * * * *",
      destination: url,
      retries: 0,
      isPaused: false,
    });
    expect(Object.values(shown.lastScheduleStates ?? {})).toEqual(["SUCCESS"]);
  });

  it("are overwritten by id, listed once, paused, resumed and deleted", async () => {
    const w = await world();
    await w.qstash.setClock({ freeze: true });
    const create = (cron: string) =>
      w.client.schedules.create({ destination: w.destination.url, cron, scheduleId: "s" });
    await create("*/5 * * * *");
    await create("* * * * *");
    expect(await w.client.schedules.list()).toMatchObject([{ scheduleId: "s", cron: "* * * * *" }]);
    await w.client.schedules.pause({ schedule: "s" });
    expect((await w.client.schedules.get("s")).isPaused).toBe(true);
    await w.qstash.setClock({ advanceMs: 10 * MINUTE_MS });
    await w.restart();
    await w.client.schedules.resume({ schedule: "s" });
    expect(w.destination.received).toEqual([]);
    await w.qstash.setClock({ advanceMs: MINUTE_MS });
    await w.qstash.waitForRest();
    expect(w.destination.received).toHaveLength(1);
    await w.client.schedules.delete("s");
    await expect(w.client.schedules.get("s")).rejects.toMatchObject({ status: 404 });
    expect(await w.client.schedules.list()).toEqual([]);
  });

  it("know time zones and refuse what is no five-field cron", async () => {
    const w = await world();
    const create = (cron: string) =>
      w.client.schedules.create({ destination: w.destination.url, cron, scheduleId: "z" });
    await create("CRON_TZ=Asia/Bangkok 0 9 * * *");
    const { nextScheduleTime } = await w.client.schedules.get("z");
    expect(new Date(nextScheduleTime ?? 0).toISOString()).toContain("T02:00:00.000Z");
    for (const cron of ["* * * * * *", "nonsense", "99 * * * *", "CRON_TZ=Nowhere/At 0 9 * * *"]) {
      await expect(create(cron)).rejects.toMatchObject({ status: 400 });
    }
  });
});
