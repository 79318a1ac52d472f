// node scripts/typescript.mjs <file.ts> [arguments]: TypeScript of the project as a process of its own, on a clone that
// has its packages (scripts/run.mjs installs them first). Plain Node, and esbuild when something must be built.
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const KEPT_IN = ".cache/typescript";
const MADE_FROM = "\n//# made from ";
/** What a build depends on beside its sources: this file and the versions of packages. */
const ALWAYS = ["scripts/typescript.mjs", "tsconfig.json", "package-lock.json"];
/** The folder cannot be written to: somebody else's, or a read-only disk. */
const CLOSED = ["EACCES", "EPERM", "EROFS"];

/**
 * Imports a TypeScript file with all of the project that it imports, as one file of JavaScript that is kept until
 * one of its sources changes; packages stay where they are. A loader that is asked file by file costs four
 * milliseconds for each and a thread of its own: two thirds of the time of a short command.
 *
 * @param {string} file from the project's folder; JavaScript is imported as it is
 * @throws what the file throws, or esbuild's error with the place in the source
 */
export async function importTypeScript(file) {
  const path = join(root, file);
  if (!/\.tsx?$/.test(file)) return await import(pathToFileURL(path).href);
  process.setSourceMapsEnabled(true);
  const kept = join(root, KEPT_IN, `${file.replaceAll("/", "-")}.mjs`);
  return await import(pathToFileURL(isCurrent(kept) ? kept : await built(path, kept)).href);
}

/** A file, when it was changed, and its length: another of these is another source. */
const stampOf = (path) => {
  const { mtimeMs, size } = statSync(join(root, path));
  return [path, mtimeMs, size];
};

function isCurrent(kept) {
  try {
    const text = readFileSync(kept, "utf8");
    const made = JSON.parse(text.slice(text.lastIndexOf(MADE_FROM) + MADE_FROM.length));
    if (made.root !== root) return false; // a clone that was moved: its files' own addresses are in the code
    return made.stamps.every((stamp) => String(stamp) === String(stampOf(stamp[0])));
  } catch (error) {
    // None yet, none that was finished, or a source that is gone.
    if (error instanceof SyntaxError || error.code === "ENOENT") return false;
    throw error;
  }
}

/** @returns where it lies: `kept`, or a folder that goes with this process when that cannot be written */
async function built(path, kept) {
  const { build, stop, transform } = await import("esbuild");
  const stamps = ALWAYS.map(stampOf);
  const { outputFiles } = await build({
    ...{ entryPoints: [path], absWorkingDir: root, outfile: kept, write: false },
    ...{ bundle: true, packages: "external", platform: "node", format: "esm", target: "node20.19" },
    ...{ sourcemap: "linked", keepNames: true, logLevel: "silent" },
    plugins: [{ name: "sources", setup: (builder) => builder.onLoad({ filter: /./ }, load) }],
  });
  await stop();
  const [map, code] = outputFiles.toSorted((a, b) => b.path.length - a.path.length);
  const made = `${code.text}${MADE_FROM}${JSON.stringify({ root, stamps })}`;
  try {
    return write(kept, made, map.text);
  } catch (error) {
    if (!CLOSED.includes(error.code)) throw error;
    return write(join(folderOfOurs(), "main.mjs"), made, map.text);
  }

  /** Stamped before it is read: a source that changes meanwhile makes what is built of it stale. */
  async function load({ path: source }) {
    stamps.push(stampOf(relative(root, source)));
    const contents = readFileSync(source, "utf8");
    if (!contents.includes("import.meta.") || source.endsWith(".json")) {
      return { contents, loader: "default" };
    }
    // In one file for all, each keeps the address that it has as a source.
    const { code } = await transform(contents, {
      ...{ loader: source.endsWith("x") ? "tsx" : "ts", sourcefile: source, sourcemap: "inline" },
      tsconfigRaw: readFileSync(join(root, "tsconfig.json"), "utf8"),
      target: "node20.19",
      define: {
        "import.meta.url": JSON.stringify(pathToFileURL(source).href),
        "import.meta.dirname": JSON.stringify(dirname(source)),
      },
    });
    return { contents: code, loader: "js" };
  }
}

/** Whole or not at all, for others who start at the same time; its map first, for it is asked for when it is there. */
function write(path, code, map) {
  mkdirSync(dirname(path), { recursive: true });
  for (const [to, text] of [
    [`${path}.map`, map],
    [path, code],
  ]) {
    const half = `${to}.${process.pid}`;
    writeFileSync(half, text);
    renameSync(half, to);
  }
  return path;
}

/** For a command of one process: the file is its program, as if Node had been given it. */
export async function runAsProgram(file, args) {
  process.argv = [process.execPath, join(root, file), ...args];
  await importTypeScript(file);
}

function folderOfOurs() {
  const folder = mkdtempSync(join(tmpdir(), "signalbox-typescript-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

const isMain =
  process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
if (isMain) await runAsProgram(process.argv[2], process.argv.slice(3));
