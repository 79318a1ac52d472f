// node scripts/typescript.mjs <file.ts> [arguments]: TypeScript of the project as a process of its own, on a clone that
// has its packages (scripts/run.mjs installs them first). Plain Node, and esbuild when something must be built.
import { createHash, randomBytes } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const HERE = join(root, ".cache", "typescript");
const MAIN = "main.mjs";
const NODE_MIN = [20, 19];
/** What a build depends on beside its sources: this file and the versions of packages. */
const ALWAYS = ["scripts/typescript.mjs", "tsconfig.json", "package-lock.json"];
/** A process that was started so long ago may still load a part of what it was started with. */
const KEPT_MS = 7 * 24 * 60 * 60_000;
const LOADERS = { ".ts": "ts", ".tsx": "tsx", ".mjs": "js", ".js": "js" };

/** Why nothing can run, for people: what happened and what to do. */
export class NotRunnable extends Error {
  name = "NotRunnable";
}

/** @throws NotRunnable */
export function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return;
  throw new NotRunnable(
    `Signalbox needs Node ${NODE_MIN.join(".")} or later; this is ${process.versions.node}.\n` +
      "Install a current one (https://nodejs.org, or your version manager), then try again.",
  );
}

/**
 * Imports a TypeScript file with all of the project that it imports, built to JavaScript that is kept until one of its
 * sources changes; packages stay where they are, and what is imported later is loaded later. A loader that is asked file
 * by file costs four milliseconds for each and a thread of its own: two thirds of the time of a short command.
 *
 * @param {string} file from the project's folder, with `/`
 * @throws NotRunnable; what the file throws
 */
export async function importTypeScript(file) {
  checkNode();
  process.setSourceMapsEnabled(true);
  const main = kept(file, HERE) ?? (await built(file));
  try {
    return await import(pathToFileURL(main).href);
  } catch (error) {
    const [, missing] = /^Cannot find package '([^']+)'/.exec(error?.message) ?? [];
    if (error?.code !== "ERR_MODULE_NOT_FOUND" || missing === undefined) throw error;
    throw new NotRunnable(otherPackages(`${missing} is missing`), { cause: error });
  }
}

/** For a command of one process: the file is its program, as if Node had been given it. @throws as importTypeScript */
export async function runAsProgram(file, args) {
  process.argv = [process.execPath, join(root, file), ...args];
  await importTypeScript(file);
}

const otherPackages = (why) =>
  `Signalbox's packages are not those of this version: ${why}.\nRun \`npm ci --ignore-scripts\` in ${root}, then try again.`;

/** A file or folder, when it was changed, and its length: another of these is another source. */
const stampOf = (path) => {
  const { mtimeMs, ctimeMs, size } = statSync(join(root, path));
  return [path, mtimeMs, ctimeMs, size];
};

/** @returns the program that was built of these very sources, or null: whatever else is found there is built anew */
function kept(file, place) {
  try {
    const record = JSON.parse(readFileSync(join(place, file, "current.json"), "utf8"));
    if (record.root !== root) return null; // a clone that was moved: its files' own addresses are in the code
    if (record.stamps.some((stamp) => String(stamp) !== String(stampOf(stamp[0])))) return null;
    const folder = join(place, file, record.build);
    accessSync(join(folder, MAIN), constants.R_OK);
    touch(folder);
    return join(folder, MAIN);
  } catch {
    return null;
  }
}

/** It is in use: see `forgetOld`. */
function touch(folder) {
  const now = (performance.timeOrigin + performance.now()) / 1_000;
  try {
    utimesSync(folder, now, now);
  } catch {
    // Another user's, who starts it more often.
  }
}

/** Builds it in the clone; whoever can't write there has a folder of their own. */
async function built(file) {
  const reasons = [];
  for (const placeOf of [() => HERE, placeElsewhere]) {
    try {
      const place = placeOf();
      return kept(file, place) ?? keep(file, place, await build(file, place));
    } catch (error) {
      if (error.syscall === undefined) throw error;
      reasons.push(error.message);
    }
  }
  throw new NotRunnable(
    `There is no room for what is built of ${file}: ${reasons.join("; ")}.\n` +
      "Free some space, or set TMPDIR to a folder that you can write to.",
  );
}

/** @throws NotRunnable when somebody else could put a program there */
function placeElsewhere() {
  const own = join(tmpdir(), `signalbox-typescript-${process.getuid?.() ?? "own"}`);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(own);
  if (process.getuid !== undefined && (uid !== process.getuid() || (mode & 0o7077) !== 0)) {
    throw new NotRunnable(
      `${own} is open to others, so nothing can be built there.\nDelete it, or set TMPDIR to a folder of your own.`,
    );
  }
  const place = join(own, createHash("sha256").update(root).digest("hex").slice(0, 16));
  mkdirSync(place, { recursive: true });
  try {
    symlinkSync(join(root, "node_modules"), join(place, "node_modules"));
  } catch (error) {
    if (error.code !== "EEXIST") throw error; // one of ours that started before, or at the same time
  }
  return place;
}

/** @returns esbuild's files and the stamps of all that they were built of. @throws NotRunnable */
async function build(file, place) {
  const esbuild = await import("esbuild").catch((error) => {
    throw new NotRunnable(otherPackages(error.message));
  });
  const stamps = new Map(ALWAYS.map((path) => [path, stampOf(path)]));
  try {
    const { outputFiles } = await esbuild.build({
      ...{ entryPoints: { main: join(root, file) }, absWorkingDir: root, write: false },
      ...{ outdir: join(place, file, "build"), outExtension: { ".js": ".mjs" } },
      ...{ bundle: true, splitting: true, packages: "external", platform: "node", format: "esm" },
      ...{ target: "node20.19", keepNames: true, logLevel: "silent" },
      ...{ sourcemap: "linked", sourcesContent: false },
      plugins: [{ name: "sources", setup: (one) => one.onLoad({ filter: /./ }, load) }],
    });
    await esbuild.stop();
    return { outputFiles, stamps: [...stamps.values()] };
  } catch (error) {
    if (!Array.isArray(error.errors)) {
      throw new NotRunnable(otherPackages(error.message.split("\n", 1)[0]));
    }
    const places = await esbuild.formatMessages(error.errors, { kind: "error" });
    throw new NotRunnable(
      `A source does not compile.\n\n${places.join("")}In ${root}: \`git status\` tells whether it is yours (a merge that was not ended?).`,
    );
  }

  /** Stamped before it is read: a source that changes meanwhile makes what is built of it stale. So does a new neighbor. */
  async function load({ path: source }) {
    for (const path of [source, dirname(source)].map((one) => relative(root, one))) {
      if (!stamps.has(path)) stamps.set(path, stampOf(path));
    }
    const contents = readFileSync(source, "utf8");
    const loader = LOADERS[extname(source)];
    if (loader === undefined || !contents.includes("import.meta")) {
      return { contents, loader: "default" };
    }
    // Built into other files, each keeps the address that it has as a source.
    const { code } = await esbuild.transform(contents, {
      ...{ loader, sourcefile: source, sourcemap: "inline", target: "node20.19" },
      tsconfigRaw: readFileSync(join(root, "tsconfig.json"), "utf8"),
      define: {
        "import.meta.url": JSON.stringify(pathToFileURL(source).href),
        "import.meta.filename": JSON.stringify(source),
        "import.meta.dirname": JSON.stringify(dirname(source)),
      },
    });
    if (!/\bimport\.meta\b/.test(code.slice(0, code.lastIndexOf("//# sourceMappingURL=")))) {
      return { contents: code, loader: "js" };
    }
    const text = "Of import.meta only url, filename and dirname are kept for what runs from here.";
    return { errors: [{ text, location: { file: relative(root, source) } }] };
  }
}

/** Whole or not at all, for others who start at the same time. @returns the program */
function keep(file, place, { outputFiles, stamps }) {
  const folder = join(place, file);
  const own = `${process.pid}-${randomBytes(6).toString("hex")}`;
  const [half, record] = [join(folder, `half-${own}`), join(folder, `record-${own}`)];
  try {
    mkdirSync(half, { recursive: true });
    const hash = createHash("sha256");
    for (const { path, contents } of outputFiles) {
      const name = relative(join(folder, "build"), path);
      hash.update(name).update(contents);
      writeFileSync(join(half, name), contents);
    }
    const name = hash.digest("hex").slice(0, 16);
    const main = join(folder, name, MAIN);
    takeName(half, join(folder, name));
    writeFileSync(record, JSON.stringify({ root, build: name, stamps }));
    renameSync(record, join(folder, "current.json"));
    forgetOld(folder, name);
    return main;
  } finally {
    for (const left of [half, record]) rmSync(left, { recursive: true, force: true });
  }
}

/** What has the name already was built of the same, perhaps just now by another process, unless somebody has damaged it. */
function takeName(half, whole) {
  try {
    renameSync(half, whole);
  } catch (error) {
    if (!existsSync(whole)) throw error;
    if (existsSync(join(whole, MAIN))) return;
    rmSync(whole, { recursive: true, force: true });
    renameSync(half, whole);
  }
}

function forgetOld(folder, name) {
  const before = performance.timeOrigin + performance.now() - KEPT_MS;
  for (const one of readdirSync(folder).filter((entry) => entry !== name)) {
    const { mtimeMs } = statSync(join(folder, one), { throwIfNoEntry: false }) ?? {};
    if (mtimeMs < before) rmSync(join(folder, one), { recursive: true, force: true });
  }
}

/** Says why nothing can run, without a stack that would hide it; all else is thrown on. */
export function endNotRunnable(error) {
  if (!(error instanceof NotRunnable)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

const isMain =
  process.argv[1] !== undefined &&
  existsSync(process.argv[1]) &&
  realpathSync(process.argv[1]) === realpathSync(fileURLToPath(import.meta.url));
if (isMain) {
  const [, , file, ...args] = process.argv;
  if (file === undefined) {
    process.stderr.write("Usage: node scripts/typescript.mjs <file.ts> [arguments]\n");
    process.exit(2);
  }
  await runAsProgram(file, args).catch(endNotRunnable);
}
