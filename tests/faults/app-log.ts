import { readFileSync } from "node:fs";
import type { Site } from "./site.js";

/** How the app got over it, by its own log. */
export interface Survival {
  /** Deliveries that the door left in KV, and those that it could leave nowhere. */
  spilled: number;
  unavailable: number;
  sweptSpills: number;
  sweptOutbox: number;
  sweptTimers: number;
  /** Attempts of workers that ended in "later". */
  retried: number;
  redriven: number;
  buried: number;
  dropped: number;
  /** Errors that nobody foresaw. */
  defects: string[];
}

type Line = Record<string, unknown>;

/** Where the log ends now; what is read from there belongs to what comes after. */
export const endOfLog = (site: Site): number => readFileSync(site.home.path("app.log")).length;

export function readSurvival(site: Site, from = 0): Survival {
  const text = readFileSync(site.home.path("app.log")).subarray(from).toString("utf8");
  const lines = text.split("\n").flatMap(lineOf);
  const of = (action: string): Line[] => lines.filter((line) => line.action === action);
  const sum = (name: string): number =>
    of("cron.finished").reduce((total, line) => {
      const count = line[name];
      return total + (typeof count === "number" ? count : 0);
    }, 0);
  const fates = (fate: string): number =>
    of("dead_message.settled").filter((line) => line.fate === fate).length;
  const failed = of("attempt.failed");
  return {
    spilled: of("delivery.received").filter(({ spilled }) => spilled === true).length,
    unavailable: of("delivery.received").filter(({ outcome }) => outcome === "unavailable").length,
    sweptSpills: sum("spills"),
    sweptOutbox: sum("outbox"),
    sweptTimers: sum("timers"),
    retried: failed.filter(({ level }) => level === "warn").length,
    redriven: fates("redriven"),
    buried: fates("buried"),
    dropped: fates("dropped"),
    defects: [...failed.filter(({ level }) => level === "error"), ...of("request.failed")].map(
      (line) => JSON.stringify(line),
    ),
  };
}

/** A line of ours; what Node itself prints, or a line that a kill cut off, is none. */
function lineOf(text: string): Line[] {
  if (!text.startsWith("{")) return [];
  try {
    return [JSON.parse(text) as Line];
  } catch {
    return [];
  }
}
