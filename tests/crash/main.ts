// npm run test:crash [-- --seed N] [--short] [--keep]: no crash loses an event or makes one happen twice.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readBooks } from "../faults/ledger.js";
import { observe } from "../faults/observe.js";
import { openSite } from "../faults/site.js";
import { report } from "./report.js";
import { type CrashPlan, crashRun } from "./run.js";

const FULL: Omit<CrashPlan, "seed"> = {
  events: 200,
  appKills: 10,
  platformKills: 2,
  trafficMs: 60_000,
  restTimeoutMs: 240_000,
};
const SHORT: Omit<CrashPlan, "seed"> = {
  events: 60,
  appKills: 3,
  platformKills: 1,
  trafficMs: 15_000,
  restTimeoutMs: 90_000,
};

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    short: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
if (!Number.isSafeInteger(seed)) throw new Error("--seed takes a whole number");
const plan: CrashPlan = { ...(values.short ? SHORT : FULL), seed };

const dir = join(import.meta.dirname, `../../.cache/crash/${seed}-${process.pid}`);
mkdirSync(dir, { recursive: true });
console.log(
  `Crash run, seed ${seed}: ${plan.events} events, ${plan.appKills} kills of the app, ${plan.platformKills} of the platform`,
);

const site = await openSite({ dir });
try {
  const outcome = await crashRun(site, plan, (line) => console.log(line));
  const failed = report(outcome, seed);
  if (failed) {
    const file = `${dir}.json`;
    const books = await readBooks(observe(site));
    writeFileSync(file, JSON.stringify({ plan, outcome, books }, null, 2));
    console.log(
      `\nWhat was found is in ${file}, the logs in ${dir}. Again: npm run test:crash -- --seed ${seed}${values.short ? " --short" : ""}`,
    );
  }
  process.exitCode = failed ? 1 : 0;
} finally {
  await site.close();
}
if (process.exitCode === 0 && !values.keep) site.remove();
