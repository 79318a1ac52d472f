import { globToRegExp } from "../glob.js";
import { CommandError, type Reply, SYNTAX } from "../reply.js";
import type { Store } from "../store.js";
import { at, type Command, integer, read, write } from "./arguments.js";
import { expiryMs, TIME_UNITS, type TimeUnit } from "./expiry.js";

const SCAN_COUNT_DEFAULT = 10;

const countWhere = (args: readonly string[], test: (key: string) => boolean): number =>
  args.filter((key) => test(key)).length;

const EXPIRE_OPTIONS = ["NX", "XX", "GT", "LT"];

function expireFlags(args: readonly string[]): Set<string> {
  const flags = new Set<string>();
  for (const arg of args) {
    if (!EXPIRE_OPTIONS.includes(arg.toUpperCase())) {
      throw new CommandError(`ERR Unsupported option ${arg}`);
    }
    flags.add(arg.toUpperCase());
  }
  if (flags.has("NX") && flags.size > 1) {
    throw new CommandError("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (flags.has("GT") && flags.has("LT")) {
    throw new CommandError("ERR GT and LT options at the same time are not compatible");
  }
  return flags;
}

/** A key without expiry counts as living for ever, so GT never and LT always applies to it. */
function mayExpire(flags: ReadonlySet<string>, current: number | null, next: number): boolean {
  if (flags.has("NX") && current !== null) return false;
  if (flags.has("XX") && current === null) return false;
  if (flags.has("GT") && (current === null || next <= current)) return false;
  return !(flags.has("LT") && current !== null && next >= current);
}

const expire =
  (unit: TimeUnit): Command["run"] =>
  (store, args, name) => {
    const flags = expireFlags(args.slice(2));
    const next = expiryMs(at(args, 1), unit, { now: store.now, name, positive: false });
    const entry = store.find(at(args, 0));
    if (entry === undefined || !mayExpire(flags, entry.expiresAt, next)) return 0;
    if (next <= store.now) store.delete(at(args, 0));
    else entry.expiresAt = next;
    return 1;
  };

const timeLeft =
  (toUnit: (ms: number) => number): Command["run"] =>
  (store, args) => {
    const entry = store.find(at(args, 0));
    if (entry === undefined) return -2;
    return entry.expiresAt === null ? -1 : toUnit(entry.expiresAt - store.now);
  };

function persist(store: Store, args: readonly string[]): Reply {
  const entry = store.find(at(args, 0));
  if (entry === undefined || entry.expiresAt === null) return 0;
  entry.expiresAt = null;
  return 1;
}

interface ScanOptions {
  matches: (key: string) => boolean;
  count: number;
  type: string | null;
}

function scanOptions(args: readonly string[]): ScanOptions {
  const options: ScanOptions = { matches: () => true, count: SCAN_COUNT_DEFAULT, type: null };
  for (let i = 0; i < args.length; i += 2) {
    const value = at(args, i + 1);
    const word = at(args, i).toUpperCase();
    if (word === "MATCH") {
      const glob = globToRegExp(value);
      options.matches = (key) => glob.test(key);
    } else if (word === "COUNT") {
      options.count = integer(value);
      if (options.count < 1) throw new CommandError(SYNTAX);
    } else if (word === "TYPE") options.type = value.toLowerCase();
    else throw new CommandError(SYNTAX);
  }
  return options;
}

/**
 * The cursor is the sequence number of the last key looked at, so a key that stays is never skipped.
 * Finding the place again walks the keys before it.
 */
function scan(store: Store, args: readonly string[]): Reply {
  if (!/^\d{1,19}$/.test(at(args, 0))) throw new CommandError("ERR invalid cursor");
  const cursor = Number(at(args, 0));
  const { matches, count, type } = scanOptions(args.slice(1));
  const found: string[] = [];
  let looked = 0;
  let last = cursor;
  for (const [key, entry] of store.living()) {
    if (entry.seq <= cursor) continue;
    if (looked === count) return [String(last), found];
    looked += 1;
    last = entry.seq;
    if ((type === null || entry.type === type) && matches(key)) found.push(key);
  }
  return ["0", found];
}

function keys(store: Store, args: readonly string[]): Reply {
  const glob = globToRegExp(at(args, 0));
  return [...store.living()].map(([key]) => key).filter((key) => glob.test(key));
}

const del: Command["run"] = (store, args) => countWhere(args, (key) => store.delete(key));

export const keyCommands: Record<string, Command> = {
  del: write(-2, del),
  unlink: write(-2, del),
  exists: read(-2, (store, args) => countWhere(args, (key) => store.find(key) !== undefined)),
  expire: write(-3, expire(TIME_UNITS.EX)),
  pexpire: write(-3, expire(TIME_UNITS.PX)),
  expireat: write(-3, expire(TIME_UNITS.EXAT)),
  pexpireat: write(-3, expire(TIME_UNITS.PXAT)),
  ttl: read(
    2,
    timeLeft((ms) => Math.floor((ms + 500) / 1_000)),
  ),
  pttl: read(
    2,
    timeLeft((ms) => ms),
  ),
  persist: write(2, persist),
  type: read(2, (store, args) => store.find(at(args, 0))?.type ?? "none"),
  scan: read(-2, scan),
  keys: read(2, keys),
};
