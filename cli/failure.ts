/** How the command is typed in the project's folder: what we print is copied. */
export const CALL = "npx --no signalbox";

/** Something a person must hear: what happened, and what to do next. */
export class Failure extends Error {
  /** For `--json`: what the server said, as far as it said something. */
  readonly told: Readonly<Record<string, unknown>>;

  constructor(
    message: string,
    readonly next: string,
    options: { exitCode?: 1 | 2; told?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
    this.told = options.told ?? {};
  }

  /** 1: it was tried and failed. 2: it was called wrongly, and nothing was tried. */
  readonly exitCode: 1 | 2;
}

export const usage = (message: string, next = `See \`${CALL} help\`.`): Failure =>
  new Failure(message, next, { exitCode: 2 });
