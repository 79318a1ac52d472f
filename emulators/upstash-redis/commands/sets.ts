import type { Reply } from "../reply.js";
import type { Store } from "../store.js";
import { at, type Command, read, write } from "./arguments.js";

function sadd(store: Store, args: readonly string[]): Reply {
  const set = store.open(at(args, 0), "set");
  const before = set.size;
  for (const member of args.slice(1)) set.add(member);
  return set.size - before;
}

function srem(store: Store, args: readonly string[]): Reply {
  const set = store.dataAs(at(args, 0), "set");
  if (set === undefined) return 0;
  const gone = args.slice(1).filter((member) => set.delete(member)).length;
  store.deleteIfEmpty(at(args, 0));
  return gone;
}

export const setCommands: Record<string, Command> = {
  sadd: write(-3, sadd),
  srem: write(-3, srem),
  smembers: read(2, (store, args) => [...(store.dataAs(at(args, 0), "set") ?? [])]),
  sismember: read(3, (store, args) =>
    store.dataAs(at(args, 0), "set")?.has(at(args, 1)) === true ? 1 : 0,
  ),
  scard: read(2, (store, args) => store.dataAs(at(args, 0), "set")?.size ?? 0),
};
