import { CommandError, type Outcome, wrongArity } from "../reply.js";
import type { Store } from "../store.js";
import type { Command } from "./arguments.js";
import { hashCommands } from "./hashes.js";
import { keyCommands } from "./keys.js";
import { listCommands } from "./lists.js";
import { serverCommands } from "./server.js";
import { setCommands } from "./sets.js";
import { sortedSetCommands } from "./sorted-sets.js";
import { stringCommands } from "./strings.js";

const commands = new Map<string, Command>(
  [
    stringCommands,
    keyCommands,
    hashCommands,
    listCommands,
    setCommands,
    sortedSetCommands,
    serverCommands,
  ].flatMap((group) => Object.entries(group)),
);

interface Resolved {
  readonly command: Command;
  readonly name: string;
  readonly args: readonly string[];
}

/**
 * Finds a command by its first word, in any letter case, and checks the number of its words.
 * These two checks are what discards a transaction before it runs.
 *
 * @throws CommandError with Redis's text.
 */
export function resolve(words: readonly string[]): Resolved {
  const [given = "", ...args] = words;
  const name = given.toLowerCase();
  const command = commands.get(name);
  if (command === undefined) {
    const shown = args.map((arg) => `'${arg}' `).join("");
    throw new CommandError(
      `ERR unknown command '${given}', with args beginning with: ${shown.slice(0, 128)}`,
    );
  }
  const { arity } = command;
  const fits = arity >= 0 ? words.length === arity : words.length >= -arity;
  if (!fits) throw wrongArity(name);
  return { command, name, args };
}

/** Runs one command; a command that fails leaves the store as it was. */
export function runCommand(store: Store, words: readonly string[]): Outcome & { wrote: boolean } {
  try {
    const { command, name, args } = resolve(words);
    const result = command.run(store, args, name);
    if (command.writes) store.countWrite();
    return { result, wrote: command.writes };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { error: error.message, wrote: false };
  }
}
