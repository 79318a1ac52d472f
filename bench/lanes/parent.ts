import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Answer, LaneSetup, Order, RunResult } from "./lane.js";

/** An answer that takes longer means a lane that hangs. */
const ANSWER_TIMEOUT_MS = 120_000;

export interface Lane {
  readonly name: string;
  readonly url: string;
  prepare(count: number, target?: string): Promise<void>;
  run(atOnce: number, forMs: number): Promise<RunResult>;
  cpuMicros(): Promise<number>;
  close(): Promise<void>;
}

export interface LanesOptions {
  /** For what lanes write on their standard output: our log lines go to a file, as they would in production. */
  dir: string;
  /** Where each lane leaves a CPU profile at its end. */
  profileDir: string | undefined;
}

export async function openLane(
  given: Pick<LaneSetup, "name"> & Partial<LaneSetup>,
  { dir, profileDir }: LanesOptions,
): Promise<Lane> {
  const setup: LaneSetup = { sinkUrl: "", databaseUrl: "", ...given };
  const fileName = setup.name.replaceAll(/\W+/g, "-");
  const log = openSync(join(dir, `${fileName}.log`), "a");
  const profile = profileDir && ["--cpu-prof", "--cpu-prof-dir", join(profileDir, fileName)];
  const child = fork(
    join(import.meta.dirname, "../../scripts/typescript.mjs"),
    ["bench/lanes/child.ts", JSON.stringify(setup)],
    {
      execArgv: profile || [],
      env: { ...process.env, NODE_ENV: "production" },
      stdio: ["ignore", log, "inherit", "ipc"],
    },
  );
  closeSync(log);
  const ready = await answerOf(child, setup.name, "ready");
  const ask = <K extends Answer["kind"]>(order: Order, kind: K) => {
    const answer = answerOf(child, setup.name, kind);
    child.send(order);
    return answer;
  };
  return {
    name: setup.name,
    url: ready.url,
    async prepare(count, target = "") {
      await ask({ do: "prepare", count, target }, "prepared");
    },
    run: async (atOnce, forMs) => (await ask({ do: "run", atOnce, forMs }, "ran")).result,
    cpuMicros: async () => (await ask({ do: "cpu" }, "cpu")).cpuMicros,
    close: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once("exit", () => resolve());
        if (child.connected) child.disconnect();
      }),
  };
}

function answerOf<K extends Answer["kind"]>(
  child: ChildProcess,
  name: string,
  kind: K,
): Promise<Extract<Answer, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      child.off("message", onMessage);
      child.off("exit", onExit);
      settle();
    };
    const onMessage = (answer: Answer): void => {
      if (answer.kind === kind) end(() => resolve(answer as Extract<Answer, { kind: K }>));
    };
    const onExit = (code: number | null): void =>
      end(() => reject(new Error(`the lane "${name}" ended with ${code}`)));
    const timer = setTimeout(() => {
      end(() => reject(new Error(`the lane "${name}" gave no answer in ${ANSWER_TIMEOUT_MS} ms`)));
    }, ANSWER_TIMEOUT_MS);
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}
