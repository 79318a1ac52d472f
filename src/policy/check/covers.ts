import { SIGNAL_KINDS, SIGNAL_LEVELS } from "../../domain/facts.js";
import type { Match } from "../schema.js";

/**
 * True when every text that `inner` stands for, `outer` stands for too; case does not matter. Two patterns of the
 * same meaning that are written otherwise may be told apart (`a*` and `a**`): then a rule is not called unreachable,
 * which it may be.
 */
export function patternCovers(outer: string, inner: string): boolean {
  const wide = [...outer.toLowerCase()];
  // reached[i]: the first i characters of the wide pattern stand for what was read of the narrow one. A star may
  // stand for nothing, and for a star.
  let reached = [true];
  for (const [i, wanted] of wide.entries()) reached[i + 1] = wanted === "*" && reached[i] === true;
  for (const char of inner.toLowerCase()) {
    const next = [false];
    for (const [i, wanted] of wide.entries()) {
      const stays = wanted === "*" && (reached[i + 1] === true || next[i] === true);
      next[i + 1] = stays || (char === wanted && reached[i] === true);
    }
    reached = next;
  }
  return reached.at(-1) === true;
}

/** Patterns by the line's name: `kind`, `service`, `tags.threshold`. */
export type Lines = ReadonlyMap<string, readonly string[]>;

/** One way to meet a rule: of each line that it has, one word. */
export interface Way {
  words: ReadonlyMap<string, string>;
}

/** Past so many ways a rule is looked at as a whole only. */
const WAYS_MAX = 20_000;

/**
 * All ways to meet a rule. What can be listed (kinds and levels) is, where the rule has no line of it, so that a
 * rule for each level covers one without.
 */
export function waysToMeet(when: Match): Way[] {
  const lines = new Map(linesOf(when));
  if (!lines.has("kind")) lines.set("kind", SIGNAL_KINDS);
  if (!lines.has("level")) lines.set("level", SIGNAL_LEVELS);
  let ways: Map<string, string>[] = [new Map()];
  for (const [line, words] of lines) {
    if (ways.length * words.length > WAYS_MAX) continue;
    ways = ways.flatMap((way) => words.map((word) => new Map(way).set(line, word)));
  }
  return ways.map((words) => ({ words }));
}

/** True when a rule of these lines takes whatever comes by the way. */
export function takesWay(lines: Lines, { words }: Way): boolean {
  for (const [line, patterns] of lines) {
    const word = words.get(line);
    if (word === undefined || !patterns.some((pattern) => patternCovers(pattern, word))) {
      return false;
    }
  }
  return true;
}

/** A rule's lines with their patterns; text may be anywhere in a title. */
export function linesOf(when: Match): Lines {
  const { tags = {}, text, ...rest } = when;
  const lines = new Map<string, readonly string[]>();
  for (const [line, words] of Object.entries(rest)) if (words !== undefined) lines.set(line, words);
  if (text !== undefined) {
    lines.set(
      "text",
      text.map((word) => `*${word}*`),
    );
  }
  for (const [tag, words] of Object.entries(tags)) lines.set(`tags.${tag.toLowerCase()}`, words);
  return lines;
}
