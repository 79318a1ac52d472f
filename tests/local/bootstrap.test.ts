import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../local/postgres/processes.js";

const ROOT = resolve(import.meta.dirname, "../..");
/** The program that esbuild's own package brings for this machine. */
const BUILDER = {
  ESBUILD_BINARY_PATH: createRequire(import.meta.url).resolve(
    `@esbuild/${process.platform}-${process.arch}/bin/esbuild`,
  ),
};

let base: string;
let clone: string;

/**
 * A clone in miniature: our real scripts, and in place of hundreds of packages two of them, so
 * that npm has a real install to do without a registry.
 */
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "signalbox-base-"));
  clone = base;
  cpSync(join(ROOT, "scripts"), join(clone, "scripts"), { recursive: true });
  put("prisma/schema.prisma", "// first\n");
  cpSync(join(ROOT, "node_modules/esbuild"), join(clone, "vendor/esbuild"), { recursive: true });
  put("vendor/esbuild/package.json", '{"name":"esbuild","version":"1.0.0","main":"lib/main.js"}');
  put("tsconfig.json", "{}");
  put("vendor/prisma/package.json", '{"name":"prisma","version":"1.0.0"}');
  put(
    "vendor/prisma/build/index.js",
    `const fs = require("node:fs");
     if (!fs.existsSync(process.env.PRISMA_SCHEMA_ENGINE_BINARY)) throw new Error("would download");
     if (fs.readFileSync("prisma/schema.prisma", "utf8").includes("broken")) throw new Error("P1012");
     fs.mkdirSync("generated/prisma", { recursive: true });
     fs.appendFileSync("generated.log", process.argv[2] + "\\n");`,
  );
  put("command.ts", "console.log(JSON.stringify(process.argv.slice(2)));");
  lock({});
});

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "signalbox-clone-"));
  cpSync(base, clone, { recursive: true });
});

afterEach(() => {
  rmSync(clone, { recursive: true, force: true });
});

afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});

function put(path: string, text: string): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
}

/** Writes package.json and its lock file; `more` differs from test to test. */
function lock(more: Record<string, string>): void {
  const dependencies = { prisma: "file:vendor/prisma", esbuild: "file:vendor/esbuild", ...more };
  put("package.json", JSON.stringify({ name: "clone", version: "1.0.0", dependencies }));
  const run = npm("install", "--package-lock-only");
  expect(run.stderr).not.toMatch(/npm error/);
}

const npm = (...args: string[]) =>
  spawnSync("npm", [...args, "--offline", "--ignore-scripts"], { cwd: clone, encoding: "utf8" });

const run = (args: string[], nodeArgs: string[] = [], env: Record<string, string> = {}) =>
  spawnSync(process.execPath, [...nodeArgs, "scripts/run.mjs", ...args], {
    cwd: clone,
    encoding: "utf8",
    env: { ...process.env, ...BUILDER, ...env },
  });

function begin(args: string[]): { process: ChildProcess; stderr: () => string } {
  const child = spawn(process.execPath, ["scripts/run.mjs", ...args], {
    cwd: clone,
    env: { ...process.env, ...BUILDER },
  });
  let text = "";
  child.stderr.on("data", (chunk) => {
    text += chunk;
  });
  return { process: child, stderr: () => text };
}

describe("the bootstrap", () => {
  it("installs, generates, then runs the command; the second time only the command", () => {
    const first = run(["command.ts", "--port", "0"]);
    expect(first.stderr).toMatch(/Installed packages.*\n.*\n· Generated the database client/);
    expect(first.stdout).toBe('["--port","0"]\n');
    const second = run(["command.ts"]);
    expect(second).toMatchObject({ status: 0, stderr: "", stdout: "[]\n" });
  });

  it("tells how a command is called, instead of a stack trace, when it does not know an option", () => {
    put(
      "strict.ts",
      '// npm run strict [-- --seed N]: holds\n// what it says.\nimport { parseArgs } from "node:util";\nparseArgs({ options: { seed: { type: "string" } } });\n',
    );
    const usage = "Usage: npm run strict [-- --seed N]: holds\n       what it says.\n";
    expect(run(["strict.ts", "--help"])).toMatchObject({ status: 0, stdout: usage });
    const wrong = run(["strict.ts", "--sede", "1"]);
    expect(wrong).toMatchObject({ status: 2, stdout: "" });
    expect(wrong.stderr).toContain(usage);
    expect(wrong.stderr).not.toContain("    at ");
  });

  it("installs again when the lock file has changed", () => {
    run(["command.ts"]);
    put("vendor/extra/package.json", '{"name":"extra","version":"1.0.0"}');
    lock({ extra: "file:vendor/extra" });
    expect(run(["command.ts"]).stderr).toContain("Installed packages");
    expect(existsSync(join(clone, "node_modules/extra/package.json"))).toBe(true);
  });

  it("is content with an install that somebody made by hand", () => {
    npm("ci");
    expect(run(["command.ts"]).stderr).not.toContain("Installing packages");
  });

  it("generates the client again when the schema has changed, and only then", () => {
    run(["command.ts"]);
    put("prisma/schema.prisma", "// second\n");
    run(["command.ts"]);
    run(["command.ts"]);
    expect(readFileSync(join(clone, "generated.log"), "utf8")).toBe("generate\ngenerate\n");
  });

  it("says what failed, how, and what to do", () => {
    put("prisma/schema.prisma", "broken");
    const { status, stderr } = run(["command.ts"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/Generating the database client: ended with 1. It said:\n.*P1012/s);
    expect(stderr).toContain("Look at prisma/schema.prisma");
  });

  it("says when package.json and the lock file differ", () => {
    put("vendor/extra/package.json", '{"name":"extra","version":"1.0.0"}');
    const text = readFileSync(join(clone, "package.json"), "utf8");
    put("package.json", text.replace('{"prisma"', '{"extra":"file:vendor/extra","prisma"'));
    const { status, stderr } = run(["command.ts"]);
    expect(status).toBe(1);
    expect(stderr).toContain("Missing: extra@");
    expect(stderr).toContain("package.json and package-lock.json differ");
  });

  it("refuses a Node that is too old, in a sentence", () => {
    const old = 'Object.defineProperty(process,"versions",{value:{node:"20.18.3"}})';
    const { status, stderr } = run(["command.ts"], ["--import", `data:text/javascript,${old}`]);
    expect(status).toBe(1);
    expect(stderr).toContain("Signalbox needs Node 20.19 or later; this is 20.18.3");
  });

  it("installs once when two start together", async () => {
    const both = [begin(["command.ts"]), begin(["command.ts"])];
    const exits = both.map((one) => once(one.process, "exit"));
    expect(await Promise.all(exits)).toEqual([
      [0, null],
      [0, null],
    ]);
    const said = both.map((one) => one.stderr()).join("");
    expect(said.match(/Installed packages/g)).toHaveLength(1);
    expect(readFileSync(join(clone, "generated.log"), "utf8")).toBe("generate\n");
  });

  it("takes over the lock of an install that was killed", () => {
    const lockFile = join(clone, ".cache/bootstrap.lock");
    const { pid } = spawnSync(process.execPath, ["-e", ""]); // a number of nobody any more
    put(".cache/bootstrap.lock", String(pid));
    expect(run(["command.ts"]).status).toBe(0);
    rmSync(join(clone, "node_modules"), { recursive: true });
    put(".cache/bootstrap.lock", String(process.pid)); // taken by a later process
    utimesSync(lockFile, new Date(0), new Date(0));
    expect(run(["command.ts"]).status).toBe(0);
    expect(existsSync(lockFile)).toBe(false);
  });

  it("leaves exit code and signals to the command", async () => {
    put("command.ts", "process.exit(42)");
    expect(run(["command.ts"]).status).toBe(42);
    put(
      "command.ts",
      'process.on("SIGTERM", () => process.exit(43)); console.error("up"); setInterval(() => {}, 1e6);',
    );
    const waiting = begin(["command.ts"]);
    expect(await waitUntil(() => waiting.stderr().includes("up"), 10_000)).toBe(true);
    const exit = once(waiting.process, "exit");
    waiting.process.kill("SIGTERM");
    expect(await exit).toEqual([43, null]);
  });
});

describe("the lock file", () => {
  it("has the builds of every package for every system, or npm ci refuses it everywhere", () => {
    const copy = join(clone, "copy.json");
    cpSync(join(ROOT, "package-lock.json"), copy);
    const { stdout } = spawnSync(process.execPath, ["scripts/complete-lockfile.mjs", copy], {
      cwd: clone,
      encoding: "utf8",
    });
    expect(stdout).toBe(`0 entries added to ${copy}\n`);
  });

  it("names no registry", () => {
    expect(readFileSync(join(ROOT, "package-lock.json"), "utf8")).not.toContain(
      '"resolved": "http',
    );
  });
});
