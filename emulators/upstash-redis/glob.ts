/**
 * Redis's glob (`*`, `?`, `[a-c]`, `[^a]`, `\x`) as a regular expression over code points.
 * Redis matches bytes; the two differ only for `?` and ranges over non-ASCII characters.
 */
export function globToRegExp(glob: string): RegExp {
  const chars = [...glob];
  let source = "";
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? "";
    if (char === "*") {
      while (chars[i + 1] === "*") i++;
      source += "[^]*";
    } else if (char === "?") source += "[^]";
    else if (char === "[") {
      const set = readSet(chars, i + 1);
      source += set.source;
      i = set.last;
    } else if (char === "\\" && i + 1 < chars.length) source += literal(chars[++i] ?? "");
    else source += literal(char);
  }
  return new RegExp(`^${source}$`, "u");
}

/** Reads a bracket from just after `[`; one that is never closed ends with the pattern, as in Redis. */
function readSet(chars: readonly string[], start: number): { source: string; last: number } {
  let i = start;
  const negated = chars[i] === "^";
  if (negated) i++;
  let inside = "";
  for (; i < chars.length && chars[i] !== "]"; i++) {
    const char = chars[i] ?? "";
    const end = chars[i + 2];
    if (char === "\\" && i + 1 < chars.length) inside += literal(chars[++i] ?? "");
    else if (chars[i + 1] === "-" && end !== undefined) {
      const [low, high] = char <= end ? [char, end] : [end, char];
      inside += `${literal(low)}-${literal(high)}`;
      i += 2;
    } else inside += literal(char);
  }
  const none = negated ? "[^]" : "(?!)";
  const last = Math.min(i, chars.length - 1);
  return { source: inside === "" ? none : `[${negated ? "^" : ""}${inside}]`, last };
}

/** A code point by number needs no escaping rules of its own. */
const literal = (char: string): string => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
