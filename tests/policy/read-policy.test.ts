import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differencesOf } from "../../src/policy/differences.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { POLICY_CHARS_MAX, problemText, readPolicy } from "../../src/policy/read-policy.js";

const saidOf = (text: string): string[] =>
  readPolicy(text).problems.map((problem) => problemText("p.yaml", problem));

describe("a policy's file", () => {
  it("takes what it does not say from the preset that it extends, and replaces whole parts", () => {
    const { policy, problems } = readPolicy("extends: tbat\nstorm: {incidents: 3, minutes: 2}\n");
    expect(problems).toEqual([]);
    expect(policy).toEqual({ ...presetOf("tbat"), storm: { incidents: 3, minutes: 2 } });
    expect(policy?.retention.bodyDays, "the preset's own word").toBe(90);
  });

  it.each([
    ["does not say", ""],
    ["says null", ", bodyDays: null"],
  ])(
    "whose retention %s for how many days bodies are kept has none of them deleted",
    (_what, line) => {
      const own = `retention: {logDays: 30, errorDays: 90, auditDays: null${line}}`;
      const { policy, problems } = readPolicy(`extends: tbat\n${own}\n`);
      expect(problems).toEqual([]);
      expect(policy?.retention).toEqual({
        logDays: 30,
        errorDays: 90,
        auditDays: null,
        bodyDays: null,
      });
    },
  );

  it("may be JSON, and may say everything itself", () => {
    const { policy } = readPolicy(JSON.stringify(presetOf("stamford"), null, 2));
    expect(policy).toEqual(presetOf("stamford"));
  });

  it("is there as an example, and could be used as it is", () => {
    const { policy, problems } = readPolicy(readFileSync("policies/example.yaml", "utf8"));
    expect(problems).toEqual([]);
    expect(policy?.services.map(({ id }) => id)).toEqual(["shop"]);
    expect(policy?.retention.bodyDays, "nothing is deleted by an example").toBeNull();
  });

  it.each<[string, string, string[]]>([
    [
      "is no YAML",
      "a: [1",
      [
        "p.yaml:1:6 Flow sequence in block collection must be sufficiently indented and end with a ]",
      ],
    ],
    [
      "says a thing twice",
      "extends: tbat\nname: a\nname: b\n",
      ["p.yaml:3:1 Map keys must be unique"],
    ],
    ["is a list", "- 1", ["p.yaml is no policy: it has no parts, such as `extends: tbat`"]],
    ["is empty", "", ["p.yaml is no policy: it has no parts, such as `extends: tbat`"]],
    [
      "stands for what is not there",
      "name: *who",
      ["p.yaml cannot be read: Unresolved alias (the anchor must be set before the alias): who"],
    ],
    [
      "extends nobody",
      "extends: tbatt",
      [
        "p.yaml:1:10 extends: a policy extends one of tbat, ai-gurus, brainbytes, stamford, runbook",
      ],
    ],
    [
      "has lines of its own",
      "extends: tbat\nstrom: 1\nstorm: {incidents: 1, minutes: 1, x: 2}\n",
      [
        "p.yaml:3:38 storm.x: a policy has no such line",
        "p.yaml:2:8 strom: a policy has no such line",
      ],
    ],
    [
      "misses what is nowhere else",
      "extends: tbat\nstorm: {incidents: 1}\n",
      ["p.yaml:2:8 storm.minutes: Invalid input: expected number, received undefined"],
    ],
    [
      "keeps the bytes of events for less than reconciliation looks back",
      "extends: tbat\nretention: {logDays: 30, errorDays: 90, auditDays: null, bodyDays: 34}\n",
      [
        "p.yaml:2:68 retention.bodyDays: bodies are kept 35 days at least: the nightly reconciliation looks back so far",
      ],
    ],
    [
      "has a word for an answer that there is not",
      `extends: runbook\nseverities:\n  P0: {name: A, meaning: b, respond: soon, route: outage}\n`,
      [
        "p.yaml:3:38 severities.P0.respond: immediate, next_business_day, or a number of `withinMinutes`",
        "p.yaml:3:3 severities.P1: Invalid input: expected object, received undefined",
        "p.yaml:3:3 severities.P2: Invalid input: expected object, received undefined",
        "p.yaml:3:3 severities.P3: Invalid input: expected object, received undefined",
      ],
    ],
    [
      "cannot work: each line that is in the file by its place, the preset's by its path",
      "extends: tbat\ndigest: null\nmaintenance:\n  - {id: a, title: {en: A, th: A}, every: week, weekday: sun, from: '02:00', to: '02:00', noticeHours: null}\n",
      [
        "p.yaml routes.medium.inDigest: there is no digest: say when it is sent, under `digest`",
        "p.yaml routes.low.inDigest: there is no digest: say when it is sent, under `digest`",
        "p.yaml:4:82 maintenance[0].to: it ends as it begins: it is no window",
      ],
    ],
  ])("that %s is refused by its line", (_what, text, said) => {
    expect(saidOf(text)).toEqual(said);
  });

  it("that is too long, or grows by its aliases, is none", () => {
    expect(saidOf(`name: ${"x".repeat(POLICY_CHARS_MAX)}`)).toEqual([
      "p.yaml is longer than a policy may be",
    ]);
    const grows = ["a: &a [x,x,x,x,x,x,x,x,x,x]"];
    for (let n = 1; n < 9; n += 1) {
      const before = String.fromCharCode(96 + n);
      const here = String.fromCharCode(97 + n);
      grows.push(`${here}: &${here} [${Array(10).fill(`*${before}`).join(",")}]`);
    }
    expect(saidOf(grows.join("\n"))).toEqual([
      "p.yaml cannot be read: Excessive alias count indicates a resource exhaustion attack",
    ]);
  });

  it("never throws, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        expect(Array.isArray(readPolicy(text).problems)).toBe(true);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify({ extends: "tbat", routes: value });
        expect(readPolicy(text).problems.length).toBeGreaterThan(0);
      }),
      { numRuns: 200 },
    );
  });
});

describe("the differences of two policies", () => {
  it("are none with itself, and one for each line, whatever its place in a list", () => {
    const tbat = presetOf("tbat");
    expect(differencesOf(tbat, structuredClone(tbat))).toEqual([]);
    const [first, ...rest] = tbat.thresholds;
    if (first === undefined) throw new Error("it has thresholds");
    const moved = { ...tbat, thresholds: [...rest, { ...first, forMinutes: 9 }] };
    expect(differencesOf(tbat, moved)).toEqual([
      { path: "thresholds.not-healthy.forMinutes", before: "1", after: "9" },
      expect.objectContaining({ path: "thresholds (order)" }),
    ]);
    const less = { ...tbat, maintenance: tbat.maintenance.slice(1) };
    expect(differencesOf(tbat, less)).toEqual([
      { path: "maintenance.weekly", before: expect.stringContaining("weekly"), after: null },
    ]);
  });
});
