import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Account, canEnter } from "./account.js";
import { PostgresFailure } from "./failure.js";
import { sharedPlace } from "./place.js";

/** What must be remembered beside a data folder, in `<dataDir>.json`, readable by its owner only. */
export interface PostgresRecord {
  /** The data folder's path when this was written: tells a moved folder from a copied one. */
  readonly madeFor: string;
  /** Where the data really is when Postgres's user can't enter `madeFor`; else null. */
  readonly elsewhere: string | null;
  /** The port of the last start, wanted again so that a database URL stays the same. */
  readonly port: number | null;
  readonly superuserPassword: string;
  readonly password: string;
}

export const recordFile = (dataDir: string): string => `${dataDir}.json`;

/** The folder with the actual data. */
export const locationOf = (dataDir: string, record: PostgresRecord): string =>
  record.elsewhere ?? dataDir;

export function readRecord(dataDir: string): PostgresRecord | undefined {
  if (!existsSync(recordFile(dataDir))) return undefined;
  const record = JSON.parse(readFileSync(recordFile(dataDir), "utf8")) as PostgresRecord;
  if (record.madeFor === dataDir) return record;
  if (record.elsewhere !== null && existsSync(recordFile(record.madeFor))) {
    throw new PostgresFailure(
      "folder_unusable",
      `${dirname(dataDir)} is a copy of ${dirname(record.madeFor)}, but its database stayed in ` +
        `${record.elsewhere}, where the original uses it. Delete ${recordFile(dataDir)} to begin ` +
        "with an empty database here.",
    );
  }
  return { ...record, madeFor: dataDir };
}

/** Written beside and renamed, so that a crash leaves the old record or the new one. */
export function writeRecord(dataDir: string, record: PostgresRecord): void {
  const draft = `${recordFile(dataDir)}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, recordFile(dataDir));
}

export function forgetRecord(dataDir: string): void {
  rmSync(recordFile(dataDir), { force: true });
}

/** A record for data that is still to be made; decides where it will live. */
export function newRecord(
  dataDir: string,
  account: Account | "self",
  places: readonly string[],
): PostgresRecord {
  const secret = (): string => randomBytes(24).toString("hex");
  return {
    madeFor: dataDir,
    elsewhere: elsewhereFor(dataDir, account, places),
    port: null,
    superuserPassword: secret(),
    password: secret(),
  };
}

function elsewhereFor(
  dataDir: string,
  account: Account | "self",
  places: readonly string[],
): string | null {
  if (account === "self" || canEnter(dirname(dataDir), account)) return null;
  const name = createHash("sha256").update(dataDir).digest("hex").slice(0, 16);
  return join(sharedPlace(places, account), `data-${name}`);
}
