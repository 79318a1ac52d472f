/** What a Redis command answers, before it is put in HTTP. Simple and bulk strings are not told apart. */
export type Reply = string | number | null | readonly Reply[];

/** One command's result as the REST API writes it. */
export type Outcome = { readonly result: Reply } | { readonly error: string };

/** A failed command. The message is Redis's own text, with its code in front (`ERR …`, `WRONGTYPE …`). */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

export const WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
export const NOT_AN_INTEGER = "ERR value is not an integer or out of range";
export const NOT_POSITIVE = "ERR value is out of range, must be positive";
export const NOT_A_FLOAT = "ERR value is not a valid float";
export const SYNTAX = "ERR syntax error";
export const OVERFLOW = "ERR increment or decrement would overflow";

export const wrongArity = (name: string): CommandError =>
  new CommandError(`ERR wrong number of arguments for '${name}' command`);
