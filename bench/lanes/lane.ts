/**
 * A lane is one contender in a process of its own, so that no contender pays for another's garbage, and
 * the processor time of each can be told. The parent gives the word; the lane measures itself.
 */

/** What a lane is opened with. */
export interface LaneSetup {
  /** Which contender: a key of the registry in `registry.ts`. */
  name: string;
  /** Answers for the queue and for KV; empty for lanes that call nobody. */
  sinkUrl: string;
  /** A database of the lane's own, migrated; empty for lanes without one. */
  databaseUrl: string;
}

/** One piece of work that was prepared; rejects when its answer is not the right one. */
export type Work = (index: number) => Promise<void>;

export interface Contender {
  /** Where it listens, if it does. */
  url?: string;
  /** Makes the inputs of so many pieces of work, off the clock. @param target an address to send them to. */
  prepare(count: number, target: string): Promise<Work>;
}

export type Open = (setup: LaneSetup) => Promise<Contender>;

export type Order =
  | { do: "prepare"; count: number; target: string }
  | { do: "run"; atOnce: number; forMs: number }
  | { do: "cpu" };

export interface RunResult {
  done: number;
  elapsedMs: number;
  p50Ms: number;
  p99Ms: number;
  /** Processor time of the lane's process, all threads. */
  cpuMicros: number;
  /** Queries that any Postgres client of the process sent. */
  queries: number;
}

export type Answer =
  | { kind: "ready"; url: string }
  | { kind: "prepared" }
  | { kind: "ran"; result: RunResult }
  | { kind: "cpu"; cpuMicros: number };
