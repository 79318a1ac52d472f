import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Transient } from "../../src/domain/errors.js";
import type { Database } from "../../src/store/database.js";
import { Pages } from "../support/pages.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
let pages: Pages;
let n = 0;
let inc = "";
beforeAll(async () => {
  w = await storeWorld();
});
afterAll(() => w.close());
beforeEach(async () => {
  n += 1;
  inc = `INC-20261121-${1000 + n}`;
  pages = new Pages(w, inc);
  await pages.open(inc);
});

const SMS_TO_BOTH = [
  { channel: "sms" as const, recipient: "+66800000001" },
  { channel: "sms" as const, recipient: "+66800000002" },
];
const MAIL = { channel: "email" as const, recipient: "lead@example.org" };
const page = (channel: "slack" | "pagerduty" | "sms" | "email", more = {}) => ({
  channel,
  template: "incident-raised" as const,
  cause: `incident:${inc} page:0`,
  stopsAt: "acknowledged" as const,
  ...more,
});
const statuses = async () =>
  (await pages.notices(inc)).map(({ channel, recipient, status }) =>
    channel === recipient ? `${channel} ${status}` : `${channel} ${recipient} ${status}`,
  );
const entries = async () =>
  (await w.rows("SELECT text FROM incident_entry WHERE incident_id = $1 ORDER BY id", [inc])).map(
    ({ text }) => text,
  );
const first = async () => (await pages.waiting(inc))[0] ?? "";

describe("a page whose channel fails", () => {
  it("goes the next way at once, to all whom that reaches, and is tried on", async () => {
    pages.services.next.slack = ["unavailable"];
    await pages.tell(inc, page("slack", { instead: [...SMS_TO_BOTH, MAIL] }));
    expect(await pages.deliver(await first())).toBeInstanceOf(Transient);
    expect(await statuses()).toEqual([
      "slack sending",
      "sms +66800000001 pending",
      "sms +66800000002 pending",
    ]);
    await pages.drain(inc);
    expect(await statuses()).toEqual([
      "slack sent",
      "sms +66800000001 sent",
      "sms +66800000002 sent",
    ]);
    const sms = pages.services.calls.find(({ channel }) => channel === "sms");
    expect(sms?.data).toMatchObject({
      insteadOf: "slack",
      insteadOfBecause: "slack answered 503",
    });
    expect(await entries()).toEqual([
      "Slack could not be reached (slack answered 503): told by SMS to 2 people instead",
    ]);
  });

  it("does so when it is refused for good, and again when that way fails too", async () => {
    pages.services.always = { slack: "refused", sms: "refused" };
    await pages.tell(inc, page("slack", { instead: [...SMS_TO_BOTH, MAIL] }));
    await pages.drain(inc);
    expect(await statuses()).toEqual([
      "slack failed",
      "sms +66800000001 failed",
      "sms +66800000002 failed",
      "email lead@example.org sent",
    ]);
    expect(await entries()).toEqual([
      "Slack could not be reached (slack answered 403): told by SMS to 2 people instead",
      "SMS could not be reached (sms answered 403): told by Email instead",
      "SMS could not be reached (sms answered 403): told by Email already",
    ]);
  });

  it("says so when no way is left", async () => {
    pages.services.always = { slack: "refused", email: "refused" };
    const { recipient } = MAIL;
    await pages.tell(inc, page("email", { recipient }), page("slack", { instead: [MAIL] }));
    await pages.drain(inc);
    expect((await statuses()).sort()).toEqual([`email ${recipient} failed`, "slack failed"]);
    expect(await entries()).toEqual([
      "Slack could not be reached (slack answered 403): there is no other way left",
    ]);
  });

  it("is not sent another way by a service that asks for a moment, but when it does so again and again", async () => {
    pages.services.next.slack = ["throttled", "throttled"];
    await pages.tell(inc, page("slack", { instead: [MAIL] }));
    await pages.drain(inc);
    expect(await statuses()).toEqual(["slack sent"]);
    const cause = `incident:${inc} page:1`;
    pages.services.next.slack = ["throttled", "throttled", "throttled"];
    await pages.tell(inc, page("slack", { cause, instead: [MAIL] }));
    await pages.drain(inc);
    expect(await statuses()).toEqual(["slack sent", "slack sent", `email ${MAIL.recipient} sent`]);
  });

  it("uses a way that the step has told already only once", async () => {
    pages.services.always = { slack: "refused", pagerduty: "refused" };
    const instead = [SMS_TO_BOTH[0]];
    await pages.tell(inc, page("slack", { instead }), page("pagerduty", { instead }));
    await pages.drain(inc);
    expect(pages.services.calls.filter(({ channel }) => channel === "sms")).toHaveLength(1);
  });

  it("goes nowhere else once somebody has acknowledged", async () => {
    pages.services.next.slack = ["unavailable"];
    await pages.tell(inc, page("slack", { instead: SMS_TO_BOTH }));
    await pages.deliver(await first());
    await pages.become(inc, "acknowledged");
    await pages.drain(inc);
    expect(await statuses()).toEqual([
      "slack canceled",
      "sms +66800000001 canceled",
      "sms +66800000002 canceled",
    ]);
    expect(pages.services.calls).toHaveLength(1);
  });

  it("falls back from an address that takes no mail", async () => {
    const recipient = `gone${n}@example.org`;
    await pages.tell(inc, page("email", { recipient, instead: [SMS_TO_BOTH[0]] }));
    await w.rows(
      "INSERT INTO suppression SELECT 'sup_' || $1, encode(sha256(convert_to(lower($1), 'UTF8')), 'hex'), 'bounced', NULL, now()",
      [recipient],
    );
    await pages.drain(inc);
    expect((await statuses()).sort()).toEqual([
      `email ${recipient} suppressed`,
      "sms +66800000001 sent",
    ]);
  });
});

describe("an acknowledgement", () => {
  it("that is committed between a reserve's load and its write stops the page", async () => {
    await pages.tell(inc, page("slack"));
    let acknowledged = false;
    const late: Database = {
      ...w.database,
      async query(text, values) {
        if (!acknowledged && text.startsWith("WITH")) {
          acknowledged = true;
          await pages.become(inc, "acknowledged");
        }
        return w.database.query(text, values);
      },
    };
    expect(await pages.deliver(await first(), late)).toMatchObject({ outcome: "canceled" });
    expect(acknowledged).toBe(true);
    expect(pages.services.calls).toEqual([]);
    const [row] = await pages.notices(inc);
    expect(row?.error_message).toBe(`${inc} was acknowledged before this left`);
  });

  it("stops what is held to it, not what is told in any case", async () => {
    await pages.tell(
      inc,
      page("slack"),
      page("sms", { stopsAt: "resolved" }),
      page("email", { stopsAt: null }),
    );
    await pages.become(inc, "acknowledged");
    await pages.drain(inc);
    expect(await statuses()).toEqual(["slack canceled", "sms sent", "email sent"]);
  });
});

describe("the order of one incident at PagerDuty", () => {
  const word = (template: "incident-acknowledged" | "incident-resolved" | "incident-reopened") => ({
    channel: "pagerduty" as const,
    template,
    cause: `incident:${inc} ${template}`,
  });
  const templates = () => pages.services.calls.map(({ template }) => template.slice(9));

  it("has a trigger that never left end with the acknowledgement, and that one has nothing to do", async () => {
    await pages.tell(inc, page("pagerduty"));
    await pages.become(inc, "acknowledged");
    await pages.tell(inc, word("incident-acknowledged"));
    const [, acknowledgement] = await pages.waiting(inc);
    expect(await pages.deliver(acknowledgement ?? "")).toMatchObject({ outcome: "canceled" });
    await pages.drain(inc);
    expect(templates()).toEqual([]);
  });

  it("sends the acknowledgement of a trigger whose answer was lost, and the trigger no more", async () => {
    pages.services.next.pagerduty = ["lost"];
    await pages.tell(inc, page("pagerduty", { stopsAt: null }));
    await pages.deliver(await first());
    await pages.become(inc, "acknowledged");
    await pages.tell(inc, word("incident-acknowledged"));
    const [, acknowledgement] = await pages.waiting(inc);
    expect(await pages.deliver(acknowledgement ?? "")).toMatchObject({ outcome: "sent" });
    await pages.drain(inc);
    expect(templates()).toEqual(["raised", "acknowledged"]);
    expect(await statuses()).toEqual(["pagerduty canceled", "pagerduty sent"]);
  });

  it("waits while a trigger is in flight, for as long as its lease", async () => {
    await pages.tell(inc, page("pagerduty"));
    const trigger = await first();
    await w.rows(
      "UPDATE notice SET status = 'sending', calls = 1, lease_until = to_timestamp($2::float8 / 1000) WHERE id = $1",
      [trigger, pages.clock.now() + 20_000],
    );
    await pages.become(inc, "resolved");
    await pages.tell(inc, word("incident-resolved"));
    const [, resolution] = await pages.waiting(inc);
    const refused = await pages.deliver(resolution ?? "");
    expect(refused).toMatchObject({ code: "lease_held", retryAfterSeconds: 20 });
    pages.clock.advance(21_000);
    expect(await pages.deliver(resolution ?? "")).toMatchObject({ outcome: "sent" });
    expect(templates()).toEqual(["resolved"]);
  });

  it("lets what has come back end a resolution that never left", async () => {
    await pages.tell(inc, page("pagerduty", { stopsAt: null }));
    await pages.drain(inc);
    pages.services.next.pagerduty = ["unavailable"];
    await pages.tell(inc, word("incident-resolved"));
    await pages.deliver(await first());
    await pages.tell(inc, word("incident-reopened"));
    const [, reopening] = await pages.waiting(inc);
    await pages.deliver(reopening ?? "");
    await pages.drain(inc);
    expect(templates()).toEqual(["raised", "resolved", "reopened"]);
    expect(await statuses()).toEqual(["pagerduty sent", "pagerduty canceled", "pagerduty sent"]);
  });
});

describe("the status page", () => {
  const word = (template: "user-incident" | "user-update" | "user-resolved", k = 0) => ({
    channel: "status_page" as const,
    template,
    cause: `incident:${inc} users:${k}`,
  });

  it("has one report for an incident: what follows is added to it", async () => {
    await pages.tell(inc, word("user-incident"));
    await pages.drain(inc);
    pages.clock.advance(900_000);
    await pages.tell(inc, word("user-update", 1));
    await pages.drain(inc);
    const [made, update] = pages.services.calls;
    expect(made?.follows).toBeNull();
    expect(update?.follows).toBe("status_page-1");
  });

  it("begins with the newest word when the page was down until then", async () => {
    pages.services.next.status_page = ["unavailable"];
    await pages.tell(inc, word("user-incident"));
    await pages.deliver(await first());
    pages.clock.advance(900_000);
    await pages.tell(inc, word("user-update", 1));
    const [, update] = await pages.waiting(inc);
    await pages.deliver(update ?? "");
    await pages.drain(inc);
    expect(pages.services.calls.map(({ template }) => template)).toEqual([
      "user-incident",
      "user-update",
    ]);
    expect(await statuses()).toEqual(["status_page canceled", "status_page sent"]);
  });
});

describe("a storm's summary that goes another way", () => {
  const thread = () => `storm:${n}`;
  const summary = (time: number) => ({
    ...{ channel: "slack" as const, template: "incident-storm" as const },
    ...{ cause: `${thread()} ${time} P1 0`, instead: [PAGER] },
  });
  const PAGER = { channel: "pagerduty" as const, recipient: "pagerduty" };
  const over = (nth: number) => ({
    ...{ channel: "slack" as const, template: "incident-resolved" as const },
    cause: `${thread()} over ${nth}`,
  });
  const atPager = async () =>
    (await pages.notices(thread()))
      .filter(({ channel }) => channel === "pagerduty")
      .map(({ template, cause, status }) => `${template} ${cause} ${status}`);
  /** Slack refuses it, so that the pager is told; the pager's message waits. */
  const redirected = async () => {
    pages.services.next.slack = ["refused"];
    await pages.tell(thread(), summary(0));
    await pages.deliver((await pages.waiting(thread()))[0] ?? "");
    expect(await atPager()).toEqual([`incident-storm ${thread()} 0 P1 0 pending`]);
    pages.clock.advance(1_000);
  };

  it("and comes when the storm is over is told of its end too: its alert would stay open", async () => {
    await redirected();
    await pages.tell(thread(), over(1));
    await pages.drain(thread());
    expect(await atPager()).toEqual([
      `incident-storm ${thread()} 0 P1 0 sent`,
      `incident-resolved ${thread()} over 1 sent`,
    ]);
  });

  it("hears no end of a storm that goes on, nor one that it was told of", async () => {
    await redirected();
    await pages.tell(thread(), over(1));
    pages.clock.advance(1_000);
    await pages.tell(thread(), summary(1));
    await pages.drain(thread());
    expect(await atPager()).toEqual([`incident-storm ${thread()} 0 P1 0 sent`]);
    pages.clock.advance(1_000);
    await pages.tell(thread(), over(2), { ...over(2), ...PAGER });
    await pages.drain(thread());
    expect((await atPager()).slice(1)).toEqual([`incident-resolved ${thread()} over 2 sent`]);
  });
});
