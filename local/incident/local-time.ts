/** Times as people in a zone read them. */
export interface LocalTime {
  zone: string;
  /** `Tuesday, 24 November 2026`. */
  day(at: number): string;
  /** `03:02:00 GMT+7`. */
  clock(at: number): string;
  /** `24 Nov 03:02:00 GMT+7`. */
  moment(at: number): string;
}

export function localTime(zone: string): LocalTime {
  const format = (options: Intl.DateTimeFormatOptions): ((at: number) => string) => {
    const written = new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });
    return (at) => written.format(at);
  };
  const clock = format({ timeStyle: "medium", hourCycle: "h23" });
  const name = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "shortOffset" });
  const offset = (at: number): string =>
    name.formatToParts(at).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const date = format({ day: "numeric", month: "short" });
  return {
    zone,
    day: format({ dateStyle: "full" }),
    clock: (at) => `${clock(at)} ${offset(at)}`,
    moment: (at) => (Number.isNaN(at) ? "never" : `${date(at)} ${clock(at)} ${offset(at)}`),
  };
}

const MINUTE_MS = 60_000;

/** The moment at which the zone's clocks show this. Not for the hours in which they are turned. */
export function instantIn(zone: string, date: string, time: string): number {
  const guess = Date.parse(`${date}T${time}:00Z`);
  const shown = new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone,
    dateStyle: "short",
    timeStyle: "medium",
  }).format(guess);
  const shownAsUtc = Date.parse(`${shown.replace(" ", "T")}Z`);
  return guess - Math.round((shownAsUtc - guess) / MINUTE_MS) * MINUTE_MS;
}
