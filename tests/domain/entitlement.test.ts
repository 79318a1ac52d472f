import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  accessOf,
  addMonths,
  decideEntitlements,
  type Entitlement,
  type EntitlementChange,
  type Grant,
  isInForce,
} from "../../src/domain/entitlement.js";
import { DAY_MS } from "../../src/domain/time.js";
import { countingIds } from "../support/fakes.js";

const at = (text: string): number => Date.parse(`${text}Z`);
const NOW = at("2026-11-21T09:00");

const grant = (ref: string, given: Partial<Grant> = {}): Grant => ({
  origin: { paymentId: `pay_${ref}` },
  originRef: `pi_${ref}`,
  account: "",
  livemode: true,
  userRef: "u1",
  packageRef: "ADVANCED",
  paidAt: at("2026-03-01T10:00"),
  months: 6,
  endsAt: null,
  revoked: null,
  ...given,
});
const subscription = (ref: string, given: Partial<Grant> = {}): Grant =>
  grant(ref, { origin: { subscriptionId: `obj_${ref}` }, months: null, endsAt: NOW, ...given });

/** Rows as the database would hold them after each decision. */
class Table {
  rows: Entitlement[] = [];
  changes: EntitlementChange[] = [];
  readonly #ids = countingIds();

  apply(grants: Grant[], now = NOW, withdrawn: Grant["origin"][] = []): this {
    const { ids, rows } = { ids: this.#ids, rows: this.rows };
    const decided = decideEntitlements({ grants, withdrawn, rows }, { ids, now });
    const touched = [...decided.updates.map(({ before }) => before), ...decided.expects];
    expect(new Set(touched.map(({ id }) => id))).toEqual(new Set(rows.map(({ id }) => id)));
    const updated = new Map(decided.updates.map((one) => [one.before.id, one.patch]));
    this.rows = rows.map((row) => {
      const patch = updated.get(row.id);
      return patch === undefined ? row : { ...row, ...patch, version: row.version + 1 };
    });
    this.rows.push(...decided.inserts);
    const keys = this.rows.map((r) => JSON.stringify([r.userRef, r.packageRef, r.ordinal]));
    expect(new Set(keys).size, "ordinals are unique").toBe(keys.length);
    this.changes.push(...decided.changes);
    return this;
  }

  /** What does not depend on the order of arrival. */
  get windows() {
    return this.rows
      .map(({ id: _i, ordinal: _o, version: _v, grantedAt: _g, ...row }) => row)
      .sort((a, b) => (a.originRef < b.originRef ? -1 : 1));
  }

  window(ref: string): string {
    const row = this.rows.find(({ originRef }) => originRef === `pi_${ref}`);
    const day = (t: number | null | undefined): string =>
      typeof t === "number" ? new Date(t).toISOString().slice(0, 10) : "never";
    return `${row?.status} ${day(row?.startsAt)} ${day(row?.endsAt)}`;
  }
}

describe("windows of what one user has for one package", () => {
  it("two payments of six months are a year, and do not double", () => {
    const later = grant("b", { paidAt: at("2026-06-10T08:00") });
    const table = new Table().apply([grant("a")]).apply([later]);
    expect(table.window("a")).toBe("expired 2026-03-01 2026-09-01");
    expect(table.window("b")).toBe("active 2026-09-01 2027-03-01");
    expect(accessOf(table.rows, NOW)).toEqual({ active: true, endsAt: at("2027-03-01T10:00") });
  });

  it("one that is paid after a gap begins when it is paid", () => {
    const later = grant("b", { paidAt: at("2026-10-01T08:00") });
    const table = new Table().apply([later]).apply([grant("a")]);
    expect(table.window("b")).toBe("active 2026-10-01 2027-04-01");
  });

  it("moves the later ones up when one is revoked, and back when its refund fails", () => {
    const b = grant("b", { paidAt: at("2026-06-10T08:00") });
    const table = new Table().apply([grant("a")]).apply([b]);
    table.apply([grant("a", { revoked: "refunded" })]);
    expect(table.window("a")).toBe("revoked 2026-03-01 2026-09-01");
    expect(table.window("b")).toBe("active 2026-06-10 2026-12-10");
    table.apply([grant("a")]);
    expect(table.window("b")).toBe("active 2026-09-01 2027-03-01");
    expect(
      table.changes.map(({ kind, entitlement }) => `${kind} ${entitlement.originRef}`),
    ).toEqual(
      // a ended in September
      [
        ...["expired pi_a", "granted pi_b", "revoked pi_a", "changed pi_b"],
        ...["expired pi_a", "changed pi_b"],
      ],
    );
  });

  it("lets what lasts for ever, and a subscription's own period, stand beside the others", () => {
    const forever = grant("f", { months: null, paidAt: at("2026-04-01T00:00") });
    const sub = subscription("s", {
      endsAt: at("2026-12-01T00:00"),
      paidAt: at("2026-05-01T00:00"),
    });
    const b = grant("b", { paidAt: at("2026-06-10T08:00") });
    const table = new Table()
      .apply([forever, sub])
      .apply([b])
      .apply([grant("a")]);
    expect(table.window("f")).toBe("active 2026-04-01 never");
    expect(table.window("s")).toBe("active 2026-05-01 2026-12-01");
    expect(table.window("b")).toBe("active 2026-09-01 2027-03-01");
  });

  it("tells the former user of one that goes to another, and closes the gap that it leaves", () => {
    const b = grant("b", { paidAt: at("2026-06-10T08:00") });
    const table = new Table().apply([grant("a")]).apply([b]);
    table.changes = [];
    table.apply([grant("a", { userRef: "u2", paidAt: at("2026-08-01T00:00") })]);
    expect(table.window("b")).toBe("active 2026-06-10 2026-12-10");
    const told = table.changes.map(({ kind, cause, entitlement, access }) => [
      ...[kind, cause, entitlement.userRef, access.active],
    ]);
    expect(told).toEqual([
      ["changed", "rescheduled", "u1", true],
      ["granted", "paid", "u2", true],
    ]);
    table.changes = [];
    table.apply([grant("a", { userRef: "u3", paidAt: at("2026-08-01T00:00") })]);
    expect(table.changes.map((c) => [c.kind, c.cause, c.entitlement.userRef, c.access])).toEqual([
      ["revoked", "moved", "u2", { active: false, endsAt: null }],
      ["granted", "paid", "u3", { active: true, endsAt: at("2027-02-01T00:00") }],
    ]);
  });

  it("takes away what turned out to be of nobody", () => {
    const table = new Table().apply([grant("a", { paidAt: NOW })]);
    table.apply([], NOW, [{ paymentId: "pay_a" }, { paymentId: "pay_unknown" }]);
    expect(table.rows[0]).toMatchObject({ status: "revoked", revokedBecause: "withdrawn" });
  });

  it("leaves it to the sweep to say that an end has come, and changes nothing the second time", () => {
    const table = new Table().apply([grant("a", { paidAt: NOW })]);
    const afterEnd = NOW + 400 * DAY_MS;
    table.apply([grant("a", { paidAt: NOW })], afterEnd);
    expect(table.rows[0]).toMatchObject({ status: "active", version: 0 });
    expect(isInForce(table.rows[0] as Entitlement, afterEnd)).toBe(false);
    expect(table.changes).toHaveLength(1);
  });

  it("forgets which reminders were sent when the end moves", () => {
    const table = new Table().apply([grant("a", { paidAt: NOW })]);
    table.rows = table.rows.map((row) => ({ ...row, warnedDays: 3 }));
    table.apply([grant("a", { paidAt: NOW })]);
    expect(table.rows[0]?.warnedDays).toBe(3);
    table.apply([grant("a", { paidAt: NOW, months: 12 })]);
    expect(table.rows[0]?.warnedDays).toBeNull();
  });

  it.each([
    ["2026-08-31T18:30", 6, "2027-02-28T18:30"],
    ["2027-08-31T18:30", 6, "2028-02-29T18:30"],
    ["2026-12-31T00:00", 2, "2027-02-28T00:00"],
    ["2026-01-31T23:59", 1, "2026-02-28T23:59"],
    ["2026-11-21T09:00", 12, "2027-11-21T09:00"],
    ["2028-02-29T09:00", 12, "2029-02-28T09:00"],
  ])("%s and %i months is %s", (from, months, to) => {
    expect(addMonths(at(from), months)).toBe(at(to));
  });

  it("counts from the beginning of a run, so that short months do not add up", () => {
    const paidAt = at("2026-12-31T10:00");
    const table = new Table().apply(["a", "b"].map((ref) => grant(ref, { paidAt, months: 2 })));
    expect(table.window("a")).toBe("active 2026-12-31 2027-02-28");
    expect(table.window("b")).toBe("active 2027-02-28 2027-04-30");
  });
});

/** The life of some payments and a subscription: each state of each origin, in its own order. */
const origins = fc.array(
  fc.record<Life>({
    days: fc.integer({ min: 0, max: 500 }),
    months: fc.constantFrom(1, 6, 12, null),
    user: fc.constantFrom("u1", "u2"),
    isSubscription: fc.boolean(),
    last: fc.constantFrom(null, "refunded", "dispute_lost"),
    passes: fc.array(fc.constantFrom(null, "refunded"), { maxLength: 2 }),
    cameFrom: fc.constantFrom(null, "u1", "u2"),
  }),
  { minLength: 1, maxLength: 6 },
);
const BEGIN = at("2025-10-31T00:00");

interface Life {
  days: number;
  months: number | null;
  user: string;
  isSubscription: boolean;
  last: string | null;
  passes: (string | null)[];
  cameFrom: string | null;
}

function statesOf(origin: Life, n: number): Grant[] {
  const paidAt = BEGIN + origin.days * DAY_MS;
  const own = { paidAt, months: origin.months, userRef: origin.user };
  const ref = String(n);
  const make = origin.isSubscription
    ? (o: Partial<Grant>) => subscription(ref, { endsAt: paidAt + 30 * DAY_MS, ...o, months: null })
    : (o: Partial<Grant>) => grant(ref, o);
  return [
    ...(origin.cameFrom === null ? [] : [make({ ...own, userRef: origin.cameFrom })]),
    ...origin.passes.map((revoked) => make({ ...own, revoked })),
    make({ ...own, revoked: origin.last }),
  ];
}

describe("decideEntitlements", () => {
  it("ends with the same windows in whatever order origins speak, one at a time or together", () => {
    fc.assert(
      fc.property(origins, fc.infiniteStream(fc.nat()), (given, chance) => {
        const last = given.flatMap((origin, n) => statesOf(origin, n).slice(-1));
        const together = new Table().apply(last);
        const waiting = given.map(statesOf);
        const apart = new Table();
        while (waiting.some((states) => states.length > 0)) {
          const open = waiting.filter((states) => states.length > 0);
          const states = open[(chance.next().value as number) % open.length];
          apart.apply(states?.splice(0, 1) ?? []);
        }
        const plain = (table: Table) =>
          table.windows.map(({ revokedAt: _r, updatedAt: _u, ...row }) => row);
        expect(plain(apart)).toEqual(plain(together));
        const version = apart.rows.map((row) => row.version);
        apart.apply(last); // once more: nothing
        expect(apart.rows.map((row) => row.version)).toEqual(version);
      }),
      { numRuns: 400 },
    );
  });

  it("gives exactly what was paid for: the months of a run follow each other without gap or overlap", () => {
    fc.assert(
      fc.property(origins, (given) => {
        const grants = given.map((origin, n) => statesOf({ ...origin, user: "u1" }, n).at(-1));
        const table = new Table().apply(grants.filter((one) => one !== undefined));
        const laid = table.rows
          .filter((row) => row.months !== null && row.status !== "revoked")
          .sort((a, b) => a.startsAt - b.startsAt || (a.originRef < b.originRef ? -1 : 1));
        for (const [i, row] of laid.entries()) {
          const end = laid[i - 1]?.endsAt ?? Number.NEGATIVE_INFINITY;
          expect(row.startsAt).toBe(Math.max(row.paidAt, end));
          expect(row.endsAt).toBeGreaterThan(row.startsAt);
        }
        const [first, last] = [laid[0], laid.at(-1)];
        if (
          first !== undefined &&
          laid.every((row) => row.startsAt === first.startsAt || row.paidAt < row.startsAt)
        ) {
          const months = laid.reduce((sum, row) => sum + (row.months ?? 0), 0);
          expect(last?.endsAt).toBe(addMonths(first.startsAt, months));
        }
      }),
      { numRuns: 400 },
    );
  });

  it("tells of a change exactly when what its user sees has changed, and replaying what is told ends at the rows", () => {
    fc.assert(
      fc.property(origins, fc.infiniteStream(fc.nat()), (given, chance) => {
        const table = new Table();
        const platform = new Map<string, Entitlement>();
        const seen = (row: Entitlement) => [
          row.userRef,
          row.packageRef,
          row.status,
          row.startsAt,
          row.endsAt,
        ];
        for (const next of given
          .flatMap(statesOf)
          .sort(() => ((chance.next().value as number) % 2) - 0.5)) {
          const before = new Map(table.rows.map((row) => [row.id, JSON.stringify(seen(row))]));
          table.changes = [];
          table.apply([next]);
          for (const { entitlement } of table.changes) platform.set(entitlement.id, entitlement);
          const told = new Set(table.changes.map(({ entitlement }) => entitlement.id));
          for (const row of table.rows) {
            const same = before.get(row.id) === JSON.stringify(seen(row));
            if (row.status !== "revoked") expect(told.has(row.id)).toBe(!same);
          }
        }
        for (const row of table.rows) {
          const known = platform.get(row.id);
          expect(known?.status).toBe(row.status);
          if (row.status !== "revoked") expect(seen(known as Entitlement)).toEqual(seen(row));
        }
      }),
      { numRuns: 300 },
    );
  });
});
