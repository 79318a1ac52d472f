import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const KEPT = ".cache/typescript/main.ts.mjs";

let place: string;
let clone: string;

/** A clone in miniature, with the real esbuild and one more package. */
beforeAll(() => {
  place = realpathSync(mkdtempSync(join(tmpdir(), "signalbox-typescript-test-")));
  chmodSync(place, 0o755); // somebody else comes in
  clone = join(place, "base");
  for (const path of ["scripts/typescript.mjs", "node_modules/esbuild", "node_modules/@esbuild"]) {
    cpSync(join(ROOT, path), join(clone, path), { recursive: true });
  }
  put("package.json", '{"type":"module"}');
  put("package-lock.json", "{}");
  put("tsconfig.json", '{"compilerOptions":{"target":"ES2023","verbatimModuleSyntax":true}}');
  put("node_modules/packaged/package.json", '{"type":"module","exports":"./index.js"}');
  put("node_modules/packaged/index.js", 'export const packaged = "a package";');
  put("main.ts", 'import { word } from "./words/word.js";\nconsole.log(word);\n');
  put("words/word.ts", 'export const word: string = "first";\n');
});
beforeEach(() => {
  cpSync(join(place, "base"), join(place, "clone"), { recursive: true });
  clone = join(place, "clone");
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));
afterAll(() => rmSync(place, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
}

const run = (args: string[] = [], options: { uid?: number; env?: NodeJS.ProcessEnv } = {}) =>
  spawnSync(process.execPath, ["scripts/typescript.mjs", "main.ts", ...args], {
    cwd: clone,
    encoding: "utf8",
    ...options,
  });
const printed = (): string => {
  const { status, stdout, stderr } = run();
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
};
const whenMade = (): number => statSync(join(clone, KEPT)).mtimeMs;

it("what is built is kept, and used as long as nothing has changed", () => {
  expect(printed()).toBe("first\n");
  const madeAt = whenMade();
  rmSync(join(clone, "node_modules/esbuild"), { recursive: true }); // nothing is built any more
  expect(printed()).toBe("first\n");
  expect(whenMade()).toBe(madeAt);
});

it("a source that has changed, wherever it is imported, is built anew", () => {
  printed();
  put("words/word.ts", 'export { word } from "./other.js";\n');
  put("words/other.ts", 'export const word = "second";\n');
  expect(printed()).toBe("second\n");
  put("words/other.ts", 'import data from "./data.json" with { type: "json" };\n');
  put("words/data.json", '{"word":"third"}');
  put("words/word.ts", 'import data from "./data.json";\nexport const { word } = data;\n');
  expect(printed()).toBe("third\n");
  put("words/data.json", '{"word":"fourth"}');
  expect(printed()).toBe("fourth\n");
});

it("other packages, another tsconfig and a source that is gone are not overlooked", () => {
  for (const file of ["package-lock.json", "tsconfig.json"]) {
    printed();
    const madeAt = whenMade();
    put(file, "{ }");
    printed();
    expect(whenMade(), file).toBeGreaterThan(madeAt);
  }
  rmSync(join(clone, "words/word.ts"));
  const { status, stderr } = run();
  expect(status).toBe(1);
  expect(stderr).toContain('Could not resolve "./words/word.js"');
});

it("each file keeps its own address, also in a clone that was moved, and packages are found", () => {
  put("words/word.ts", 'export const word = [import.meta.url, import.meta.dirname].join(" ");\n');
  put(
    "main.ts",
    'import { packaged } from "packaged";\nimport { word } from "./words/word.js";\nconsole.log(packaged, import.meta.url, word, process.argv.slice(1).join(" "));\n',
  );
  const said = () =>
    `a package file://${clone}/main.ts file://${clone}/words/word.ts ${clone}/words ${clone}/main.ts --port 1\n`;
  expect(run(["--port", "1"])).toMatchObject({ stderr: "", stdout: said() });
  renameSync(clone, join(place, "moved"));
  clone = join(place, "moved");
  expect(run(["--port", "1"])).toMatchObject({ stderr: "", stdout: said() });
});

it("an error names the line of the source", () => {
  put("words/word.ts", "\n\nthrow new Error(import.meta.url);\nexport const word = 1;\n");
  expect(run().stderr).toContain("words/word.ts:3:7");
});

it("several that start at once on a new clone all run", async () => {
  const ends = Array.from({ length: 5 }, () => {
    const child = spawn(process.execPath, ["scripts/typescript.mjs", "main.ts"], { cwd: clone });
    return new Promise((done) => child.once("close", done));
  });
  expect(await Promise.all(ends)).toEqual([0, 0, 0, 0, 0]);
  expect(readdirSync(join(clone, ".cache/typescript")).sort()).toEqual([
    "main.ts.mjs",
    "main.ts.mjs.map",
  ]);
});

it("runs for somebody who may not write to the clone, and leaves nothing behind", () => {
  chmodSync(clone, 0o555);
  const temporary = join(place, "temporary");
  mkdirSync(temporary);
  chmodSync(temporary, 0o777);
  const nobody = process.getuid?.() === 0 ? { uid: 65_534 } : {}; // root may write everywhere
  expect(run([], { env: { TMPDIR: temporary }, ...nobody })).toMatchObject({
    ...{ status: 0, stderr: "", stdout: "first\n" },
  });
  expect(readdirSync(temporary)).toEqual([]);
});
