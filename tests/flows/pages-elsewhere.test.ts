import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type House, openHouse } from "../support/house.js";

let h: House;
beforeAll(async () => {
  h = await openHouse({
    SIGNALBOX_POLICY: "brainbytes",
    SIGNALBOX_RECIPIENTS: "technical-lead.email=lead@example.org;on-call.email=oncall@example.org",
  });
});
afterAll(() => h.close());

describe("a page whose channel refuses", () => {
  it("is read by mail instead, which says so, in the mail and in the incident's timeline", async () => {
    h.slack.fault({ kind: "status", status: 403, times: "always" });
    expect((await h.post("sentry", "issue-created")).status).toBe(202);
    await expect
      .poll(
        async () => {
          const notices = await h.list("notifications");
          return notices.find(({ channel }) => channel === "email")?.status;
        },
        { timeout: 20_000 },
      )
      .toBe("sent");
    const [incident] = await h.list("incidents");
    const said = h.resend.mails().map(({ text }) => String(text));
    expect(said.some((text) => text.includes("because Slack could not be reached"))).toBe(true);
    const told = await h.admin<{ data: { timeline: { text: string }[] } }>(
      `incidents/${incident?.id}`,
    );
    expect(told.data.timeline.map(({ text }) => text).join("\n")).toMatch(
      /Slack could not be reached \(Slack answered 403[^)]*\): told by Email/,
    );
  });

  it("tells the channel that is back who has taken it on", async () => {
    const [incident] = await h.list("incidents");
    h.slack.clearFaults();
    await h.admin(`incidents/${incident?.id}/acknowledge`, { method: "POST", body: "{}" });
    await expect
      .poll(
        () =>
          h.slack
            .messages()
            .map((message) => JSON.stringify(message))
            .join("\n"),
        {
          timeout: 20_000,
        },
      )
      .toContain("has taken it on: nobody else is called for now");
    expect(h.slack.messages()).toHaveLength(1);
  });
});
