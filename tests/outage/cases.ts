import type { Mode } from "../../emulators/fault-proxy/fault.js";

export const PARTS = ["kv", "qstash", "postgres", "resend", "slack"] as const;
export type Part = (typeof PARTS)[number];

/** A part, or two, failing in one way for a while. */
export interface OutageCase {
  name: string;
  parts: readonly Part[];
  fault: string;
  mode: Mode;
  /** How long it lasts; long enough for what it is to bring about, such as a full round of retries. */
  faultMs: number;
}

const MODES: Readonly<Record<string, Mode>> = {
  refused: "refuse",
  hung: "hang",
  "500": "status",
  cut: "cut",
  /** The part does its work, and nobody hears of it. */
  unheard: "drop-answer",
};

const one = (part: Part | "both", fault: string, seconds: number): OutageCase => {
  const mode = MODES[fault];
  if (mode === undefined) throw new Error(`no fault ${fault}`);
  const parts: readonly Part[] = part === "both" ? ["kv", "qstash"] : [part];
  return { name: `${part}:${fault}`, parts, fault, mode, faultMs: seconds * 1_000 };
};

/** Postgres has no status to answer with: its connections break in the middle instead. */
export const FULL: readonly OutageCase[] = [
  ...["refused", "hung", "500", "unheard"].map((fault) => one("kv", fault, 8)),
  ...["refused", "hung", "500", "unheard"].map((fault) => one("qstash", fault, 8)),
  ...["refused", "hung", "500"].map((fault) => one("both", fault, 8)),
  ...["refused", "cut", "unheard"].map((fault) => one("postgres", fault, 8)),
  one("postgres", "hung", 25),
  ...["refused", "500", "unheard"].map((fault) => one("resend", fault, 8)),
  one("resend", "hung", 25),
  ...["refused", "500", "unheard"].map((fault) => one("slack", fault, 8)),
  one("slack", "hung", 25),
];

/** One fault for each part; what lasts longest is left to the full run. */
export const SHORT: readonly OutageCase[] = [
  one("kv", "hung", 4),
  one("qstash", "hung", 4),
  one("both", "refused", 4),
  one("postgres", "refused", 4),
  one("resend", "500", 4),
  one("slack", "unheard", 3),
];
