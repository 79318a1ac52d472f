import { Temporal } from "temporal-polyfill";
import type { Instant } from "../domain/time.js";

/** Arithmetic of calendars and zones is Temporal's; nothing else here knows an offset. */
export type LocalDate = Temporal.PlainDate;

/** Monday first, as ISO 8601 counts them. */
const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** The day that the zone's calendar shows. */
export function localDate(at: Instant, timeZone: string): LocalDate {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate();
}

export function weekdayOf(date: LocalDate): Weekday {
  return WEEKDAYS[date.dayOfWeek - 1] ?? "mon";
}

/**
 * The first moment of the day at which the zone's clock shows the time, or a later one: where the clock jumps
 * over it, the moment of the jump; where the clock shows it twice, the first.
 *
 * @param timeOfDay `02:00`.
 */
export function instantAt(date: LocalDate, timeOfDay: string, timeZone: string): Instant {
  const wanted = date.toPlainDateTime(Temporal.PlainTime.from(timeOfDay));
  const zoned = wanted.toZonedDateTime(timeZone, { disambiguation: "earlier" });
  const isShown = zoned.toPlainDateTime().equals(wanted);
  const found = isShown ? zoned : zoned.getTimeZoneTransition("next");
  if (found === null) throw new Error(`${timeZone} shows no ${timeOfDay} on ${date.toString()}`);
  return found.epochMilliseconds;
}

/** A stretch of a day by its clock; one whose end is not after its begin ends on the next day. */
export function stretchOn(
  date: LocalDate,
  { from, to }: { from: string; to: string },
  timeZone: string,
): { startsAt: Instant; endsAt: Instant } {
  const last = to > from ? date : date.add({ days: 1 });
  return { startsAt: instantAt(date, from, timeZone), endsAt: instantAt(last, to, timeZone) };
}

/** A stretch of time as its zone's clock shows it, for people: `2026-11-21 14:45–15:45 Asia/Bangkok`. */
export function stretchText(from: Instant, to: Instant, timeZone: string): string {
  const shown = (at: Instant): [date: string, time: string] => {
    const zoned = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone);
    return [
      zoned.toPlainDate().toString(),
      zoned.toPlainTime().toString({ smallestUnit: "minute" }),
    ];
  };
  const [[date, time], [endDate, endTime]] = [shown(from), shown(to)];
  const end = endDate === date ? endTime : ` ${endDate} ${endTime}`;
  return `${date} ${time}${endDate === date ? "–" : " –"}${end} ${timeZone}`;
}
