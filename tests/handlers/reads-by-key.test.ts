import { afterAll, beforeAll, expect, it } from "vitest";
import { sampleNames } from "../../cli/samples/index.js";
import { type RunEventDeps, runEvent } from "../../src/handlers/run-event.js";
import { runDeps, sampleRun } from "../support/events.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

/** Where events are run, and one in which no table has a row or has ever had one. */
let w: StoreWorld;
let empty: StoreWorld;
let deps: RunEventDeps;
/** The texts of all loads. */
const loads = new Set<string>();
beforeAll(async () => {
  [w, empty] = await Promise.all([storeWorld({ poolMax: 1 }), storeWorld()]);
  const query: typeof w.database.query = (text, values) => {
    if (text.startsWith("SELECT r.n, ")) loads.add(text);
    return w.database.query(text, values);
  };
  deps = { ...runDeps(w), database: { ...w.database, query } };
});
afterAll(async () => {
  await Promise.all([w.close(), empty.close()]);
});

interface Node {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Cond"?: string;
  Plans?: Node[];
}
/** By more than its account and mode, which all rows may have in common. */
const KEYED = /\b(id|external_id|event_id|event_key|payment_id|source|\w+_ref) = /;
/** A dispute is a signal too: what that reads, incident-reads.test.ts looks at. */
const OF_SIGNALS = /^(alert|deployment|deployment_target|incident|signal|timer)$/;
const all = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(all)];

// A worker keeps the plan that it made on its first days: one that reads a whole table does so when it is large.
it("an event's load finds all rows by their keys, though its plan was made while all tables were empty", async () => {
  const samples = sampleNames("stripe").filter((name) => !name.startsWith("thin-"));
  for (const name of samples) await runEvent(await sampleRun("stripe", name), deps);
  const wide = [...loads].filter((text) => text.includes("ofSubscription0"));
  expect(wide.length).toBeGreaterThan(3);
  expect(wide.length).toBeLessThan(loads.size);
  for (const text of loads) {
    const plan = (await empty.genericPlan(text)) as Node;
    const reads = all(plan).filter((node) => !OF_SIGNALS.test(node["Relation Name"] ?? "signal"));
    expect(reads.length).toBeGreaterThan(3);
    for (const node of reads) expect(node["Index Cond"] ?? node["Node Type"]).toMatch(KEYED);
  }
});

/** How often this session has planned a load anew, since it has had it. */
async function plannedAnew(): Promise<number> {
  const [row] = await w.rows(
    "SELECT sum(custom_plans)::int AS n FROM pg_prepared_statements WHERE statement LIKE 'SELECT r.n, %'",
  );
  return Number(row?.n);
}

it("a load's plan is kept when tables have grown, before Postgres has counted their rows and once it has", async () => {
  let told = 0;
  const hear = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i += 1) {
      told += 1;
      await runEvent(
        await sampleRun("stripe", "payment-succeeded", { uniqueId: `n${told}` }),
        deps,
      );
    }
  };
  await hear(10);
  const before = await plannedAnew();
  await w.rows(
    `INSERT INTO ledger_object SELECT copy.* FROM generate_series(1, 20000) n, ledger_object t,
     LATERAL jsonb_populate_record(NULL::ledger_object, to_jsonb(t) || jsonb_build_object(
       'id', n::text, 'external_id', n::text, 'payment_ref', n::text, 'user_ref', n::text)) copy
     WHERE t.external_id = 'pi_sample_purchase_n1' AND t.kind = 'payment'`,
  );
  await w.rows("ANALYZE event"); // planned again while the new rows are not counted: its cost is a guess
  await hear(1);
  await w.rows("ANALYZE");
  await hear(100);
  expect(await plannedAnew()).toBe(before);
});
