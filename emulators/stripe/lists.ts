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
  created?: number;
}

/**
 * One page of `rows` (handed in oldest first), newest first, as Stripe's lists are.
 * `created` is a number of seconds or `gt`, `gte`, `lt`, `lte`.
 */
export function listOf<Row extends Listed>(
  url: string,
  kind: string,
  input: Input,
  rows: Row[],
): { object: "list"; url: string; has_more: boolean; data: Row[] } {
  const limit = input.integer("limit") ?? 10;
  if (limit < 1 || limit > 100) {
    throw parameterInvalid("limit", "Invalid limit: must be between 1 and 100");
  }
  const after = input.text("starting_after");
  const before = input.text("ending_before");
  if (after && before) {
    throw parameterInvalid(
      "starting_after",
      "You may only specify one of these parameters: starting_after, ending_before.",
    );
  }
  const newestFirst = [...rows].reverse();
  const matching = newestFirst.filter((row) => isCreatedWithin(input, row.created ?? 0));
  // A cursor stands for a place in the list, also when the row itself does not pass the filter.
  const place = (id: string, param: string) => {
    const found = newestFirst.findIndex((row) => row.id === id);
    if (found === -1) throw resourceMissing(kind, id, param, 400);
    return found;
  };
  const order = new Map(newestFirst.map((row, index) => [row.id, index]));
  const at = (row: Row) => order.get(row.id) ?? 0;
  if (before) {
    const end = place(before, "ending_before");
    const newer = matching.filter((row) => at(row) < end);
    return { object: "list", url, has_more: newer.length > limit, data: newer.slice(-limit) };
  }
  const start = after ? place(after, "starting_after") : -1;
  const older = matching.filter((row) => at(row) > start);
  return { object: "list", url, has_more: older.length > limit, data: older.slice(0, limit) };
}

function isCreatedWithin(input: Input, created: number): boolean {
  if (!input.has("created")) return true;
  if (input.isObject("created")) {
    const range = input.child("created");
    const gt = range?.integer("gt") ?? -Infinity;
    const gte = range?.integer("gte") ?? -Infinity;
    const lt = range?.integer("lt") ?? Infinity;
    const lte = range?.integer("lte") ?? Infinity;
    range?.accept(["gt", "gte", "lt", "lte"]);
    return created > gt && created >= gte && created < lt && created <= lte;
  }
  return created === input.integer("created");
}
