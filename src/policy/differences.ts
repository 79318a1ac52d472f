import { type Path, pathText } from "./check/problem.js";
import type { Policy } from "./schema.js";

/** One line that is not the same in two policies; null where one of them does not have it. */
export interface Difference {
  path: string;
  before: string | null;
  after: string | null;
}

/** Every line in which the second policy differs from the first. What has an id is compared by it, not by its place. */
export function differencesOf(before: Policy, after: Policy): Difference[] {
  const found: Difference[] = [];
  compare(before, after, [], found);
  return found;
}

function compare(before: unknown, after: unknown, path: Path, found: Difference[]): void {
  if (isParts(before) && isParts(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(before[key], after[key], [...path, key], found);
    }
    return;
  }
  const [ours, theirs] = [byId(before), byId(after)];
  if (ours !== null && theirs !== null) {
    for (const id of new Set([...ours.keys(), ...theirs.keys()])) {
      compare(ours.get(id), theirs.get(id), [...path, id], found);
    }
    const order = (list: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>) =>
      [...list.keys()].filter((id) => other.has(id)).join(", ");
    const [first, second] = [order(ours, theirs), order(theirs, ours)];
    if (first !== second) {
      found.push({ path: `${pathText(path)} (order)`, before: first, after: second });
    }
    return;
  }
  const [first, second] = [shown(before), shown(after)];
  if (first !== second) found.push({ path: pathText(path), before: first, after: second });
}

const isParts = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A list of things with ids, by them; null for any other value. An empty list is one of anything. */
function byId(value: unknown): ReadonlyMap<string, unknown> | null {
  if (!Array.isArray(value)) return null;
  const entries = value.flatMap((one: unknown): [string, unknown][] =>
    isParts(one) && typeof one.id === "string" ? [[one.id, one]] : [],
  );
  return entries.length === value.length ? new Map(entries) : null;
}

const shown = (value: unknown): string | null =>
  value === undefined ? null : (JSON.stringify(value) ?? null);
