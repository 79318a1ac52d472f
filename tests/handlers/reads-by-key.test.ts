import { afterAll, beforeAll, expect, it } from "vitest";
import { sampleNames } from "../../cli/samples/index.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { runDeps, sampleRun } from "../support/events.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

/** Where events are run, and one in which no table has a row or has ever had one. */
let w: StoreWorld;
let empty: StoreWorld;
beforeAll(async () => {
  [w, empty] = await Promise.all([storeWorld(), storeWorld()]);
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
const KEYED = /\b(id|external_id|event_id|event_key|source|\w+_ref) = /;
const all = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(all)];

/** The loads of the events of these samples, each text once. */
async function loadsOf(samples: readonly string[]): Promise<string[]> {
  const texts = new Set<string>();
  const query: typeof w.database.query = (text, values) => {
    if (text.startsWith("SELECT r.n, ")) texts.add(text);
    return w.database.query(text, values);
  };
  const deps = { ...runDeps(w), database: { ...w.database, query } };
  for (const name of samples) await runEvent(await sampleRun("stripe", name), deps);
  return [...texts];
}

// A worker keeps the plan that it made on its first days: one that reads a whole table does so when it is large.
it("an event's load finds all rows by their keys, though its plan was made while all tables were empty", async () => {
  const samples = sampleNames("stripe").filter((name) => !name.startsWith("thin-"));
  const loads = await loadsOf(samples);
  const wide = loads.filter((text) => text.includes("ofSubscription0"));
  expect(wide.length).toBeGreaterThan(3);
  expect(wide.length).toBeLessThan(loads.length);
  for (const text of loads) {
    const [row] = await empty.rows(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`);
    const [explained] = (row?.["QUERY PLAN"] ?? []) as { Plan: Node }[];
    const reads = (explained === undefined ? [] : all(explained.Plan)).filter(
      (node) => "Relation Name" in node,
    );
    expect(reads.length).toBeGreaterThan(3);
    for (const node of reads) expect(node["Index Cond"] ?? node["Node Type"]).toMatch(KEYED);
  }
});
