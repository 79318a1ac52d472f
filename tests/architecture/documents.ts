import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Also when they are gone: a page that still names one is wrong. */
const HOUSE = [
  "api",
  "src",
  "cli",
  "console",
  "local",
  "emulators",
  "prisma",
  "tests",
  "bench",
  "docs",
];
const THERE = readdirSync(".").filter((name) => name !== "node_modules" && !name.startsWith("."));
const TOP = [...new Set([...HOUSE, "scripts", ...THERE])];
const START = new RegExp(`^(${TOP.map((name) => name.replace(".", "\\.")).join("|")})(/|$)`);

/** What a page says about paths: in code marks, in diagrams, and in trees of folders. */
export function pathsOf(markdown: string): string[] {
  const parts = markdown.split(/^```.*$/m);
  const prose = parts.filter((_, i) => i % 2 === 0).flatMap((part) => codesOf(part));
  const drawn = parts.filter((_, i) => i % 2 === 1).flatMap((part) => drawnPaths(part));
  return [...new Set([...prose, ...drawn])];
}

const codesOf = (text: string): string[] =>
  [...text.matchAll(/`([^`\n]+)`/g)]
    .map(([, code]) => code ?? "")
    .filter((c) => START.test(c) && !/\s/.test(c));

function drawnPaths(block: string): string[] {
  const found: string[] = [];
  const above: { indent: number; path: string }[] = [];
  for (const line of block.split("\n")) {
    const entry = /^( *)([\w.[\]-]+\/)(?:\s|$)/.exec(line);
    if (entry === null) {
      found.push(
        ...line
          .split(/\s+/)
          .map((word) => word.replace(/[.,:;]+$/, ""))
          .filter((word) => START.test(word) && /[/.]/.test(word)),
      );
      continue;
    }
    const [, spaces = "", name = ""] = entry;
    while ((above.at(-1)?.indent ?? -1) >= spaces.length) above.pop();
    const path = `${above.at(-1)?.path ?? ""}${name}`;
    above.push({ indent: spaces.length, path });
    found.push(path);
  }
  return found;
}

/** Whether a path exists; `<x>` and `*` stand for any one name. */
export function matches(path: string): boolean {
  const step = (folder: string, [name, ...rest]: readonly string[]): boolean => {
    if (name === undefined) return true;
    if (!statSync(folder).isDirectory()) return false;
    // Git keeps no empty folder: what is only here would be missing in the next clone.
    if (name === "") return readdirSync(folder).length > 0;
    const found = readdirSync(folder).filter((entry) => entry === name || /[<*]/.test(name));
    return found.some((entry) => step(join(folder, entry), rest));
  };
  return step(".", path.split("/"));
}

/** Targets of links within the repository, without their anchors. */
export function linksOf(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => (target ?? "").split("#")[0] ?? "")
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target));
}
