import type { Policy } from "../../src/policy/schema.js";

/** One value of a policy, changed. */
export interface Mutant {
  /** `routes.critical.steps.1.afterMinutes: 5 -> 6`. */
  name: string;
  policy: Policy;
}

/** Lists whose members each matter: one less is another policy. */
const LISTS = new Set([
  ...["channels", "fallback", "roles", "checks", "sections", "days", "by", "languages"],
  ...["emergencyLabels", "smokePaths", "severities"],
]);
const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/;
const MOMENT = /^\d{4}-\d\d-\d\dT/;
const DATE = /^\d{4}-\d\d-\d\d$/;
/** Of where a word says how bad something is, or how it is delivered, another word. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  severity: ["P0", "P1", "P2", "P3"],
  deliver: ["immediate", "delayed", "digest", "record"],
  during: ["always", "exam", "normal"],
  every: ["week", "month", "quarter"],
  weekday: ["sun", "mon"],
  metric: ["error_rate_percent", "queue_age_s"],
  respond: ["immediate", "next_business_day"],
};

/** Every policy that differs from this one in one number, boolean, time, date, choice or member of a list. */
export function* mutantsOf(policy: Policy): Generator<Mutant> {
  for (const { path, value, changed } of changesIn(policy, [])) {
    const name = `${path.join(".")}: ${JSON.stringify(value)} -> ${JSON.stringify(changed)}`;
    yield { name, policy: withValue(policy, path, changed) as Policy };
  }
}

interface Change {
  path: readonly string[];
  value: unknown;
  changed: unknown;
}

function* changesIn(value: unknown, path: readonly string[]): Generator<Change> {
  const key = path.at(-1) ?? "";
  if (typeof value === "number") {
    yield { path, value, changed: value + 1 };
    if (value > 1) yield { path, value, changed: value - 1 };
  } else if (typeof value === "boolean") yield { path, value, changed: !value };
  else if (typeof value === "string") {
    const changed = otherText(key, value);
    if (changed !== null) yield { path, value, changed };
  } else if (Array.isArray(value)) yield* changesInList(value, path, key);
  else if (typeof value === "object" && value !== null) {
    for (const [name, part] of Object.entries(value)) yield* changesIn(part, [...path, name]);
  }
}

function* changesInList(
  list: readonly unknown[],
  path: readonly string[],
  key: string,
): Generator<Change> {
  for (const [n, part] of list.entries()) yield* changesIn(part, [...path, String(n)]);
  const isNumbers = list.every((part) => typeof part === "number");
  if (!LISTS.has(key) && !isNumbers) return;
  for (const [n] of list.entries()) yield { path, value: list, changed: list.toSpliced(n, 1) };
  if (key === "channels" || key === "fallback") {
    const more = ["email", "slack", "pagerduty", "sms"].filter(
      (channel) => !list.includes(channel),
    );
    for (const channel of more) yield { path, value: list, changed: [...list, channel] };
  }
}

function otherText(key: string, value: string): string | null {
  const [, hours, minutes] = TIME.exec(value) ?? [];
  if (hours !== undefined)
    return `${hours}:${minutes === "59" ? "58" : String(Number(minutes) + 1).padStart(2, "0")}`;
  if (MOMENT.test(value)) return new Date(Date.parse(value) + 3_600_000).toISOString();
  if (DATE.test(value)) return new Date(Date.parse(value) + 86_400_000).toISOString().slice(0, 10);
  return WORDS[key]?.find((word) => word !== value) ?? null;
}

function withValue(whole: unknown, [key, ...rest]: readonly string[], changed: unknown): unknown {
  if (key === undefined) return changed;
  if (Array.isArray(whole)) {
    return whole.map((part, n) => (String(n) === key ? withValue(part, rest, changed) : part));
  }
  const parts = whole as Record<string, unknown>;
  return { ...parts, [key]: withValue(parts[key], rest, changed) };
}
