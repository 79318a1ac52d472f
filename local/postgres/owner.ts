import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { PostgresFailure } from "./failure.js";
import { processToken } from "./processes.js";

interface Owner {
  readonly pid: number;
  readonly token: string;
}

/** The lock lies beside the data folder, which initdb wants empty. */
export const lockFileOf = (dataDir: string): string => `${dataDir}.owner`;

/** A lock that could not be taken after so many others took it first is not worth waiting for. */
const TRIES_MAX = 5;

/**
 * Says that this process works on a data folder. A Postgres that outlived its Signalbox has no
 * owner and may be adopted; one whose owner lives may not. Returns what lets go again.
 *
 * The lock file holds pid and start of its owner, so that another process that got the same number
 * later does not count.
 *
 * @throws PostgresFailure `folder_in_use`
 */
export function claimFolder(dataDir: string): () => void {
  const lockFile = lockFileOf(dataDir);
  const me: Owner = { pid: process.pid, token: processToken(process.pid) ?? "unknown" };
  const draft = `${lockFile}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(me), { mode: 0o600 });
  try {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      if (linked(draft, lockFile)) return () => release(lockFile, me);
      const other = readOwner(lockFile);
      if (other !== undefined && processToken(other.pid) === other.token)
        throw inUse(dataDir, other);
      clearStale(lockFile, other);
    }
    throw inUse(dataDir, readOwner(lockFile));
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A hard link appears whole or not at all, and fails when the name is taken. */
function linked(draft: string, lockFile: string): boolean {
  try {
    linkSync(draft, lockFile);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * Moves a dead owner's lock away. Between our look and our move another process may have put its
 * own there: then that one is put back.
 */
function clearStale(lockFile: string, dead: Owner | undefined): void {
  const aside = `${lockFile}.${process.pid}.stale`;
  try {
    renameSync(lockFile, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // another process cleared it
    throw error;
  }
  const moved = readOwner(aside);
  if (moved?.pid !== dead?.pid || moved?.token !== dead?.token) linked(aside, lockFile);
  rmSync(aside, { force: true });
}

function release(lockFile: string, me: Owner): void {
  const owner = readOwner(lockFile);
  if (owner?.pid === me.pid && owner.token === me.token) rmSync(lockFile, { force: true });
}

function readOwner(path: string): Owner | undefined {
  try {
    const owner = JSON.parse(readFileSync(path, "utf8")) as Partial<Owner>;
    return typeof owner.pid === "number" && typeof owner.token === "string"
      ? { pid: owner.pid, token: owner.token }
      : undefined;
  } catch {
    return undefined; // gone, or not ours to read: treated like a dead owner's, never like a live one's
  }
}

function inUse(dataDir: string, other: Owner | undefined): PostgresFailure {
  const who = other === undefined ? "another process" : `process ${other.pid}`;
  return new PostgresFailure(
    "folder_in_use",
    `The data folder ${dataDir} is in use by ${who}. Stop that Signalbox first, or start this one ` +
      "with another folder (--home, or SIGNALBOX_HOME).",
  );
}
