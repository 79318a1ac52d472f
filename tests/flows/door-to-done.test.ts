import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type House, openHouse } from "../support/house.js";

let h: House;
beforeAll(async () => {
  h = await openHouse();
});
afterAll(async () => {
  await h.close();
});

const eventsOf = async (eventKey: string) =>
  (await h.list("events")).filter((event) => event.eventKey === eventKey);

async function accepted(source: string, name: string, ask = {}): Promise<string> {
  const response = await h.post(source, name, ask);
  const body = (await response.json()) as { status: string; eventKey: string };
  expect([response.status, body.status]).toEqual([202, "accepted"]);
  return body.eventKey;
}

describe("from the door to done", () => {
  it.each([
    ["stripe", "payment-succeeded", "payments", {}],
    // Each of a service of its own: trouble of one service is one incident, told once for all.
    ["sentry", "issue-created", "incidents", { "data.issue.project.slug": "basket" }],
    ["vercel", "deployment-error", "deployments", { "payload.deployment.name": "site" }],
    ["better-stack", "incident-started", "incidents", { "data.attributes.name": "checkout" }],
  ])(
    "%s %s is verified, queued, processed and told once, though it comes twice",
    async (source, name, effects, set) => {
      const before = (await h.list(effects)).length;
      const eventKey = await accepted(source, name, { set });
      const again = await h.post(source, name, { set });
      expect([again.status, await again.json()]).toMatchObject([
        200,
        { status: "duplicate", eventKey },
      ]);
      await h.rest();
      const [event, ...more] = await eventsOf(eventKey);
      expect(more).toEqual([]);
      expect(event).toMatchObject({ source, status: "processed", attempts: 1, error: null });
      expect((await h.list(effects)).length).toBe(before + 1);
      const notices = (await h.list("notifications")).filter((n) => n.eventId === event?.id);
      expect(notices).not.toEqual([]);
      const ways = notices.map(({ channel, recipient }) => `${channel} ${recipient}`);
      expect(new Set(ways).size, "by each way once").toBe(ways.length);
      expect(new Set(notices.map(({ status }) => status))).toEqual(new Set(["sent"]));
      expect((await h.list("audit")).some((entry) => entry.eventId === event?.id)).toBe(true);
    },
  );

  it("sends one mail for both events of a purchase", async () => {
    const before = h.resend.mails().length;
    await accepted("stripe", "checkout-completed", { uniqueId: "two" });
    await accepted("stripe", "payment-succeeded", { uniqueId: "two" });
    await h.rest();
    expect(h.resend.mails().length).toBe(before + 1);
  });

  it("answers with its own request id on every hop", async () => {
    const response = await h.post("stripe", "payment-canceled", { uniqueId: "ids" });
    const { requestId, eventKey } = (await response.json()) as Record<string, string>;
    expect(response.headers.get("x-request-id")).toBe(requestId);
    await h.rest();
    expect((await eventsOf(eventKey ?? ""))[0]).toMatchObject({ requestId });
  });
});
