import { describe, expect, it } from "vitest";
import { audit, type Books } from "./ledger.js";
import type { Receipt } from "./provider.js";
import { seededRandom } from "./random.js";
import { type Expectations, planStories } from "./stories.js";

const NOTICE = { id: "ntc_1", channel: "slack", status: "sent", template: "incident-raised" };
const MESSAGE = { text: "P1 raised: a title", payload: { footer: "INC-20261121-0305" } };

/** The books of a run in which one issue was raised and told, and nothing went wrong. */
function world() {
  const receipt: Receipt = {
    event: { id: "sentry/issue", source: "sentry", fate: "processed", request: unused },
    eventKey: "k1",
    said: "accepted",
    statuses: [202],
    answeredMs: [5],
  };
  const books: Books = {
    events: [{ id: "evt_1", source: "sentry", eventKey: "k1", status: "processed" }],
    deadLetters: [],
    payments: [],
    entitlements: [],
    incidents: [{ id: "INC-20261121-0305", service: "g1", status: "open" }],
    deployments: [],
    notifications: [{ ...NOTICE, cause: "incident:INC-20261121-0305 page:1:0", calls: 1 }],
    audit: [
      { action: "event.processed", eventId: "evt_1", subject: "evt_1" },
      { action: "notice.planned", eventId: "evt_1", subject: "ntc_1" },
      { action: "notice.sent", eventId: "evt_1", subject: "ntc_1" },
    ],
    trail: { entries: 10, faults: [] },
    mails: [],
    slack: [MESSAGE],
  };
  const expectations: Expectations = {
    payments: new Map(),
    incidents: new Map([["g1", "open"]]),
    deployments: new Map(),
  };
  const verdict = () => audit(books, [receipt], [expectations]);
  return { books, expectations, verdict, kinds: () => verdict().findings.map(({ kind }) => kind) };
}
const unused = (): never => {
  throw new Error("nothing is posted here");
};

describe("the ledger of a fault run", () => {
  it("finds nothing where nothing is wrong", () => {
    expect(world().verdict()).toMatchObject({ findings: [], slackDoubles: [] });
  });

  it("finds an audit entry without a seal, and one that is not as it was sealed", () => {
    const unsealed = world();
    unsealed.books.trail.entries = 2;
    expect(unsealed.kinds()).toEqual(["lost"]);
    const changed = world();
    changed.books.trail.faults.push({ kind: "entry_changed", seal: 1, entryId: "aud_1" });
    expect(changed.kinds()).toEqual(["wrong"]);
  });

  it("finds an event that got a 2xx and is not there, or is there twice", () => {
    const lost = world();
    lost.books.events = [];
    expect(lost.kinds()).toEqual(["lost"]);
    const twice = world();
    twice.books.events.push({ ...twice.books.events[0], id: "evt_2" });
    expect(twice.kinds()).toContain("doubled");
  });

  it("finds an event that is not at its end, and an end that is written down twice or never", () => {
    const waiting = world();
    waiting.books.events = [{ ...waiting.books.events[0], status: "received" }];
    expect(waiting.kinds()).toEqual(["wrong"]);
    const [entry, ...others] = world().books.audit;
    const twice = world();
    twice.books.audit.push({ ...entry });
    expect(twice.kinds()).toEqual(["doubled"]);
    const never = world();
    never.books.audit = others;
    expect(never.kinds()).toContain("lost");
  });

  it("finds a Slack message too many, unless its notice says that it was called for again", () => {
    const hidden = world();
    hidden.books.slack.push(MESSAGE);
    expect(hidden.kinds()).toEqual(["doubled"]);
    const told = world();
    told.books.slack.push(MESSAGE);
    told.books.notifications = [{ ...told.books.notifications[0], calls: 2 }];
    expect(told.kinds()).toEqual([]);
    expect(told.verdict().slackDoubles).toHaveLength(1);
    told.books.slack.push(MESSAGE);
    expect(told.kinds(), "more messages than calls have no excuse").toEqual(["doubled"]);
  });

  it("finds a mail that is missing, that came twice, and that nobody planned", () => {
    const w = world();
    const [told] = w.books.notifications;
    const mail = { ...NOTICE, channel: "email", template: "x", cause: "payment", calls: 3 };
    w.books.notifications = [{ ...told, id: "ntc_2" }, mail];
    for (const action of ["notice.planned", "notice.sent"]) {
      w.books.audit.push({ action, eventId: "evt_1", subject: "ntc_2" });
    }
    expect(w.kinds()).toEqual(["lost"]);
    w.books.mails = [{ idempotencyKey: "ntc_1" }];
    expect(w.kinds()).toEqual([]);
    w.books.mails.push({ idempotencyKey: "ntc_1" });
    expect(w.kinds(), "Resend has a key for this: no excuse").toEqual(["doubled"]);
    w.books.mails = [{ idempotencyKey: "ntc_1" }, { idempotencyKey: "ntc_9" }];
    expect(w.kinds()).toEqual(["wrong"]);
  });

  it("finds an incident that lasts and was told to nobody, and a page that left though it was canceled", () => {
    const untold = world();
    untold.books.notifications = [];
    untold.books.slack = [];
    expect(untold.kinds()).toEqual(["lost"]);
    const canceled = world();
    const [page] = canceled.books.notifications;
    canceled.books.notifications = [{ ...page, status: "canceled", calls: 0 }];
    expect(canceled.kinds(), "nobody had it").toEqual(["wrong"]);
    canceled.books.incidents = [{ ...canceled.books.incidents[0], status: "acknowledged" }];
    canceled.expectations.incidents.set("g1", "acknowledged");
    expect(canceled.kinds(), "its message is there all the same").toEqual(["wrong"]);
    canceled.books.notifications = [{ ...page, status: "canceled", calls: 1 }];
    expect(canceled.kinds(), "it was called, and the answer was lost").toEqual([]);
    canceled.books.slack = [];
    expect(canceled.kinds()).toEqual([]);
  });

  it("finds an incident too many, and a payment that no story tells of", () => {
    const w = world();
    w.books.incidents.push({ id: "INC-20261121-0306", service: "g1", status: "resolved" });
    w.books.payments.push({ id: "pay_1", externalId: "pi_nobody" });
    expect(w.kinds()).toEqual(["doubled", "wrong"]);
  });
});

describe("the stories of a fault run", () => {
  it("are the same for the same seed, exactly as many as asked for, and of all four sources", () => {
    const [one, two] = [1, 1].map(() => planStories(seededRandom(7), 60, "s"));
    expect(one?.events.map(({ id }) => id)).toEqual(two?.events.map(({ id }) => id));
    expect(one?.events).toHaveLength(60);
    expect(new Set(one?.events.map(({ source }) => source)).size).toBe(4);
    expect(new Set(one?.events.map(({ fate }) => fate)).size).toBe(3);
  });

  it("sign the same bytes each time, as a provider that sends again does", () => {
    const { events } = planStories(seededRandom(7), 60, "s");
    for (const event of events) {
      const [first, later] = [1_000, 9_000_000].map((now) => event.request("secret", now).body);
      expect(first).toEqual(later);
    }
  });
});
