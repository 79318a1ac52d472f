import { ID_PREFIX, type IdKind, type Ids } from "../../src/domain/ids.js";
import type { Log, LogFields } from "../../src/domain/ports.js";
import type { Clock } from "../../src/domain/time.js";

/** A clock that stands still until it is moved. */
export interface StillClock extends Clock {
  advance(ms: number): void;
}
export function stillClock(at = Date.UTC(2026, 10, 21, 9, 0, 0)): StillClock {
  let now = at;
  return {
    now: () => now,
    advance(ms) {
      now += ms;
    },
  };
}

/** Ids that count: `pay_0001`. They sort by the order of their making. */
export function countingIds(prefix = ""): Ids {
  let n = 0;
  return {
    next(kind: IdKind) {
      n += 1;
      return `${ID_PREFIX[kind]}_${prefix}${String(n).padStart(6, "0")}`;
    },
  };
}

export interface LogLine {
  level: "info" | "warn" | "error";
  action: string;
  fields: LogFields;
}
/** Keeps its lines, so that a test can read what was said, and what was not. */
export function listeningLog(): Log & { lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: LogLine["level"]) =>
    (action: string, fields: LogFields): void => {
      lines.push({ level, action, fields });
    };
  return { lines, info: at("info"), warn: at("warn"), error: at("error") };
}
