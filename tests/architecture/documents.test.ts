import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { referencePages } from "../../scripts/reference.js";
import { linksOf, matches, pathsOf } from "./documents.js";

const architecture = readFileSync("ARCHITECTURE.md", "utf8");
const foldersOf = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);

describe("ARCHITECTURE.md", () => {
  it("names only paths that exist", () => {
    const paths = pathsOf(architecture);
    expect(paths.length).toBeGreaterThan(30);
    expect(paths.filter((path) => !matches(path))).toEqual([]);
  });

  it("names every folder of the house", () => {
    const apart = new Set(["node_modules", "generated", "dist", "coverage"]);
    const top = foldersOf(".").filter((name) => !name.startsWith(".") && !apart.has(name));
    const house = foldersOf("src").filter((name) => readdirSync(`src/${name}`).length > 0);
    const all = [...top, ...house.map((name) => `src/${name}`)];
    const named = pathsOf(architecture).map((path) => path.replace(/\/$/, ""));
    const isNamed = (folder: string) =>
      named.some((path) => path === folder || path.startsWith(`${folder}/`));
    expect(all.filter((folder) => !isNamed(folder))).toEqual([]);
  });

  it("is read as it is meant: trees, code, placeholders", () => {
    const text =
      "See `src/domain/plan.ts` and `src/sources/<x>/verify.ts`, not `GET /api/x`.\n" +
      "```text\nsrc/\n  domain/    nouns\n  nowhere/   nothing\nno-such/    gone\n```\n";
    const paths = pathsOf(text);
    expect(paths).toEqual([
      "src/domain/plan.ts",
      "src/sources/<x>/verify.ts",
      "src/",
      "src/domain/",
      "src/nowhere/",
      "no-such/",
    ]);
    expect(paths.filter((path) => !matches(path))).toEqual(["src/nowhere/", "no-such/"]);
  });
});

describe("documents", () => {
  it("link only to what exists", () => {
    const pages = readdirSync(".", { recursive: true, encoding: "utf8" }).filter(
      (name) => name.endsWith(".md") && !/(^|\/)(node_modules|\.[^/]+)\//.test(name),
    );
    const broken = pages.flatMap((page) =>
      linksOf(readFileSync(page, "utf8"))
        .filter((link) => !existsSync(join(dirname(page), link)))
        .map((link) => `${page} → ${link}`),
    );
    expect(broken).toEqual([]);
  });

  it("of docs/reference are what the code says now (npm run reference)", async () => {
    for (const [path, text] of Object.entries(await referencePages())) {
      expect(existsSync(path) ? readFileSync(path, "utf8") : "", path).toBe(text);
    }
  });
});
