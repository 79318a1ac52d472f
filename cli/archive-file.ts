import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Failure } from "./failure.js";

/** What the API gives of a seal for an archive. */
export interface ExportedSeal {
  number: number;
  previousHash: string;
  settledBefore: string;
  hash: string;
  recordedAt: string;
  lines: string[];
  mayBeArchived: boolean;
}

/** The line before those of a seal's entries. */
interface Head {
  seal: number;
  previousHash: string;
  settledBefore: string;
  hash: string;
  recordedAt: string;
  entries: number;
}

/** What an archive holds, and what in it is not as it was sealed. */
export interface Archive {
  file: string;
  first: Head;
  last: Head;
  seals: number;
  entries: number;
  faults: string[];
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** As the server computes it; docs/runbooks/audit-trail.md says how. */
const hashOf = ({ seal, previousHash, settledBefore }: Head, lines: readonly string[]): string =>
  sha256([seal, previousHash, settledBefore, ...lines.map(sha256)].join("\n"));

const headOf = (seal: ExportedSeal): Head => ({
  seal: seal.number,
  previousHash: seal.previousHash,
  settledBefore: seal.settledBefore,
  hash: seal.hash,
  recordedAt: seal.recordedAt,
  entries: seal.lines.length,
});

/** Of a length, so that files sort as their seals do. */
const numberText = (number: number): string => String(number).padStart(8, "0");

/**
 * Writes seals and their entries to a file of the folder, which has its name once it is whole and on the disk.
 *
 * @returns the file; null when there was no seal.
 * @throws Failure when the folder can't be written to.
 */
export async function writeArchive(
  folder: string,
  seals: AsyncIterable<ExportedSeal>,
): Promise<string | null> {
  const part = join(folder, `audit-${process.pid}.part`);
  const handle = await open(part, "wx", 0o600).catch((cause: Error) => {
    throw new Failure(`${folder} can't be written to (${cause.message}).`, "Check --dir.", {
      cause,
    });
  });
  let [first, last] = [0, 0];
  try {
    for await (const seal of seals) {
      first ||= seal.number;
      last = seal.number;
      await handle.write(`${[JSON.stringify(headOf(seal)), ...seal.lines].join("\n")}\n`);
    }
    await handle.sync();
    if (first === 0) return null;
    const file = join(folder, `audit-${numberText(first)}-${numberText(last)}.ndjson`);
    await rename(part, file);
    return file;
  } finally {
    await handle.close();
    await rm(part, { force: true }); // has its name by now, or is of no use
  }
}

/** Reads an archive line by line and computes its hashes anew. @throws Failure when it is none. */
export async function readArchive(file: string): Promise<Archive> {
  const found: { first: Head | null; last: Head | null; seals: number; entries: number } = {
    first: null,
    last: null,
    seals: 0,
    entries: 0,
  };
  const faults: string[] = [];
  let lines: string[] = [];
  const close = (): void => {
    const { last } = found;
    if (last !== null && hashOf(last, lines) !== last.hash) {
      faults.push(`${file}: seal ${last.seal} is not as it was sealed`);
    }
    found.entries += lines.length;
    lines = [];
  };
  for await (const line of createInterface({ input: createReadStream(file, "utf8") })) {
    const head = headIn(line, file);
    if (head === null) {
      lines.push(line);
      continue;
    }
    close();
    const before = found.last;
    if (before !== null && (head.previousHash !== before.hash || head.seal !== before.seal + 1)) {
      faults.push(`${file}: seal ${head.seal} does not follow seal ${before.seal}`);
    }
    found.first ??= head;
    found.last = head;
    found.seals += 1;
  }
  close();
  const { first, last, seals, entries } = found;
  if (first === null || last === null) throw noArchive(file);
  return { file, first, last, seals, entries, faults };
}

const noArchive = (file: string): Failure =>
  new Failure(`${file} is no archive of an audit trail.`, "Check the folder.");

/** Entries have an id and no seal. */
function headIn(line: string, file: string): Head | null {
  try {
    const read = JSON.parse(line) as Partial<Head>;
    return typeof read.seal === "number" ? (read as Head) : null;
  } catch {
    throw noArchive(file);
  }
}
