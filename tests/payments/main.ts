// npm run test:payments [-- --seed N --histories N]: whatever order, however often, the ledger ends as the gateway's.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startPostgres } from "../../local/postgres.js";
import { paymentsRun } from "./run.js";

const SHOWN_MAX = 20;

const { values } = parseArgs({
  options: { seed: { type: "string" }, histories: { type: "string", default: "2000" } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
const count = Number(values.histories);
if (!Number.isSafeInteger(seed)) throw new Error("--seed takes a whole number");
if (!Number.isSafeInteger(count) || count < 1) throw new Error("--histories takes a whole number");

console.log(`Payment histories, seed ${seed}: ${count} of them`);
const dir = join(import.meta.dirname, `../../.cache/payments/${seed}-${process.pid}`);
mkdirSync(dir, { recursive: true });
const startedAt = performance.now();
const postgres = await startPostgres({ dataDir: join(dir, "pgdata"), durability: "fast" });
try {
  const outcome = await paymentsRun(postgres, { seed, histories: count, atOnce: 40 }, (now) => {
    const line = `${now.histories} of ${count} histories, ${now.events} events, violations ${now.violations.length}`;
    if (process.stdout.isTTY) process.stdout.write(`\r${line}`);
    else if (now.histories % 200 === 0) console.log(line);
  });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  console.log(
    `\nhistories ${outcome.histories}, events ${outcome.events}, deliveries ${outcome.deliveries} in ${outcome.orders} permutations, lost ${outcome.lost}, fetches ${outcome.fetches}, violations ${outcome.violations.length}, ${seconds} s`,
  );
  for (const line of outcome.violations.slice(0, SHOWN_MAX)) console.log(`  ${line}`);
  if (outcome.violations.length > 0) {
    console.log(`Again: npm run test:payments -- --seed ${seed} --histories ${count}`);
  }
  process.exitCode = outcome.violations.length > 0 ? 1 : 0;
} finally {
  await postgres.stop();
}
