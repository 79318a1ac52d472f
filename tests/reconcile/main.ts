// npm run test:reconcile [-- --payments N --seed N] [--kill] [--short]: exactly what differs is found, and heals.
import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { applyMigrations } from "../../local/migrate.js";
import { startPostgres } from "../../local/postgres.js";
import { openDatabase } from "../../src/store/database.js";
import { judge } from "./judge.js";
import { reconcileRun } from "./run.js";

const SHORT_PAYMENTS = 2_000;
const SHOWN_MAX = 20;

const { values } = parseArgs({
  options: {
    payments: { type: "string", default: "100000" },
    seed: { type: "string" },
    pace: { type: "string", default: "1000" },
    ordinary: { type: "boolean", default: false },
    kill: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
const payments = values.short ? SHORT_PAYMENTS : Number(values.payments);
if (!Number.isSafeInteger(seed)) throw new Error("--seed takes a whole number");
if (!Number.isSafeInteger(payments) || payments < 1) {
  throw new Error("--payments takes a whole number");
}
const kills = values.kill ? (values.short ? 2 : 8) : 0;
console.log(`Reconciliation, seed ${seed}: ${payments} payments, ${kills} kills`);

const dataDir = join(import.meta.dirname, `../../.cache/reconcile/${seed}-${process.pid}`);
mkdirSync(dataDir, { recursive: true });
const postgres = await startPostgres({ dataDir: join(dataDir, "pgdata"), durability: "fast" });
try {
  const databaseUrl = await postgres.database("reconcile");
  const dir = resolve(import.meta.dirname, "../../prisma/migrations");
  await applyMigrations({ databaseUrl, dir });
  const limits = { poolMax: 10, preparedStatements: true };
  const times = { connectTimeoutMs: 10_000, queryTimeoutMs: 60_000 };
  const idle: Error[] = []; // of connections that the server's own end breaks
  const database = openDatabase({ url: databaseUrl, ...limits, ...times }, (error) => {
    idle.push(error);
  });
  const { ordinary } = values;
  const plan = { payments, seed, kills, ordinary, pace: Number(values.pace) };
  const say = (line: string) => console.log(line);
  const outcome = await reconcileRun({ database, databaseUrl }, plan, say);
  const problems = [...outcome.problems, ...(await judge(outcome, { ...outcome, database }))];
  const { counts } = outcome.run;
  const seconds = outcome.runMs / 1_000;
  const rows: [string, string | number][] = [
    ["seed", seed],
    ["payments", payments],
    ["events", outcome.events],
    ["seconds to load ours", (outcome.loadMs / 1_000).toFixed(1)],
    ["objects compared", counts.objects],
    ["undelivered events sent", counts.undelivered],
    ["discrepancies found", counts.found],
    ["mentioned", counts.mentioned],
    ["healed", counts.healed],
    ["kills", outcome.kills],
    ["seconds of the run", seconds.toFixed(1)],
    ["objects a second", Math.round(counts.objects / seconds)],
    ["peak memory of the worker, MB", Math.round(outcome.peakBytes / 1e6)],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(40)}${String(value).padStart(10)}`);
  for (const problem of problems.slice(0, SHOWN_MAX)) console.log(`FAILED  ${problem}`);
  if (problems.length === 0) {
    console.log("\nExactly what differed was found, all of it is healed, and it balances.");
  }
  process.exitCode = problems.length > 0 ? 1 : 0;
  await Promise.all([outcome.emulator.close(), database.close()]);
} finally {
  await postgres.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
