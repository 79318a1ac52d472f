import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { patternCovers } from "../../src/policy/check/covers.js";
import { pathText } from "../../src/policy/check/problem.js";
import { checkPolicy } from "../../src/policy/check.js";
import { POLICY_NAMES } from "../../src/policy/names.js";
import { compilePattern } from "../../src/policy/pattern.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { decideRoute } from "../../src/policy/route.js";
import { type Match, type Policy, policySchema } from "../../src/policy/schema.js";

type Draft = { -readonly [K in keyof Policy]: Policy[K] };

/** What is said of tbat once it is changed so, each as `line: sentence`. */
function saidOf(change: (policy: Draft) => void, channels?: readonly string[]): string[] {
  const draft = structuredClone(presetOf("tbat")) as Draft;
  change(draft);
  const policy = policySchema.parse(draft);
  return checkPolicy(policy, channels).map(({ path, message }) => `${pathText(path)}: ${message}`);
}
const need = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error("the preset has one");
  return value;
};
const rule = (id: string, when: Match) => ({ id, when, severity: "P3" as const, because: "test" });

describe("a policy's check", () => {
  it.each(POLICY_NAMES)("finds nothing wrong with %s", (name) => {
    expect(checkPolicy(presetOf(name))).toEqual([]);
  });

  it.each<[string, (policy: Draft) => void, string[]]>([
    [
      "a step whose role there is not",
      (p) => need(p.routes.critical?.steps[1]).roles.push("nobody"),
      ["routes.critical.steps[1].roles[3]: there is no role nobody"],
    ],
    [
      "a route without a step",
      (p) => need(p.routes.high).steps.splice(0),
      ["routes.high.steps: it reaches nobody: it has no step"],
    ],
    [
      "an escalation before the first step",
      (p) => Object.assign(need(p.routes.critical?.steps[0]), { afterMinutes: 7 }),
      [
        "routes.critical.steps[0].afterMinutes: the first step is at 0; `holdMinutes` makes a route wait",
        "routes.critical.steps[1].afterMinutes: it is not after the step before, at 7",
      ],
    ],
    [
      "a route that nothing names, and one that is not there",
      (p) => Object.assign(p.severities.P3, { route: "lower" }),
      [
        "severities.P3.route: there is no route lower",
        "routes.low: no severity and no rule uses it",
      ],
    ],
    [
      "a rule's unknown route",
      (p) => Object.assign(need(p.rules[2]), { route: "fast" }),
      ["rules[2].route: there is no route fast"],
    ],
    [
      "a digest that is used and not there",
      (p) => Object.assign(p, { digest: null }),
      [
        "routes.medium.inDigest: there is no digest: say when it is sent, under `digest`",
        "routes.low.inDigest: there is no digest: say when it is sent, under `digest`",
      ],
    ],
    [
      "a wait that is longer than what is promised",
      (p) => Object.assign(need(p.routes.medium), { holdMinutes: 61 }),
      [
        "routes.medium.holdMinutes: it waits 61 min, and is promised within 60",
        "routes.medium.holdMinutes: P2 is to be answered within 60 min, before anybody hears of it",
      ],
    ],
    [
      "a way out that is taken in any case",
      (p) => need(p.routes.low).fallback.push("slack"),
      ["routes.low.fallback[1]: it is never used: no step goes without slack"],
    ],
    [
      "users who are told again, and never first",
      (p) => Object.assign(need(p.clocks[0]), { tellUsersWithinMinutes: null }),
      ["clocks[0].tellUsersEveryMinutes: users are told again, but never for the first time"],
    ],
    [
      "executives without a name, and an acknowledgement after the answer",
      (p) =>
        Object.assign(need(p.clocks[0]), {
          acknowledgeWithinMinutes: 20,
          executives: { roles: [], channels: [] },
        }),
      [
        "clocks[0].acknowledgeWithinMinutes: an answer is due after 15 min, so somebody must have it by then, not after 20",
        "clocks[0].executives: executives are to be told: name their roles and channels",
      ],
    ],
    [
      "two clocks of one severity",
      (p) => p.clocks.push({ ...need(p.clocks[0]), severities: ["P1"], tasks: [] }),
      ["clocks[1].severities[0]: P1 has its clocks in clocks[0] already"],
    ],
    [
      "a threshold with two limits, one with none, and ends on the wrong side",
      (p) => {
        Object.assign(need(p.thresholds[0]), { above: 2 });
        p.thresholds[1] = { ...need(p.thresholds[1]), below: undefined } as never;
        Object.assign(need(p.thresholds[2]), { clear: 80 });
        Object.assign(need(p.thresholds[3]), { clear: 301 });
      },
      [
        "thresholds[0]: it has both `above` and `below`: one of them",
        "thresholds[1]: it has neither `above` nor `below`, so it is never crossed",
        "thresholds[2].clear: it is over at 80, where it is crossed still: not under 90",
        "thresholds[3].clear: it is over at 301, where it is crossed still: not over 300",
      ],
    ],
    [
      "a share that is more than all",
      (p) => Object.assign(need(p.thresholds[6]), { above: 100 }),
      ["thresholds[6].above: error_rate_percent is never above 100"],
    ],
    [
      "a window that is none, and a period that ends before it begins",
      (p) => {
        Object.assign(need(p.maintenance[0]), { to: "02:00" });
        Object.assign(need(p.lockdown.periods[0]), { to: "2025-09-20T00:00:00+07:00" });
      },
      [
        "maintenance[0].to: it ends as it begins: it is no window",
        "lockdown.periods[0].to: it ends before it begins",
      ],
    ],
    [
      "a time before an exam that nobody answers for",
      (p) => Object.assign(need(p.lockdown.approvals[0]), { untilHoursBefore: 3 }),
      ["lockdown.approvals[0].untilHoursBefore: from 3 h until 2 h before an exam nobody approves"],
    ],
    [
      "approvals that overlap, and end before the exam does",
      (p) => {
        Object.assign(need(p.lockdown.approvals[0]), { untilHoursBefore: 1 });
        p.lockdown.approvals.pop();
      },
      [
        "lockdown.approvals[0].untilHoursBefore: it goes on into the time of cto, from 2 h before an exam",
        "lockdown.approvals[1].untilHoursBefore: the last approval lasts until the exam's end: null",
      ],
    ],
    [
      "a flap that is longer than its window, and a watch shorter than its interval",
      (p) => {
        Object.assign(p.grouping, { flapMinutes: 61 });
        Object.assign(p.recovery, { watchMinutes: 1, checkEveryMinutes: 5 });
      },
      [
        "grouping.flapMinutes: it is longer than the window of an incident, 60 min",
        "recovery.watchMinutes: it watches for 1 min, and would look after 5",
      ],
    ],
    [
      "a service that is another already",
      (p) => {
        p.services = [
          { id: "web", names: ["Shop*"] },
          { id: "pay", names: ["shop: checkout"] },
        ];
      },
      ["services[1].names[0]: shop: checkout is the service web already"],
    ],
    [
      "a threshold that a rule names and nothing measures",
      (p) => p.rules.unshift(rule("typo", { tags: { threshold: ["slwo"] } })),
      ["rules[0].when.tags.threshold[0]: there is no threshold slwo"],
    ],
    [
      "a message that half of the users cannot read",
      (p) => Object.assign(p.messages, { fixing: { en: "We are at it." } }),
      ["messages.fixing: users read th: it has no words in it"],
    ],
    [
      "a budget whose steps are in the wrong order",
      (p) => Object.assign(p.budgets, { criticalPercent: 80 }),
      ["budgets.warnPercent: it is not under criticalPercent, 80"],
    ],
  ])("names %s by its line", (_what, change, said) => {
    expect(saidOf(change)).toEqual(said);
  });

  it("says everything at once", () => {
    const said = saidOf((p) => {
      Object.assign(need(p.maintenance[0]), { to: "02:00" });
      need(p.routes.high).steps.splice(0);
      p.grouping.flapMinutes = 100;
    });
    expect(said).toHaveLength(3);
  });

  it("says who cannot be reached by what the deployment can send", () => {
    const all = ["slack", "pagerduty", "email", "sms"];
    const said = saidOf((p) => {
      Object.assign(need(p.roles["technical-lead"]), { addresses: { email: "lead@example.com" } });
      Object.assign(need(p.roles.executive), { addresses: { email: "boss@example.com" } });
    }, all);
    expect(said).toEqual([
      "routes.critical.steps[1]: project-manager has no address by email: set `project-manager.email`",
      "routes.critical.steps[1]: on-call has no address by email: set `on-call.email`",
      "routes.high.steps[1]: on-call has no address by email: set `on-call.email`",
      "clocks[0].tasks[2]: project-manager has no address by email: set `project-manager.email`",
    ]);
    const few = saidOf(() => undefined, ["sms"]);
    expect(few).toContain(
      "routes.low.steps[0].channels: it reaches nobody: this deployment cannot send by slack and email",
    );
  });

  it("says which executives, and who owes a task, cannot be reached either", () => {
    const ofClocks = (channels: string[], change: (policy: Draft) => void = () => undefined) =>
      saidOf(change, channels).filter((line) => line.startsWith("clocks[0]"));
    expect(ofClocks(["slack", "email"])).toEqual([
      "clocks[0].tasks[0]: technical-lead has no address by email: set `technical-lead.email`",
      "clocks[0].tasks[1]: technical-lead has no address by email: set `technical-lead.email`",
      "clocks[0].tasks[2]: project-manager has no address by email: set `project-manager.email`",
      "clocks[0].executives: executive has no address by email: set `executive.email`",
    ]);
    const nobody = "it reaches nobody: this deployment cannot send by";
    const withFallback = (p: Draft) => {
      for (const each of ["critical", "high"]) need(p.routes[each]).fallback = ["sms"];
    };
    expect(ofClocks(["pagerduty"], withFallback)).toEqual([
      `clocks[0].tasks[0].channels: ${nobody} email and slack`,
      `clocks[0].tasks[1].channels: ${nobody} email and slack`,
      `clocks[0].tasks[2].channels: ${nobody} email and slack`,
      `clocks[0].executives.channels: ${nobody} email and sms`,
    ]);
  });
});

describe("a rule that no signal reaches", () => {
  const saidOfRules = (rules: Match[]) =>
    saidOf((p) => {
      p.rules = [...rules.map((when, n) => rule(`r${n}`, when)), rule("rest", {})];
    }).filter((line) => line.startsWith("rules"));
  const at = (n: number, takers: string) => [
    `rules[${n}]: no signal reaches it: ${takers} what it would take`,
  ];

  it.each<[string, Match[], string[]]>([
    [
      "after one that takes all",
      [{}, { kind: ["uptime"] }],
      [...at(1, "r0 (rules[0]) takes"), ...at(2, "r0 (rules[0]) takes")],
    ],
    [
      "that says more of the same",
      [{ kind: ["uptime"] }, { kind: ["uptime"], level: ["fatal"] }],
      at(1, "r0 (rules[0]) takes"),
    ],
    [
      "that a pattern covers",
      [{ service: ["Shop*"] }, { service: ["shop-web", "shop: pay*"] }],
      at(1, "r0 (rules[0]) takes"),
    ],
    [
      "that several cover between them",
      [
        { level: ["fatal", "error"] },
        { level: ["warning"] },
        { level: ["error", "warning"], text: ["x"] },
      ],
      at(2, "r0 (rules[0]) and r1 (rules[1]) take"),
    ],
    [
      "that looks for what holds another's words",
      [{ text: ["down"] }, { text: ["is down", "shut*down now"] }],
      at(1, "r0 (rules[0]) takes"),
    ],
    [
      "whose tag is any, after the same",
      [{ tags: { Check: ["*"] } }, { tags: { check: ["health"] } }],
      at(1, "r0 (rules[0]) takes"),
    ],
    ["is none that says less", [{ kind: ["uptime"], level: ["fatal"] }, { kind: ["uptime"] }], []],
    ["is none with a word of its own", [{ service: ["a", "b"] }, { service: ["b", "c"] }], []],
    ["is none of another line", [{ environment: ["*"] }, { service: ["web"] }], []],
  ])("%s", (_what, rules, said) => {
    expect(saidOfRules(rules)).toEqual(said);
  });

  it("is told when each kind and level has its rule before it", () => {
    const levels: Match[] = [{ level: ["fatal", "error"] }, { level: ["warning", "info"] }];
    expect(saidOfRules(levels)).toEqual(at(2, "r0 (rules[0]) and r1 (rules[1]) take"));
  });

  it("never takes a signal, whatever the rules are", () => {
    const word = fc.constantFrom("a", "ab", "a*", "*b", "*", "b*a");
    const some = fc.uniqueArray(word, { minLength: 1, maxLength: 2 });
    const maybe = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined });
    const level = fc.uniqueArray(fc.constantFrom("fatal", "error", "warning", "info"), {
      minLength: 1,
    });
    const when = fc.record({ service: maybe(some), level: maybe(level), text: maybe(some) });
    const name = fc.stringMatching(/^[ab]{0,4}$/);
    const signals = fc.array(
      fc.record({
        service: name,
        title: name,
        level: fc.constantFrom("fatal", "error", "warning", "info"),
      }),
      { minLength: 20, maxLength: 20 },
    );
    fc.assert(
      fc.property(fc.array(when, { minLength: 2, maxLength: 4 }), signals, (rules, seen) => {
        const policy = policySchema.parse({
          ...structuredClone(presetOf("tbat")),
          services: [],
          rules: [...rules.map((one, n) => rule(`r${n}`, one as Match)), rule("rest", {})],
        });
        const unreachable = new Set(
          checkPolicy(policy)
            .filter(({ message }) => message.startsWith("no signal reaches it"))
            .map(({ path }) => policy.rules[Number(path[1])]?.id),
        );
        for (const signal of seen) {
          const taken = decideRoute(
            {
              source: "s",
              kind: "error",
              environment: null,
              tags: {},
              occurredAt: 0,
              ...signal,
            } as never,
            policy,
          );
          expect(unreachable.has(taken.rule)).toBe(false);
        }
      }),
    );
  });
});

describe("what no rule takes", () => {
  it("is named by kind and level", () => {
    const said = saidOf((p) => {
      p.rules = [
        rule("all-but-lag", { kind: ["error", "metric", "uptime", "deployment", "payment"] }),
        rule("quiet", { level: ["info", "warning"] }),
        rule("backups", { kind: ["backup", "certificate", "maintenance", "security"] }),
      ];
    });
    expect(said).toContain(
      "rules: no rule takes lag of level fatal, error; let the last rule take all (`when: {}`)",
    );
  });
});

describe("one pattern covers another", () => {
  const pattern = fc.stringMatching(/^[ab*]{0,5}$/);
  it("only when each text of the narrow one is of the wide one", () => {
    fc.assert(
      fc.property(
        pattern,
        pattern,
        fc.array(fc.stringMatching(/^[abc]{0,6}$/), { maxLength: 30 }),
        (wide, narrow, texts) => {
          if (!patternCovers(wide, narrow)) return;
          const [inWide, inNarrow] = [compilePattern(wide), compilePattern(narrow)];
          for (const text of texts.filter(inNarrow)) expect(inWide(text)).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("whenever each text of the narrow one is, as far as short texts tell", () => {
    const texts = [""];
    for (let n = 0; texts.length < 3 ** 7; n += 1) {
      for (const char of "abc") texts.push(`${texts[n]}${char}`);
    }
    fc.assert(
      fc.property(pattern, pattern, (wide, narrow) => {
        const [inWide, inNarrow] = [compilePattern(wide), compilePattern(narrow)];
        const isCovered = texts.filter(inNarrow).every(inWide);
        expect(patternCovers(wide, narrow)).toBe(isCovered);
      }),
      { numRuns: 300 },
    );
  });
});
