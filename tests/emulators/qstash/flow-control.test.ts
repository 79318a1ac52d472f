import { describe, expect, it } from "vitest";
import { gate, until, type World, world } from "./support.js";

const publishMany = (w: World, count: number, flow: { key: string; parallelism: number }) =>
  Promise.all(
    Array.from({ length: count }, (_, i) =>
      w.client.publish({
        url: `${w.destination.url}/${flow.key}`,
        body: `${i}`,
        flowControl: flow,
      }),
    ),
  );

describe("flow control", () => {
  it("holds a key's calls to its parallelism; the rest wait and none is dropped", async () => {
    const w = await world();
    const { open, opened } = gate();
    w.destination.respond = () => ({ after: opened });
    await publishMany(w, 12, { key: "mail", parallelism: 2 });
    await until(() => w.destination.open === 2, "two open calls");
    expect(await w.client.flowControl.get("mail")).toMatchObject({
      flowControlKey: "mail",
      parallelismMax: 2,
      parallelismCount: 2,
      waitListSize: 12,
      isPaused: false,
    });
    expect(await w.client.flowControl.getGlobalParallelism()).toEqual({
      parallelismMax: 10,
      parallelismCount: 2,
    });
    open();
    await w.qstash.waitForRest();
    expect(w.destination.openMost).toBe(2);
    expect(w.destination.received).toHaveLength(12);
  });

  it("does not let a full key hold up other messages", async () => {
    const w = await world();
    const { open, opened } = gate();
    w.destination.respond = (r) => (r.target === "/slow" ? { after: opened } : {});
    await publishMany(w, 60, { key: "slow", parallelism: 1 });
    await publishMany(w, 5, { key: "pages", parallelism: 1 });
    await w.client.publish({ url: `${w.destination.url}/free` });
    await until(() => w.destination.received.length === 7, "the others to pass");
    open();
    await w.qstash.waitForRest();
    expect(w.destination.received).toHaveLength(66);
  });

  it("holds the global parallelism over all keys", async () => {
    const w = await world({ maxParallelism: 3 });
    const { open, opened } = gate();
    w.destination.respond = () => ({ after: opened });
    await publishMany(w, 9, { key: "wide", parallelism: 100 });
    await until(() => w.destination.open === 3, "three open calls");
    open();
    await w.qstash.waitForRest();
    expect(w.destination.openMost).toBe(3);
  });

  it("lets a rate through per period, and goes on when the period ends", async () => {
    const w = await world();
    await w.qstash.setClock({ freeze: true });
    const rated = () => w.destination.received.filter((r) => r.target === "/rated");
    const free = () => w.destination.received.filter((r) => r.target === "/free");
    const flowControl = { key: "rated", rate: 2, period: "1m" } as const;
    for (const body of ["a", "b", "c", "d", "e"]) {
      await w.client.publish({ url: `${w.destination.url}/rated`, body, flowControl });
    }
    for (const [round, count] of [
      [1, 2],
      [2, 4],
      [3, 5],
    ] as const) {
      await until(() => rated().length === count, `${count} calls`);
      await w.qstash.setClock({ advanceMs: 59_999 });
      // A message without limits passes, so the dispatcher has looked; the key's have not moved.
      await w.client.publish({ url: `${w.destination.url}/free` });
      await until(() => free().length === round, "the free message");
      expect(rated()).toHaveLength(count);
      await w.qstash.setClock({ advanceMs: 1 });
    }
    await w.qstash.waitForRest();
    expect(
      rated()
        .map((r) => String(r.body))
        .sort(),
    ).toEqual(["a", "b", "c", "d", "e"]);
    const shown = await w.client.flowControl.get("rated");
    expect(shown).toMatchObject({ rateMax: 2, ratePeriod: 60, waitListSize: 0 });
  });

  it("lets the latest message's values win, unless they are pinned", async () => {
    const w = await world();
    await publishMany(w, 1, { key: "k", parallelism: 2 });
    await publishMany(w, 1, { key: "k", parallelism: 5 });
    expect(await w.client.flowControl.get("k")).toMatchObject({ parallelismMax: 5 });
    await w.client.flowControl.pin("k", { parallelism: 1 });
    await publishMany(w, 1, { key: "k", parallelism: 9 });
    await w.qstash.waitForRest();
    await w.restart();
    expect(await w.client.flowControl.get("k")).toMatchObject({
      parallelismMax: 1,
      isPinnedParallelism: true,
    });
    await w.client.flowControl.unpin("k", { parallelism: true });
    await publishMany(w, 1, { key: "k", parallelism: 9 });
    expect(await w.client.flowControl.get("k")).toMatchObject({ parallelismMax: 9 });
  });

  it("holds a paused key, over a restart too, until it is resumed", async () => {
    const w = await world();
    await w.client.flowControl.pause("held");
    await publishMany(w, 3, { key: "held", parallelism: 5 });
    await w.restart();
    await w.client.publish({ url: `${w.destination.url}/free` });
    await until(() => w.destination.received.length === 1, "the free message");
    expect(await w.client.flowControl.get("held")).toMatchObject({
      isPaused: true,
      waitListSize: 3,
    });
    await w.client.flowControl.resume("held");
    await w.qstash.waitForRest();
    expect(w.destination.received).toHaveLength(4);
  });

  it("answers 404 for a key that nobody has used", async () => {
    const w = await world();
    expect((await w.call("GET", "/v2/flowControl/none")).status).toBe(404);
    expect(await (await w.call("GET", "/v2/flowControl")).json()).toEqual([]);
  });
});
