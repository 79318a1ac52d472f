// One worker of test:reconcile, in a process of its own: so that its memory is its own, and so that it can be killed.
import { parseArgs } from "node:util";
import { continueRun, startRun } from "../../src/operations/reconcile/index.js";
import { openDatabase } from "../../src/store/database.js";
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
for (;;) {
  const run = await continueRun(id, world, { budgetMs: 2_000 });
  if (run === null) throw new Error("the run is gone");
  console.log(JSON.stringify({ run, peakBytes, problems: problems.splice(0) }));
  if (run.status !== "running") break;
}
clearInterval(measure);
await database.close();
