import { describe, expect, it } from "vitest";
import {
  approvalAt,
  approvalSentence,
  dayOf,
  maintenanceAt,
  maintenancesBetween,
  nextBusinessDay,
  occurrenceKey,
  respondBy,
} from "../../src/policy/calendar.js";
import type { PolicyInput } from "../../src/policy/schema.js";
import { at, planned, policyWith } from "./policies.js";

const NEW_YORK = "America/New_York";
const title = { en: "Maintenance", th: "ปรับปรุงระบบ" };
type Rule = NonNullable<PolicyInput["maintenance"]>[number];
const sunday = (parts: Partial<Rule> = {}): Rule => ({
  id: "weekly",
  title,
  every: "week",
  weekday: "sun",
  from: "02:00",
  to: "04:00",
  noticeHours: null,
  ...parts,
});
const inZone = (timeZone: string, ...maintenance: Rule[]) => policyWith({ timeZone, maintenance });
const shown = (windows: { startsAt: number; endsAt: number }[]) =>
  windows.map(({ startsAt, endsAt }) =>
    [startsAt, endsAt].map((each) => new Date(each).toISOString().slice(0, 16)).join("/"),
  );
const between = (policy: ReturnType<typeof policyWith>, from: string, to: string) =>
  shown(maintenancesBetween(policy, [], at(from), at(to)));

describe("recurring maintenances", () => {
  it("of a week: each Sunday by Bangkok's clock, which is Saturday in UTC", () => {
    const policy = inZone("Asia/Bangkok", sunday());
    expect(between(policy, "2026-11-01T00:00Z", "2026-11-16T00:00Z")).toEqual([
      "2026-11-07T19:00/2026-11-07T21:00",
      "2026-11-14T19:00/2026-11-14T21:00",
    ]);
  });

  it("of a month: its first Sunday only, the 1st and the 7th included", () => {
    const policy = inZone("UTC", sunday({ every: "month" }));
    expect(between(policy, "2026-01-01T00:00Z", "2027-01-01T00:00Z")).toEqual(
      ["01-04", "02-01", "03-01", "04-05", "05-03", "06-07", "07-05", "08-02", "09-06"]
        .concat(["10-04", "11-01", "12-06"])
        .map((day) => `2026-${day}T02:00/2026-${day}T04:00`),
    );
  });

  it("of a quarter: the first Sunday of January, April, July and October", () => {
    const policy = inZone("UTC", sunday({ every: "quarter" }));
    expect(between(policy, "2026-01-01T00:00Z", "2027-01-01T00:00Z")).toEqual(
      ["01-04", "04-05", "07-05", "10-04"].map((day) => `2026-${day}T02:00/2026-${day}T04:00`),
    );
  });

  it("in New York end two hours of its clock later, in the night of the change as well", () => {
    // Clocks jump from 02:00 to 03:00 on 8 March 2026, and show 01:00 to 02:00 twice on 1 November.
    const spring = ["2026-03-08T00:00Z", "2026-03-08T12:00Z"] as const;
    expect(between(inZone(NEW_YORK, sunday()), ...spring)).toEqual([
      "2026-03-08T07:00/2026-03-08T08:00",
    ]);
    expect(between(inZone(NEW_YORK, sunday({ from: "02:30", to: "03:30" })), ...spring)).toEqual([
      "2026-03-08T07:00/2026-03-08T07:30",
    ]);
    const jumpedOver = sunday({ from: "02:10", to: "02:50" });
    expect(between(inZone(NEW_YORK, jumpedOver), ...spring)).toEqual([]);
    const autumn = ["2026-11-01T00:00Z", "2026-11-01T12:00Z"] as const;
    expect(between(inZone(NEW_YORK, sunday({ from: "01:30" })), ...autumn)).toEqual([
      "2026-11-01T05:30/2026-11-01T09:00",
    ]);
    expect(between(inZone(NEW_YORK, sunday({ from: "00:30", to: "01:30" })), ...autumn)).toEqual([
      "2026-11-01T04:30/2026-11-01T05:30",
    ]);
  });

  it("over midnight end on the next day, and are found from there", () => {
    const policy = inZone("UTC", sunday({ from: "23:00", to: "01:00" }));
    expect(between(policy, "2026-11-02T00:30Z", "2026-11-02T00:31Z")).toEqual([
      "2026-11-01T23:00/2026-11-02T01:00",
    ]);
    expect(between(policy, "2026-11-02T01:00Z", "2026-11-02T02:00Z")).toEqual([]);
  });
});

describe("the maintenance that a service is in", () => {
  const policy = inZone(
    "UTC",
    sunday(),
    sunday({ id: "monthly", every: "month", from: "02:00", to: "06:00" }),
  );
  it("reaches to the end of the longer of two that overlap, and no further", () => {
    const found = maintenanceAt(policy, [], "web", at("2026-11-01T03:00Z"));
    expect(found).toMatchObject({ title, startsAt: at("2026-11-01T02:00Z") });
    expect(found?.endsAt).toBe(at("2026-11-01T06:00Z"));
    expect(maintenanceAt(policy, [], "web", at("2026-11-01T06:00Z"))).toBeNull();
    expect(maintenanceAt(policy, [], "web", at("2026-11-01T01:59:59.999Z"))).toBeNull();
  });

  it("is one stretch with planned ones that overlap it or begin as it ends, one after the other", () => {
    const rows = [
      planned({ id: "mnt_1", startsAt: at("2026-11-08T04:00Z"), endsAt: at("2026-11-08T05:00Z") }),
      planned({ id: "mnt_2", startsAt: at("2026-11-08T04:59Z"), endsAt: at("2026-11-10T00:00Z") }),
      planned({ id: "mnt_3", startsAt: at("2026-11-10T00:01Z"), endsAt: at("2026-11-11T00:00Z") }),
    ];
    for (const moment of ["2026-11-08T02:00Z", "2026-11-08T04:30Z", "2026-11-09T23:59Z"]) {
      expect(maintenanceAt(policy, rows, "web", at(moment))).toMatchObject({
        startsAt: at("2026-11-08T02:00Z"),
        endsAt: at("2026-11-10T00:00Z"),
      });
    }
    expect(maintenanceAt(policy, rows, "web", at("2026-11-10T00:00Z"))).toBeNull();
    expect(maintenanceAt(policy, rows, "web", at("2026-11-08T04:30Z"))?.id).toBe("mnt_1");
  });

  it("is of the services that it names, in any case", () => {
    const startsAt = at("2026-11-10T10:00Z");
    const rows = [planned({ services: ["Shop"], startsAt, endsAt: startsAt + 1_000 })];
    expect(maintenanceAt(policy, rows, "shop", startsAt)?.title).toBe("New database");
    expect(maintenanceAt(policy, rows, "web", startsAt)).toBeNull();
  });

  const startsAt = at("2026-11-10T10:00Z");
  const endsAt = at("2026-11-10T12:00Z");
  it.each([
    ["canceled: it is none", { status: "canceled" }, []],
    [
      "completed early: until then",
      { status: "completed", endedAt: startsAt + 60_000 },
      ["2026-11-10T10:00/2026-11-10T10:01"],
    ],
    ["failed before it began: it is none", { status: "failed", endedAt: startsAt }, []],
    [
      "begun by hand before its time: from then",
      { status: "begun", begunAt: startsAt - 60_000 },
      ["2026-11-10T09:59/2026-11-10T12:00"],
    ],
  ] as const)("%s", (_name, parts, expected) => {
    const row = planned({ startsAt, endsAt, ...parts });
    expect(shown(maintenancesBetween(policy, [row], startsAt - 1e6, endsAt))).toEqual(expected);
  });

  it("a row stands for its occurrence: canceled, ended early, or in its languages as scheduled", () => {
    const begin = at("2026-11-08T02:00Z");
    const end = at("2026-11-08T04:00Z");
    const row = planned({
      rule: occurrenceKey({ id: "weekly" }, begin),
      startsAt: begin,
      endsAt: end,
    });
    const inside = begin + 3_600_000;
    const canceled = { ...row, status: "canceled" as const };
    const early = { ...row, status: "completed" as const, endedAt: inside };
    expect(maintenanceAt(policy, [canceled], "web", inside)).toBeNull();
    expect(maintenanceAt(policy, [early], "web", inside)).toBeNull();
    expect(maintenanceAt(policy, [row], "web", inside)).toMatchObject({ id: "mnt_1", title });
    const nextWeek = inside + 7 * 86_400_000;
    expect(maintenanceAt(policy, [canceled], "web", nextWeek)).not.toBeNull();
  });

  it("comes to an end of looking where windows follow each other for ever", () => {
    const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
    const always = inZone(
      "UTC",
      ...days.map((weekday) => sunday({ id: weekday, weekday, from: "00:00", to: "00:00" })),
    );
    const found = maintenanceAt(always, [], "web", at("2026-11-10T10:00Z"));
    expect(found?.endsAt).toBeGreaterThan(at("2026-12-01T00:00Z"));
  });
});

describe("who approves a deployment", () => {
  const hour = 3_600_000;
  const approvals = [
    {
      id: "pre",
      fromHoursBefore: 6,
      untilHoursBefore: 2,
      rule: { en: "a rollback is approved" },
      role: null,
    },
    {
      id: "cto",
      fromHoursBefore: 2,
      untilHoursBefore: 0,
      rule: { en: "the CTO approves" },
      role: "cto",
    },
    {
      id: "exec",
      fromHoursBefore: 0,
      untilHoursBefore: null,
      rule: { en: "an executive decides" },
      role: "executive",
    },
  ];
  const exam = {
    id: "mock-3",
    title: { en: "Mock Exam 3" },
    from: "2025-10-05T09:00:00+07:00",
    to: "2025-10-05T12:00:00+07:00",
  };
  const period = {
    id: "october",
    title: { en: "Exam season" },
    from: "2025-09-20T00:00:00+07:00",
    to: "2025-10-11T00:00:00+07:00",
  };
  const lockdown = {
    periods: [period],
    exams: [exam],
    approvals,
    emergencyLabels: [],
    otherwise: { en: "the technical lead approves." }, // a whole sentence, as in the presets
  };
  const policy = policyWith({ lockdown });
  const begin = at(exam.from);
  it.each([
    [begin - 6 * hour - 1, "otherwise"],
    [begin - 6 * hour, "pre"],
    [begin - 2 * hour - 1, "pre"],
    [begin - 2 * hour, "cto"],
    [begin - 1, "cto"],
    [begin, "exec"],
    [at(exam.to) - 1, "exec"],
    [at(exam.to), "otherwise"],
    [at(period.from) - 1, undefined],
    [at(period.from), "otherwise"],
    [at(period.to) - 1, "otherwise"],
    [at(period.to), undefined],
  ])("at %d: %s", (moment, id) => {
    const found = approvalAt(policy, moment);
    expect(found?.id).toBe(id);
    expect(found?.lockdown?.id).toBe(id === undefined ? undefined : "october");
    expect(found?.exam?.id).toBe(id === undefined || id === "otherwise" ? undefined : "mock-3");
  });

  it.each([
    [begin - 3 * hour, "Approval: a rollback is approved (from 6 h until 2 h before Mock Exam 3)."],
    [begin - hour, "Approval: the CTO approves (within 2 h before Mock Exam 3)."],
    [begin, "Approval: an executive decides (during Mock Exam 3)."],
    [at(period.from), 'Approval: the technical lead approves (in the lockdown "Exam season").'],
  ])("at %d says: %s", (moment, sentence) => {
    const found = approvalAt(policy, moment);
    expect(found && approvalSentence(found)).toBe(sentence);
  });

  it("an exam outside of any lockdown asks for its own; of two exams the nearer one's holds", () => {
    const next = {
      ...exam,
      id: "mock-4",
      from: "2025-10-05T14:00:00+07:00",
      to: "2025-10-05T16:00:00+07:00",
    };
    const two = policyWith({ lockdown: { ...lockdown, periods: [], exams: [next, exam] } });
    expect(approvalAt(two, begin)).toMatchObject({
      id: "exec",
      lockdown: null,
      exam: { id: "mock-3" },
    });
    expect(approvalAt(two, at(exam.to))).toMatchObject({ id: "cto", exam: { id: "mock-4" } });
  });
});

describe("business days", () => {
  const businessHours = {
    days: ["mon", "tue", "wed", "thu", "fri"] as const,
    from: "08:00",
    to: "18:00",
    holidays: ["2026-11-23", "2026-11-24"],
  };
  const policy = policyWith({
    timeZone: "Asia/Bangkok",
    businessHours: { ...businessHours, days: [...businessHours.days] },
  });
  it.each([
    ["2026-11-18T02:00Z", "2026-11-19", "from a Wednesday"],
    ["2026-11-18T16:59Z", "2026-11-19", "still Wednesday in Bangkok"],
    ["2026-11-18T17:00Z", "2026-11-20", "Thursday there already"],
    ["2026-11-20T02:00Z", "2026-11-25", "over a weekend and two holidays"],
    ["2026-11-22T02:00Z", "2026-11-25", "from a Sunday"],
    ["2026-11-23T02:00Z", "2026-11-25", "from a holiday"],
  ])("after %s: %s (%s)", (moment, day) => {
    const found = nextBusinessDay(policy, at(moment));
    expect(found).toEqual({
      day,
      startsAt: at(`${day}T08:00:00+07:00`),
      endsAt: at(`${day}T18:00:00+07:00`),
    });
  });

  it("what is to be answered on the next one is, until its last hour", () => {
    const base = { name: "n", meaning: "m", route: "r" };
    const severities = {
      P0: { ...base, respond: "immediate" as const },
      P1: { ...base, respond: { withinMinutes: 15 } },
      P2: { ...base, respond: { withinMinutes: 60 } },
      P3: { ...base, respond: "next_business_day" as const },
    };
    const answering = { ...policy, severities };
    const moment = at("2026-11-20T10:00:00+07:00");
    expect(respondBy(answering, "P0", moment)).toBe(moment);
    expect(respondBy(answering, "P1", moment)).toBe(moment + 15 * 60_000);
    expect(respondBy(answering, "P3", moment)).toBe(at("2026-11-25T18:00:00+07:00"));
  });
});

describe("the digest's day", () => {
  const digest = { at: "08:00", roles: ["on-call"], channels: ["email" as const], sections: [] };
  const policy = (timeZone: string) => policyWith({ timeZone, digest });
  it.each([
    ["2026-11-21T00:59:59.999Z", "2026-11-20", "2026-11-19T01:00Z", "2026-11-20T01:00Z"],
    ["2026-11-21T01:00Z", "2026-11-21", "2026-11-20T01:00Z", "2026-11-21T01:00Z"],
    ["2026-11-21T18:00Z", "2026-11-21", "2026-11-20T01:00Z", "2026-11-21T01:00Z"],
  ])("at %s is %s in Bangkok", (now, day, from, to) => {
    expect(dayOf(policy("Asia/Bangkok"), at(now))).toEqual({ day, from: at(from), to: at(to) });
  });

  it("has 23 hours where the clock jumps, and 25 where it goes back", () => {
    const hours = (now: string) => {
      const found = dayOf(policy(NEW_YORK), at(now));
      return found && (found.to - found.from) / 3_600_000;
    };
    expect(hours("2026-03-08T12:00Z")).toBe(23);
    expect(hours("2026-11-01T13:00Z")).toBe(25);
    expect(hours("2026-11-03T13:00Z")).toBe(24);
  });

  it("is none without a digest", () => {
    expect(dayOf(policyWith({ digest: null }), 0)).toBeNull();
  });
});
