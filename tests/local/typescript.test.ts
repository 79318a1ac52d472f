import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const KEPT = ".cache/typescript/code/main.ts";

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
  put("node_modules/packaged/index.js", 'console.log("loaded");\nexport const packaged = 1;\n');
  put("code/main.ts", 'import { word } from "./words/word.js";\nconsole.log(word);\n');
  put("code/words/word.ts", 'export const word: string = "first";\n');
});
beforeEach(() => {
  cpSync(join(place, "base"), join(place, "clone"), { recursive: true });
  clone = join(place, "clone");
});
afterEach(() => {
  chmodSync(clone, 0o755);
  rmSync(clone, { recursive: true });
});
afterAll(() => rmSync(place, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
}

const run = (
  args: string[] = [],
  {
    file = "code/main.ts",
    ...options
  }: { file?: string; uid?: number; env?: NodeJS.ProcessEnv } = {},
) =>
  spawnSync(process.execPath, ["scripts/typescript.mjs", file, ...args], {
    cwd: clone,
    encoding: "utf8",
    ...options,
  });
const printed = (file?: string): string => {
  const { status, stdout, stderr } = run([], file === undefined ? {} : { file });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
};
const recordedAt = (): number => statSync(join(clone, KEPT, "current.json")).mtimeMs;
const builds = (): string[] =>
  readdirSync(join(clone, KEPT)).filter((name) => name !== "current.json");

it("what is built is kept, and used as long as nothing has changed", () => {
  expect(printed()).toBe("first\n");
  const madeAt = recordedAt();
  rmSync(join(clone, "node_modules/esbuild"), { recursive: true }); // nothing is built any more
  expect(printed()).toBe("first\n");
  expect(recordedAt()).toBe(madeAt);
});

it("a source that has changed, wherever it is imported, is built anew", () => {
  printed();
  put("code/words/word.ts", 'export { word } from "./other.js";\n');
  put("code/words/other.tsx", 'export const word = "second";\n');
  expect(printed()).toBe("second\n");
  put("code/words/other.ts", 'export const word = "nearer";\n');
  expect(printed(), "a new file that is resolved before the other").toBe("nearer\n");
  put("code/words/data.json", '{"word":"third"}');
  put(
    "code/words/word.ts",
    'import data from "./data.json" with { type: "json" };\nexport const { word } = data;\n',
  );
  expect(printed()).toBe("third\n");
  put("code/words/data.json", '{"word":"fourth"}');
  expect(printed()).toBe("fourth\n");
});

it("other packages, another tsconfig and a source that is gone are not overlooked", () => {
  for (const file of ["package-lock.json", "tsconfig.json"]) {
    printed();
    const madeAt = recordedAt();
    put(file, "{ }");
    printed();
    expect(recordedAt(), file).toBeGreaterThan(madeAt);
  }
  rmSync(join(clone, "code/words/word.ts"));
  const { status, stderr } = run();
  expect(status).toBe(1);
  expect(stderr).toContain('Could not resolve "./words/word.js"');
});

it("what is damaged or gone of what was kept is built anew", () => {
  printed();
  const [name = ""] = builds();
  for (const text of ["", "null", '{"root":1}']) {
    put(`${KEPT}/current.json`, text);
    expect(printed(), text).toBe("first\n");
  }
  rmSync(join(clone, KEPT, name, "main.mjs"));
  expect(printed()).toBe("first\n");
  rmSync(join(clone, KEPT, name), { recursive: true });
  expect(printed()).toBe("first\n");
  expect(builds()).toEqual([name]);
});

/** Without a stack, which would hide it. */
const saysWhy = (...words: string[]): void => {
  const { status, stdout, stderr } = run();
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  for (const word of words) expect(stderr).toContain(word);
  expect(stderr).not.toMatch(/^ {4}at /m);
};

it("a source that does not compile is named with its line, and what to do", () => {
  put("code/words/word.ts", "export const word = 1;\n<<<<<<< HEAD\n");
  saysWhy("code/words/word.ts:2:0", "<<<<<<< HEAD", `In ${clone}: \`git status\``);
});

it("packages of another version are named, and what to do", () => {
  put("code/words/word.ts", 'import { word } from "not-installed";\nexport { word };\n');
  saysWhy("not-installed is missing", `Run \`npm ci --ignore-scripts\` in ${clone}`);
  rmSync(join(clone, "node_modules/@esbuild"), { recursive: true });
  put("code/words/word.ts", 'export const word = "second";\n');
  saysWhy(`Run \`npm ci --ignore-scripts\` in ${clone}`);
  rmSync(join(clone, "node_modules/esbuild"), { recursive: true });
  saysWhy("Cannot find package 'esbuild'", `Run \`npm ci --ignore-scripts\` in ${clone}`);
});

it("an old Node is told so", () => {
  const old = "Object.defineProperty(process.versions,'node',{value:'18.14.0'})";
  const child = spawnSync(
    process.execPath,
    ["--import", `data:text/javascript,${old}`, "scripts/typescript.mjs", "code/main.ts"],
    { cwd: clone, encoding: "utf8" },
  );
  expect(child).toMatchObject({ status: 1, stdout: "" });
  expect(child.stderr).toMatch(/^Signalbox needs Node 20.19 or later; this is 18.14.0.\nInstall /);
});

it("each file keeps its own address, also in a clone that was moved, and packages are found", () => {
  put(
    "code/words/word.mjs",
    "export const word = [import.meta.url, import.meta.dirname, import.meta.filename].join();\n",
  );
  put(
    "code/main.ts",
    'import { packaged } from "packaged";\nimport { word } from "./words/word.mjs";\nconsole.log(packaged, import.meta.url, word, process.argv.slice(1).join());\n',
  );
  const said = () =>
    `loaded\n1 file://${clone}/code/main.ts file://${clone}/code/words/word.mjs,${clone}/code/words,${clone}/code/words/word.mjs ${clone}/code/main.ts,--port,1\n`;
  expect(run(["--port", "1"])).toMatchObject({ stderr: "", stdout: said() });
  renameSync(clone, join(place, "moved"));
  clone = join(place, "moved");
  expect(run(["--port", "1"])).toMatchObject({ stderr: "", stdout: said() });
});

it("what would be another address than the source's own is refused, with its place", () => {
  put("code/words/word.ts", 'export const word = import.meta.resolve("./x.js");\n');
  const { status, stderr } = run();
  expect(status).toBe(1);
  expect(stderr).toContain("code/words/word.ts");
  expect(stderr).toContain("only url, filename and dirname");
});

it("what is imported later, and the packages that only it needs, are loaded later", () => {
  put(
    "code/words/word.ts",
    'import { packaged } from "packaged";\nexport const word = packaged;\n',
  );
  put(
    "code/main.ts",
    'console.log("begun");\nif (process.argv[2] === "later") console.log((await import("./words/word.js")).word);\n',
  );
  expect(run().stdout).toBe("begun\n");
  expect(run(["later"]).stdout).toBe("begun\nloaded\n1\n");
});

it("commands whose paths look alike are not taken for each other", () => {
  put("code/a/b-c.ts", 'console.log("a/b-c");\n');
  put("code/a/b/c.ts", 'console.log("a/b/c");\n');
  expect([printed("code/a/b-c.ts"), printed("code/a/b/c.ts")]).toEqual(["a/b-c\n", "a/b/c\n"]);
});

it("an error names the line of the source", () => {
  put("code/words/word.ts", "\n\nthrow new Error(import.meta.url);\nexport const word = 1;\n");
  expect(run().stderr).toContain("words/word.ts:3:7");
});

it("a build that nobody was started with for a week goes with the next one", () => {
  printed();
  const [first = ""] = builds();
  put("code/words/word.ts", 'export const word = "second";\n');
  printed();
  expect(builds(), "a process may still load a part of it").toHaveLength(2);
  const longAgo = new Date(Date.now() - 8 * 86_400_000);
  utimesSync(join(clone, KEPT, first), longAgo, longAgo);
  put("code/words/word.ts", 'export const word = "third";\n');
  printed();
  expect(builds()).toHaveLength(2);
  expect(builds()).not.toContain(first);
});

const temporaryFolder = (): string => {
  const temporary = mkdtempSync(join(place, "temporary-"));
  chmodSync(temporary, 0o777);
  return temporary;
};
/** Root may write everywhere. */
const somebody = process.getuid?.() === 0 ? { uid: 65_534 } : {};

it("several that start at once all run, and leave one build, in the clone or beside it", async () => {
  const atOnce = (env: NodeJS.ProcessEnv) =>
    Promise.all(
      Array.from({ length: 5 }, () => {
        const program = ["scripts/typescript.mjs", "code/main.ts"];
        const child = spawn(process.execPath, program, { cwd: clone, env });
        return new Promise((done) => child.once("close", done));
      }),
    );
  expect(await atOnce({})).toEqual([0, 0, 0, 0, 0]);
  expect(builds()).toHaveLength(1);
  rmSync(join(clone, ".cache"), { recursive: true });
  put(".cache", "a file, where a folder is wanted");
  expect(await atOnce({ TMPDIR: temporaryFolder() })).toEqual([0, 0, 0, 0, 0]);
});

it("runs for somebody who may not write to the clone, and is kept where only they can write", () => {
  const TMPDIR = temporaryFolder();
  chmodSync(clone, 0o555);
  const theirs = () => run([], { env: { TMPDIR }, ...somebody });
  expect(theirs()).toMatchObject({ status: 0, stderr: "", stdout: "first\n" });
  const [own = ""] = readdirSync(TMPDIR);
  expect(statSync(join(TMPDIR, own)).mode & 0o777).toBe(0o700);
  const [hash = ""] = readdirSync(join(TMPDIR, own));
  const record = join(TMPDIR, own, hash, "code/main.ts/current.json");
  const before = readFileSync(record, "utf8");
  expect(theirs()).toMatchObject({ status: 0, stderr: "", stdout: "first\n" });
  expect(readFileSync(record, "utf8")).toBe(before);
});

it("what its owner has built is what others run, and errors name the source for them too", () => {
  printed();
  const env = { TMPDIR: temporaryFolder() };
  expect(run([], { env, ...somebody })).toMatchObject({ status: 0, stderr: "", stdout: "first\n" });
  expect(readdirSync(env.TMPDIR)).toEqual([]);
  put("code/words/word.ts", '\n\nthrow new Error("a test");\nexport const word = 1;\n');
  chmodSync(join(clone, KEPT), 0o555);
  expect(run([], { env, ...somebody }).stderr).toContain(`${clone}/code/words/word.ts:3:7`);
});

it("runs where nothing can be kept in the clone, and says so where it can be kept nowhere", () => {
  put(".cache", "a file, where a folder is wanted");
  const TMPDIR = temporaryFolder();
  expect(run([], { env: { TMPDIR } })).toMatchObject({ status: 0, stderr: "", stdout: "first\n" });
  const nowhere = run([], { env: { TMPDIR: join(clone, "package.json") } });
  expect(nowhere.status).toBe(1);
  expect(nowhere.stderr).toMatch(
    /^There is no room for what is built of code\/main.ts: ENOTDIR.*; ENOTDIR.*\nFree some space, or set TMPDIR/,
  );
});

it("runs for somebody who may not read what another has built", () => {
  printed();
  chmodSync(join(clone, ".cache"), 0o000);
  chmodSync(clone, 0o555);
  const env = { TMPDIR: temporaryFolder() };
  expect(run([], { env, ...somebody })).toMatchObject({ status: 0, stderr: "", stdout: "first\n" });
  chmodSync(join(clone, ".cache"), 0o755);
});

it("builds nothing where somebody else could put a program", () => {
  const TMPDIR = temporaryFolder();
  const uid = somebody.uid ?? process.getuid?.() ?? 0;
  mkdirSync(join(TMPDIR, `signalbox-typescript-${uid}`));
  chmodSync(join(TMPDIR, `signalbox-typescript-${uid}`), 0o777);
  chmodSync(clone, 0o555);
  const { status, stderr } = run([], { env: { TMPDIR }, ...somebody });
  expect(status).toBe(1);
  expect(stderr).toContain("is open to others, so nothing can be built there.\nDelete it, or set");
  expect(existsSync(join(clone, ".cache"))).toBe(false);
});
