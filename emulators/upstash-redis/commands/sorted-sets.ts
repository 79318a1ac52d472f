import { CommandError, type Reply, SYNTAX } from "../reply.js";
import { type Scored, SortedSet } from "../sorted-set.js";
import type { Store } from "../store.js";
import { at, type Command, float, integer, read, slice, write } from "./arguments.js";
import { formatScore } from "./score.js";
import { zadd, zincrby } from "./zadd.js";

const NOT_A_BOUND = "ERR min or max is not a float";
const NOTHING = new SortedSet();

const zset = (store: Store, key: string): SortedSet => store.dataAs(key, "zset") ?? NOTHING;

interface Bound {
  readonly score: number;
  readonly excluded: boolean;
}

const bound = (text: string): Bound =>
  text.startsWith("(")
    ? { score: float(text.slice(1), NOT_A_BOUND), excluded: true }
    : { score: float(text, NOT_A_BOUND), excluded: false };

/** The ranks between two scores, as a half-open slice. */
function ranksBetween(set: SortedSet, min: Bound, max: Bound): [number, number] {
  const first = set.firstRank((s) => (min.excluded ? s > min.score : s >= min.score));
  const end = set.firstRank((s) => (max.excluded ? s >= max.score : s > max.score));
  return first < end ? [first, end] : [0, 0];
}

interface RangeOptions {
  byScore: boolean;
  reverse: boolean;
  withScores: boolean;
  limit: { offset: number; count: number } | null;
}

function rangeOptions(args: readonly string[], byScoreAlready: boolean): RangeOptions {
  const options: RangeOptions = {
    byScore: byScoreAlready,
    reverse: false,
    withScores: false,
    limit: null,
  };
  for (let i = 0; i < args.length; i++) {
    const word = at(args, i).toUpperCase();
    if (word === "WITHSCORES") options.withScores = true;
    else if (word === "LIMIT") {
      options.limit = { offset: integer(at(args, i + 1)), count: integer(at(args, i + 2)) };
      i += 2;
    } else if (word === "BYSCORE" && !options.byScore) options.byScore = true;
    else if (word === "REV" && !byScoreAlready && !options.reverse) options.reverse = true;
    else if (word === "BYLEX" && !byScoreAlready) {
      throw new CommandError("ERR BYLEX is not supported by this emulator");
    } else throw new CommandError(SYNTAX);
  }
  // Redis takes a count of -1 for "no LIMIT was given".
  if (options.limit !== null && options.limit.count !== -1 && !options.byScore) {
    throw new CommandError(
      "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    );
  }
  return options;
}

function limited(members: readonly Scored[], limit: RangeOptions["limit"]): readonly Scored[] {
  if (limit === null) return members;
  if (limit.offset < 0) return [];
  return members.slice(limit.offset, limit.count < 0 ? undefined : limit.offset + limit.count);
}

function range(store: Store, args: readonly string[], options: RangeOptions): Reply {
  const [low, high] = options.reverse && options.byScore ? [2, 1] : [1, 2];
  const select = options.byScore
    ? scoreSlice(bound(at(args, low)), bound(at(args, high)))
    : rankSlice(integer(at(args, 1)), integer(at(args, 2)), options.reverse);
  const set = zset(store, at(args, 0));
  const members = set.ordered.slice(...select(set));
  if (options.reverse) members.reverse();
  const wanted = options.byScore ? limited(members, options.limit) : members;
  if (!options.withScores) return wanted.map(({ member }) => member);
  return wanted.flatMap(({ member, score }) => [member, formatScore(score)]);
}

type Slicer = (set: SortedSet) => [number, number];

const scoreSlice =
  (min: Bound, max: Bound): Slicer =>
  (set) =>
    ranksBetween(set, min, max);

const rankSlice =
  (start: number, stop: number, reverse: boolean): Slicer =>
  (set) => {
    const [first, end] = slice(start, stop, set.size);
    return reverse && first < end ? [set.size - end, set.size - first] : [first, end];
  };

const removeRange =
  (slicer: (args: readonly string[]) => Slicer): Command["run"] =>
  (store, args) => {
    const select = slicer(args);
    const set = store.dataAs(at(args, 0), "zset");
    if (set === undefined) return 0;
    const [first, end] = select(set);
    const gone = set.deleteRanks(first, end - 1);
    store.deleteIfEmpty(at(args, 0));
    return gone;
  };

function zrem(store: Store, args: readonly string[]): Reply {
  const set = store.dataAs(at(args, 0), "zset");
  if (set === undefined) return 0;
  const gone = args.slice(1).filter((member) => set.delete(member)).length;
  store.deleteIfEmpty(at(args, 0));
  return gone;
}

function zscore(store: Store, args: readonly string[]): Reply {
  const score = zset(store, at(args, 0)).score(at(args, 1));
  return score === undefined ? null : formatScore(score);
}

function zcount(store: Store, args: readonly string[]): Reply {
  const select = scoreSlice(bound(at(args, 1)), bound(at(args, 2)));
  const [first, end] = select(zset(store, at(args, 0)));
  return end - first;
}

export const sortedSetCommands: Record<string, Command> = {
  zadd: write(-4, zadd),
  zincrby: write(4, zincrby),
  zrem: write(-3, zrem),
  zscore: read(3, zscore),
  zcard: read(2, (store, args) => zset(store, at(args, 0)).size),
  zcount: read(4, zcount),
  zrange: read(-4, (store, args) => range(store, args, rangeOptions(args.slice(3), false))),
  zrangebyscore: read(-4, (store, args) => range(store, args, rangeOptions(args.slice(3), true))),
  zremrangebyscore: write(
    4,
    removeRange((args) => scoreSlice(bound(at(args, 1)), bound(at(args, 2)))),
  ),
  zremrangebyrank: write(
    4,
    removeRange((args) => rankSlice(integer(at(args, 1)), integer(at(args, 2)), false)),
  ),
};
