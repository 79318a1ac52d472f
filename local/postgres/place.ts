import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type Account, canEnter } from "./account.js";
import { PostgresFailure } from "./failure.js";

/**
 * Where root keeps what Postgres's user must reach although the clone is closed to it. First
 * choice is the place for programs' state; /var/tmp is swept by some systems after 30 days.
 */
export const SHARED_PLACES: readonly string[] = ["/var/lib/signalbox", "/var/tmp/signalbox-root"];

/**
 * The first of `places` that exists or can be made, that only we can write to (others must not be
 * able to slip programs in), and that `account` can enter.
 *
 * @throws PostgresFailure `folder_unusable`
 */
export function sharedPlace(places: readonly string[], account: Account): string {
  const reasons: string[] = [];
  for (const place of places) {
    const objection = prepare(place, account);
    if (objection === undefined) return place;
    reasons.push(`${place}: ${objection}`);
  }
  throw new PostgresFailure(
    "folder_unusable",
    `Postgres runs as user ${account.uid}, which can't reach this folder, and no other place will ` +
      `do (${reasons.join("; ")}). Move the clone to a folder that other users can enter, run ` +
      "Signalbox as an ordinary user, or set DATABASE_URL.",
  );
}

/** Makes a folder and its missing parents so that others can pass through, whatever the umask. */
export function makePassable(folder: string): void {
  if (existsSync(folder)) return;
  makePassable(dirname(folder));
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o711);
}

function prepare(place: string, account: Account): string | undefined {
  try {
    makePassable(place);
  } catch (error) {
    return (error as Error).message;
  }
  const stat = statSync(place);
  if (!stat.isDirectory()) return "is not a folder";
  if (stat.uid !== process.getuid?.() || (stat.mode & 0o022) !== 0) return "others can write to it";
  return canEnter(place, account) ? undefined : "is closed to it as well";
}
