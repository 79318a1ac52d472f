import { filedUnder, type Span } from "../recorder/ordered-index.js";
import type { OrderedTable } from "../recorder/store.js";
import { parameterInvalid, resourceMissing } from "./errors.js";
import type { Input } from "./form.js";

export const LIST_PARAMS = [
  "limit",
  "starting_after",
  "ending_before",
  "created",
  "expand",
] as const;

interface Listed {
  id: string;
}

export interface Page<Row> {
  object: "list";
  url: string;
  has_more: boolean;
  data: Row[];
}

interface Cursor {
  limit: number;
  after: string | null;
  before: string | null;
}

function cursorOf(input: Input): Cursor {
  const limit = input.integer("limit") ?? 10;
  if (limit < 1 || limit > 100) {
    throw parameterInvalid("limit", "Invalid limit: must be between 1 and 100");
  }
  const after = input.text("starting_after") ?? null;
  const before = input.text("ending_before") ?? null;
  if (after !== null && before !== null) {
    throw parameterInvalid(
      "starting_after",
      "You may only specify one of these parameters: starting_after, ending_before.",
    );
  }
  return { limit, after, before };
}

/**
 * One page of a table, newest first, as Stripe's lists are; it costs what it reads, not what the table holds.
 * `created` is a number of seconds or `gt`, `gte`, `lt`, `lte`.
 *
 * @param options `by`: parameters that are fields which the table files its rows under, the most selective first;
 * `matches`: what else a row must be.
 */
export function listOf<Row extends Listed>(
  url: string,
  kind: string,
  input: Input,
  table: OrderedTable<Row>,
  options: { by?: readonly string[]; matches?: (row: Row) => boolean } = {},
): Page<Row> {
  const { limit, after, before } = cursorOf(input);
  const wanted = (options.by ?? []).flatMap((field) => {
    const value = input.text(field) ?? null;
    return value === null ? [] : [{ field, value }];
  });
  // A cursor stands for a place in the list, also when the row itself does not pass the filter.
  const beyond = after ?? before;
  if (beyond !== null && table.get(beyond) === undefined) {
    throw resourceMissing(kind, beyond, after === null ? "ending_before" : "starting_after", 400);
  }
  const [where, ...others] = wanted;
  const span: Span = {
    ...createdSpan(input),
    ...(where === undefined ? {} : { where }),
    ...(beyond === null ? {} : { beyond }),
  };
  const found: Row[] = [];
  for (const row of before === null ? table.newestFirst(span) : table.oldestFirst(span)) {
    if (!others.every(({ field, value }) => filedUnder(row, field) === value)) continue;
    if (options.matches?.(row) === false) continue;
    found.push(row);
    if (found.length > limit) break;
  }
  const data = found.slice(0, limit);
  if (before !== null) data.reverse();
  return { object: "list", url, has_more: found.length > limit, data };
}

/** One page of a few rows that have an order of their own, such as the lines of a cart. */
export function pageOf<Row extends Listed>(
  url: string,
  kind: string,
  input: Input,
  rows: readonly Row[],
): Page<Row> {
  const { limit, after, before } = cursorOf(input);
  const beyond = after ?? before;
  const place = rows.findIndex((row) => row.id === beyond);
  if (beyond !== null && place === -1) {
    throw resourceMissing(kind, beyond, after === null ? "ending_before" : "starting_after", 400);
  }
  const rest = before === null ? rows.slice(place + 1) : rows.slice(0, place);
  const data = before === null ? rest.slice(0, limit) : rest.slice(-limit);
  return { object: "list", url, has_more: rest.length > limit, data };
}

function createdSpan(input: Input): Span {
  if (!input.has("created")) return {};
  const range = input.isObject("created") ? input.child("created") : undefined;
  if (range === undefined) {
    const at = input.integer("created");
    return at === undefined ? {} : { from: at, to: at };
  }
  range.accept(["gt", "gte", "lt", "lte"]);
  const above = (range.integer("gt") ?? -Infinity) + 1;
  const below = (range.integer("lt") ?? Infinity) - 1;
  return {
    from: Math.max(above, range.integer("gte") ?? -Infinity),
    to: Math.min(below, range.integer("lte") ?? Infinity),
  };
}
