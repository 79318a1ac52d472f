import { CommandError, type Reply, SYNTAX, wrongArity } from "../reply.js";
import type { Store } from "../store.js";
import { at, type Command, read, write } from "./arguments.js";

const NO_LUA = "ERR Lua scripts are not supported by this emulator";

function ping(_store: Store, args: readonly string[], name: string): Reply {
  if (args.length > 1) throw wrongArity(name);
  return args[0] ?? "PONG";
}

function flush(store: Store, args: readonly string[]): Reply {
  const [mode] = args;
  if (args.length > 1) throw new CommandError(SYNTAX);
  if (mode !== undefined && !["ASYNC", "SYNC"].includes(mode.toUpperCase())) {
    throw new CommandError(SYNTAX);
  }
  store.clear();
  return "OK";
}

const refuse =
  (message: string): Command["run"] =>
  () => {
    throw new CommandError(message);
  };

export const serverCommands: Record<string, Command> = {
  ping: read(-1, ping),
  echo: read(2, (_store, args) => at(args, 0)),
  dbsize: read(1, (store) => store.size),
  flushdb: write(-1, flush),
  flushall: write(-1, flush),
  time: read(1, (store) => [
    String(Math.floor(store.now / 1_000)),
    String((store.now % 1_000) * 1_000),
  ]),
  eval: read(-3, refuse(NO_LUA)),
  evalsha: read(-3, refuse("NOSCRIPT No matching script. Please use EVAL.")),
};
