/** True when the text is one that the pattern stands for: `*` is any characters, case does not matter. */
export type Matches = (text: string) => boolean;

/**
 * Reads a pattern once. Its words are looked for from left to right, so that a match costs what the text is long,
 * whatever the pattern: titles are strangers' words.
 */
export function compilePattern(pattern: string): Matches {
  const words = pattern.toLowerCase().split("*");
  const first = words[0] ?? "";
  const last = words.at(-1) ?? "";
  if (words.length === 1) return (text) => text.toLowerCase() === first;
  const between = words.slice(1, -1);
  return (text) => {
    const found = text.toLowerCase();
    const end = found.length - last.length;
    if (!found.startsWith(first) || !found.endsWith(last) || end < first.length) return false;
    let at = first.length;
    for (const word of between) {
      const next = found.indexOf(word, at);
      if (next < 0 || next + word.length > end) return false;
      at = next + word.length;
    }
    return true;
  };
}

/** One of them is enough. */
export function compileAny(patterns: readonly string[]): Matches {
  const all = patterns.map(compilePattern);
  return (text) => all.some((matches) => matches(text));
}
