import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  dayOf,
  maintenanceAt,
  maintenancesBetween,
  nextBusinessDay,
} from "../../src/policy/calendar.js";
import { at, planned, policyWith } from "./policies.js";

const MINUTE = 60_000;
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
/** Of half an hour, at midnight, on both halves of the globe. */
const ZONES = [
  "America/New_York",
  "Australia/Lord_Howe",
  "America/Santiago",
  "Asia/Bangkok",
  "UTC",
];
/** Around changes of the clock in these zones, and elsewhere. */
const DATES = ["2026-03-08", "2026-11-01", "2026-04-05", "2026-10-04", "2026-09-06", "2026-07-01"];

/** What a wall clock in the zone shows, by the platform's own formatter. */
function clockOf(zone: string): (at: number) => { date: string; time: string } {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone,
    dateStyle: "short",
    timeStyle: "short",
  });
  return (moment) => {
    const [date = "", time = ""] = format.format(moment).split(" ");
    return { date, time };
  };
}

const minuteOfDay = fc.integer({ min: 0, max: 95 }).map((quarter) => {
  const parts = [Math.floor(quarter / 4), (quarter % 4) * 15];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
});
const rule = fc.record({
  id: fc.constant("rule"),
  title: fc.constant({ en: "t" }),
  every: fc.constantFrom("week" as const, "month" as const, "quarter" as const),
  weekday: fc.constantFrom(...DAYS),
  from: minuteOfDay,
  to: minuteOfDay,
  noticeHours: fc.constant(null),
});

/** True on a day whose date a person with a paper calendar would mark. */
function isMarked(date: string, { every, weekday }: { every: string; weekday: string }): boolean {
  const day = new Date(`${date}T12:00Z`);
  if (DAYS[day.getUTCDay()] !== weekday) return false;
  if (every === "week") return true;
  return day.getUTCDate() <= 7 && (every === "month" || [0, 3, 6, 9].includes(day.getUTCMonth()));
}

describe("recurring maintenances", () => {
  it("are what somebody notes who watches the zone's clock minute by minute", () => {
    const property = fc.property(
      rule,
      fc.constantFrom(...ZONES),
      fc.constantFrom(...DATES),
      (maintenance, timeZone, around) => {
        const policy = policyWith({ timeZone, maintenance: [maintenance] });
        const from = at(`${around}T00:00Z`) - 2 * 1440 * MINUTE;
        const to = from + 4 * 1440 * MINUTE;
        const clock = clockOf(timeZone);
        const noted: { startsAt: number; endsAt: number }[] = [];
        let begun: { startsAt: number; last: string } | null = null;
        let previous = "";
        for (
          let moment = from - 1440 * MINUTE;
          moment < to + 2 * 1440 * MINUTE;
          moment += 15 * MINUTE
        ) {
          const { date, time } = clock(moment);
          if (begun !== null && `${date} ${time}` >= `${begun.last} ${maintenance.to}`) {
            noted.push({ startsAt: begun.startsAt, endsAt: moment });
            begun = null;
          }
          const isNew = previous < `${date} ${maintenance.from}`;
          if (isNew && time >= maintenance.from && isMarked(date, maintenance)) {
            const next = new Date(at(`${date}T12:00Z`) + 86_400_000).toISOString().slice(0, 10);
            const last = maintenance.to > maintenance.from ? date : next;
            if (`${date} ${time}` < `${last} ${maintenance.to}`) begun = { startsAt: moment, last };
          }
          if (`${date} ${time}` > previous) previous = `${date} ${time}`;
        }
        const wanted = noted.filter(({ startsAt, endsAt }) => startsAt < to && endsAt > from);
        const found = maintenancesBetween(policy, [], from, to);
        expect(found.map(({ startsAt, endsAt }) => ({ startsAt, endsAt }))).toEqual(wanted);
      },
    );
    fc.assert(property, { numRuns: 300 });
  });
});

describe("the maintenance that a service is in", () => {
  const base = at("2026-11-09T00:00Z");
  const rows = fc.array(
    fc
      .tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 60 }))
      .map(([from, length]) =>
        planned({
          id: `mnt_${from}_${length}`,
          startsAt: base + from * MINUTE,
          endsAt: base + (from + length) * MINUTE,
        }),
      ),
    { maxLength: 12 },
  );
  it("is the unbroken stretch of minutes around the moment of which each is in one", () => {
    const policy = policyWith({ maintenance: [] });
    fc.assert(
      fc.property(rows, fc.integer({ min: 0, max: 300 }), (all, minute) => {
        const isIn = (each: number) =>
          all.some(
            (row) => row.startsAt <= base + each * MINUTE && base + each * MINUTE < row.endsAt,
          );
        const found = maintenanceAt(policy, all, "web", base + minute * MINUTE);
        if (!isIn(minute)) {
          expect(found).toBeNull();
          return;
        }
        let [first, end] = [minute, minute];
        while (isIn(first - 1)) first--;
        while (isIn(end)) end++;
        expect(found).toMatchObject({
          startsAt: base + first * MINUTE,
          endsAt: base + end * MINUTE,
        });
      }),
      { numRuns: 500 },
    );
  });
});

describe("days", () => {
  const moment = fc.integer({ min: at("2025-01-01T00:00Z"), max: at("2028-01-01T00:00Z") });
  const zone = fc.constantFrom(...ZONES);

  it("the next business day is the first later date that is one, in its hours by the zone's clock", () => {
    const holiday = fc.integer({ min: 1, max: 9 });
    const days = fc.shuffledSubarray([...DAYS], { minLength: 1 });
    fc.assert(
      fc.property(moment, zone, days, fc.uniqueArray(holiday), (now, timeZone, open, off) => {
        const clock = clockOf(timeZone);
        const today = clock(now).date;
        const dayAfter = (count: number) =>
          new Date(at(`${today}T12:00Z`) + count * 86_400_000).toISOString().slice(0, 10);
        const holidays = off.map(dayAfter);
        const businessHours = { days: open, from: "09:00", to: "17:30", holidays };
        const found = nextBusinessDay(policyWith({ timeZone, businessHours }), now);
        let count = 1;
        const isOpen = (day: string) =>
          open.includes(DAYS[new Date(`${day}T12:00Z`).getUTCDay()] ?? "sun") &&
          !holidays.includes(day);
        while (!isOpen(dayAfter(count))) count++;
        expect(found.day).toBe(dayAfter(count));
        expect([clock(found.startsAt), clock(found.endsAt)]).toEqual([
          { date: found.day, time: "09:00" },
          { date: found.day, time: "17:30" },
        ]);
      }),
      { numRuns: 300 },
    );
  });

  it("digests follow each other without gap or overlap, and the last one due is over", () => {
    fc.assert(
      fc.property(moment, zone, minuteOfDay, (now, timeZone, time) => {
        const digest = { at: time, roles: ["on-call"], channels: ["email" as const], sections: [] };
        const policy = policyWith({ timeZone, digest });
        const last = dayOf(policy, now);
        const before = last && dayOf(policy, last.to - 1);
        expect(last?.to).toBeLessThanOrEqual(now);
        expect(last?.from).toBeGreaterThan(now - 51 * 60 * MINUTE);
        expect(before?.to).toBe(last?.from);
        expect(dayOf(policy, (last?.to ?? 0) + 22 * 60 * MINUTE)?.day).toBe(last?.day);
      }),
      { numRuns: 300 },
    );
  });
});
