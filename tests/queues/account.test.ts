import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Template } from "../../src/domain/notice.js";
import { noticeDue, type OutboxMessage } from "../../src/domain/outbox.js";
import { Secret } from "../../src/domain/secret.js";
import { createQueueAccount } from "../../src/queues/account.js";
import { createPublisher, type QueueConfig, QueueRefused } from "../../src/queues/publish.js";

const configOf = (url: string): QueueConfig => ({
  url,
  token: new Secret("QSTASH_TOKEN", "token"),
  publicBaseUrl: "https://hooks.example.com",
  label: "signalbox",
  eventParallelism: 8,
  emailPerSecond: 2,
  publishTimeoutMs: 1_000,
});

let server: Server | undefined;
afterEach(async () => {
  vi.restoreAllMocks();
  await new Promise<void>((done) => (server === undefined ? done() : server.close(() => done())));
  server = undefined;
});

/** A QStash that gives one answer to everything, and keeps what it was asked. */
async function answering(status: number, body: unknown) {
  vi.spyOn(console, "error").mockImplementation(() => undefined); // the SDK prints what it throws
  const asked: { method: string; url: string; headers: NodeJS.Dict<string | string[]> }[] = [];
  const started = createServer(({ method = "", url = "", headers }, response) => {
    asked.push({ method, url, headers });
    response.writeHead(status, { "content-type": "application/json", connection: "close" });
    response.end(JSON.stringify(body));
  });
  server = started;
  await new Promise<void>((done) => started.listen(0, "127.0.0.1", done));
  const { port } = started.address() as AddressInfo;
  return { account: createQueueAccount(configOf(`http://127.0.0.1:${port}`)), asked };
}

describe("the queue's account", () => {
  it("takes an entry that another instance has deleted for deleted", async () => {
    const { account } = await answering(404, { error: "dlq message not found" });
    await expect(account.deleteDead("1-0")).resolves.toBeUndefined();
  });

  it.each([
    [400, true],
    [422, true],
    [401, false],
    [403, false],
    [429, false],
    [500, false],
  ])("tells by %i whether one call is refused: %s", async (status, isRefused) => {
    const { account } = await answering(status, { error: "no" });
    const error = await account.deleteDead("1-0").catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "queue_unavailable" });
    expect(error instanceof QueueRefused).toBe(isRefused);
  });

  it("knows its messages by their label, whatever address they were published to", async () => {
    const entry = (dlqId: string, url: string) => ({ dlqId, messageId: dlqId, url, createdAt: 1 });
    const { account } = await answering(200, {
      messages: [
        entry("today's", "https://hooks.example.com/api/queues/events"),
        entry("before a correction", "https://hooks.example.com/oops/api/queues/events"),
        entry("before a move", "https://old.example.com/api/queues/notifications"),
        entry("a cron job's", "https://hooks.example.com/api/cron/relay"),
        entry("nobody's", "https://hooks.example.com/elsewhere"),
      ],
    });
    const { messages } = await account.listDead(undefined);
    expect(messages.map(({ queue, isSchedule }) => [queue, isSchedule])).toEqual([
      ["events", false],
      ["events", false],
      ["notifications", false],
      [null, true],
      [null, false],
    ]);
  });

  it("gives a schedule the deployment's label, and an old one that has none", async () => {
    const scheduleId = "signalbox-relay";
    const destination = "https://hooks.example.com/api/cron/relay";
    const schedule = { id: "relay", cron: "* * * * *", path: "/api/cron/relay" };
    const { cron } = schedule;
    const first = await answering(200, [{ scheduleId, cron, destination }]);
    expect(await first.account.ensureSchedule(schedule)).toBe("created");
    expect(first.asked.at(-1)?.headers["upstash-label"]).toBe("signalbox");
  });

  it("knows nothing of a flow control key that nothing was published under", async () => {
    const { account, asked } = await answering(404, { error: "not found" });
    expect(await account.flow("events")).toBeNull();
    expect(asked[0]?.url).toBe("/v2/flowControl/signalbox-events");
  });
});

describe("the publisher", () => {
  const sent: Readonly<Record<string, string>>[] = [];
  const publisherOf = (status: number, text: string) =>
    createPublisher(configOf("https://qstash.example.com"), async ({ headers }) => {
      sent.push(headers);
      return { status, text };
    });
  const notice: OutboxMessage = {
    type: "notice.due.v1",
    noticeId: "ntc_1",
    channel: "email",
    runId: "run_1",
    requestId: "req_1",
  };

  it("keeps a message of ours to its own flow control when it is published anew, and a webhook to a slow one", async () => {
    const again = { headers: {}, body: new Uint8Array(), deduplicationId: "run_2" };
    const publisher = publisherOf(200, '{"messageId":"msg_1"}');
    await publisher.republish({ ...again, queue: "notifications", message: notice });
    await publisher.republish({ ...again, queue: "events", message: null });
    expect(
      sent.map((headers) => [
        headers["Upstash-Flow-Control-Key"],
        headers["Upstash-Flow-Control-Value"],
      ]),
    ).toEqual([
      ["signalbox-notices-email", "rate=1, period=1s"],
      ["signalbox-redrive", "parallelism=2"],
    ]);
  });

  it.each([
    [1, "rate=1, period=2s", "rate=1, period=2s"],
    [2, "rate=1, period=1s", "rate=1, period=1s"],
    [10, "rate=3, period=1s", "rate=7, period=1s"],
  ])(
    "sends mails to people on call by a part of %i a second that mails to users never use",
    async (perSecond, urgent, users) => {
      const config = { ...configOf("https://qstash.example.com"), emailPerSecond: perSecond };
      let body = "";
      const publisher = createPublisher(config, async (request) => {
        body = String(request.body);
        return { status: 200, text: "[]" };
      });
      const by = { runId: "run_1", requestId: "req_1" };
      const mail = (template: Template) => ({
        id: `out_${template}`,
        message: noticeDue({ id: "ntc_1", channel: "email", template }, by),
        createdAt: 0,
        publishes: 0,
      });
      const templates = ["incident-escalated", "user-incident", "incident-digest"] as const;
      await publisher.publishOutbox(templates.map(mail));
      const elements = JSON.parse(body) as { headers: Record<string, string> }[];
      expect(
        elements.map(({ headers }) => [
          headers["Upstash-Flow-Control-Key"],
          headers["Upstash-Flow-Control-Value"],
        ]),
      ).toEqual([
        ["signalbox-notices-email-urgent", urgent],
        ["signalbox-notices-email", users],
        ["signalbox-notices-email", users],
      ]);
    },
  );

  it("says so when QStash has taken a batch but one of it", async () => {
    const rows = [{ id: "out_1", message: notice, createdAt: 0, publishes: 0 }];
    const refused = publisherOf(200, '[{"messageId":"msg_1"},{"error":"invalid header"}]');
    await expect(refused.publishOutbox(rows)).rejects.toBeInstanceOf(QueueRefused);
    await expect(publisherOf(400, "{}").publishOutbox(rows)).rejects.toBeInstanceOf(QueueRefused);
    await expect(publisherOf(503, "{}").publishOutbox(rows)).rejects.not.toBeInstanceOf(
      QueueRefused,
    );
  });
});
