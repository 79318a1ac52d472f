import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../cli/run.js";
import { ADMIN_TOKEN, type House, openHouse } from "../support/house.js";

let h: House;
beforeAll(async () => {
  h = await openHouse();
});
afterAll(() => h.close());

/** What the command printed, and how it ended. */
const signalbox = (...args: string[]) =>
  run(args, { SIGNALBOX_URL: h.url, ADMIN_TOKEN, NO_COLOR: "1" });

interface Told {
  data: {
    status: string;
    balanced: boolean;
    counts: Record<string, number>;
    findings: { kind: string; objectKind: string; externalId: string }[];
    balance: { kind: string; ours: object; theirs: object }[];
  };
  open: { kind: string; externalId: string }[];
}

describe("signalbox reconcile", () => {
  const payments = 25;

  it("finds what was never delivered, only looking at first", async () => {
    h.stripe.seed({ payments, undelivered: 1, seed: 3 });
    const { code, out } = await signalbox("reconcile", "--from", "35d", "--dry-run", "--json");
    const { data } = JSON.parse(out) as Told;
    expect(data).toMatchObject({ status: "succeeded", balanced: true, counts: { healed: 0 } });
    expect(data.counts.found).toBe(data.counts.objects);
    expect(data.findings).toHaveLength(Math.min(100, Number(data.counts.found)));
    expect(new Set(data.findings.map(({ kind }) => kind))).toEqual(new Set(["missing_here"]));
    const [first] = data.findings;
    const one = ["--object", String(first?.externalId), "--dry-run"];
    const table = await signalbox("reconcile", ...one);
    expect(table.out).toMatch(
      new RegExp(`missing_here +${first?.objectKind} ${first?.externalId} +none`),
    );
    expect(code).toBe(1);
    expect(await h.list("payments")).toEqual([]);
  }, 90_000);

  it("sends it through the queue, waits for it, and balances", async () => {
    const { code, out, err } = await signalbox("reconcile", "--from", "35d");
    expect(out, err).toContain("It balances");
    expect(out, err).toMatch(/payment\s+succeeded/);
    expect(code).toBe(0);
    expect(await h.list("payments")).toHaveLength(payments);
    expect(await h.list("discrepancies")).not.toEqual([]);
    expect(new Set((await h.list("discrepancies")).map(({ status }) => status))).toEqual(
      new Set(["healed"]),
    );
  }, 90_000);

  it("does nothing a second time, and one object alone is enough", async () => {
    const again = await signalbox("reconcile", "--from", "35d", "--json");
    const { data } = JSON.parse(again.out) as Told;
    expect(data.counts).toMatchObject({ found: 0, mentioned: 0 });
    const [payment] = await h.list("payments");
    const one = await signalbox("reconcile", "--object", String(payment?.externalId), "--json");
    expect(JSON.parse(one.out)).toMatchObject({ data: { counts: { objects: 1, found: 0 } } });
    const wrong = await signalbox("reconcile", "--object", "nonsense");
    expect(wrong.code).toBe(1);
    const nobodys = await signalbox("reconcile", "--object", "pi_nobody");
    expect(nobodys.out).toContain("nor the ledger has pi_nobody: check the id and the mode.");
    expect(nobodys.code).toBe(1);
  }, 90_000);

  it("does not call a range right in which nothing can lie", async () => {
    for (const range of [
      ["--from", "1h", "--to", "2h"],
      ["--from", "2099-01-01"],
      ["--to", "2099-01-01"],
    ]) {
      const { code, out, err } = await signalbox("reconcile", ...range);
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toMatch(/from: must be (before to|in the past); it is \d{4}-/);
    }
  }, 90_000);

  it("goes on by the timer", async () => {
    const answer = await h.cron("reconcile");
    expect(await answer.json()).toMatchObject({ job: "reconcile", runs: { begun: 2, wentOn: 2 } });
    const runs = await h.list("reconciliations");
    expect(runs.filter(({ actor }) => String(actor).startsWith("cron:"))).toMatchObject([
      { status: "succeeded", balanced: true },
      { status: "succeeded", balanced: true },
    ]);
  }, 90_000);
});
