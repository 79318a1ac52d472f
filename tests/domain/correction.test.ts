import { describe, expect, it } from "vitest";
import {
  approve,
  begin,
  type Correction,
  checkPlanner,
  reject,
} from "../../src/domain/correction.js";
import { minorOf } from "../../src/domain/money.js";
import { ADMIN, type Caller } from "../../src/domain/operator.js";
import { HOUR_MS } from "../../src/domain/time.js";

const NOW = Date.UTC(2026, 10, 21, 9);
const by = (name: string, role: Caller["role"] = "operator"): Caller => ({
  actor: `operator:${name}`,
  role,
});
const planned = (given: Partial<Correction> = {}): Correction => ({
  id: "cor_1",
  source: "stripe",
  discrepancyId: null,
  kind: "refund",
  account: "",
  livemode: true,
  externalId: "pi_1",
  amountMinor: null,
  currency: "THB",
  userRef: null,
  packageRef: null,
  status: "planned",
  reason: "paid twice",
  plannedBy: "operator:anna",
  approvedBy: null,
  appliedBy: null,
  begunAt: null,
  vendorRef: null,
  error: null,
  createdAt: NOW,
  updatedAt: NOW,
  appliedAt: null,
  version: 0,
  ...given,
});
const approved = (given: Partial<Correction> = {}): Correction =>
  planned({ status: "approved", approvedBy: "operator:ben", ...given });
const codeOf = (act: () => unknown): string => {
  try {
    act();
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("an approval", () => {
  it("is another person's, by name and role", () => {
    expect(approve(planned(), by("ben", "approver"))).toEqual({
      status: "approved",
      approvedBy: "operator:ben",
    });
    expect(approve(approved(), by("ben", "approver"))).toBeNull();
  });

  it.each([
    ["who planned it", planned(), by("anna", "approver"), "forbidden"],
    ["an operator", planned(), by("ben"), "forbidden"],
    [
      "the token of the environment",
      planned(),
      { ...ADMIN, role: "approver" as const },
      "forbidden",
    ],
    ["another one after it", approved(), by("cleo", "approver"), "conflict"],
    ["what is applied", planned({ status: "applied" }), by("ben", "approver"), "conflict"],
  ])("by or of %s is refused", (_, correction, caller, code) => {
    expect(codeOf(() => approve(correction, caller))).toBe(code);
  });

  it("of what moves no money may be the planner's own", () => {
    const adopt = planned({ kind: "adopt" });
    expect(approve(adopt, by("anna", "approver"))).toMatchObject({ approvedBy: "operator:anna" });
  });
});

describe("a beginning", () => {
  it("keeps when it first was, and who approved it", () => {
    expect(begin(approved({ begunAt: NOW - 5 }), by("cleo"), NOW)).toEqual({
      status: "approved",
      approvedBy: "operator:ben",
      appliedBy: "operator:cleo",
      begunAt: NOW - 5,
    });
  });

  it("of what is done at the source may come at any time", () => {
    const done = approved({ begunAt: NOW - 30 * HOUR_MS, vendorRef: "re_1" });
    expect(begin(done, by("cleo"), NOW)).toMatchObject({ begunAt: NOW - 30 * HOUR_MS });
  });

  it("approves by that what needs no second person", () => {
    expect(begin(planned({ kind: "adopt" }), by("anna"), NOW)).toMatchObject({
      approvedBy: "operator:anna",
      begunAt: NOW,
    });
    expect(codeOf(() => begin(planned({ kind: "adopt" }), ADMIN, NOW))).toBe("forbidden");
  });

  it.each([
    ["before an approval", planned(), by("anna"), "forbidden"],
    ["by the approver", approved(), by("ben"), "forbidden"],
    ["by nobody's name", approved(), ADMIN, "forbidden"],
    ["of what has failed", approved({ status: "failed" }), by("anna"), "conflict"],
    ["of what was rejected", approved({ status: "rejected" }), by("anna"), "conflict"],
    ["after a day", approved({ begunAt: NOW - 23 * HOUR_MS - 1 }), by("anna"), "conflict"],
  ])("of a refund %s is refused", (_, correction, caller, code) => {
    expect(codeOf(() => begin(correction, caller, NOW))).toBe(code);
  });

  it("is nothing to do when it is applied", () => {
    expect(begin(approved({ status: "applied" }), by("anna"), NOW)).toBeNull();
  });
});

it("a rejection is of what nobody has begun, or of what is too old to be begun again and has no answer", () => {
  expect(reject(approved(), NOW)).toEqual({ status: "rejected" });
  expect(codeOf(() => reject(approved({ begunAt: NOW - 5 }), NOW))).toBe("conflict");
  const old = approved({ begunAt: NOW - 24 * HOUR_MS });
  expect(reject(old, NOW)).toEqual({ status: "rejected" });
  expect(codeOf(() => reject({ ...old, vendorRef: "re_1" }, NOW))).toBe("conflict");
  expect(codeOf(() => reject(approved({ status: "applied" }), NOW))).toBe("conflict");
});

it("whoever plans what moves money has a name", () => {
  expect(codeOf(() => checkPlanner("refund", ADMIN.actor))).toBe("forbidden");
  expect(codeOf(() => checkPlanner("refund", "operator:anna"))).toBe("none");
  expect(codeOf(() => checkPlanner("adopt", ADMIN.actor))).toBe("none");
});

it.each([
  ["499", "THB", 49_900],
  ["499.5", "THB", 49_950],
  ["0.01", "USD", 1],
  ["500", "JPY", 500],
  ["1.234", "KWD", 1_234],
  ["500.5", "JPY", null],
  ["1.999", "THB", null],
  ["-1", "THB", null],
  ["1e3", "THB", null],
  ["", "THB", null],
])("%j %s is %j minor units", (decimal, currency, minor) => {
  expect(minorOf(decimal, currency)).toBe(minor);
});
