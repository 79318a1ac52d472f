import { CommandError, OVERFLOW, type Reply, wrongArity } from "../reply.js";
import type { Store } from "../store.js";
import { addInt64, at, type Command, int64, pairs, read, write } from "./arguments.js";
import { expiryMs, stringOptions, TIME_UNITS, type TimeUnit } from "./expiry.js";

const get = (store: Store, key: string): string | null => store.dataAs(key, "string") ?? null;

const SET_CLASHES = [
  ["NX", "XX"],
  ["KEEPTTL", "time"],
] as const;

function set(store: Store, args: readonly string[], name: string): Reply {
  const [key, value] = [at(args, 0), at(args, 1)];
  const { flags, time } = stringOptions(args.slice(2), ["NX", "XX", "GET", "KEEPTTL"], SET_CLASHES);
  const expiresAt =
    time === null ? null : expiryMs(time.text, time.unit, { now: store.now, name, positive: true });
  const before = flags.has("GET") ? get(store, key) : null;
  const entry = store.find(key);
  const refused = entry === undefined ? flags.has("XX") : flags.has("NX");
  if (refused) return before;
  store.setString(key, value, flags.has("KEEPTTL") ? (entry?.expiresAt ?? null) : expiresAt);
  return flags.has("GET") ? before : "OK";
}

const setWithTime =
  (unit: TimeUnit): Command["run"] =>
  (store, args, name) => {
    const expiresAt = expiryMs(at(args, 1), unit, { now: store.now, name, positive: true });
    store.setString(at(args, 0), at(args, 2), expiresAt);
    return "OK";
  };

function setnx(store: Store, args: readonly string[]): Reply {
  const key = at(args, 0);
  if (store.find(key) !== undefined) return 0;
  store.setString(key, at(args, 1));
  return 1;
}

function getex(store: Store, args: readonly string[], name: string): Reply {
  const { flags, time } = stringOptions(args.slice(1), ["PERSIST"], [["PERSIST", "time"]]);
  const entry = store.findAs(at(args, 0), "string");
  if (entry === undefined) return null;
  const value = entry.data;
  if (flags.has("PERSIST")) entry.expiresAt = null;
  if (time !== null) {
    entry.expiresAt = expiryMs(time.text, time.unit, { now: store.now, name, positive: true });
  }
  return value;
}

function getset(store: Store, args: readonly string[]): Reply {
  const before = get(store, at(args, 0));
  store.setString(at(args, 0), at(args, 1));
  return before;
}

function getdel(store: Store, args: readonly string[]): Reply {
  const before = get(store, at(args, 0));
  store.delete(at(args, 0));
  return before;
}

function mget(store: Store, args: readonly string[]): Reply {
  return args.map((key) => {
    const entry = store.find(key);
    return entry !== undefined && typeof entry.data === "string" ? entry.data : null;
  });
}

function mset(store: Store, args: readonly string[], name: string): Reply {
  if (args.length % 2 !== 0) throw wrongArity(name);
  for (const [key, value] of pairs(args, 0)) store.setString(key, value);
  return "OK";
}

function add(store: Store, key: string, by: bigint): Reply {
  const entry = store.findAs(key, "string");
  const sum = addInt64(entry?.data ?? "0", by, OVERFLOW);
  store.setString(key, sum, entry?.expiresAt ?? null);
  return Number(sum);
}

function decrby(store: Store, args: readonly string[]): Reply {
  const by = int64(at(args, 1));
  if (by === -(2n ** 63n)) throw new CommandError("ERR decrement would overflow");
  return add(store, at(args, 0), -by);
}

function append(store: Store, args: readonly string[]): Reply {
  const entry = store.findAs(at(args, 0), "string");
  const text = (entry?.data ?? "") + at(args, 1);
  store.setString(at(args, 0), text, entry?.expiresAt ?? null);
  return Buffer.byteLength(text);
}

export const stringCommands: Record<string, Command> = {
  get: read(2, (store, args) => get(store, at(args, 0))),
  set: write(-3, set),
  setnx: write(3, setnx),
  setex: write(4, setWithTime(TIME_UNITS.EX)),
  psetex: write(4, setWithTime(TIME_UNITS.PX)),
  getdel: write(2, getdel),
  getex: write(-2, getex),
  getset: write(3, getset),
  mget: read(-2, mget),
  mset: write(-3, mset),
  incr: write(2, (store, args) => add(store, at(args, 0), 1n)),
  incrby: write(3, (store, args) => add(store, at(args, 0), int64(at(args, 1)))),
  decr: write(2, (store, args) => add(store, at(args, 0), -1n)),
  decrby: write(3, decrby),
  append: write(3, append),
  strlen: read(2, (store, args) => Buffer.byteLength(get(store, at(args, 0)) ?? "")),
};
