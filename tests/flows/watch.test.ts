import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type House, openHouse } from "../support/house.js";

let h: House;
beforeAll(async () => {
  h = await openHouse();
});
afterAll(async () => {
  await h.close();
});

describe("the watch", () => {
  it("sends each source's canary through the real door, and it is kept as ignored, once", async () => {
    const first = (await (await h.cron("watch")).json()) as { canaries: object; lag: object };
    expect(first).toMatchObject({
      job: "watch",
      minutes: { minutes: 1 },
      lag: { raised: 0 },
      canaries: { sent: 5, raised: 0 },
    });
    await h.rest();
    const events = await h.list("events");
    expect(events.map(({ source }) => source).sort()).toEqual([
      "better-stack",
      "resend",
      "sentry",
      "stripe",
      "vercel",
    ]);
    for (const event of events) {
      expect(event).toMatchObject({ type: "signalbox.canary", status: "ignored" });
    }
    const second = await (await h.cron("watch")).json();
    expect(second).toMatchObject({ canaries: { raised: 0, resolved: 0 } });
    expect(await h.list("payments")).toEqual([]);
  });
});
