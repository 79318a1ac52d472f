import { CommandError, NOT_A_FLOAT, NOT_AN_INTEGER, type Reply, SYNTAX } from "../reply.js";
import type { Store } from "../store.js";

/** A command over the store. `args` leaves the name out; their number was checked by `arity`. */
export interface Command {
  /** As in Redis: the number of words with the name, or, negative, their least number. */
  readonly arity: number;
  /** Whether a success is written to the log and run again on start. */
  readonly writes: boolean;
  readonly run: (store: Store, args: readonly string[], name: string) => Reply;
}

export const read = (arity: number, run: Command["run"]): Command => ({
  arity,
  writes: false,
  run,
});
export const write = (arity: number, run: Command["run"]): Command => ({
  arity,
  writes: true,
  run,
});

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** @throws CommandError unless the text is a plain decimal that fits 64 bits. */
export function int64(text: string, error: string = NOT_AN_INTEGER): bigint {
  if (!/^(?:0|-?[1-9]\d{0,18})$/.test(text)) throw new CommandError(error);
  const value = BigInt(text);
  if (!fitsInt64(value)) throw new CommandError(error);
  return value;
}

export const fitsInt64 = (value: bigint): boolean => value >= INT64_MIN && value <= INT64_MAX;

export const integer = (text: string, error?: string): number => Number(int64(text, error));

/** @throws CommandError unless the text is a decimal number or an infinity; Redis's hexadecimal is not taken. */
export function float(text: string, error: string = NOT_A_FLOAT): number {
  const infinity = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinity !== null) return infinity[1] === "-" ? -Infinity : Infinity;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) throw new CommandError(error);
  return Number(text);
}

/** Argument number `index`; only reached when the arity promised it, so a gap is a syntax error. */
export function at(args: readonly string[], index: number): string {
  const value = args[index];
  if (value === undefined) throw new CommandError(SYNTAX);
  return value;
}

/** Arguments from `start` on, two by two. */
export function pairs(args: readonly string[], start: number): [string, string][] {
  const found: [string, string][] = [];
  for (let i = start; i < args.length; i += 2) found.push([at(args, i), at(args, i + 1)]);
  return found;
}

/** Redis's index range (negative counts from the end) as a half-open slice of `length` items. */
export function slice(start: number, stop: number, length: number): [number, number] {
  const first = Math.max(0, start < 0 ? start + length : start);
  const last = Math.min(length - 1, stop < 0 ? stop + length : stop);
  return first > last ? [0, 0] : [first, last + 1];
}

/** Adds to a decimal kept as text. @throws CommandError on anything that leaves 64 bits. */
export function addInt64(current: string, by: bigint, overflow: string, error?: string): string {
  const sum = int64(current, error) + by;
  if (!fitsInt64(sum)) throw new CommandError(overflow);
  return sum.toString();
}
