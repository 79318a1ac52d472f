import type { PrismaClient } from "../../generated/prisma/client.js";
import { type PlainRow, plain } from "./plain.js";
import { asked } from "./prisma.js";

/** What a person asks of a list; what is not given does not narrow it. */
export interface PageRequest<Filter extends string> {
  limit: number;
  /** The id that the page before ended with; null for the first. */
  after: string | null;
  filters: { readonly [F in Filter]?: string | undefined };
}

/** Newest first. Ids sort by the time of their making, so the id alone is the place in the list. */
export interface Page<Row> {
  rows: Row[];
  /** Where the next page begins; null when this is the last. */
  nextAfter: string | null;
}

export interface List<Filter extends string, Row, Detail = Row> {
  page(request: PageRequest<Filter>): Promise<Page<Row>>;
  find(id: string): Promise<Detail | null>;
}

/** More rows than a person reads of one object's story. */
export const DETAIL_ROWS_MAX = 500;

export interface PageArgs<Filter extends string, Time extends string> {
  where: { [F in Exclude<Filter, "since" | "livemode">]?: string } & {
    [F in Filter & "livemode"]?: boolean;
  } & { id?: { lt: string } } & { [T in Time]?: { gte: Date } };
  orderBy: { id: "desc" };
  take: number;
}

/**
 * One row more than asked for tells whether there is a next page; rows added meanwhile come before the first.
 *
 * @param time the column that the filter `since`, an ISO time, speaks of.
 */
export async function pageOf<
  Filter extends string,
  Row extends { id: string },
  Time extends string = never,
>(
  { limit, after, filters }: PageRequest<Filter>,
  findMany: (args: PageArgs<Filter, Time>) => Promise<Row[]>,
  time?: Time,
): Promise<Page<PlainRow<Row>>> {
  const { since, livemode, ...exact } = filters as Record<string, string | undefined>;
  const given = Object.entries(exact).filter(([, value]) => value !== undefined);
  const where = {
    ...Object.fromEntries(given),
    ...(after === null ? {} : { id: { lt: after } }),
    ...(livemode === undefined ? {} : { livemode: livemode === "true" }),
    ...(since === undefined || time === undefined ? {} : { [time]: { gte: new Date(since) } }),
  } as PageArgs<Filter, Time>["where"];
  const found = await asked(findMany({ where, orderBy: { id: "desc" }, take: limit + 1 }));
  const rows = found.slice(0, limit);
  const nextAfter = found.length > limit ? (rows.at(-1)?.id ?? null) : null;
  return { rows: rows.map(plain), nextAfter };
}

export const keyedBy = <Row, Key>(rows: readonly Row[], keyOf: (row: Row) => Key): Map<Key, Row> =>
  new Map(rows.map((row) => [keyOf(row), row]));

export const idsOf = <Row>(rows: readonly Row[], idOf: (row: Row) => string | null): string[] =>
  [...new Set(rows.map(idOf))].filter((id) => id !== null);

export const newestFirst = { orderBy: { id: "desc" }, take: DETAIL_ROWS_MAX } as const;

export async function auditOf(prisma: PrismaClient, subjects: readonly string[], eventId?: string) {
  const about = { subject: { in: [...subjects] } };
  const where = eventId === undefined ? about : { OR: [about, { eventId }] };
  return (await asked(prisma.auditEntry.findMany({ where, ...newestFirst }))).map(plain);
}

/** A row with what was done to it; null stays null. */
export async function audited<Row extends { id: string }>(prisma: PrismaClient, found: Row | null) {
  return found === null ? null : { ...plain(found), audit: await auditOf(prisma, [found.id]) };
}
