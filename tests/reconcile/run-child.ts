// One worker of test:reconcile, in a process of its own: so that its memory is its own, and so that it can be killed.
import { parseArgs } from "node:util";
import type { Reconciliation } from "../../src/domain/reconciliation.js";
import { continueRun, startRun } from "../../src/operations/reconcile/index.js";
import { openDatabase } from "../../src/store/database.js";
import { readRun } from "../../src/store/reconciliation.js";
import { ledgerWorld } from "../support/ledger-world.js";

const { values } = parseArgs({
  options: {
    database: { type: "string", default: "" },
    stripe: { type: "string", default: "" },
    key: { type: "string", default: "" },
    from: { type: "string", default: "" },
    to: { type: "string", default: "" },
    ahead: { type: "string", default: "0" },
    pace: { type: "string", default: "" },
  },
});

/** After a kill the lease of the one before has to run out: its time passes here at once. */
const clock = { now: () => Date.now() + Number(values.ahead) };
const problems: string[] = [];
const said = (action: string, fields: object) =>
  problems.push(`${action} ${JSON.stringify(fields)}`);
const database = openDatabase(
  {
    url: values.database,
    poolMax: 10,
    preparedStatements: true,
    connectTimeoutMs: 10_000,
    queryTimeoutMs: 60_000,
  },
  (error) => problems.push(error.message),
);
const world = ledgerWorld({
  database,
  emulator: { url: values.stripe },
  apiKey: values.key,
  clock,
  log: { info: () => undefined, warn: said, error: said },
  callsPerSecond: Number(values.pace),
});
let peakBytes = 0;
const measure = setInterval(() => {
  peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
}, 50);
const request = { source: "stripe", actor: "operator:test", dryRun: false };
const range = { from: Number(values.from), to: Number(values.to) };
const { id } = await startRun({ ...request, ...range }, world);
const say = (run: Reconciliation | null) => {
  if (run === null) throw new Error("the run is gone");
  console.log(JSON.stringify({ run, peakBytes, problems: problems.splice(0) }));
  return run.status;
};
say(await readRun(database, id));
while (say(await continueRun(id, world, { budgetMs: 500 })) === "running");
clearInterval(measure);
await database.close();
