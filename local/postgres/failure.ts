/**
 * Why the embedded Postgres could not be started. `message` is a sentence for the person at the
 * terminal and says what to do; `code` is for programs.
 */
export class PostgresFailure extends Error {
  readonly code: PostgresFailureCode;

  constructor(code: PostgresFailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PostgresFailure";
    this.code = code;
  }
}

export type PostgresFailureCode =
  | "port_taken" // the wanted port belongs to another program
  | "folder_in_use" // another live Signalbox works on the data folder
  | "folder_unusable" // wrong owner, wrong version, a copy, or no place that Postgres can reach
  | "no_binaries" // npm installed no Postgres for this platform, or it does not run here
  | "no_account" // we are root and may not switch to another user
  | "start_failed"; // Postgres itself gave up, or was not ready in time
