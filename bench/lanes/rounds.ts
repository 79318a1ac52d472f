import { median } from "../stats.js";
import type { RunResult } from "./lane.js";
import type { Lane } from "./parent.js";

/** What a contender did, each figure the median over the rounds. */
export interface Figures {
  name: string;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Processor time of the contender's own process, per piece of work. */
  cpuMicros: number;
  queries: number;
}

export interface Rounds {
  /** How often each contender has its turn. */
  turns: number;
  /** Rounds of a turn that count. */
  rounds: number;
  roundMs: number;
  /** Pieces of work at once. */
  atOnce: number;
}

/** Pieces of work for a first guess of a contender's speed. */
const FIRST_GUESS = 1_500;
/** So much above the speed seen last is prepared; what is left over would only be garbage to collect. */
const MARGIN = 1.3;
/**
 * Rounds of a turn that do not count. A process that stood idle collects its garbage, and with it the compiled code whose
 * objects are gone: its next 1,500 events cost twice as much as those after them.
 */
const LEAD_IN_ROUNDS = 2;

/**
 * Turns of all contenders, first to last and then last to first, so that a neighbour on the machine falls on all
 * of them alike. Rounds are short, so that few inputs lie about at a time. The first turn only warms up: nothing is
 * compiled, planned or connected yet.
 */
export async function inTurn<T extends { lane: Lane }>(
  contenders: readonly T[],
  { turns, rounds, roundMs, atOnce }: Rounds,
  round: (
    contender: T,
    ask: { count: number; atOnce: number; forMs: number },
  ) => Promise<RunResult>,
): Promise<Figures[]> {
  const results = new Map<T, RunResult[]>(contenders.map((contender) => [contender, []]));
  const speeds = new Map<T, number>();
  const play = async (contender: T): Promise<RunResult> => {
    const seen = speeds.get(contender);
    const count = seen === undefined ? FIRST_GUESS : Math.ceil((seen * roundMs * MARGIN) / 1_000);
    const result = await round(contender, { count, atOnce, forMs: roundMs });
    speeds.set(contender, (result.done / result.elapsedMs) * 1_000);
    return result;
  };
  for (let turn = 0; turn <= turns; turn += 1) {
    for (const contender of turn % 2 === 0 ? contenders : [...contenders].reverse()) {
      for (let i = -LEAD_IN_ROUNDS; i < rounds; i += 1) {
        const result = await play(contender);
        if (turn > 0 && i >= 0) results.get(contender)?.push(result);
      }
    }
  }
  return contenders.map((contender) => {
    const runs = results.get(contender) ?? [];
    const of = (figure: (run: RunResult) => number): number => median(runs.map(figure));
    return {
      name: contender.lane.name,
      perSecond: of((run) => (run.done / run.elapsedMs) * 1_000),
      p50Ms: of((run) => run.p50Ms),
      p99Ms: of((run) => run.p99Ms),
      cpuMicros: of((run) => run.cpuMicros / run.done),
      queries: of((run) => run.queries / run.done),
    };
  });
}
