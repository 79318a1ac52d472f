import { OVERFLOW, type Reply, wrongArity } from "../reply.js";
import type { Store } from "../store.js";
import { addInt64, at, type Command, int64, pairs, read, write } from "./arguments.js";

const NOTHING: ReadonlyMap<string, string> = new Map();
const hash = (store: Store, key: string): ReadonlyMap<string, string> =>
  store.dataAs(key, "hash") ?? NOTHING;

function hset(store: Store, args: readonly string[], name: string): Reply {
  if (args.length % 2 === 0) throw wrongArity(name);
  const data = store.open(at(args, 0), "hash");
  const before = data.size;
  for (const [field, value] of pairs(args, 1)) data.set(field, value);
  return data.size - before;
}

function hsetnx(store: Store, args: readonly string[]): Reply {
  if (hash(store, at(args, 0)).has(at(args, 1))) return 0;
  store.open(at(args, 0), "hash").set(at(args, 1), at(args, 2));
  return 1;
}

function hmget(store: Store, args: readonly string[]): Reply {
  const data = hash(store, at(args, 0));
  return args.slice(1).map((field) => data.get(field) ?? null);
}

function hdel(store: Store, args: readonly string[]): Reply {
  const data = store.dataAs(at(args, 0), "hash");
  if (data === undefined) return 0;
  const gone = args.slice(1).filter((field) => data.delete(field)).length;
  store.deleteIfEmpty(at(args, 0));
  return gone;
}

function hincrby(store: Store, args: readonly string[]): Reply {
  const [key, field] = [at(args, 0), at(args, 1)];
  const by = int64(at(args, 2));
  const current = hash(store, key).get(field) ?? "0";
  const sum = addInt64(current, by, OVERFLOW, "ERR hash value is not an integer");
  store.open(key, "hash").set(field, sum);
  return Number(sum);
}

export const hashCommands: Record<string, Command> = {
  hset: write(-4, hset),
  hsetnx: write(4, hsetnx),
  hget: read(3, (store, args) => hash(store, at(args, 0)).get(at(args, 1)) ?? null),
  hmget: read(-3, hmget),
  hgetall: read(2, (store, args) => [...hash(store, at(args, 0))].flat()),
  hdel: write(-3, hdel),
  hincrby: write(4, hincrby),
  hexists: read(3, (store, args) => (hash(store, at(args, 0)).has(at(args, 1)) ? 1 : 0)),
  hkeys: read(2, (store, args) => [...hash(store, at(args, 0)).keys()]),
  hvals: read(2, (store, args) => [...hash(store, at(args, 0)).values()]),
  hlen: read(2, (store, args) => hash(store, at(args, 0)).size),
};
