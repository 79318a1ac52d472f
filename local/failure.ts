/** Why Signalbox did not start, or ended; the message is all that the person at the terminal needs. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
}

/** Errors whose message was written for a person; of any other the stack is worth showing. */
const FOR_PEOPLE = new Set(["StartFailure", "PostgresFailure", "MigrationFailure", "ConfigError"]);

/** What to print of an error. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return FOR_PEOPLE.has(error.name) ? error.message : (error.stack ?? error.message);
}
