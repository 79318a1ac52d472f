import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PostgresFailure } from "./failure.js";

/** A user of the operating system, by number. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Whom Postgres runs as. `self` is the user who runs Node; only root needs another. */
export interface Accounts {
  readonly server: Account | "self";
  /** initdb, unlike the server, insists on a user that has a name. */
  readonly initdb: Account | "self";
}

/** Names that packages of Debian, Fedora, Homebrew and macOS give to the user of a Postgres. */
const USUAL_NAMES = ["postgres", "_postgres"];

/** Where no such user exists: a number above those that systems hand out to services and people. */
const UNNAMED: Account = { uid: 58_431, gid: 58_431 };

/**
 * Postgres refuses to run as root. Instead of adding a user to the system, root's Postgres runs as
 * whoever owns the data already, as the system's `postgres`, or under a bare number without a name.
 *
 * @param ownerOfData uid and gid of existing data, if there is any
 * @param names of the users to look for; for tests
 */
export function chooseAccounts(ownerOfData?: Account, names = USUAL_NAMES): Accounts {
  if (process.getuid?.() !== 0) return { server: "self", initdb: "self" };
  if (ownerOfData !== undefined && ownerOfData.uid !== 0) {
    return { server: ownerOfData, initdb: ownerOfData };
  }
  const named = names.map(accountNamed).find((account) => account !== undefined);
  refuseUnlessSwitchable(named ?? UNNAMED);
  if (named !== undefined) return { server: named, initdb: named };
  return { server: UNNAMED, initdb: accountNamed("nobody") ?? UNNAMED };
}

/** Options for `spawn` that make the child run as `account`; supplementary groups are dropped. */
export function runAs(account: Account | "self"): { uid?: number; gid?: number } {
  return account === "self" ? {} : { uid: account.uid, gid: account.gid };
}

/**
 * Whether `account` can enter a folder (or execute a file): asked of the system itself, because
 * mode bits are not all there is (ACLs, mounts, user namespaces).
 */
export function canEnter(path: string, account: Account | "self"): boolean {
  if (account === "self") return true;
  const args = ["-c", 'test -x "$1"', "sh", path];
  return spawnSync("/bin/sh", args, { ...runAs(account), cwd: "/", stdio: "ignore" }).status === 0;
}

/** Hands a folder and all in it to `account`. */
export function giveTo(path: string, account: Account | "self"): void {
  if (account === "self") return;
  chownSync(path, account.uid, account.gid);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) giveTo(child, account);
    else if (!entry.isSymbolicLink()) chownSync(child, account.uid, account.gid);
  }
}

/** The owner of a file or folder; undefined when it does not exist. */
export function ownerOf(path: string): Account | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : { uid: stat.uid, gid: stat.gid };
}

function accountNamed(name: string): Account | undefined {
  const id = (flag: string): number => {
    const text = execFileSync("id", [flag, name], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    // `| 0`: macOS shows nobody's -2 as 4294967294, and spawn wants the signed form.
    return Number.parseInt(text, 10) | 0;
  };
  try {
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return undefined; // `id` answers 1 for an unknown user
  }
}

function refuseUnlessSwitchable(account: Account): void {
  const probe = spawnSync("/bin/sh", ["-c", ":"], { ...runAs(account), cwd: "/", stdio: "ignore" });
  if (probe.error === undefined && probe.status === 0) return;
  throw new PostgresFailure(
    "no_account",
    "Postgres refuses to run as root, and this root may not start a program as another user. " +
      "Run Signalbox as an ordinary user, or set DATABASE_URL to a Postgres of your own.",
    { cause: probe.error },
  );
}
