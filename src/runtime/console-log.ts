import type { Log, LogFields } from "../domain/ports.js";
import { type Clock, isoOf } from "../domain/time.js";

const LEVELS = ["debug", "info", "warn", "error"] as const;

/** The edge's log: one line of JSON with the same fields as Node's. */
export function createConsoleLog(
  clock: Clock,
  level: string,
  deploymentId: string | undefined,
): Log {
  const at = (LEVELS as readonly string[]).indexOf(level);
  const least = at === -1 ? LEVELS.length : at; // `silent` is above all of them
  const write =
    (name: (typeof LEVELS)[number]) =>
    (action: string, fields: LogFields): void => {
      if (LEVELS.indexOf(name) < least) return;
      const timestamp = isoOf(clock.now());
      const line = JSON.stringify({ level: name, timestamp, action, deploymentId, ...fields });
      console[name === "info" ? "log" : name](line);
    };
  return { info: write("info"), warn: write("warn"), error: write("error") };
}
