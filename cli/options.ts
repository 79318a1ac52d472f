import { type Command, InvalidArgumentError } from "commander";
import { targetOf } from "./connection.js";
import { type Screen, screenOf } from "./output.js";

/** What every command that speaks to a Signalbox takes. */
export interface CommonOptions {
  url?: string;
  home?: string;
  token?: string;
  json?: boolean;
  utc?: boolean;
}

export const HOME_ABOUT = "that of the local start (else SIGNALBOX_HOME, else .signalbox)";

export const TOKEN_ABOUT =
  "key or admin token (else SIGNALBOX_KEY or ADMIN_TOKEN, else that of the local start)";

export function common(command: Command): Command {
  return command
    .option("--url <url>", "address of Signalbox (else SIGNALBOX_URL, else the local start)")
    .option("--home <folder>", HOME_ABOUT)
    .option("--token <token>", TOKEN_ABOUT)
    .option("--utc", "show times in UTC, not in the zone of this machine")
    .option("--json", "print one JSON document");
}

export function contextOf(options: CommonOptions): {
  target: ReturnType<typeof targetOf>;
  screen: Screen;
} {
  return { target: targetOf(options, process.env), screen: screenOf(options, process.env) };
}

/** A whole number within bounds, or a usage error that says which. */
export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };

/** Ends the command with this code once its output is written. */
export class Outcome {
  code: 0 | 1 = 0;
  fail(): void {
    this.code = 1;
  }
}
