import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BY_RECOVERY, type Incident } from "../../src/domain/incident.js";
import { HOUR_MS, MINUTE_MS } from "../../src/domain/time.js";
import { type ClockState, type ClockStep, clockOf } from "../../src/policy/incident-clock.js";
import { POLICY_NAMES } from "../../src/policy/names.js";
import { presetOf } from "../../src/policy/presets/index.js";
import type { Policy } from "../../src/policy/schema.js";
import { policyWith } from "./policies.js";

const T0 = Date.UTC(2026, 10, 21, 9, 0);
const min = (minutes: number): number => T0 + minutes * MINUTE_MS;

const incidentOf = (parts: Partial<Incident> = {}): Incident => ({
  id: "INC-20261121-0900",
  correlationKey: "service=web",
  ordinal: 1,
  kind: "uptime",
  title: "web is down",
  service: "web",
  environment: "production",
  ours: false,
  aside: false,
  severity: "P0",
  rule: "site-down",
  route: "page",
  status: "open",
  url: null,
  openedAt: T0,
  acknowledgedAt: null,
  acknowledgedBy: null,
  resolvedAt: null,
  resolvedBy: null,
  greenSince: null,
  routedAt: T0,
  routings: 1,
  reopenedAt: null,
  reopenings: 0,
  suspectId: null,
  lastGoodId: null,
  createdAt: T0,
  updatedAt: T0,
  version: 0,
  ...parts,
});

type Parts = Partial<Omit<ClockState, "incident" | "taken">> & { taken?: readonly string[] };
const stateOf = (incident: Partial<Incident>, now: number, parts: Parts = {}): ClockState => {
  const { taken = [], ...rest } = parts;
  const whole = incidentOf(incident);
  return {
    incident: whole,
    taken: new Set(taken),
    openTasks: [],
    quietEnd: () => null,
    isAnswered: whole.acknowledgedAt !== null,
    inStorm: false,
    now,
    ...rest,
  };
};
const names = (steps: readonly ClockStep[]): string[] => steps.map(({ step }) => step);

/** Two ladders, all clocks; minutes that no two of them share. */
const policy = policyWith({
  routes: {
    page: {
      deliver: "immediate",
      steps: [
        { afterMinutes: 0, roles: ["on-call"], channels: ["slack"] },
        { afterMinutes: 7, roles: ["lead"], channels: ["slack", "email"] },
      ],
      repeatMinutes: 20,
    },
    later: {
      deliver: "delayed",
      holdMinutes: 12,
      steps: [{ afterMinutes: 0, roles: ["on-call"], channels: ["slack"] }],
    },
    mail: { deliver: "digest" },
    keep: { deliver: "record" },
  },
  severities: {
    P0: { name: "A", meaning: "a", respond: "immediate", route: "page" },
    P1: { name: "B", meaning: "b", respond: "immediate", route: "page" },
    P2: { name: "C", meaning: "c", respond: "immediate", route: "later" },
    P3: { name: "D", meaning: "d", respond: "next_business_day", route: "mail" },
  },
  grouping: { by: ["service"], windowMinutes: 60, flapMinutes: 15 },
  recovery: { watchMinutes: 0, checkEveryMinutes: 1 },
  clocks: [
    {
      severities: ["P0", "P1"],
      acknowledgeWithinMinutes: 5,
      firstResponseWithinMinutes: 11,
      tellUsersWithinMinutes: 30,
      tellUsersEveryMinutes: 15,
      tellExecutivesAfterMinutes: 33,
      executives: { roles: ["boss"], channels: ["email"] },
      resolutionNoticeWithinMinutes: 10,
      tasks: [{ id: "cause", title: { en: "Find it" }, dueAfterHours: 24, role: "lead" }],
    },
  ],
});

/** Looks at the clock as a timer would, each time that it asks to; takes all that is due. */
function story(from: Partial<Incident>, until: number, parts: Parts = {}, by: Policy = policy) {
  const taken = new Set(parts.taken ?? []);
  const told: [number, string][] = [];
  let now: number | null = Math.max(T0, from.updatedAt ?? T0);
  for (let looks = 0; now !== null && now <= until; looks += 1) {
    if (looks > 5_000) throw new Error("the clock does not come to rest");
    const state: ClockState = { ...stateOf(from, now, parts), taken };
    const { due, next } = clockOf(state, by);
    for (const { step } of due) {
      told.push([(now - T0) / MINUTE_MS, step]);
      taken.add(step);
    }
    if (due.length === 0) now = next;
  }
  return told;
}

describe("an incident that nobody answers", () => {
  it("goes up its ladder, repeats the last of it, and keeps each promise, all at their minutes", () => {
    expect(story({}, min(48))).toEqual([
      [0, "page:1:0"],
      [5, "acknowledge:1"],
      [7, "page:1:1"],
      [11, "first_response:1"],
      [27, "page:1:1+1"],
      [28, "users:0"],
      [33, "executives"],
      [43, "users:1"],
      [47, "page:1:1+2"],
    ]);
  });

  it("is told only once of what repeats when its timer is hours late, and of each step that does not", () => {
    const { due, next } = clockOf(stateOf({}, min(300)), policy);
    expect(names(due)).toEqual([
      "page:1:0",
      "acknowledge:1",
      "page:1:1",
      "first_response:1",
      "executives",
      "page:1:1+14",
      "users:18",
    ]);
    expect(next).toBe(min(307));
  });

  it("is held where its route says so, and told to nobody where it ends within that", () => {
    const held: Partial<Incident> = { severity: "P2", route: "later" };
    expect(story(held, min(60))).toEqual([[12, "page:1:0"]]);
    const over = { ...held, status: "resolved", resolvedAt: min(3), resolvedBy: BY_RECOVERY };
    expect(story({ ...over, updatedAt: min(3) } as Partial<Incident>, min(60))).toEqual([]);
  });

  it.each(["mail", "keep"])("is told by nobody's clock on the route `%s`", (route) => {
    expect(story({ severity: "P3", route }, min(600))).toEqual([]);
  });

  it("is told by its severity's route when the policy has its own no more", () => {
    expect(story({ route: "gone" }, min(1))).toEqual([[0, "page:1:0"]]);
  });

  it("is paged anew from its beginning when a worse alert has routed it anew", () => {
    const worse = { routings: 2, routedAt: min(10), updatedAt: min(10) };
    const taken = ["page:1:0", "acknowledge:1", "page:1:1"];
    expect(story(worse, min(17), { taken })).toEqual([
      [10, "page:2:0"],
      [15, "acknowledge:2"],
      [17, "page:2:1"],
    ]);
  });

  it("of a storm waits for the others for a minute", () => {
    expect(story({}, min(1), { inStorm: true })).toEqual([[1, "page:1:0"]]);
  });
});

describe("an incident that somebody has", () => {
  const seen: Partial<Incident> = {
    status: "acknowledged",
    acknowledgedAt: min(6),
    acknowledgedBy: "operator:anna",
    updatedAt: min(6),
  };

  it("pages nobody, says who has it, and keeps its promises to users and executives", () => {
    const told = story(seen, min(44), { taken: ["page:1:0", "acknowledge:1"] });
    expect(told).toEqual([
      [6, `acknowledged:${min(6)}`],
      [28, "users:0"],
      [33, "executives"],
      [43, "users:1"],
    ]);
  });

  it("before anybody was told of it is not told as acknowledged", () => {
    expect(story(seen, min(27))).toEqual([]);
  });

  it("asks nobody for a first response once somebody has spoken", () => {
    const told = story({}, min(12), { isAnswered: true }).map(([, step]) => step);
    expect(told).not.toContain("first_response:1");
    expect(told).toContain("acknowledge:1");
  });
});

describe("an incident that is over", () => {
  const over: Partial<Incident> = {
    status: "resolved",
    resolvedAt: min(40),
    resolvedBy: BY_RECOVERY,
    greenSince: min(40),
    updatedAt: min(40),
  };

  it("is told as over at once, to users when it is no flap but in time, and leaves its tasks", () => {
    expect(story(over, min(600), { taken: ["page:1:0", "users:0"] })).toEqual([
      [40, "resolved:0"],
      [40, "tasks"],
      [48, "users_resolved:0"],
    ]);
  });

  it("that nobody was told of is told to nobody", () => {
    expect(story(over, min(600))).toEqual([[40, "tasks"]]);
  });

  it("reminds of a task when that is due, and not of one that is done", () => {
    const task = { task: "cause", dueAt: min(40) + 24 * HOUR_MS };
    const told = story(over, min(40 + 48 * 60), { taken: ["tasks"], openTasks: [task] });
    expect(told).toEqual([[40 + 24 * 60, "task_due:cause"]]);
    expect(story(over, min(40 + 48 * 60), { taken: ["tasks"] })).toEqual([]);
  });

  it("is over now though its source's clock is ahead of ours", () => {
    const ahead = { ...over, resolvedAt: min(400) };
    expect(story(ahead, min(60), { taken: ["page:1:0"] })[0]).toEqual([40, "resolved:0"]);
  });
});

describe("an incident that flaps", () => {
  const window = (at: number) => Math.floor(at / (15 * MINUTE_MS));

  it("is told as back once for each window", () => {
    const back = (minutes: number, times: number, taken: string[]) => {
      const parts = { reopenedAt: min(minutes), reopenings: times, updatedAt: min(minutes) };
      return story(parts, min(minutes), { taken: ["page:1:0", "acknowledge:1", ...taken] });
    };
    expect(back(2, 1, [])).toEqual([[2, `reopened:${window(min(2))}`]]);
    expect(back(4, 2, [`reopened:${window(min(2))}`])).toEqual([]);
    const told = back(16, 3, ["page:1:1", "first_response:1", `reopened:${window(min(2))}`]);
    expect(told).toEqual([[16, `reopened:${window(min(16))}`]]);
  });

  it("is told as over at once the first time, and then only when that lasts for the window", () => {
    const over = (reopenings: number): Partial<Incident> => ({
      status: "resolved",
      resolvedAt: min(10),
      resolvedBy: BY_RECOVERY,
      reopenings,
      reopenedAt: reopenings === 0 ? null : min(8),
      updatedAt: min(10),
    });
    const taken = ["page:1:0", "tasks"];
    expect(story(over(0), min(60), { taken })).toEqual([[10, "resolved:0"]]);
    expect(story(over(2), min(60), { taken })).toEqual([[25, "resolved:2"]]);
    const byAnna = { ...over(2), resolvedBy: "operator:anna" };
    expect(story(byAnna, min(60), { taken })).toEqual([[10, "resolved:2"]]);
  });

  it("goes on up its ladder where it stood, since nobody had it", () => {
    const back: Partial<Incident> = { reopenedAt: min(9), reopenings: 1, updatedAt: min(9) };
    const told = story(back, min(9), { taken: ["page:1:0", "acknowledge:1", "resolved:0"] });
    expect(told.map(([, step]) => step)).toEqual(["page:1:1", `reopened:${window(min(9))}`]);
  });

  it("pages anew, and does not say twice that it is back, when a person had said that it is over", () => {
    const back: Partial<Incident> = {
      reopenedAt: min(50),
      reopenings: 1,
      routedAt: min(50),
      routings: 2,
      updatedAt: min(50),
    };
    const taken = ["page:1:0", "resolved:0", "users:0", "users:1", "executives"];
    expect(story(back, min(50), { taken })).toEqual([[50, "page:2:0"]]);
  });
});

describe("brainbytes' watch after an incident", () => {
  const brainbytes = presetOf("brainbytes");
  const green: Partial<Incident> = { greenSince: T0, route: "critical" };

  it("looks each minute for half an hour, and then ends it", () => {
    const quiet: Parts = { taken: ["page:1:0", "page:1:1", "page:1:1+1"] };
    const told = story(green, min(30), quiet, brainbytes);
    const checks = told.filter(([, step]) => step.startsWith("check:"));
    expect(checks.map(([at]) => at)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
    expect(told.at(-1)).toEqual([30, `end:0:${T0}`]);
  });

  it("ends late with one word, not with half an hour of checks, when its timer is late", () => {
    const { due } = clockOf(stateOf(green, min(200)), brainbytes);
    expect(names(due).filter((step) => /^(check|end):/.test(step))).toEqual([`end:0:${T0}`]);
  });

  it("watches what came back as long again, though it is green since a moment by which it ended before", () => {
    const taken = [`end:0:${T0}`];
    const back = { ...green, reopenedAt: min(60), reopenings: 1, updatedAt: min(61) };
    const { due } = clockOf(stateOf(back, min(61), { taken }), brainbytes);
    expect(names(due).filter((step) => step.startsWith("end:"))).toEqual([]);
    const later = clockOf(stateOf(back, min(90), { taken }), brainbytes);
    expect(names(later.due)).toContain(`end:1:${T0}`);
  });
});

describe("what is aside: a figure or a rule, no outage", () => {
  it("is told to people as its route says, and never to users: nothing that they use is down", () => {
    const steps = (parts: Partial<Incident>) => story(parts, min(110)).map(([, step]) => step);
    const withoutUsers = steps({}).filter((step) => !step.startsWith("users"));
    expect(steps({}).length).toBeGreaterThan(withoutUsers.length);
    expect(steps({ aside: true })).toEqual(withoutUsers);
  });
});

describe("a maintenance", () => {
  const quietEnd = (at: number) => (at >= min(-10) && at < min(60) ? min(60) : null);

  it("keeps what begins in it until its end, and its ladder begins there", () => {
    expect(story({}, min(72), { quietEnd })).toEqual([
      [60, "page:1:0"],
      [65, "acknowledge:1"],
      [67, "page:1:1"],
      [71, "first_response:1"],
    ]);
    const users = story({}, min(110), { quietEnd }).filter(
      ([, step]) => !/^(page|ac|fi)/.test(step),
    );
    expect(users).toEqual([
      [88, "users:0"],
      [93, "executives"],
      [103, "users:1"],
    ]);
  });

  it("holds the rest of a ladder that had begun before it", () => {
    const begun = { createdAt: min(-14), routedAt: min(-14) };
    const told = story(begun, min(81), { quietEnd, taken: ["page:1:0", "acknowledge:1"] });
    expect(told.filter(([, step]) => step.startsWith("page:"))).toEqual([
      [60, "page:1:1"],
      [80, "page:1:1+1"],
    ]);
  });

  it("does not hold what was due before it, and is only late", () => {
    const begun = { createdAt: min(-14), routedAt: min(-14) };
    expect(names(clockOf(stateOf(begun, min(1), { quietEnd }), policy).due)).toEqual(["page:1:0"]);
  });

  it("tells nobody at all of what is over before its end", () => {
    const over = { status: "resolved", resolvedAt: min(50), updatedAt: min(50) } as const;
    expect(story({ ...over, resolvedBy: BY_RECOVERY }, min(600), { quietEnd })).toEqual([
      [50, "tasks"],
    ]);
  });
});

/** Any incident, in any state that it may be in at `now`. */
const anyIncident = fc
  .record({
    status: fc.constantFrom("open", "acknowledged", "resolved"),
    severity: fc.constantFrom("P0", "P1", "P2", "P3"),
    at: fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 4, maxLength: 4 }),
    isGreen: fc.boolean(),
    isBack: fc.boolean(),
    isAnew: fc.boolean(),
    byPerson: fc.boolean(),
  })
  .map(({ status, severity, at, isGreen, isBack, isAnew, byPerson }): Partial<Incident> => {
    const [back = 0, seen = 0, green = 0, over = 0] = at.toSorted((a, b) => a - b).map(min);
    return {
      status,
      severity,
      route: "as-its-severity",
      acknowledgedAt: status === "acknowledged" ? seen : null,
      greenSince: isGreen || status === "resolved" ? green : null,
      resolvedAt: status === "resolved" ? over : null,
      resolvedBy: status !== "resolved" ? null : byPerson ? "operator:anna" : BY_RECOVERY,
      ...(isBack ? { reopenedAt: back, reopenings: 2 } : {}),
      ...(isAnew ? { routedAt: back, routings: 2 } : {}),
      updatedAt: over,
    };
  });
const anyPolicy = fc.constantFrom(policy, ...POLICY_NAMES.map(presetOf));
/** A maintenance, or none. */
const anyQuiet = fc
  .option(
    fc.record({
      from: fc.integer({ min: -60, max: 500 }),
      length: fc.integer({ min: 1, max: 240 }),
    }),
  )
  .map((quiet) => (at: number): number | null => {
    if (quiet === null) return null;
    const end = min(quiet.from + quiet.length);
    return at >= min(quiet.from) && at < end ? end : null;
  });
const anyMoment = fc.integer({ min: 0, max: 1_500 }).map((n) => min(n));
const repeats = (step: string): boolean => /\+\d+$|^(users|check):/.test(step);

/** All that was taken by who looks at these moments, at each of them until nothing is due. */
function takenBy(state: ClockState, moments: readonly number[], by: Policy): Set<string> {
  const taken = new Set(state.taken);
  for (const now of moments) {
    for (;;) {
      const { due } = clockOf({ ...state, taken, now }, by);
      if (due.length === 0) break;
      for (const { step } of due) taken.add(step);
    }
  }
  return taken;
}

describe("whenever the clock is looked at", () => {
  const runs = { numRuns: 400 };

  it("nothing is due any more once what is due was taken, and what comes next comes later", () => {
    fc.assert(
      fc.property(anyIncident, anyPolicy, anyQuiet, anyMoment, (incident, by, quietEnd, now) => {
        const state = stateOf(incident, now, { quietEnd });
        const taken = takenBy(state, [now], by);
        const { due, next } = clockOf({ ...state, taken }, by);
        expect(due).toEqual([]);
        expect(next === null || next > now).toBe(true);
      }),
      runs,
    );
  });

  it("the steps that do not repeat are the same, whenever and however often somebody looked before", () => {
    const moments = fc.array(anyMoment, { maxLength: 8 });
    fc.assert(
      fc.property(
        ...[anyIncident, anyPolicy, anyQuiet, anyMoment, moments],
        (incident, by, quietEnd, end, looks) => {
          const state = stateOf(incident, end, { quietEnd });
          const once = [...takenBy(state, [end], by)].filter((step) => !repeats(step)).sort();
          const before = looks.filter((at) => at <= end);
          const often = [...takenBy(state, [...before, end], by)];
          expect(often.filter((step) => !repeats(step)).sort()).toEqual(once);
        },
      ),
      runs,
    );
  });

  it("each step has a name of its own, and is due in the order of its time", () => {
    fc.assert(
      fc.property(anyIncident, anyPolicy, anyQuiet, anyMoment, (incident, by, quietEnd, now) => {
        const { due } = clockOf(stateOf(incident, now, { quietEnd }), by);
        expect(new Set(names(due)).size).toBe(due.length);
        expect(due.map(({ at }) => at)).toEqual(due.map(({ at }) => at).toSorted((a, b) => a - b));
      }),
      runs,
    );
  });

  it("nobody is paged or reminded of what somebody has, or what is over, and of nothing that falls into a maintenance", () => {
    fc.assert(
      fc.property(anyIncident, anyPolicy, anyQuiet, anyMoment, (incident, by, quietEnd, now) => {
        const { due } = clockOf(stateOf(incident, now, { quietEnd }), by);
        const pages = due.filter(({ does }) => does === "page" || does === "remind");
        if (incident.status !== "open") expect(pages).toEqual([]);
        if (incident.status === "resolved") return; // who was told hears of the end whenever it comes
        const loud = due.filter(({ does }) => !["acknowledged", "check", "end"].includes(does));
        expect(loud.filter(({ at }) => quietEnd(at) !== null)).toEqual([]);
      }),
      runs,
    );
  });

  it("who looks when the clock asks for it is never later than it asked, and at rest in the end", () => {
    fc.assert(
      fc.property(anyIncident, anyPolicy, anyQuiet, (incident, by, quietEnd) => {
        const told = story({ ...incident }, min(1_500), { quietEnd }, by);
        const once = told.map(([, step]) => step);
        expect(new Set(once).size).toBe(once.length);
      }),
      { numRuns: 150 },
    );
  });
});
