// npm run test:outage [-- --seed N] [--short] [--only kv:hung,slack:500] [--keep]: every part fails in every way.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readBooks } from "../faults/ledger.js";
import { observe } from "../faults/observe.js";
import { seededRandom } from "../faults/random.js";
import { openSite } from "../faults/site.js";
import { FULL, type OutageCase, SHORT } from "./cases.js";
import { problemsOf, tableOf } from "./report.js";
import { type CaseOutcome, outageRun, type Proxies, startProxies, throughProxies } from "./run.js";

const CLOCK_SCALE = 10;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    short: { type: "boolean", default: false },
    only: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
if (!Number.isSafeInteger(seed)) throw new Error("--seed takes a whole number");

function chosen(): readonly OutageCase[] {
  if (values.only === undefined) return values.short ? SHORT : FULL;
  const all = values.short ? [...SHORT, ...FULL] : FULL;
  return values.only.split(",").map((name) => {
    const found = all.find((outage) => outage.name === name);
    if (found === undefined) {
      throw new Error(`no case ${name}; there are ${FULL.map((c) => c.name).join(", ")}`);
    }
    return found;
  });
}

const cases = chosen();
const dir = join(import.meta.dirname, `../../.cache/outage/${seed}-${process.pid}`);
mkdirSync(dir, { recursive: true });
console.log(`Outage run, seed ${seed}: ${cases.map(({ name }) => name).join(", ")}\n`);

let proxies: Proxies | null = null;
const site = await openSite({
  dir,
  addressesForApp: (real) => (proxies === null ? real : throughProxies(real, proxies)),
});
const outcomes: CaseOutcome[] = [];
const problems: string[] = [];
try {
  await site.startPlatform();
  proxies = await startProxies(site.addresses());
  await site.startApp();
  const observer = observe(site);
  await observer.qstash("clock", { scale: CLOCK_SCALE });
  const run = outageRun({
    site,
    proxies,
    random: seededRandom(seed),
    eventsPerCase: values.short ? 12 : 24,
    restTimeoutMs: 180_000,
    say: (line) => console.log(line),
  });
  for (const [index, outage] of cases.entries()) {
    const outcome = await run(outage, index);
    outcomes.push(outcome);
    const found = problemsOf(outcome);
    problems.push(...found);
    const seconds = (outcome.durationMs / 1000).toFixed(0);
    console.log(`${outage.name.padEnd(18)} ${found.length === 0 ? "ok" : "FAILED"} (${seconds} s)`);
  }
  console.log(`\n${tableOf(outcomes)}\n`);
  for (const { name, slackDoubles } of outcomes) {
    for (const double of slackDoubles) console.log(`${name}: may be read twice: ${double}`);
  }
  for (const problem of problems) console.log(`FAILED  ${problem}`);
  if (problems.length === 0) console.log("Nothing lost, nothing doubled.");
  else {
    const books = await readBooks(observer);
    writeFileSync(`${dir}.json`, JSON.stringify({ seed, outcomes, books }, null, 2));
    console.log(`\nWhat was found is in ${dir}.json, the logs in ${dir}.`);
  }
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await Promise.all(Object.values(proxies ?? {}).map((proxy) => proxy.close()));
  await site.close();
}
if (process.exitCode === 0 && !values.keep) site.remove();
