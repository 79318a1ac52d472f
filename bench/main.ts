import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startPostgres } from "../local/postgres.js";
import { measureDoor } from "./door/measure.js";
import { measureEdgeBundle } from "./edge-bundle.js";
import { measurePath } from "./path/measure.js";
import { measurePlans } from "./plans/measure.js";
import { expectationsOf, type Results, textOf } from "./report.js";
import { measureWorker, settleWal } from "./worker/measure.js";

const USAGE = `npm run bench -- [options]
  --short          fewer and shorter rounds, two minutes
  --only a,b       door, worker, edge, plans, path
  --large          query plans also over a million stored events (minutes, 4 GB of disk)
  --json           one JSON document in place of the tables
  --strict         exit 1 when an expectation is not met
  --profile DIR    a CPU profile of every lane
`;

const PARTS = ["door", "worker", "edge", "plans", "path"] as const;
const AT_ONCE = 20;

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    only: { type: "string", default: PARTS.join(",") },
    large: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    strict: { type: "boolean", default: false },
    profile: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const note = (line: string): void => {
  process.stderr.write(`· ${line}\n`);
};

/** Ctrl-C leaves no Postgres behind. */
function stopOnSignals(stop: () => Promise<void>): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => void stop().finally(() => process.exit(1)));
  }
}

/** A folder that goes with everything in it, whatever happens in between. */
async function inFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "signalbox-bench-"));
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(dir: string): Promise<Results> {
  const wanted = values.only.split(",");
  const profileDir = values.profile === undefined ? undefined : resolve(values.profile);
  if (profileDir !== undefined) mkdirSync(profileDir, { recursive: true });
  const lanes = { dir, profileDir };
  const rounds = values.short
    ? { turns: 3, rounds: 1, roundMs: 200, atOnce: AT_ONCE }
    : { turns: 5, rounds: 6, roundMs: 400, atOnce: AT_ONCE };
  const results: Results = {};
  if (wanted.includes("edge")) {
    note("bundling the edge function");
    results.edge = await measureEdgeBundle(dir, values.short ? 5 : 15);
  }
  if (wanted.includes("door")) {
    note("measuring the door");
    results.door = await measureDoor(rounds, lanes);
  }
  if (wanted.includes("path")) {
    note("starting all of it as npm start does, and measuring the whole path");
    results.path = await measurePath({
      waves: values.short ? 3 : 15,
      atOnce: AT_ONCE,
      stopOnSignals,
    });
  }
  if (!wanted.includes("worker") && !wanted.includes("plans")) return results;
  note("starting Postgres, durable as npm start has it");
  const postgres = await startPostgres({ dataDir: join(dir, "pgdata"), durability: "safe" });
  stopOnSignals(postgres.destroy);
  try {
    if (wanted.includes("worker")) {
      await settleWal(postgres, values.short ? 20 : 100);
      note("measuring the worker");
      results.worker = await measureWorker(rounds, postgres, lanes);
    }
    if (wanted.includes("plans")) {
      results.plans = [];
      for (const events of values.large ? [10_000, 1_000_000] : [10_000]) {
        note(`storing ${events} events and explaining the next ones`);
        results.plans.push(await measurePlans(postgres, events));
      }
    }
    return results;
  } finally {
    await postgres.destroy();
  }
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const startedAt = performance.now();
  const results = await inFolder(measure);
  const expectations = expectationsOf(results);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const machine = `Node ${process.version}, ${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} cores`;
  const text = values.json
    ? JSON.stringify({ machine, seconds, results, expectations }, null, 2)
    : `${textOf(results, expectations)}\n\n${machine}; ${AT_ONCE} at once; ${seconds} s`;
  process.stdout.write(`${text}\n`);
  return values.strict && expectations.some(({ met }) => !met) ? 1 : 0;
}

process.exitCode = await main();
