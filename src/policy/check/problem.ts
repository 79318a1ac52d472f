export type Path = readonly (string | number)[];

/** What is wrong with a policy, and where: `routes.page.steps[1]`. */
export interface Problem {
  path: Path;
  message: string;
}

/** The line of a policy as people write it; the policy itself for an empty path. */
export function pathText(path: Path): string {
  const parts = path.map((part, n) =>
    typeof part === "number" ? `[${part}]` : n === 0 ? part : `.${part}`,
  );
  return parts.join("") || "the policy";
}

export type Say = (path: Path, message: string) => void;

/** Of things that are referred to by id, each that bears the id of one before. */
export function sayDoubles(
  list: readonly { id: string }[],
  at: Path,
  what: string,
  say: Say,
): void {
  const first = new Map<string, number>();
  for (const [n, { id }] of list.entries()) {
    const before = first.get(id);
    if (before === undefined) first.set(id, n);
    else say([...at, n, "id"], `${what} ${id} is there already, as ${pathText([...at, before])}`);
  }
}

/** `a, b and c`. */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
