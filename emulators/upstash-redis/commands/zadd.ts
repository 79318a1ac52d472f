import { CommandError, type Reply, SYNTAX } from "../reply.js";
import type { Store } from "../store.js";
import { at, float, pairs } from "./arguments.js";
import { formatScore } from "./score.js";

const FLAGS = ["NX", "XX", "GT", "LT", "CH", "INCR"];

interface Additions {
  readonly flags: ReadonlySet<string>;
  readonly members: readonly { readonly member: string; readonly score: number }[];
}

function readAdditions(args: readonly string[]): Additions {
  const flags = new Set<string>();
  let i = 0;
  for (; i < args.length && FLAGS.includes(at(args, i).toUpperCase()); i++) {
    flags.add(at(args, i).toUpperCase());
  }
  const words = args.slice(i);
  if (words.length === 0 || words.length % 2 !== 0) throw new CommandError(SYNTAX);
  const [nx, xx, gt, lt] = ["NX", "XX", "GT", "LT"].map((flag) => flags.has(flag));
  if (nx && xx) {
    throw new CommandError("ERR XX and NX options at the same time are not compatible");
  }
  if ((gt && nx) || (lt && nx) || (gt && lt)) {
    throw new CommandError("ERR GT, LT, and/or NX options at the same time are not compatible");
  }
  if (flags.has("INCR") && words.length > 2) {
    throw new CommandError("ERR INCR option supports a single increment-element pair");
  }
  const members = pairs(words, 0).map(([score, member]) => ({ member, score: float(score) }));
  return { flags, members };
}

/** The score that a member gets, or null where the flags leave it as it is. */
function nextScore(
  flags: ReadonlySet<string>,
  before: number | undefined,
  given: number,
): number | null {
  if (before === undefined) return flags.has("XX") ? null : given;
  if (flags.has("NX")) return null;
  const next = flags.has("INCR") ? before + given : given;
  if (Number.isNaN(next)) throw new CommandError("ERR resulting score is not a number (NaN)");
  if (flags.has("GT") && next <= before) return null;
  return flags.has("LT") && next >= before ? null : next;
}

function applyAdditions(store: Store, key: string, { flags, members }: Additions): Reply {
  if (store.findAs(key, "zset") === undefined && flags.has("XX")) {
    return flags.has("INCR") ? null : 0;
  }
  const set = store.open(key, "zset");
  let added = 0;
  let changed = 0;
  let last: number | null = null;
  for (const { member, score } of members) {
    const before = set.score(member);
    last = nextScore(flags, before, score);
    if (last === null) continue;
    if (before === undefined) added += 1;
    else if (before !== last) changed += 1;
    set.set(member, last);
  }
  if (flags.has("INCR")) return last === null ? null : formatScore(last);
  return flags.has("CH") ? added + changed : added;
}

export const zadd = (store: Store, args: readonly string[]): Reply =>
  applyAdditions(store, at(args, 0), readAdditions(args.slice(1)));

export const zincrby = (store: Store, args: readonly string[]): Reply =>
  applyAdditions(store, at(args, 0), {
    flags: new Set(["INCR"]),
    members: [{ member: at(args, 2), score: float(at(args, 1)) }],
  });
