import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { OutboxMessage } from "../../src/domain/outbox.js";
import { Secret } from "../../src/domain/secret.js";
import { type Delivery, openDelivery, sealDelivery } from "../../src/queues/delivery.js";
import { queueMessage } from "../../src/queues/messages.js";
import { createPublisher, deduplicationIdOf } from "../../src/queues/publish.js";

const GOLDEN = join(import.meta.dirname, "golden");
const files = readdirSync(GOLDEN);

const config = {
  url: "https://qstash.example.com",
  token: new Secret("QSTASH_TOKEN", "token"),
  publicBaseUrl: "https://hooks.example.com",
  label: "signalbox",
  eventParallelism: 8,
  emailPerSecond: 2,
  publishTimeoutMs: 1_000,
};

describe("a message of our own queues", () => {
  it("has a golden file for every version that is read", () => {
    const types = queueMessage.options.map((option) => option.shape.type.value).sort();
    // `notice.due.v1.urgent.json` is the same version with what may be there, or not.
    const versions = files.map((file) => basename(file, ".json").replace(/(\.v\d+)\..+$/, "$1"));
    expect([...new Set(versions)].sort()).toEqual(types);
  });

  it.each(files)(
    "%s is still read, and still written with the same keys in the same order",
    async (file) => {
      // The file may be laid out for reading; on the wire it is one line with the same keys in the same order.
      const golden = JSON.stringify(JSON.parse(readFileSync(join(GOLDEN, file), "utf8")));
      const { outboxId, ...message } = queueMessage.parse(JSON.parse(golden));
      let sent = "";
      const publisher = createPublisher(config, async ({ body }) => {
        sent = String(body);
        return { status: 200, text: "[]" };
      });
      await publisher.publishOutbox([
        { id: outboxId, message: message as OutboxMessage, createdAt: 0, publishes: 0 },
      ]);
      const [element] = JSON.parse(sent) as { body: string }[];
      expect(element?.body).toBe(golden);
    },
  );
});

describe("a timer", () => {
  it("that is due when it is written goes at once, and a later one not before its second", async () => {
    let sent = "";
    const publisher = createPublisher(config, async ({ body }) => {
      sent = String(body);
      return { status: 200, text: "[]" };
    });
    const due = (dueAt: number) => ({
      id: `out_${dueAt}`,
      message: {
        type: "timer.due.v1" as const,
        ...{ timerId: "tmr_1", dueAt, runId: "run_1", requestId: "req_1" },
      },
      createdAt: 1_500,
      publishes: 0,
    });
    await publisher.publishOutbox([due(1_500), due(1_501)]);
    const elements = JSON.parse(sent) as { headers: Record<string, string> }[];
    expect(elements.map(({ headers }) => headers["Upstash-Not-Before"])).toEqual([undefined, "2"]);
  });
});

describe("the door's facts", () => {
  const delivery: Delivery = {
    v: 1,
    source: "stripe",
    eventKey: "acct_1:évt_ไทย",
    type: "thing.done",
    occurredAt: 1,
    receivedAt: 2,
    requestId: "req_1",
    verifiedBy: "X",
    headers: { "x-resource": "issue" },
    encoding: "raw",
  };
  const token = new Secret("QSTASH_TOKEN", "token");

  it("come back whole, in ASCII, with the live token or the one before", async () => {
    const sealed = await sealDelivery(delivery, token);
    expect(sealed).toMatch(/^[\x21-\x7e]+$/);
    const others = [new Secret("QSTASH_TOKEN", "newer"), token];
    expect(await openDelivery(sealed, others)).toEqual(delivery);
  });

  it("are not believed when anything of them was changed, or another sealed them", async () => {
    const sealed = await sealDelivery(delivery, token);
    const [version, payload, mac] = sealed.split(".");
    const forged = btoa(JSON.stringify({ ...delivery, eventKey: "evt_other" })).replaceAll("=", "");
    const lies = [
      null,
      "",
      "v1",
      `${version}.${forged}.${mac}`,
      `v2.${payload}.${mac}`,
      `${sealed}.x`,
      `${version}.${payload}.%%%`,
      await sealDelivery(delivery, new Secret("QSTASH_TOKEN", "stranger")),
    ];
    for (const lie of lies) expect(await openDelivery(lie, [token]), String(lie)).toBeNull();
  });

  it("have a deduplication id that QStash takes, the same for the same event only", async () => {
    const id = await deduplicationIdOf("stripe", "acct:evt_1");
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await deduplicationIdOf("stripe", "acct:evt_1")).toBe(id);
    expect(await deduplicationIdOf("sentry", "acct:evt_1")).not.toBe(id);
  });
});
