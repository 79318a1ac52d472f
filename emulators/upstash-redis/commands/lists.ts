import { CommandError, NOT_POSITIVE, type Reply, wrongArity } from "../reply.js";
import type { Store } from "../store.js";
import { at, type Command, integer, read, slice, write } from "./arguments.js";

type End = "left" | "right";

const push =
  (end: End): Command["run"] =>
  (store, args) => {
    const list = store.open(at(args, 0), "list");
    // One at a time: a spread of ten thousand values would overflow the stack.
    for (const value of args.slice(1)) {
      if (end === "left") list.unshift(value);
      else list.push(value);
    }
    return list.length;
  };

const pop =
  (end: End): Command["run"] =>
  (store, args, name) => {
    if (args.length > 2) throw wrongArity(name);
    const count = args[1] === undefined ? null : integer(args[1], NOT_POSITIVE);
    if (count !== null && count < 0) throw new CommandError(NOT_POSITIVE);
    const list = store.dataAs(at(args, 0), "list");
    if (list === undefined) return null;
    const many = Math.min(count ?? 1, list.length);
    const gone =
      end === "left" ? list.splice(0, many) : list.splice(list.length - many, many).reverse();
    store.deleteIfEmpty(at(args, 0));
    return count === null ? (gone[0] ?? null) : gone;
  };

function lrange(store: Store, args: readonly string[]): Reply {
  const [start, stop] = [integer(at(args, 1)), integer(at(args, 2))];
  const list = store.dataAs(at(args, 0), "list") ?? [];
  return list.slice(...slice(start, stop, list.length));
}

function ltrim(store: Store, args: readonly string[]): Reply {
  const [start, stop] = [integer(at(args, 1)), integer(at(args, 2))];
  const entry = store.findAs(at(args, 0), "list");
  if (entry === undefined) return "OK";
  entry.data = entry.data.slice(...slice(start, stop, entry.data.length));
  store.deleteIfEmpty(at(args, 0));
  return "OK";
}

function lrem(store: Store, args: readonly string[]): Reply {
  const count = integer(at(args, 1));
  const list = store.dataAs(at(args, 0), "list");
  if (list === undefined) return 0;
  const limit = count === 0 ? Infinity : Math.abs(count);
  let removed = 0;
  const step = count < 0 ? -1 : 1;
  for (let i = step < 0 ? list.length - 1 : 0; i >= 0 && i < list.length; i += step) {
    if (removed === limit) break;
    if (list[i] !== at(args, 2)) continue;
    list.splice(i, 1);
    removed += 1;
    if (step > 0) i -= 1;
  }
  store.deleteIfEmpty(at(args, 0));
  return removed;
}

function lindex(store: Store, args: readonly string[]): Reply {
  const list = store.dataAs(at(args, 0), "list");
  if (list === undefined) return null;
  return list.at(integer(at(args, 1))) ?? null;
}

function lset(store: Store, args: readonly string[]): Reply {
  const list = store.dataAs(at(args, 0), "list");
  if (list === undefined) throw new CommandError("ERR no such key");
  const given = integer(at(args, 1));
  const index = given < 0 ? given + list.length : given;
  if (index < 0 || index >= list.length) throw new CommandError("ERR index out of range");
  list[index] = at(args, 2);
  return "OK";
}

export const listCommands: Record<string, Command> = {
  lpush: write(-3, push("left")),
  rpush: write(-3, push("right")),
  lpop: write(-2, pop("left")),
  rpop: write(-2, pop("right")),
  lrange: read(4, lrange),
  ltrim: write(4, ltrim),
  llen: read(2, (store, args) => store.dataAs(at(args, 0), "list")?.length ?? 0),
  lrem: write(4, lrem),
  lindex: read(3, lindex),
  lset: write(4, lset),
};
