import { usage } from "./failure.js";

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const AGO = /^(\d{1,6})([smhd])$/;
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * When `--since` (or the option so called) is, in ISO 8601 with its offset: `2h` counts back from now; a time without an offset is
 * meant in the zone that times are shown in.
 *
 * @throws Failure that says what may be given.
 */
export function sinceOf(text: string, utc: boolean, now = Date.now(), option = "--since"): string {
  const [, amount, unit = ""] = AGO.exec(text) ?? [];
  const ago = Number(amount) * (UNIT_MS[unit] ?? Number.NaN);
  const [, day, clock = "00:00", offset = utc ? "Z" : ""] = TIME.exec(text) ?? [];
  const at = new Date(day === undefined ? now - ago : `${day}T${clock}${offset}`);
  if (Number.isNaN(at.getTime()) || (day !== undefined && !isDay(day))) {
    throw usage(
      `${option} ${text}: it must be 30m, 2h, 7d, or a time such as 2026-11-21T03:00:00Z.`,
    );
  }
  return at.toISOString();
}

/** 30 February would be read as 2 March. */
function isDay(day: string): boolean {
  const at = new Date(`${day}T00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
}
