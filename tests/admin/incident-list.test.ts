import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namedIncidents } from "../../src/admin/incidents.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { createLists } from "../../src/store/lists.js";
import { openPrisma } from "../../src/store/prisma.js";
import { type AdminWorld, adminWorld } from "./world.js";

interface Page {
  data: { id: string }[];
  nextCursor: string | null;
}

let w: AdminWorld;
beforeAll(async () => {
  w = await adminWorld();
  // Twelve of one minute, as a platform's clock names them; the odd ones of a service in capitals.
  await w.database.query(
    `INSERT INTO incident (id, correlation_key, ordinal, kind, title, service, ours, severity, rule, route, status, opened_at, routed_at, routings, reopenings, created_at, updated_at, version)
    SELECT 'INC-20261121-0300' || CASE n WHEN 1 THEN '' ELSE '-' || n END, n::text, 1, 'error', 't',
      CASE n % 3 WHEN 0 THEN 'my_shop' WHEN 1 THEN 'my-shop' ELSE 'Shop: checkout' END, false,
      CASE n % 2 WHEN 0 THEN 'P0' ELSE 'P1' END, 'r', 'r', 'open', at, at, 1, 0, at, at, 0
    FROM (SELECT n, '2026-11-21T03:00:00Z'::timestamptz + n * interval '1 second' AS at FROM generate_series(1, 12) n) x`,
    [],
  );
});
afterAll(() => w.close());

const NUMBERS = [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
const idOf = (n: number): string => `INC-20261121-0300${n === 1 ? "" : `-${n}`}`;
const ids = async (query: string): Promise<string[]> =>
  (await w.json<Page>(`/api/admin/incidents?${query}`)).data.map(({ id }) => id);

describe("the list of incidents", () => {
  it("is in the order of their opening, the tenth of a minute after the second, on every page", async () => {
    const found: string[] = [];
    let cursor = "";
    do {
      const page = await w.json<Page>(`/api/admin/incidents?limit=5${cursor}`);
      found.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor === null ? "" : `&cursor=${page.nextCursor}`;
    } while (cursor !== "" && found.length < 100);
    expect(found).toEqual(NUMBERS.map(idOf));
  });

  it.each([
    ["status", "open", "resolved"],
    ["severity", "P0", "P3"],
  ])(
    "of one %s skips nothing when the last one of a page changes before the next is asked for",
    async (column, before, after) => {
      const query = `${column}=${before}`;
      const whole = await ids(query);
      const first = await w.json<Page>(`/api/admin/incidents?${query}&limit=2`);
      const last = first.data[1]?.id ?? null;
      const change = (value: string) =>
        w.database.query(`UPDATE incident SET ${column} = $1 WHERE id = $2`, [value, last]);
      await change(after);
      const rest = await ids(`${query}&cursor=${first.nextCursor}`);
      await change(before);
      expect(last).toBe(whole[1]);
      expect(rest).toEqual(whole.slice(2));
    },
  );

  it("finds a service however it is written, and no other one", async () => {
    expect(await ids("service=shop:%20CHECKOUT")).toHaveLength(4);
    expect(await ids("service=MY_SHOP")).toEqual([12, 9, 6, 3].map(idOf));
    expect(await ids("service=my%25")).toEqual([]);
  });

  it.each([
    ["Critical", "P0"],
    ["high", "P1"],
    ["P2", "P2"],
  ])("finds a severity as its platform calls it: %s", async (severity, meant) => {
    const { severities } = presetOf("tbat");
    const kept = createLists(openPrisma(w.database.pool)).incidents;
    const { page } = namedIncidents(kept, (of) => severities[of].name);
    const asked = (filters: object) => page({ limit: 50, after: null, filters });
    const found = (await asked({ severity })).rows.map(({ id }) => id);
    const wanted = await ids(`severity=${meant}`);
    expect(found).toEqual(wanted);
    await expect(asked({ severity: "worst" })).rejects.toThrow(
      "severity: must be one of P0 (CRITICAL), P1 (HIGH), P2 (MEDIUM), P3 (LOW)",
    );
  });

  it("finds a severity by our name for it in any case, and says what there is", async () => {
    expect(await ids("severity=p0")).toHaveLength(6);
    const wrong = await w.ask("/api/admin/incidents?severity=worst");
    expect(wrong.status).toBe(400);
    expect(((await wrong.json()) as { detail: string }).detail).toContain(
      "severity: must be one of P0, P1, P2, P3",
    );
  });
});
