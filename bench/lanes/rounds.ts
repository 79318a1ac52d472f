import { median } from "../stats.js";
import type { RunResult } from "./lane.js";
import type { Lane } from "./parent.js";

/** What a contender did, each figure the median over the rounds that count. */
export interface Figures {
  name: string;
  perSecond: number;
  /** The same of each turn by itself. */
  turns: readonly number[];
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
const LEAD_IN_ROUNDS = 3;
/** Rounds of the first turn, none of which counts: a large contender is compiled, a part at a time, for its first 10,000 events. */
const WARM_UP_ROUNDS = 16;

const perSecondOf = ({ done, elapsedMs }: RunResult): number => (done / elapsedMs) * 1_000;

/**
 * How often `ours` is as fast as `theirs`: the median over the turns, in each of which both had the same neighbours on
 * the machine, within half a minute.
 */
export const timesAsFast = (ours: Figures, theirs: Figures): number =>
  median(ours.turns.map((perSecond, turn) => perSecond / (theirs.turns[turn] ?? Number.NaN)));

/**
 * Turns of all contenders, first to last and then last to first, so that a neighbour on the machine falls on all
 * of them alike. Rounds are short, so that few inputs lie about at a time. The first turn only warms up.
 */
export async function inTurn<T extends { lane: Lane }>(
  contenders: readonly T[],
  { turns, rounds, roundMs, atOnce }: Rounds,
  round: (
    contender: T,
    ask: { count: number; atOnce: number; forMs: number },
  ) => Promise<RunResult>,
): Promise<Figures[]> {
  /** Of each contender the turns, and of each turn the rounds. */
  const results = new Map<T, RunResult[][]>(contenders.map((contender) => [contender, []]));
  const speeds = new Map<T, number>();
  const play = async (contender: T): Promise<RunResult> => {
    const seen = speeds.get(contender);
    const count = seen === undefined ? FIRST_GUESS : Math.ceil((seen * roundMs * MARGIN) / 1_000);
    const result = await round(contender, { count, atOnce, forMs: roundMs });
    speeds.set(contender, perSecondOf(result));
    return result;
  };
  for (let turn = 0; turn <= turns; turn += 1) {
    for (const contender of turn % 2 === 0 ? contenders : [...contenders].reverse()) {
      const before = turn === 0 ? WARM_UP_ROUNDS : LEAD_IN_ROUNDS;
      for (let i = 0; i < before; i += 1) await play(contender);
      if (turn === 0) continue;
      const played: RunResult[] = [];
      for (let i = 0; i < rounds; i += 1) played.push(await play(contender));
      results.get(contender)?.push(played);
    }
  }
  return contenders.map((contender) => {
    const played = results.get(contender) ?? [];
    const runs = played.flat();
    const of = (figure: (run: RunResult) => number): number => median(runs.map(figure));
    return {
      name: contender.lane.name,
      perSecond: of(perSecondOf),
      turns: played.map((turn) => median(turn.map(perSecondOf))),
      p50Ms: of((run) => run.p50Ms),
      p99Ms: of((run) => run.p99Ms),
      cpuMicros: of((run) => run.cpuMicros / run.done),
      queries: of((run) => run.queries / run.done),
    };
  });
}
