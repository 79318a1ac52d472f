import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SIGNAL_KINDS, SIGNAL_LEVELS } from "../../src/domain/facts.js";
import { compilePattern } from "../../src/policy/pattern.js";
import { insteadOf, waysOf } from "../../src/policy/recipients.js";
import { decideRoute, routeOf, type SignalView } from "../../src/policy/route.js";
import type { Match, PolicyInput } from "../../src/policy/schema.js";
import { policyWith } from "./policies.js";

const signal: SignalView = {
  source: "better-stack",
  kind: "uptime",
  level: "fatal",
  title: "Shop is down: Timeout (no answer in 30 s)",
  service: "Shop Web",
  environment: "production",
  tags: { threshold: "p95", region: "eu" },
  occurredAt: 0,
};
const severity = (name: string, route: string) => ({
  name,
  meaning: "m",
  respond: "immediate" as const,
  route,
});
const parts = (when: Match, more: Partial<PolicyInput> = {}): Partial<PolicyInput> => ({
  severities: {
    P0: severity("CRITICAL", "page"),
    P1: severity("HIGH", "page"),
    P2: severity("P2", "tell"),
    P3: severity("Low", "kept"),
  },
  routes: {
    page: {
      deliver: "immediate",
      steps: [
        { afterMinutes: 0, roles: ["on-call"], channels: ["pagerduty", "slack"] },
        { afterMinutes: 5, roles: ["on-call", "lead"], channels: ["sms", "email", "slack"] },
      ],
      inDigest: true,
    },
    tell: {
      deliver: "delayed",
      holdMinutes: 10,
      steps: [{ afterMinutes: 0, roles: ["lead"], channels: ["email"] }],
    },
    kept: { deliver: "record" },
    daily: { deliver: "digest" },
  },
  roles: {
    "on-call": { title: "On-call", addresses: { sms: "+66", email: "Ann@b.example" } },
    lead: { title: "Technical lead", addresses: { email: "ann@b.example" } },
  },
  rules: [
    { id: "first", when, severity: "P0", because: "the shop is down" },
    { id: "rest", when: {}, severity: "P2", because: "everything else" },
  ],
  ...more,
});
const ruleFor = (when: Match, of: Partial<SignalView> = {}) =>
  decideRoute({ ...signal, ...of }, policyWith(parts(when))).rule;

describe("decideRoute: a rule takes a signal", () => {
  const cases: [string, Match, Partial<SignalView>, boolean][] = [
    ["without lines: any", {}, {}, true],
    ["by source", { source: ["sentry", "better-stack"] }, {}, true],
    ["by source, whatever its case", { source: ["Better-*"] }, {}, true],
    ["not by another source", { source: ["sentry"] }, {}, false],
    ["by kind", { kind: ["uptime"] }, {}, true],
    ["not by another kind", { kind: ["error", "metric"] }, {}, false],
    ["by level", { level: ["error", "fatal"] }, {}, true],
    ["not by another level", { level: ["error"] }, {}, false],
    ["by the source's name of its service", { service: ["shop *"] }, {}, true],
    ["by the policy's name of its service", { service: ["web"] }, {}, true],
    ["not by a part of the name", { service: ["shop"] }, {}, false],
    ["by environment", { environment: ["prod*"] }, {}, true],
    ["not by an environment that it has not", { environment: ["*"] }, { environment: null }, false],
    ["by a tag", { tags: { Region: ["EU", "us"] } }, {}, true],
    ["by a tag being there", { tags: { region: ["*"] } }, {}, true],
    ["not by a tag that it has not", { tags: { zone: ["*"] } }, {}, false],
    ["not by what every object has", { tags: { constructor: ["*"] } }, {}, false],
    ["only by all of its tags", { tags: { region: ["eu"], threshold: ["avg"] } }, {}, false],
    ["by words anywhere in its title", { text: ["TIMEOUT"] }, {}, true],
    ["by words in their order", { text: ["shop*30 s"] }, {}, true],
    ["not by words in another order", { text: ["30 s*shop"] }, {}, false],
    [
      "with all of a pattern's other characters as they are",
      { text: ["(no answer.in"] },
      {},
      false,
    ],
    ["only when each line holds", { source: ["better-stack"], kind: ["error"] }, {}, false],
  ];
  it.each(cases)("%s", (_name, when, of, taken) => {
    const services = [{ id: "web", names: ["shop web", "shop-*"] }];
    const policy = policyWith(parts(when, { services }));
    expect(decideRoute({ ...signal, ...of }, policy).rule).toBe(taken ? "first" : "rest");
  });

  it("first come first: a later rule never sees what an earlier one takes", () => {
    expect(ruleFor({})).toBe("first");
    expect(ruleFor({ kind: ["error"] })).toBe("rest");
  });

  it("is told rather than lost where no rule takes it", () => {
    const rules = [
      { id: "a", when: { kind: ["error" as const] }, severity: "P3" as const, because: "b" },
    ];
    const decision = decideRoute(signal, policyWith(parts({}, { rules })));
    expect(decision).toMatchObject({ rule: "none", severity: "P1", route: "page" });
    expect(decision.reasons[0]).toContain("No rule takes it");
  });
});

describe("decideRoute: says", () => {
  it("why, in sentences: the service, the rule, who is told and when", () => {
    const services = [{ id: "web", names: ["shop*"] }];
    const decision = decideRoute(signal, policyWith(parts({ kind: ["uptime"] }, { services })));
    expect(decision).toEqual({
      severity: "P0",
      severityName: "CRITICAL",
      rule: "first",
      route: "page",
      service: "web",
      correlationKey: expect.any(String) as string,
      reasons: [
        "`Shop Web` is the service web.",
        "Rule `first` (the shop is down) makes it P0, which this platform calls CRITICAL.",
        "Route `page` tells at once: On-call by pagerduty and slack; after 5 min without an answer On-call and Technical lead by sms, email and slack. It is in the day's mail as well.",
      ],
    });
  });

  it("no other name of a severity that has none, nor a service's own", () => {
    const decision = decideRoute(signal, policyWith(parts({ kind: ["error"] })));
    expect(decision).toMatchObject({ severityName: "P2", service: "Shop Web", route: "tell" });
    expect(decision.reasons).toEqual([
      "Rule `rest` (everything else) makes it P2.",
      "Route `tell` tells after 10 min, unless it is over by then: Technical lead by email.",
    ]);
  });

  it("that a rule has a route of its own", () => {
    const rules = [{ id: "r", when: {}, severity: "P0" as const, route: "daily", because: "b" }];
    const decision = decideRoute(signal, policyWith(parts({}, { rules })));
    expect(decision.route).toBe("daily");
    expect(decision.reasons.slice(1)).toEqual([
      "The rule has a route of its own, `daily`, instead of CRITICAL's `page`.",
      "Route `daily` tells it with the day's mail.",
    ]);
  });
});

describe("routeOf", () => {
  const policy = policyWith(parts({}));
  it.each([
    ["daily", "P0", "digest"],
    ["gone", "P0", "immediate"],
    ["constructor", "P3", "record"],
  ] as const)("%s of %s is told %s", (name, severityOf, deliver) => {
    expect(routeOf(policy, name, severityOf).deliver).toBe(deliver);
  });
});

describe("the correlation key", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom("a", "A", "a&kind=b", "a%26", "=", "&", ""));
  const view = fc.record({
    ...Object.fromEntries(Object.entries(signal).map(([key, value]) => [key, fc.constant(value)])),
    source: text,
    service: text,
    environment: fc.option(text),
    kind: fc.constantFrom(...SIGNAL_KINDS),
  }) as fc.Arbitrary<SignalView>;
  const by = fc.shuffledSubarray(["service", "environment", "kind", "source"] as const, {
    minLength: 1,
  });

  it("is the same for two signals exactly when they agree in what the policy groups by", () => {
    fc.assert(
      fc.property(view, view, by, (one, other, groupBy) => {
        const grouping = { by: groupBy, windowMinutes: 1, flapMinutes: 1 };
        const policy = policyWith(parts({}, { grouping, services: [] }));
        const agree = groupBy.every(
          (part) => (one[part] ?? "").toLowerCase() === (other[part] ?? "").toLowerCase(),
        );
        const keys = [one, other].map((each) => decideRoute(each, policy).correlationKey);
        expect(keys[0] === keys[1]).toBe(agree);
      }),
    );
  });

  it("is read by people: service=web&environment=production", () => {
    const grouping = {
      by: ["service" as const, "environment" as const],
      windowMinutes: 1,
      flapMinutes: 1,
    };
    const services = [{ id: "web", names: ["shop*"] }];
    const { correlationKey } = decideRoute(signal, policyWith(parts({}, { grouping, services })));
    expect(correlationKey).toBe("service=web&environment=production");
  });
});

describe("decideRoute is pure and total", () => {
  it("gives the same decision again, changes nothing, and its severity is its rule's", () => {
    const policy = policyWith(parts({ text: ["a*b"], level: ["fatal"] }));
    const before = JSON.stringify(policy);
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...SIGNAL_LEVELS), (title, level) => {
        const one = decideRoute({ ...signal, title, level }, policy);
        expect(decideRoute({ ...signal, title, level }, policy)).toEqual(one);
        const rule = policy.rules.find(({ id }) => id === one.rule);
        expect(one.severity).toBe(rule?.severity);
        const taken = level === "fatal" && /a.*b/is.test(title);
        expect(one.rule).toBe(taken ? "first" : "rest");
      }),
    );
    expect(JSON.stringify(policy)).toBe(before);
  });
});

describe("a pattern", () => {
  const piece = fc.constantFrom("a", "b", "A", "*", "*", ".", "ab");
  it("matches what a regular expression of it matches", () => {
    fc.assert(
      fc.property(fc.array(piece), fc.array(piece), (pattern, text) => {
        const escaped = pattern.map((each) => (each === "*" ? ".*" : each.replace(".", "\\.")));
        const wanted = new RegExp(`^${escaped.join("")}$`, "is").test(text.join(""));
        expect(compilePattern(pattern.join(""))(text.join(""))).toBe(wanted);
      }),
      { numRuns: 2_000 },
    );
  });

  it("costs no more than the text is long", () => {
    const matches = compilePattern(`${"*a".repeat(30)}*b`);
    expect(matches("a".repeat(100_000))).toBe(false); // a backtracking one would not come back
  });
});

describe("recipients", () => {
  const policy = policyWith(parts({}));
  it("each person once by each channel, a channel of one receiver once, in the order of the channels", () => {
    expect(waysOf(policy, ["on-call", "lead"], ["slack", "sms", "email"])).toEqual([
      { channel: "slack", recipient: "slack" },
      { channel: "sms", recipient: "+66" },
      { channel: "email", recipient: "Ann@b.example" },
    ]);
  });

  it("none for a role without address or that nobody knows, or for no role", () => {
    expect(waysOf(policy, ["lead", "constructor"], ["sms"])).toEqual([]);
    expect(waysOf(policy, [], ["slack", "email"])).toEqual([]);
  });

  it("instead of a channel that failed: the fallbacks in their order, not itself nor those used anyway", () => {
    const fallback = ["email", "slack", "sms"] as const;
    const instead = (failed: "slack" | "sms", used: ("slack" | "email")[]) =>
      insteadOf(policy, { fallback: [...fallback] }, ["on-call"], failed, used);
    expect(instead("slack", []).map(({ channel }) => channel)).toEqual(["email", "sms"]);
    expect(instead("slack", ["slack", "email"]).map(({ channel }) => channel)).toEqual(["sms"]);
    expect(instead("sms", ["email", "slack"])).toEqual([]);
  });
});

describe("what its source calls a signal", () => {
  it("is said where it is another word than ours, and nothing where it is the same", () => {
    const policy = policyWith(parts({}));
    const said = {
      ...signal,
      source: "sentry",
      level: "error",
      tags: { called: "critical" },
    } as const;
    expect(decideRoute(said, policy).reasons).toContain(
      "sentry calls it critical, which counts as error here.",
    );
    expect(decideRoute({ ...said, tags: {} }, policy).reasons.join(" ")).not.toContain("counts as");
  });
});
