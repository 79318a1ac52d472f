import { describe, expect, it } from "vitest";
import type { Deployment } from "../../../src/domain/deployment.js";
import type { Alert, Incident, IncidentTask } from "../../../src/domain/incident.js";
import { MINUTE_MS } from "../../../src/domain/time.js";
import { incidentNotice } from "../../../src/operations/incidents/notice.js";
import { durationsOf } from "../../../src/operations/incidents/report/durations.js";
import { entryText } from "../../../src/operations/incidents/report/entries.js";
import { plain } from "../../../src/operations/incidents/report/markdown.js";
import { incidentReview } from "../../../src/operations/incidents/review.js";
import { presetOf } from "../../../src/policy/presets/index.js";
import type { IncidentReport } from "../../../src/store/incident-report.js";

const START = Date.UTC(2026, 10, 21, 2);
const at = (minute: number): number => START + minute * MINUTE_MS;
const policy = presetOf("tbat");

const INCIDENT: Incident = {
  id: "INC-20261121-0900",
  correlationKey: "service=web",
  ordinal: 1,
  kind: "uptime",
  title: "web: Status 500 | <b>down</b>",
  service: "web",
  environment: "production",
  ours: false,
  aside: false,
  severity: "P0",
  rule: "down",
  route: "page",
  status: "open",
  url: null,
  openedAt: at(1),
  acknowledgedAt: null,
  acknowledgedBy: null,
  resolvedAt: null,
  resolvedBy: null,
  greenSince: null,
  routedAt: at(3),
  routings: 1,
  reopenedAt: null,
  reopenings: 0,
  suspectId: null,
  lastGoodId: null,
  createdAt: at(3),
  updatedAt: at(3),
  version: 0,
};
const ALERT: Alert = {
  ...{ id: "alt_1", incidentId: INCIDENT.id, groupKey: "g", ordinal: 1, source: "sentry" },
  ...{ kind: "error", level: "error", title: "TypeError", service: "api", environment: null },
  ...{ severity: "P1", rule: "errors", status: "open", url: null, openedAt: at(0) },
  ...{ acknowledgedAt: null, acknowledgedBy: null, resolvedAt: null, resolvedBy: null },
  ...{ createdAt: at(3), updatedAt: at(3), version: 0 },
};
const DEPLOYMENT: Deployment = {
  ...{ id: "dep_1", source: "vercel", externalId: "dpl_1", project: "prj", name: "web" },
  ...{ target: "production", state: "succeeded", stateAsOf: at(-10), url: "https://a.example" },
  ...{ commit: "abcdef0123456789", labels: [], ours: false, checked: "passed" },
  ...{ createdAt: at(-10), updatedAt: at(-10), version: 0 },
};
const TASK: IncidentTask = {
  ...{ id: "itk_1", incidentId: INCIDENT.id, task: "root-cause", title: "หาสาเหตุ" },
  ...{ role: "technical-lead", dueAt: at(1_500), doneAt: null, doneBy: null },
  ...{ createdAt: at(40), version: 0 },
};
const OPEN: IncidentReport = {
  incident: INCIDENT,
  alerts: [ALERT],
  signals: [{ source: "sentry", count: 7 }],
  entries: [],
  notices: [],
  users: [],
  tasks: [],
  suspect: null,
  lastGood: null,
};
const OVER: IncidentReport = {
  ...OPEN,
  incident: {
    ...INCIDENT,
    status: "resolved",
    acknowledgedAt: at(9),
    acknowledgedBy: "operator:anna",
    resolvedAt: at(40),
    resolvedBy: "recovery",
    reopenings: 1,
  },
  alerts: [{ ...ALERT, resolvedAt: at(40), status: "resolved" }],
  entries: [
    {
      id: "ine_1",
      incidentId: INCIDENT.id,
      at: at(3),
      kind: "decision",
      actor: "source:sentry",
      text: "Rule `down` makes it P0.",
    },
    {
      id: "ine_2",
      incidentId: INCIDENT.id,
      at: at(9),
      kind: "transition",
      actor: "operator:anna",
      text: "acknowledged by anna",
    },
    {
      id: "ine_3",
      incidentId: INCIDENT.id,
      at: at(12),
      kind: "note",
      actor: "operator:anna",
      text: "Pool was full",
    },
  ],
  notices: [
    {
      channel: "slack",
      template: "incident-raised",
      step: "page:1:0",
      recipient: "slack",
      status: "sent",
      createdAt: at(3),
      sentAt: at(3) + 900,
      errorCode: null,
    },
    {
      channel: "sms",
      template: "incident-raised",
      step: "page:1:0",
      recipient: "+66000000000",
      status: "failed",
      createdAt: at(3),
      sentAt: null,
      errorCode: "channel_refused",
    },
    {
      channel: "slack",
      template: "incident-resolved",
      step: "resolved:0",
      recipient: "slack",
      status: "sent",
      createdAt: at(41),
      sentAt: at(41),
      errorCode: null,
    },
  ],
  users: [
    { template: "user-incident", people: 120, firstAt: at(40) + 1_000, lastAt: at(40) + 1_000 },
  ],
  tasks: [TASK],
  suspect: DEPLOYMENT,
  lastGood: { ...DEPLOYMENT, id: "dep_0", commit: "0123456789abcdef", url: "https://b.example" },
};
const notice = (report: IncidentReport, locale: "en" | "th" = "en") =>
  incidentNotice(report, policy, { locale, now: at(60) });
const review = (report: IncidentReport, locale: "en" | "th" = "en") =>
  incidentReview(report, policy, { locale, now: at(60) });
const section = (markdown: string, head: string): string =>
  markdown.split(`## ${head}\n\n`)[1]?.split("\n\n## ")[0] ?? "";

describe("durations", () => {
  it("count from when the policy counts, and say what was kept", () => {
    const byName = Object.fromEntries(
      durationsOf(OVER, policy, at(60)).map(({ what, ...rest }) => [what, rest]),
    );
    expect(byName.acknowledge).toEqual({
      tookMs: 6 * MINUTE_MS,
      wantedMs: 5 * MINUTE_MS,
      isKept: false,
    });
    expect(byName.first_response).toEqual({
      tookMs: 6 * MINUTE_MS,
      wantedMs: 15 * MINUTE_MS,
      isKept: true,
    });
    expect(byName.tell_users).toMatchObject({ wantedMs: 30 * MINUTE_MS, isKept: false });
    expect(byName.recover).toMatchObject({ tookMs: 40 * MINUTE_MS });
    expect(byName.detect).toMatchObject({ tookMs: 3 * MINUTE_MS });
    expect(byName.resolution_notice).toEqual({
      tookMs: MINUTE_MS,
      wantedMs: 120 * MINUTE_MS,
      isKept: true,
    });
  });

  it("do not call it a first response that somebody had it at its source before it was told", () => {
    const before = { ...INCIDENT, acknowledgedAt: at(2), acknowledgedBy: null };
    const report = { ...OPEN, incident: before };
    const first = durationsOf(report, policy, at(60)).find(({ what }) => what === "first_response");
    expect(first).toMatchObject({ tookMs: null, isKept: true, isBefore: true });
    const long = section(review(report), "How long it took");
    expect(long.match(/acknowledged at its source before it was told here/g)).toHaveLength(2);
    expect(long).not.toContain("1 second");
  });

  it("that have not come are open, and broken once their time is over", () => {
    const early = durationsOf(OPEN, policy, at(5)).find(({ what }) => what === "acknowledge");
    expect(early).toMatchObject({ tookMs: null, isKept: null });
    const late = durationsOf(OPEN, policy, at(9)).find(({ what }) => what === "acknowledge");
    expect(late).toMatchObject({ tookMs: null, isKept: false });
  });
});

describe("the notice", () => {
  it("of an open incident has every part, and asks who is on call for what only people know", () => {
    const text = notice(OPEN);
    for (const head of ["Summary", "Impact", "Actions taken", "Next steps", "Who was told"]) {
      expect(section(text, head).length, head).toBeGreaterThan(4);
    }
    expect(text).toContain(
      "# Incident notice INC-20261121-0900: web: Status 500 \\| &lt;b>down&lt;/b>",
    );
    expect(text).toContain("| Severity | CRITICAL (P0) |");
    expect(text).toContain("nobody has acknowledged it");
    expect(text).toContain("| Has it | nobody yet |");
    expect(
      notice({ ...OPEN, incident: { ...INCIDENT, acknowledgedBy: "operator:anna" } }),
    ).toContain("| Has it | anna |");
    expect(section(text, "Summary")).toContain(
      "1 alert, 7 signals. It has lasted 1 hour until now.",
    );
    expect(section(text, "Next steps")).toMatch(
      /To be filled in by .+: when it is expected to be over/,
    );
    expect(section(text, "Who was told")).toBe("Nobody was told by a message.\n");
    expect(text).not.toMatch(/undefined|null|NaN|Invalid/);
  });

  it("tells who was told by what and when, what is owed, and of users only how many", () => {
    const text = notice(OVER);
    const told = section(text, "Who was told");
    expect(told).toContain("| slack | slack | told that it began | sent |");
    expect(told).toContain("| sms | +66000000000 | told that it began | failed: channel_refused |");
    expect(told).toContain("120 subscribers: told of the trouble");
    expect(section(text, "Actions taken")).toContain("| anna | Pool was full |");
    expect(section(text, "Actions taken")).not.toContain("Rule");
    expect(section(text, "Next steps")).toContain("หาสาเหตุ: Technical lead, due 22 November 2026");
    expect(text).not.toMatch(/undefined|NaN|Invalid/);
  });

  it("names the suspect deployment and where to go back to, while it lasts", () => {
    const next = section(notice({ ...OVER, incident: INCIDENT }), "Next steps");
    expect(next).toContain("this was deployed: web (abcdef01)");
    expect(next).toContain("go back to web (01234567)");
    expect(next).toContain("Users are told again at");
  });
});

describe("the review", () => {
  it("has every part, its timeline in order, and no cause that nobody wrote", () => {
    const text = review(OVER);
    for (const head of [
      "Summary",
      "Timeline",
      "How long it took",
      "Root cause",
      "Contributing factors",
      "Impact",
      "Resolution",
      "Lessons",
      "Action items",
    ]) {
      expect(section(text, head).length, head).toBeGreaterThan(4);
    }
    const timeline = section(text, "Timeline");
    const order = [
      "sentry: TypeError",
      "Rule \\`down\\`",
      "told that it began, by slack",
      "acknowledged by anna",
      "Pool was full",
      "says that it is over",
      "told of the trouble",
      "told that it is over, by slack",
    ];
    const places = order.map((words) => timeline.indexOf(words));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(Math.min(...places)).toBeGreaterThan(0);
    expect(section(text, "Root cause")).toMatch(
      /^\*\*\[To be filled in by Technical lead: what caused it/,
    );
    const factors = section(text, "Contributing factors");
    expect(factors).toContain("deployed: web (abcdef01)");
    expect(factors).toContain("until somebody had it took longer than the policy wants");
    expect(factors).toContain("by sms to +66000000000 did not get through (channel_refused)");
    expect(factors).toContain("came back 1 time");
    expect(section(text, "Action items")).toMatch(
      /\| หาสาเหตุ \| Technical lead \| .+ \| High \| open \|/,
    );
    expect(section(text, "How long it took")).toContain("| 6 minutes | 5 minutes | **no** |");
    expect(text).not.toMatch(/undefined|NaN|Invalid/);
  });

  it("is Thai where that is asked for, with the Buddhist year, and English words of others as they are", () => {
    const text = review(OVER, "th");
    expect(text).toContain("# รายงานทบทวนหลังเหตุขัดข้อง INC-20261121-0900");
    expect(text).toContain("พ.ศ. 2569");
    expect(text).toContain("Pool was full");
    expect(section(text, "สาเหตุที่แท้จริง")).toContain("โปรดกรอกโดย");
    const heads = (markdown: string) => markdown.match(/^## .+$/gm)?.length;
    expect(heads(text)).toBe(heads(review(OVER)));
    expect(heads(notice(OVER, "th"))).toBe(heads(notice(OVER)));
  });
});

describe("the timeline", () => {
  const step = (minute: number, text: string) => ({
    id: `ine_${text}`,
    incidentId: INCIDENT.id,
    at: at(minute),
    kind: "step" as const,
    actor: "system:incidents",
    text,
  });
  const TOLD: IncidentReport = {
    ...OVER,
    entries: [
      step(3, "On call told by Slack, SMS"),
      step(4, "SMS could not be reached (it is not set up): told by Email instead"),
      step(5, "On call told by PagerDuty, since nobody has answered for 2 min"),
      step(40, "users are told"),
      step(41, "told by Slack that it is over"),
    ],
  };

  it("has each message once, and what no message says beside them", () => {
    const timeline = section(review(TOLD), "Timeline");
    expect(timeline).not.toContain("On call told by Slack");
    expect(timeline.match(/told that it began, by slack/g)).toHaveLength(1);
    expect(timeline.match(/told that it is over/g)).toHaveLength(1);
    expect(timeline).not.toContain("users are told");
    expect(timeline).toContain("120 subscribers: told of the trouble");
    expect(timeline).toContain("SMS could not be reached");
    // Nothing of it is kept as a notice, so that the entry is all there is.
    expect(timeline).toContain("On call told by PagerDuty, since nobody");
  });

  it("is Thai for a Thai reader in all that we say ourselves", () => {
    const timeline = section(review(TOLD, "th"), "ลำดับเหตุการณ์");
    expect(timeline).toContain("ติดต่อทาง SMS ไม่ได้ (it is not set up): แจ้งทาง Email แทน");
    expect(timeline).toContain("แจ้ง On call ทาง PagerDuty เพราะยังไม่มีผู้ตอบรับเป็นเวลา 2 นาที");
    expect(section(notice(TOLD, "th"), "สิ่งที่ดำเนินการแล้ว")).toContain("แจ้งผู้ใช้แล้ว");
    expect(section(review(OVER, "th"), "ลำดับเหตุการณ์")).toContain("anna รับเรื่องแล้ว");
  });
});

describe("a sentence of ours", () => {
  it.each([
    ["transition", "opened as CRITICAL (P0) by better-stack: Shop: Status 502"],
    [
      "decision",
      "becomes HIGH (P1): Rule `error` (It is one) makes it P1. Route `high` keeps it and tells nobody.",
    ],
    ["transition", "reopened by sentry: TypeError (2. time)"],
    ["transition", "reopened by operator:anna: too early"],
    ["transition", "acknowledged at better-stack"],
    ["transition", "acknowledged by the link in a message by sms"],
    ["transition", "taken over by operator:bert"],
    ["transition", "resolved by recovery"],
    ["transition", "resolved: nothing was heard of it for longer than 60 min"],
    ["transition", "resolved: it stayed good for as long as the policy watches"],
    ["transition", "TypeError is over; something else of it is not"],
    ["transition", "all of it is over; watched for 30 min before it ends"],
    ["check", "watched for 3 of 30 min: nothing of it is open"],
    ["decision", "it had ended before its beginning came: nobody is told of it"],
    ["decision", "TypeError (sentry) joins, which makes it HIGH (P1)"],
    ["decision", "TypeError (sentry) joins; it is over already"],
    ["step", "told with the storm's summary: 12 incidents in 5 min"],
    ["step", "nobody has acknowledged it within 5 min, as was promised"],
    ["step", "users are told how it stands"],
    ["step", "told by Slack, PagerDuty that somebody has it"],
    ["step", "3 tasks are owed after it"],
    ["step", "Executive told by Email: it lasts longer than 30 min"],
    ["step", "Slack could not be reached (no answer): there is no other way left"],
    [
      "decision",
      "Rule `system-down` (Down) makes it P0, which this platform calls CRITICAL. Route `critical` tells at once: On call by pagerduty and slack; after 5 min without an answer Lead and On call by email. It is in the day's mail as well.",
    ],
  ] as const)("is Thai for a Thai reader, and as it was in English: %s %s", (kind, text) => {
    const thai = entryText({ kind, text }, "th");
    expect(thai).toMatch(/[\u0e00-\u0e7f]/);
    expect(thai).not.toMatch(
      /\b(is|are|told|tells|by|and|of it|makes|joins|within|after)\b(?! one)/,
    );
    expect(entryText({ kind, text }, "en")).toBe(text);
  });

  it("is left alone where a person has written it", () => {
    const note = { kind: "note", text: "resolved by anna" } as const;
    expect(entryText(note, "th")).toBe("resolved by anna");
  });
});

describe("what others wrote", () => {
  it("stays one line, and no table, link, tag or escape of a terminal", () => {
    expect(plain("a\n| b [c](d) <e> `f` \u001b[31m")).toBe(
      "a \\| b \\[c\\](d) &lt;e> \\`f\\` \\[31m",
    );
  });
});
