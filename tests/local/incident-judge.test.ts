import { describe, expect, it } from "vitest";
import { type Expected, expectedOf } from "../../local/incident/expected.js";
import { judge, type NoticeRow, type Seen } from "../../local/incident/judge.js";
import { instantIn, localTime } from "../../local/incident/local-time.js";
import { kindOf, type Sent } from "../../local/incident/sent.js";
import type { Policy } from "../../local/incident/stage.js";
import type { Outage, Told } from "../../local/incident/story.js";
import { whyOf } from "../../local/incident/timeline.js";
import type { PolicyName } from "../../src/policy/names.js";
import { presetOf } from "../../src/policy/presets/index.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const READERS = [{ email: "somsri@example.net", locale: "th" }];

function policyOf(name: PolicyName): Policy {
  const preset = presetOf(name);
  const roles = Object.entries(preset.roles).map(([id, role]) => [
    id,
    { ...role, addresses: { email: `${id}@example.com`, sms: `sms of ${id}` } },
  ]);
  return { ...preset, roles: Object.fromEntries(roles) as Policy["roles"] };
}

/** 03:00 errors, 03:02 an outage, 03:45 somebody has it, 03:55 it is over; one task is left undone. */
function night(policy: Policy, outage: Partial<Outage> = {}): Told {
  const at = (time: string) => instantIn(policy.timeZone, "2026-11-24", time);
  const troubles = [
    { at: at("03:00"), source: "sentry", kind: "error", level: "error", title: "TypeError: x" },
    { at: at("03:02"), source: "better-stack", kind: "uptime", level: "fatal", title: "web: 502" },
  ];
  const whole: Outage = {
    ...{ incidentId: "INC-1", service: "web", troubles },
    ...{ acknowledgedAt: at("03:45"), recoveredAt: at("03:55") },
    ...{ slackDown: null, undone: ["root-cause"] },
    ...outage,
  };
  return {
    outages: [whole],
    deployments: [at("02:57")],
    happenings: [],
    surprises: [],
    beganAt: at("02:00"),
    endedAt: at("02:00") + 31 * HOUR_MS,
  };
}

const sentAs = (expected: readonly Expected[]): NoticeRow[] =>
  expected.map(({ incidentId, template, channel, to, from }, n) => ({
    ...{ id: `ntc_${n}`, channel, template, recipient: to, status: "sent" },
    cause: `incident:${incidentId ?? "none"} step`,
    locale: to === "somsri@example.net" ? "th" : "en",
    createdAt: new Date(from).toISOString(),
    sentAt: new Date(from).toISOString(),
  }));

const atVendors = (notices: readonly NoticeRow[]): Sent[] =>
  notices.map(({ channel, template, recipient: to, sentAt }) => ({
    ...{ at: Date.parse(sentAt ?? ""), channel, to, headline: template },
    kind: kindOf(channel, template),
  }));

function seenOf(policy: Policy, change: (notices: NoticeRow[]) => void = () => undefined): Seen {
  const told = night(policy);
  const notices = sentAs(expectedOf(policy, told, READERS));
  change(notices);
  return {
    ...{ policy, told, readers: READERS, notices, messages: atVendors(notices) },
    incidents: [{ id: "INC-1", status: "resolved" }],
    deadLetters: [],
    timeText: localTime(policy.timeZone).moment,
  };
}

/** Of one template and channel, as `03:07 technical-lead@example.com`. */
function timesOf(policy: Policy, told: Told, template: string, channel: string): string[] {
  return expectedOf(policy, told, READERS)
    .filter((one) => one.template === template && one.channel === channel)
    .map(({ from, to }) => `${localTime(policy.timeZone).clock(from).slice(0, 5)} ${to}`);
}

describe("what a policy's rows ask for", () => {
  it("of the exam platform: pages, reminders, executives, users, the end and the task", () => {
    const policy = policyOf("tbat");
    const told = night(policy);
    const times = (template: string, channel: string) =>
      timesOf(policy, told, template, channel).map((line) => line.slice(0, 5));
    expect(times("incident-raised", "pagerduty")).toEqual(["03:02"]);
    expect(times("incident-escalated", "pagerduty")).toEqual(["03:07", "03:22", "03:37"]);
    expect(times("incident-escalated", "slack")).toEqual([
      ...["03:07", "03:17", "03:22", "03:37"],
      "03:55", // the task, a day later
    ]);
    expect(timesOf(policy, told, "incident-escalated", "email")).toContain(
      "03:30 executive@example.com",
    );
    expect(times("user-incident", "status_page")).toEqual(["03:28"]);
    expect(times("user-update", "email")).toEqual(["03:43"]);
    expect(times("user-resolved", "email")).toEqual(["04:10"]);
    expect(timesOf(policy, told, "incident-resolved", "email")).toHaveLength(4);
    expect(times("incident-digest", "email")).toEqual(["08:00", "08:00"]);
  });

  it("of a platform that pages by SMS and watches: nothing to PagerDuty, the end half an hour later", () => {
    const policy = policyOf("brainbytes");
    const told = night(policy);
    expect(timesOf(policy, told, "incident-raised", "slack")).toEqual([
      "03:00 slack",
      "03:02 slack",
    ]);
    expect(timesOf(policy, told, "incident-raised", "sms")).toEqual(["03:02 sms of on-call"]);
    expect(timesOf(policy, told, "incident-resolved", "slack")).toEqual(["04:25 slack"]);
    expect(
      expectedOf(policy, told, READERS).filter(({ channel }) => channel === "pagerduty"),
    ).toEqual([]);
  });

  it("goes the route's other way while Slack is down", () => {
    const policy = policyOf("tbat");
    const at = (time: string) => instantIn(policy.timeZone, "2026-11-24", time);
    const slackDown = { from: at("02:59"), to: at("03:10") };
    const told = night(policy, { slackDown, acknowledgedAt: at("03:04") });
    expect(timesOf(policy, told, "incident-raised", "slack")).toEqual([]);
    expect(timesOf(policy, told, "incident-raised", "sms")).toEqual(["03:02 sms of on-call"]);
  });
});

describe("the judge of the night", () => {
  const policy = policyOf("tbat");

  it("finds nothing wrong where all is as asked", () => {
    expect(judge(seenOf(policy)).wrong).toEqual([]);
  });

  it("names what is missing, and why it should be there", () => {
    const seen = seenOf(policy, (notices) => {
      const executive = notices.findIndex(({ recipient }) => recipient.startsWith("executive"));
      notices.splice(executive, 1);
    });
    expect(judge(seen).wrong).toEqual([
      "missing: incident-escalated by email to executive@example.com at 24 Nov 03:30:00 GMT+7 (executives after 30 min)",
    ]);
  });

  it("names what is doubled, late, or to somebody else", () => {
    const [first] = seenOf(policy).notices;
    const doubled = seenOf(
      policy,
      (notices) => void notices.push({ ...first, id: "ntc_2nd" } as NoticeRow),
    );
    expect(judge(doubled).wrong.join()).toContain("doubled, or early: incident-raised by");
    const late = seenOf(policy, (notices) => {
      const users = notices.find(({ template }) => template === "user-incident");
      if (users !== undefined)
        users.sentAt = new Date(Date.parse(users.createdAt) + 5 * MINUTE_MS).toISOString();
    });
    expect(judge(late).wrong.join()).toMatch(/^late: user-incident .* left at 24 Nov 03:33:00/);
    const other = seenOf(policy, (notices) => {
      const mail = notices.find(({ channel }) => channel === "email");
      if (mail !== undefined) mail.recipient = "stranger@example.com";
    });
    expect(judge(other).wrong.join()).toMatch(
      /missing: .*nobody asked for it: .* stranger@example.com/,
    );
  });

  it("holds notices and vendors against each other", () => {
    const seen = seenOf(policy);
    const lost = { ...seen, messages: seen.messages.slice(1) };
    expect(judge(lost).wrong.join()).toContain("is not at the vendor");
    const [one] = seen.messages;
    const twice = { ...seen, messages: [...seen.messages, one as Sent] };
    expect(judge(twice).wrong.join()).toContain("that no notice stands for");
  });

  it("says what is left open, and what the story saw", () => {
    const seen = seenOf(policy);
    const open = {
      ...seen,
      told: { ...seen.told, surprises: ["the link's page shows no button"] },
      incidents: [
        { id: "INC-1", status: "open" },
        { id: "INC-2", status: "resolved" },
      ],
      deadLetters: [{ id: "dlt_1" }],
      readers: [{ email: "somsri@example.net", locale: "en" }],
    };
    const said = judge(open).wrong.join("\n");
    expect(said).toContain("shows no button");
    expect(said).toContain("incidents: INC-1, INC-2, not INC-1");
    expect(said).toContain("INC-1 is open");
    expect(said).toContain("1 dead letters");
    expect(said).toContain("somsri@example.net reads en");
  });
});

it("says of each message why it left", () => {
  const why = (step: string, template = "incident-escalated") =>
    whyOf({ cause: `incident:INC-1 ${step}`, template });
  expect(why("page:1:0", "incident-raised")).toBe("because it began");
  expect(why("page:2:1")).toBe("because nobody has answered: step 2 of its route");
  expect(why("page:2:1+2")).toBe("because nobody has answered: its last step again");
  expect(why("task_due:root-cause")).toBe("because the task root-cause is due, and not done");
});
