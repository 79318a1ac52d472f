import { existsSync, rmSync } from "node:fs";
import { findBinaries } from "./binaries.js";
import { PostgresFailure } from "./failure.js";
import { claimFolder, lockFileOf } from "./owner.js";
import { SHARED_PLACES } from "./place.js";
import { locationOf, readRecord, recordFile } from "./record.js";
import { isPostmasterOf, readPidFile, stopPostmaster } from "./server.js";

/**
 * Ends the Postgres of a killed owner and deletes its data. For throw-away folders of test runs.
 *
 * @returns false, and nothing is touched, when the folder has no owner on record or a live one
 */
export async function removeAbandoned(dataDir: string): Promise<boolean> {
  if (!existsSync(lockFileOf(dataDir))) return false;
  const release = claimUnlessInUse(dataDir);
  if (release === undefined) return false;
  const record = readRecord(dataDir);
  const location = record === undefined ? dataDir : locationOf(dataDir, record);
  const server = readPidFile(location);
  if (server !== undefined && isPostmasterOf(server.pid, location)) {
    await stopPostmaster(server.pid, location, findBinaries("self", SHARED_PLACES));
  }
  rmSync(location, { recursive: true, force: true });
  rmSync(recordFile(dataDir), { force: true });
  release();
  return true;
}

function claimUnlessInUse(dataDir: string): (() => void) | undefined {
  try {
    return claimFolder(dataDir);
  } catch (error) {
    if (error instanceof PostgresFailure && error.code === "folder_in_use") return undefined;
    throw error;
  }
}
