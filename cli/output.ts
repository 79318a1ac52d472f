import Table from "cli-table3";
import pc from "picocolors";

/** Where output goes and how it may look. */
export interface Screen {
  out(text: string): void;
  err(text: string): void;
  colors: ReturnType<typeof pc.createColors>;
  /** IANA name of the zone that times are shown in. */
  zone: string;
}

export function screenOf(options: { utc?: boolean }, env: NodeJS.ProcessEnv): Screen {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "0";
  const wanted = forced || (process.stdout.isTTY === true && env.TERM !== "dumb");
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
    colors: pc.createColors(wanted && !env.NO_COLOR),
    zone: options.utc === true ? "UTC" : new Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

/** Control characters, and those that turn the direction of writing. */
const UNSEEN = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** What comes from providers must not move the cursor, colour the screen or break the line. */
export function clean(text: string): string {
  return text.replace(/\s+/g, " ").replace(UNSEEN, "·");
}

const CELL_CHARS_MAX = 72;

export function shortened(text: string, max = CELL_CHARS_MAX): string {
  const chars = [...text];
  return chars.length <= max ? text : `${chars.slice(0, max - 1).join("")}…`;
}

/** `2026-11-21 10:00:01` in the screen's zone; the zone's name stands beside it or over the column. */
export function timeIn(iso: string, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).formatToParts(new Date(iso));
  const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? "";
  return `${of("year")}-${of("month")}-${of("day")} ${of("hour")}:${of("minute")}:${of("second")}`;
}

const DURATION_UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
] as const;

/** `14 min`, `2 h 5 min`, `3 d 4 h`: whole minutes or hours, seconds only under a minute. */
export function durationOf(ms: number): string {
  if (ms < 60_000) return ms < 1_000 ? "0 min" : `${Math.floor(ms / 1_000)} s`;
  const words: string[] = [];
  let rest = ms;
  for (const [unit, unitMs] of DURATION_UNITS) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) words.push(`${count} ${unit}`);
    if (words.length === 2 || (words.length > 0 && count === 0)) break;
  }
  return words.join(" ");
}

/**
 * `THB 1,999.00`, from the decimal that the API gives; never through a float. A payment of which only others have
 * spoken has no currency yet: its nought is no amount.
 */
export function moneyOf(decimal: string, currency: string): string {
  if (currency === "") return "not known";
  const digits = decimal.split(".")[1]?.length ?? 0;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${currency} ${new Intl.NumberFormat("en", options).format(decimal as `${number}`)}`;
}

const GOOD =
  "processed sent healed corrected resolved succeeded active accepted connected healthy ready promoted kept applied approved";
const BAD = "dead failed partial revoked open unhealthy disconnected unknown P0 P1";
const WAITING =
  "running planned received degraded held pending sending replaying acknowledged transient created duplicate spilled P2";
const TONES = new Map<string, "green" | "red" | "yellow">([
  ...GOOD.split(" ").map((word) => [word, "green"] as const),
  ...BAD.split(" ").map((word) => [word, "red"] as const),
  ...WAITING.split(" ").map((word) => [word, "yellow"] as const),
]);

/** A status in the colour that its meaning has. */
export function toned(word: string, { colors }: Screen): string {
  const tone = TONES.get(word);
  return tone === undefined ? word : colors[tone](word);
}

const BARE = Object.fromEntries(
  "top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid"
    .split(" ")
    .map((part) => [part, ""]),
);

/**
 * Columns under their heads, without a frame and without blanks at the end of lines.
 *
 * @param widths of the columns whose texts are wrapped, in characters; null: as wide as its texts.
 */
export function tableOf(
  heads: string[],
  rows: string[][],
  { colors }: Screen,
  widths: (number | null)[] = [],
): string {
  const table = new Table({
    head: heads.map((head) => colors.dim(head)),
    chars: { ...BARE, middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colWidths: widths,
    wordWrap: true,
  });
  table.push(...rows);
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Names and values, one pair a line. */
export function pairsOf(pairs: [string, string][], { colors }: Screen): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs
    .map(([name, value]) => `${colors.dim(name.padEnd(width))}  ${value}`.trimEnd())
    .join("\n");
}
