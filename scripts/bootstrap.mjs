// Makes a fresh clone runnable: packages from npm, and the Prisma client. Plain Node without
// dependencies, in a syntax that an old Node can still read, so that it can say it is too old.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { alone, runStep, StepFailed } from "./steps.mjs";
import { checkNode, endNotRunnable, NotRunnable, runAsProgram } from "./typescript.mjs";

/** The project's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const INSTALL_TIMEOUT_MS = 15 * 60_000;
const GENERATE_TIMEOUT_MS = 2 * 60_000;

/**
 * Does what is still missing, and nothing when all is there. Progress goes to stderr. Ends the
 * process with a sentence and code 1 when it can't.
 */
export async function bootstrap() {
  try {
    checkNode();
    if (packagesAreComplete() && clientIsCurrent()) return;
    await alone(join(root, ".cache", "bootstrap.lock"), async () => {
      if (!packagesAreComplete()) await installPackages();
      if (!clientIsCurrent()) await generateClient();
    });
  } catch (error) {
    if (!(error instanceof StepFailed || error instanceof NotRunnable)) throw error;
    process.stderr.write(`\n${error.message}\n`);
    process.exit(1);
  }
}

/**
 * Runs a TypeScript file of the project, after the bootstrap, in this very process: signals, exit
 * code and terminal are then its own, with nothing in between that must pass them on.
 */
export async function runTypeScript(file, args) {
  await bootstrap();
  await runAsProgram(file, args).catch(endNotRunnable);
}

// ---- packages

const stampFile = "node_modules/.signalbox-stamp";

const packagesStamp = () => hash(read("package-lock.json"), process.platform, process.arch);

function packagesAreComplete() {
  if (read(stampFile) === packagesStamp()) return true;
  if (!installedMatches(read("package-lock.json"))) return false;
  writeFileSync(join(root, stampFile), packagesStamp());
  return true;
}

/**
 * Whether what is installed is what is locked, for whoever ran npm by hand. npm writes its record
 * of node_modules at the end of an install, so it shows that one came to its end; but it is no
 * proof of each package: `npm install --package-lock-only` writes there what it did not install.
 */
function installedMatches(lock) {
  if (read("node_modules/.package-lock.json") === "") return false;
  return Object.entries(JSON.parse(lock).packages).every(([path, wanted]) => {
    if (path === "") return true;
    const manifest = read(`${path}/package.json`);
    if (manifest === "") return wanted.optional === true && !isForThisMachine(wanted);
    return wanted.version === undefined || JSON.parse(manifest).version === wanted.version;
  });
}

/** Optional packages carry binaries for one system each, or are beyond our knowledge (libc). */
function isForThisMachine({ os, cpu, libc }) {
  if (os === undefined && cpu === undefined) return false;
  const fits = (list, value) => list === undefined || list.includes(value);
  return libc === undefined && fits(os, process.platform) && fits(cpu, process.arch);
}

async function installPackages() {
  rmSync(join(root, stampFile), { force: true }); // an install that is killed must not look done
  // No package's install script is needed here, and one of them wants to download an engine.
  const args = ["ci", "--ignore-scripts", "--include=dev", "--include=optional"];
  args.push("--no-audit", "--no-fund", "--no-progress", "--loglevel=error");
  const [command, ...before] = npm();
  await runStep({
    title: "Installing packages from npm (once)",
    done: "Installed packages from npm",
    command,
    args: [...before, ...args],
    cwd: root,
    timeoutMs: INSTALL_TIMEOUT_MS,
    advice: adviceOnNpm,
  });
  writeFileSync(join(root, stampFile), packagesStamp());
}

/** The npm that started us, if one did; else the one on the PATH. */
function npm() {
  const cli = process.env.npm_execpath ?? "";
  return /^npm-cli\.c?js$/.test(basename(cli)) ? [process.execPath, cli] : ["npm"];
}

function adviceOnNpm(output) {
  if (/ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|network/i.test(output)) {
    return "npm can't reach its registry. Check the network, a proxy, and `npm config get registry`.";
  }
  if (/EACCES|EPERM/.test(output)) {
    return `Something in ${root} belongs to another user. Give it to yourself, then try again.`;
  }
  if (/ENOSPC/.test(output)) return "The disk is full.";
  if (/in sync|package-lock/.test(output)) {
    return "package.json and package-lock.json differ. Run `npm install` if you changed one of them.";
  }
  return "Run `npm ci --ignore-scripts` to see all of it.";
}

// ---- Prisma client

const clientStampFile = "generated/.signalbox-stamp";

function clientStamp() {
  const folder = join(root, "prisma");
  const schemas = existsSync(folder)
    ? readdirSync(folder)
        .filter((n) => n.endsWith(".prisma"))
        .sort()
    : [];
  const prisma = JSON.parse(read("node_modules/prisma/package.json") || "{}").version;
  return hash(String(prisma), ...schemas.map((name) => read(`prisma/${name}`)));
}

function clientIsCurrent() {
  return existsSync(join(root, "generated", "prisma")) && read(clientStampFile) === clientStamp();
}

async function generateClient() {
  await runStep({
    title: "Generating the database client",
    done: "Generated the database client",
    command: process.execPath,
    args: [join(root, "node_modules", "prisma", "build", "index.js"), "generate", "--no-hints"],
    cwd: root,
    env: {
      // Generating uses no engine, yet Prisma would first download one if this named none.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: "1",
      CHECKPOINT_DISABLE: "1",
    },
    timeoutMs: GENERATE_TIMEOUT_MS,
    advice: () => "Look at prisma/schema.prisma. Run `npx --no prisma validate` to see all of it.",
  });
  mkdirSync(join(root, "generated"), { recursive: true });
  writeFileSync(join(root, clientStampFile), clientStamp());
}

// ----

/** A file of the project, or "" when it is not there. */
function read(path) {
  const full = join(root, path);
  return existsSync(full) ? readFileSync(full, "utf8") : "";
}

function hash(...parts) {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part).update("\0");
  return sum.digest("hex");
}

const isMain =
  process.argv[1] !== undefined &&
  existsSync(process.argv[1]) &&
  realpathSync(process.argv[1]) === realpathSync(fileURLToPath(import.meta.url));
if (isMain) await bootstrap();
