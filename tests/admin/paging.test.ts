import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld } from "./world.js";

interface Page {
  data: { id: string }[];
  nextCursor: string | null;
}

const ROWS = 501;
const LISTS = [
  "events",
  "dead-letters",
  "payments",
  "entitlements",
  "incidents",
  "deployments",
  "notifications",
  "audit",
];

let w: AdminWorld;
beforeAll(async () => {
  w = await adminWorld();
  await seed(1, ROWS);
});
afterAll(() => w.close());

/** The same number of rows in every table, all of one and the same moment. */
async function seed(first: number, last: number): Promise<void> {
  const at = "'2026-11-21T03:00:00Z'::timestamptz";
  const rows = (prefix: string) =>
    `SELECT '${prefix}_' || lpad(i::text, 6, '0') AS id, i FROM generate_series(${first}, ${last}) i`;
  const statements = [
    `INSERT INTO event (id, source, event_key, type, status, request_id, occurred_at, received_at, recorded_at)
     SELECT id, CASE i % 2 WHEN 0 THEN 'stripe' ELSE 'sentry' END, id, 't', 'processed', 'req', ${at}, ${at}, ${at} FROM (${rows("evt")}) x`,
    `INSERT INTO dead_letter (id, event_id, status, code, message, hint, deaths, created_at, updated_at, version)
     SELECT id, 'evt' || substr(id, 4), 'open', 'c', 'm', 'h', 1, ${at}, ${at}, 0 FROM (${rows("ded")}) x`,
    `INSERT INTO payment (id, account, livemode, external_id, state, state_as_of, amount_minor, currency, refunded_minor, created_at, updated_at, version)
     SELECT id, '', true, id, 'succeeded', ${at}, 9007199254740991, 'JPY', 0, ${at}, ${at}, 0 FROM (${rows("pay")}) x`,
    `INSERT INTO entitlement (id, payment_id, origin_ref, account, livemode, user_ref, package_ref, ordinal, status, granted_at, paid_at, starts_at, updated_at, version)
     SELECT id, 'pay' || substr(id, 4), id, '', true, 'u', 'p', i, 'active', ${at}, ${at}, ${at}, ${at}, 0 FROM (${rows("ent")}) x`,
    `INSERT INTO incident (id, correlation_key, ordinal, kind, title, service, ours, severity, rule, route, status, opened_at, routed_at, routings, reopenings, created_at, updated_at, version)
     SELECT id, id, 1, 'error', 't', 's', false, 'P2', 'r', 'r', 'open', ${at}, ${at}, 1, 0, ${at}, ${at}, 0 FROM (${rows("inc")}) x`,
    `INSERT INTO deployment (id, source, external_id, project, name, target, state, state_as_of, created_at, updated_at, version)
     SELECT id, 'vercel', id, 'p', 'n', 'production', 'ready', ${at}, ${at}, ${at}, 0 FROM (${rows("dep")}) x`,
    `INSERT INTO notice (id, channel, template, cause, recipient, locale, data, status, calls, created_at, version)
     SELECT id, 'email', 'payment-received', id, 'a@example.com', 'en', '{}', 'sent', 1, ${at}, 0 FROM (${rows("ntc")}) x`,
    `INSERT INTO audit_entry (id, at, recorded_at, action, actor, subject, event_id, details)
     SELECT id, ${at}, ${at}, 'payment.recorded', 'source:stripe', 'pay' || substr(id, 4), 'evt' || substr(id, 4), '{}' FROM (${rows("aud")}) x`,
  ];
  for (const statement of statements) await w.database.query(statement, []);
}

async function pages(path: string, between?: () => Promise<void>): Promise<Page[]> {
  const all: Page[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page = await w.json<Page>(`/api/admin/${path}${query}`);
    all.push(page);
    cursor = page.nextCursor;
    await between?.();
  } while (cursor !== null && all.length < 1_000);
  return all;
}

const idsOf = (found: Page[]): string[] => found.flatMap(({ data }) => data.map(({ id }) => id));

describe.each(LISTS)("%s", (list) => {
  it("pages over 501 rows of one moment without a gap or a repeat, newest first", async () => {
    const found = await pages(`${list}?limit=100`);
    expect(found.map(({ data }) => data.length)).toEqual([100, 100, 100, 100, 100, 1]);
    const ids = idsOf(found);
    expect(new Set(ids).size).toBe(ROWS);
    expect(ids).toEqual(ids.toSorted().toReversed());
  });

  it("gives 50 unless told, and 500 at most", async () => {
    expect((await w.json<Page>(`/api/admin/${list}`)).data).toHaveLength(50);
    expect((await pages(`${list}?limit=500`)).map(({ data }) => data.length)).toEqual([500, 1]);
  });

  it("ends with no cursor when the last page is full", async () => {
    const found = await pages(`${list}?limit=167`); // 3 × 167 = 501
    expect(found.map(({ data, nextCursor }) => [data.length, nextCursor === null])).toEqual([
      [167, false],
      [167, false],
      [167, true],
    ]);
  });

  it("asks the database the same few times, however long the page", async () => {
    const queriesOf = async (limit: number): Promise<number> => {
      const { query } = w.database.pool;
      let asked = 0;
      w.database.pool.query = ((...args: Parameters<typeof query>) => {
        asked += 1;
        return query.apply(w.database.pool, args);
      }) as typeof query;
      await w.ask(`/api/admin/${list}?limit=${limit}`);
      w.database.pool.query = query;
      return asked;
    };
    const few = await queriesOf(2);
    expect(few).toBeGreaterThan(0);
    expect(few).toBeLessThanOrEqual(3);
    expect(await queriesOf(500)).toBe(few);
  });
});

describe("a list that grows", () => {
  it("shows what was there at the first page once, and nothing that came later", async () => {
    const before = idsOf(await pages("audit?limit=500"));
    let next = ROWS;
    const grown = await pages("audit?limit=120", async () => {
      next += 1;
      await seed(next, next);
    });
    expect(idsOf(grown)).toEqual(before);
    expect((await w.json<Page>("/api/admin/audit?limit=1")).data[0]?.id).toBe(
      `aud_${String(next).padStart(6, "0")}`,
    );
  });

  it("keeps its filter from page to page", async () => {
    const found = await pages("events?limit=100&source=stripe");
    const ids = idsOf(found);
    expect(ids.every((id) => Number(id.slice(-1)) % 2 === 0)).toBe(true);
    expect(ids.length).toBeGreaterThanOrEqual(250);
  });
});

describe("amounts", () => {
  it("are exact up to what a number holds", async () => {
    const { data } = await w.json<{ data: unknown[] }>("/api/admin/payments?limit=1");
    expect(data[0]).toMatchObject({ amountMinor: 9007199254740991, amount: "9007199254740991" });
  });
});
