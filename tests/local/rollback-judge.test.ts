import { expect, it } from "vitest";
import { judge, type Seen } from "../../local/rollback/judge.js";
import type { Told } from "../../local/rollback/story.js";

const NOTHING: Seen = {
  rows: () => Promise.resolve([]),
  mails: () => Promise.resolve([]),
  shop: {
    pay: () => Promise.reject(new Error("nobody pays")),
    statusOf: () => Promise.resolve("processing"),
    refunds: () => Promise.resolve([]),
  },
  signalbox: () => Promise.resolve({ code: 0, out: '{"data":[{"differs":true}]}', err: "" }),
};
const TOLD: Told = {
  payments: { nok: "pi_1" },
  corrections: {},
  noticedAt: 0,
  heldAt: 121_000,
  failedFrom: "",
  failedTo: "",
  keys: { anna: "", ben: "" },
  surprises: ["signalbox sources hold stripe ended with 1, not 0"],
};

it("the judge of the rollback finds a platform wanting on which nothing was put right", async () => {
  const { wrong, checked } = await judge(NOTHING, TOLD);
  expect(wrong[0]).toBe(TOLD.surprises[0]);
  const said = wrong.join("\n");
  expect(said).toContain("payments in the ledger: 0, not 8");
  expect(said).toContain('ploy: entitlement: null, not ["ADVANCED","active",6]');
  expect(said).toContain('anan: at Stripe: "processing", not "canceled"');
  expect(said).toContain("refunds at Stripe: []");
  expect(said).toContain("malee: mails: []");
  expect(said).toContain('who approved the refund: [], not ["ben"]');
  expect(said).toContain("held within 2 minutes: false, not true");
  expect(said).toContain("affected payments that still differ");
  expect(wrong.length).toBeGreaterThan(checked.length * 0.8);
});
