import { quantile } from "../stats.js";
import type { Answer, LaneSetup, Order, RunResult, Work } from "./lane.js";
import { countedQueries } from "./queries.js";
import { LANES } from "./registry.js";

/** The lane's side: obeys orders until the parent lets go. */
const setup = JSON.parse(process.argv[2] ?? "{}") as LaneSetup;
const say = (answer: Answer): void => {
  process.send?.(answer);
};

const cpuMicros = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

async function run(work: Work, count: number, atOnce: number, forMs: number): Promise<RunResult> {
  const latencies = new Float64Array(count);
  let next = 0;
  let done = 0;
  const queriesBefore = countedQueries();
  const cpuBefore = cpuMicros();
  const startedAt = performance.now();
  const oneAfterAnother = async (): Promise<void> => {
    while (next < count) {
      const begunAt = performance.now();
      if (begunAt - startedAt >= forMs) return;
      next += 1;
      await work(next - 1);
      latencies[done] = performance.now() - begunAt;
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, oneAfterAnother));
  const elapsedMs = performance.now() - startedAt;
  const sorted = latencies.subarray(0, done).sort();
  return {
    done,
    elapsedMs,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    cpuMicros: cpuMicros() - cpuBefore,
    queries: countedQueries() - queriesBefore,
  };
}

const load = LANES[setup.name];
if (load === undefined) throw new Error(`no lane ${setup.name}`);
const contender = await (await load())(setup);

let work: Work = () => Promise.reject(new Error("nothing was prepared"));
let prepared = 0;
const obey = async (order: Order): Promise<Answer> => {
  switch (order.do) {
    case "prepare":
      work = await contender.prepare(order.count, order.target);
      prepared = order.count;
      return { kind: "prepared" };
    case "run":
      return { kind: "ran", result: await run(work, prepared, order.atOnce, order.forMs) };
    case "cpu":
      return { kind: "cpu", cpuMicros: cpuMicros() };
  }
};
process.on("message", (order: Order) => {
  void obey(order).then(say, (error: unknown) => {
    process.stderr.write(`${setup.name}: ${(error as Error).stack}\n`);
    process.exit(1);
  });
});
process.on("disconnect", () => process.exit(0)); // exit, because a profile is written at the exit
say({ kind: "ready", url: contender.url ?? "" });
