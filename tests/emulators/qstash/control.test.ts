import { Receiver } from "@upstash/qstash";
import { describe, expect, it } from "vitest";
import { CURRENT_KEY, HOUR_MS, NEXT_KEY, type World, world } from "./support.js";

async function control(w: World, method: string, path: string, body?: unknown) {
  const answer = await w.call(method, `/_emulator/${path}`, {
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const publish = (w: World, body: string, path = "") =>
  w.client.publish({ url: `${w.destination.url}${path}`, body });

describe("the clock", () => {
  it("is frozen, advanced, scaled and reset over HTTP", async () => {
    const w = await world();
    const before = Date.now();
    const frozen = await control(w, "POST", "clock", { freeze: true, advanceMs: HOUR_MS });
    const nowMs = Number(frozen.body.nowMs);
    expect(frozen.body).toMatchObject({ frozen: true, scale: 1 });
    expect(nowMs).toBeGreaterThanOrEqual(before + HOUR_MS);
    expect(nowMs).toBeLessThanOrEqual(Number(frozen.body.wallMs) + HOUR_MS);
    expect((await control(w, "GET", "clock")).body.nowMs).toBe(nowMs);
    await control(w, "POST", "clock", { freeze: false, scale: 1_000 });
    await expect
      .poll(async () => Number((await control(w, "GET", "clock")).body.nowMs))
      .toBeGreaterThan(nowMs + 60_000);
    const reset = (await control(w, "DELETE", "clock")).body;
    expect(Math.abs(Number(reset.nowMs) - Number(reset.wallMs))).toBeLessThan(1_000);
  });

  it("never goes back, not even over a restart", async () => {
    const w = await world();
    const before = (await w.qstash.setClock({ advanceMs: 24 * HOUR_MS })).nowMs;
    await w.restart();
    expect(w.qstash.now()).toBeGreaterThanOrEqual(before);
    const answer = await control(w, "POST", "clock", { advanceMs: -1 });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.any(String) } });
    expect((await control(w, "POST", "clock", { scale: 1e9 })).status).toBe(400);
  });

  it("is derived from an injected one", async () => {
    let now = Date.UTC(2030, 0, 1);
    const w = await world({ clock: { now: () => now } });
    await w.client.publish({ url: w.destination.url, delay: "1h" });
    now += HOUR_MS;
    w.qstash.wake();
    await w.qstash.waitForRest();
    expect(w.destination.received).toHaveLength(1);
  });

  it("can be passed by: flush makes all delayed messages due", async () => {
    const w = await world();
    await w.client.publish({ url: w.destination.url, delay: "7d" });
    expect((await control(w, "GET", "state?waitMs=5000")).body).toMatchObject({
      pending: 1,
      delayed: 1,
      atRest: true,
    });
    expect((await control(w, "POST", "flush")).body).toEqual({ flushed: 1 });
    expect((await control(w, "GET", "state?waitMs=5000")).body).toMatchObject({
      pending: 0,
      delivered: 1,
      atRest: true,
    });
  });
});

describe("faults", () => {
  it("deliver-twice: the same message id, both calls signed; after or together", async () => {
    const w = await world();
    w.qstash.addFault({ kind: "deliver-twice", count: 1, url: "/twice" });
    await publish(w, "other");
    const { messageId } = (await publish(w, "m", "/twice")) as { messageId: string };
    await publish(w, "again", "/twice");
    await w.qstash.waitForRest();
    const twice = w.destination.received.filter((r) => r.body.toString() === "m");
    expect(twice.map((r) => r.headers["upstash-message-id"])).toEqual([messageId, messageId]);
    expect(w.destination.received).toHaveLength(4);
    w.qstash.clearFaults();
    w.qstash.addFault({ kind: "deliver-twice", mode: "together" });
    await publish(w, "t");
    await w.qstash.waitForRest();
    expect(w.destination.bodies().filter((body) => body === "t")).toHaveLength(2);
    expect((await w.qstash.state()).delivered).toBe(4);
  });

  it("reorder: LIFO turns a window around, shuffle mixes it by its seed", async () => {
    const orderOf = async (fault: object) => {
      const w = await world({ maxParallelism: 1 });
      await w.qstash.setClock({ freeze: true });
      await control(w, "POST", "faults", { kind: "reorder", windowMs: 1_000, ...fault });
      for (const body of ["a", "b", "c", "d", "e", "f"]) await publish(w, body);
      await w.qstash.setClock({ advanceMs: 1_000 });
      await w.qstash.waitForRest();
      return w.destination.bodies().join("");
    };
    expect(await orderOf({ order: "lifo" })).toBe("fedcba");
    const shuffled = await orderOf({ order: "shuffle", seed: 5 });
    expect(shuffled).not.toBe("abcdef");
    expect([...shuffled].sort().join("")).toBe("abcdef");
    expect(await orderOf({ order: "shuffle", seed: 5 })).toBe(shuffled);
  });

  it("delay: holds messages back", async () => {
    const w = await world();
    await w.qstash.setClock({ freeze: true });
    w.qstash.addFault({ kind: "delay", delayMs: 5_000, count: 1 });
    await publish(w, "held");
    await publish(w, "free");
    await w.qstash.waitForRest();
    expect(w.destination.bodies()).toEqual(["free"]);
    await w.qstash.setClock({ advanceMs: 5_000 });
    await w.qstash.waitForRest();
    expect(w.destination.bodies()).toEqual(["free", "held"]);
  });

  it("drop-answer: the message is accepted, the sender never learns it", async () => {
    const w = await world();
    w.qstash.addFault({ kind: "drop-answer", count: 1 });
    const send = () =>
      w.client.publish({ url: w.destination.url, body: "once", deduplicationId: "d" });
    await expect(send()).rejects.toThrow();
    expect(await send()).toMatchObject({ deduplicated: true });
    await w.qstash.waitForRest();
    expect(w.destination.bodies()).toEqual(["once"]);
  });

  it("refuse: answers as told and stores nothing", async () => {
    const w = await world();
    const headers = { "Burst-RateLimit-Limit": "1" };
    w.qstash.addFault({ kind: "refuse", status: 429, headers, count: 1 });
    await expect(publish(w, "no")).rejects.toMatchObject({ status: 429, limit: "1" });
    await publish(w, "yes");
    await w.qstash.waitForRest();
    expect(w.destination.bodies()).toEqual(["yes"]);
  });

  it("sign-with-next-key: the SDK's receiver still accepts it, by its second key", async () => {
    const w = await world();
    w.qstash.addFault({ kind: "sign-with-next-key" });
    await publish(w, "n");
    await w.qstash.waitForRest();
    const signature = String(w.destination.received[0]?.headers["upstash-signature"]);
    const only = (key: string) => new Receiver({ currentSigningKey: key, nextSigningKey: key });
    expect(await w.receiver.verify({ signature, body: "n" })).toBe(true);
    expect(await only(NEXT_KEY).verify({ signature, body: "n" })).toBe(true);
    await expect(only(CURRENT_KEY).verify({ signature, body: "n" })).rejects.toThrow();
  });

  it("strike by seeded probability, can be listed and removed, and are checked", async () => {
    const w = await world();
    const refusing = { kind: "refuse", probability: 0.5, seed: 3 };
    const { body } = await control(w, "POST", "faults", [refusing, { ...refusing, url: "/none" }]);
    const [first] = body.faults as { id: string }[];
    const answers = await Promise.all(
      Array.from({ length: 40 }, () =>
        publish(w, "p").then(
          () => 1,
          () => 0,
        ),
      ),
    );
    const accepted = answers.filter((n) => n === 1).length;
    expect(accepted).toBeGreaterThan(8);
    expect(accepted).toBeLessThan(32);
    const listed = (await control(w, "GET", "faults")).body.faults;
    expect(listed).toMatchObject([{ hits: 40 - accepted }, { hits: 0 }]);
    expect((await control(w, "DELETE", `faults/${first?.id}`)).body).toEqual({ removed: 1 });
    expect((await control(w, "DELETE", "faults")).body).toEqual({ removed: 1 });
    expect((await control(w, "POST", "faults", { kind: "unheard-of" })).status).toBe(400);
    expect((await control(w, "GET", "nothing")).status).toBe(404);
  });
});
