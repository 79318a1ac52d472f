// npm run test:incidents [-- --seed N --runs N --minutes N --policy NAME --only SEED]: whatever fails meanwhile, no page is
// missed, none leaves once somebody has it, and each step is taken once.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startPostgres } from "../../local/postgres.js";
import { isPolicyName, POLICY_NAMES, type PolicyName } from "../../src/policy/names.js";
import { Arena, emptyOutcome, type Outcome } from "./run.js";

const SHOWN_MAX = 20;
/** Histories' seeds of one run do not overlap with the next seed's. */
const SEEDS_OF_RUN = 100_000;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    /** Histories of each policy. */
    runs: { type: "string", default: "1000" },
    /** No history begins after so long. */
    minutes: { type: "string", default: "10" },
    policy: { type: "string" },
    /** Ends with the first history that fails. */
    first: { type: "boolean", default: false },
    /** One history's own seed, as a violation names it. */
    only: { type: "string" },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
const runs = values.only === undefined ? Number(values.runs) : 1;
const minutes = Number(values.minutes);
if (!Number.isSafeInteger(seed)) throw new Error("--seed takes a whole number");
if (!Number.isSafeInteger(runs) || runs < 1) throw new Error("--runs takes a whole number");
if (!(minutes > 0)) throw new Error("--minutes takes a number");
if (values.policy !== undefined && !isPolicyName(values.policy)) {
  throw new Error(`--policy is one of ${POLICY_NAMES.join(", ")}`);
}
const names = POLICY_NAMES.filter((name) => values.policy === undefined || name === values.policy);

const deadline = performance.now() + minutes * 60_000;
const dir = join(import.meta.dirname, `../../.cache/incidents/${seed}-${process.pid}`);
mkdirSync(dir, { recursive: true });
console.log(`Incidents, seed ${seed}: ${runs} histories of each policy, ${minutes} min at most`);
const postgres = await startPostgres({ dataDir: join(dir, "pgdata"), durability: "fast" });

let failed = false;
const isOver = (): boolean => performance.now() > deadline || (values.first && failed);

async function played(name: PolicyName): Promise<Outcome> {
  const outcome = emptyOutcome(name);
  const arena = await Arena.open(postgres, name, `incidents_${name.replace("-", "_")}`);
  try {
    for (let n = 0; n < runs && !isOver(); n += 1) {
      const own = values.only === undefined ? seed * SEEDS_OF_RUN + n : Number(values.only);
      await arena.play(own, outcome);
      failed ||= outcome.violations.length > 0;
    }
  } finally {
    await arena.close();
  }
  return outcome;
}

try {
  const outcomes = await Promise.all(names.map(played));
  console.table(
    Object.fromEntries(
      outcomes.map(({ policy, violations, ...counts }) => [
        policy,
        { ...counts, violations: violations.length },
      ]),
    ),
  );
  const violations = outcomes.flatMap((outcome) => outcome.violations);
  for (const line of violations.slice(0, SHOWN_MAX)) console.log(`  ${line}`);
  const histories = outcomes.reduce((sum, outcome) => sum + outcome.histories, 0);
  console.log(`histories ${histories}, violations ${violations.length}, seed ${seed}`);
  if (violations.length > 0) {
    console.log("One again: npm run test:incidents -- --policy NAME --only ITS-SEED");
  }
  process.exitCode = violations.length > 0 ? 1 : 0;
} finally {
  await postgres.stop();
}
