import { DAY_MS, HOUR_MS, type Instant, MINUTE_MS, SECOND_MS } from "../domain/time.js";

/**
 * A time as the reader of the locale writes it, with its zone: `19 November 2025 at 14:05 (Thailand Time, GMT+7)`.
 * A Thai reader's year is the Buddhist one and says so: `19 พฤศจิกายน พ.ศ. 2568 เวลา 14:05 น. (เวลาไทย, GMT+7)`.
 */
export function timeText(at: Instant, locale: string, timeZone: string): string {
  const [language, zone] = [datedLocale(locale), knownZone(timeZone)];
  if (isBuddhist(language)) {
    const clock = new Intl.DateTimeFormat(language, { timeStyle: "short", timeZone: zone });
    return `${dayText(at, language, zone)} เวลา ${clock.format(at)} น. (${zoneText(at, language, zone)})`;
  }
  const format = new Intl.DateTimeFormat(language, {
    dateStyle: "long",
    timeStyle: "short",
    timeZone: zone,
  });
  return `${plainSpaces(format.format(at))} (${zoneText(at, language, zone)})`;
}

/** The day alone, for a sentence: `19 November 2025`, `19 พฤศจิกายน พ.ศ. 2568`. */
export function dayText(at: Instant, locale: string, timeZone: string): string {
  const language = datedLocale(locale);
  const format = new Intl.DateTimeFormat(language, {
    day: "numeric",
    month: "long",
    year: "numeric",
    timeZone: knownZone(timeZone),
    ...(isBuddhist(language) ? { era: "short" } : {}),
  });
  return plainSpaces(format.format(at));
}

/** English of no region has its dates as British: `Intl` would take American ones, and a mail's differ from Slack's. */
function datedLocale(locale: string): string {
  const known = knownLocale(locale);
  return known === "en" ? "en-GB" : known;
}

function isBuddhist(language: string): boolean {
  return new Intl.DateTimeFormat(language).resolvedOptions().calendar === "buddhist";
}

const UNITS = [
  ["day", DAY_MS],
  ["hour", HOUR_MS],
  ["minute", MINUTE_MS],
  ["second", SECOND_MS],
] as const;

/** A duration in words, its two largest units: `1 hour 5 minutes`. Under a second counts as one. */
export function durationText(durationMs: number, locale: string): string {
  let rest = Math.max(durationMs, SECOND_MS);
  const words: string[] = [];
  for (const [unit, unitMs] of UNITS) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) words.push(unitText(count, unit, knownLocale(locale)));
    else if (words.length > 0) break;
    if (words.length === 2) break;
  }
  return words.join(" ");
}

function unitText(count: number, unit: string, locale: string): string {
  const format = new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" });
  return plainSpaces(format.format(count));
}

/**
 * Where it is, to follow a title: ` (shop, production)`. A title that begins with the service needs it no second time.
 */
export function placeText(
  title: string,
  service: string | null,
  environment: string | null = null,
): string {
  const said = service !== null && beginsWith(title, service);
  const place = [said ? null : service, environment].filter((part) => part !== null && part !== "");
  return place.length === 0 ? "" : ` (${place.join(", ")})`;
}

/** As a whole word. */
function beginsWith(title: string, service: string): boolean {
  if (!title.toLowerCase().startsWith(service.toLowerCase())) return false;
  return !/^[\p{L}\p{M}\p{N}]/u.test(title.slice(service.length));
}

/** The zone as people call it, and beside it its distance from UTC, which more people can read. */
function zoneText(at: Instant, locale: string, timeZone: string): string {
  if (timeZone === "UTC") return timeZone;
  const named = (timeZoneName: "shortGeneric" | "shortOffset"): string | undefined =>
    new Intl.DateTimeFormat(locale, { timeZone, timeZoneName })
      .formatToParts(at)
      .find((part) => part.type === "timeZoneName")?.value;
  const [name, offset] = [named("shortGeneric"), named("shortOffset")];
  return `${name === undefined || name === offset ? timeZone : name}, ${offset}`;
}

/** The locale in its proper form (`en_US` is `en-US`), or English where a webhook brought what `Intl` refuses. */
export function knownLocale(locale: string): string {
  try {
    return Intl.getCanonicalLocales(locale.trim().replaceAll("_", "-"))[0] ?? "en";
  } catch {
    return "en";
  }
}

function knownZone(timeZone: string): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone;
  } catch {
    return "UTC";
  }
}

/** Newer ICU data puts narrow no-break spaces into times, which some mail programs show as boxes. */
function plainSpaces(text: string): string {
  return text.replace(/[\u00a0\u202f]/g, " ");
}
