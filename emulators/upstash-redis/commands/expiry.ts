import { CommandError, SYNTAX } from "../reply.js";
import { fitsInt64, int64 } from "./arguments.js";

/** How an expiry was given: in seconds or milliseconds, from now or since 1970. */
export interface TimeUnit {
  readonly perMs: bigint;
  readonly absolute: boolean;
}

export const TIME_UNITS = {
  EX: { perMs: 1_000n, absolute: false },
  PX: { perMs: 1n, absolute: false },
  EXAT: { perMs: 1_000n, absolute: true },
  PXAT: { perMs: 1n, absolute: true },
} as const satisfies Record<string, TimeUnit>;

const isTimeUnit = (word: string): word is keyof typeof TIME_UNITS => word in TIME_UNITS;

/**
 * The moment of expiry in milliseconds since 1970.
 *
 * @param positive SET and its kin refuse zero and less; EXPIRE takes them and deletes the key.
 * @throws CommandError as Redis words it, naming the command.
 */
export function expiryMs(
  text: string,
  unit: TimeUnit,
  { now, name, positive }: { now: number; name: string; positive: boolean },
): number {
  const amount = int64(text);
  const invalid = new CommandError(`ERR invalid expire time in '${name}' command`);
  if (positive && amount <= 0n) throw invalid;
  const ms = amount * unit.perMs + (unit.absolute ? 0n : BigInt(now));
  if (!fitsInt64(ms) || !fitsInt64(amount * unit.perMs)) throw invalid;
  return Number(ms);
}

interface StringOptions {
  readonly flags: ReadonlySet<string>;
  readonly time: { readonly text: string; readonly unit: TimeUnit } | null;
}

/**
 * Reads the options of SET and GETEX in any letter case.
 *
 * @param allowed flag words of this command; a time (`EX 10` …) is always allowed, once.
 * @param clashes groups of words of which only one may stand; "time" is any time option.
 */
export function stringOptions(
  args: readonly string[],
  allowed: readonly string[],
  clashes: readonly (readonly string[])[],
): StringOptions {
  const flags = new Set<string>();
  let time: StringOptions["time"] = null;
  for (let i = 0; i < args.length; i++) {
    const word = (args[i] ?? "").toUpperCase();
    const text = args[i + 1];
    if (allowed.includes(word)) flags.add(word);
    else if (isTimeUnit(word) && text !== undefined && time === null) {
      time = { text, unit: TIME_UNITS[word] };
      i += 1;
    } else throw new CommandError(SYNTAX);
  }
  for (const group of clashes) {
    const given = group.filter((word) => (word === "time" ? time !== null : flags.has(word)));
    if (given.length > 1) throw new CommandError(SYNTAX);
  }
  return { flags, time };
}
