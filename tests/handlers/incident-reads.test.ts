import { afterAll, beforeAll, expect, it } from "vitest";
import { runEvent } from "../../src/handlers/run-event.js";
import { loadIncident } from "../../src/operations/incidents/rows.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { runDeps, sampleRun } from "../support/events.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

/** Where signals are run, and one in which no table has a row or has ever had one. */
let w: StoreWorld;
let empty: StoreWorld;
beforeAll(async () => {
  [w, empty] = await Promise.all([storeWorld({ poolMax: 2 }), storeWorld({ poolMax: 2 })]);
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
const all = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(all)];

/** The newest of a few, found from its end; what limits it reads no more than that. */
const FROM_ITS_END = /incident_created_at_idx/;
const BY_KEY =
  /\b(id|\w+_id|group_key|correlation_key|event_key|source|subject|cause|name\)|opened_at|created_at|starts_at|ends_at)\b/;

const SAMPLES = [
  ["better-stack", "incident-started"],
  ["better-stack", "incident-acknowledged"],
  ["sentry", "issue-created"],
  ["vercel", "deployment-error"],
  ["vercel", "deployment-succeeded"],
  ["sentry", "issue-resolved"],
  ["better-stack", "incident-resolved"],
] as const;

/** The loads of signals, and of an incident's clock, each text once. */
async function loads(): Promise<string[]> {
  const texts = new Set<string>();
  const query: typeof w.database.query = (text, values) => {
    if (text.startsWith("SELECT r.n, ")) texts.add(text);
    return w.database.query(text, values);
  };
  const database = { ...w.database, query };
  for (const [source, name] of SAMPLES) {
    await runEvent(await sampleRun(source, name), { ...runDeps(w), database });
  }
  const [incident] = await w.rows("SELECT id FROM incident LIMIT 1");
  await loadIncident(String(incident?.id), presetOf("runbook"), w.ctx.now, database);
  return [...texts];
}

// A storm's ten thousand signals each do this: what reads a whole table then does so ten thousand times.
it("a signal's load, and a clock's, find all rows by their keys, whatever the tables have grown to", async () => {
  const texts = await loads();
  expect(texts.length).toBeGreaterThan(2);
  const scans = new Set<string>();
  let asksNothing = 0;
  for (const text of texts) {
    const plan = (await empty.genericPlan(text)) as Node;
    const reads = all(plan).filter(
      (node) => "Relation Name" in node && node["Node Type"] !== "Bitmap Heap Scan",
    );
    for (const node of reads) {
      const index = JSON.stringify(node);
      if (BY_KEY.test(node["Index Cond"] ?? "") || FROM_ITS_END.test(index)) continue;
      scans.add(`${node["Relation Name"]} by ${node["Node Type"]}`);
    }
    if (JSON.stringify(plan).includes("One-Time Filter")) asksNothing += 1;
  }
  expect([...scans]).toEqual([]);
  // This deployment's own incidents are looked through for its own trouble only.
  expect(asksNothing).toBeGreaterThan(0);
});
