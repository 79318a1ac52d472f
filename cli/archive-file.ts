import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { link, open, rm } from "node:fs/promises";
import { join } from "node:path";
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

/** What an archive is called; a copy that is not as it was sealed is evidence, and no archive. */
export const ARCHIVE_NAME = /^audit-\d{8}-\d{8}-[0-9a-f]{12}\.ndjson$/;

const nameOf = ({ first, last, faults }: Archive): string =>
  `audit-${numberText(first.seal)}-${numberText(last.seal)}-${last.hash.slice(0, 12)}${faults.length === 0 ? "" : ".faulty"}.ndjson`;

/**
 * Writes seals and their entries to a file of the folder and reads it back. It has its name, and the folder knows it,
 * once it is on the disk; a file that is there already is never touched.
 *
 * @param mayBeFaulty whether what is not as it was sealed is kept as a file all the same.
 * @returns null when there was no seal.
 * @throws Failure when the folder can't be written to.
 */
export async function writeArchive(
  folder: string,
  seals: AsyncIterable<ExportedSeal>,
  mayBeFaulty: boolean,
): Promise<Archive | null> {
  const part = join(folder, `audit-${process.pid}.part`);
  const handle = await open(part, "wx", 0o600).catch((cause: Error) => {
    throw new Failure(`${folder} can't be written to (${cause.message}).`, "Check --dir.", {
      cause,
    });
  });
  try {
    let count = 0;
    for await (const seal of seals) {
      count += 1;
      await handle.write(`${[JSON.stringify(headOf(seal)), ...seal.lines].join("\n")}\n`);
    }
    await handle.sync();
    if (count === 0) return null;
    const written = await readArchive(part);
    if (written.faults.length > 0 && !mayBeFaulty) return written;
    const file = join(folder, nameOf(written));
    await publish(part, file, folder);
    return { ...written, file };
  } finally {
    await handle.close();
    await rm(part, { force: true });
  }
}

/** The name says which seals and which chain: what is there under it already is the same archive. */
async function publish(part: string, file: string, folder: string): Promise<void> {
  try {
    await link(part, file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    const [fault] = (await readArchive(file)).faults;
    if (fault === undefined || file.endsWith(".faulty.ndjson")) return;
    throw new Failure(`${fault}.`, "Move that file away and archive again.", { cause });
  }
  const directory = await open(folder);
  try {
    await directory.sync();
  } finally {
    await directory.close();
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
      faults.push(`seal ${last.seal} is not as it was sealed`);
    }
    found.entries += lines.length;
    lines = [];
  };
  for await (const line of linesOf(file)) {
    const head = headIn(line, file);
    if (head === null) {
      lines.push(line);
      continue;
    }
    close();
    const before = found.last;
    if (before !== null && (head.previousHash !== before.hash || head.seal !== before.seal + 1)) {
      faults.push(`seal ${head.seal} does not follow seal ${before.seal}`);
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

/** A line ends by LF and by nothing else; readline knows more ends, and JSON has them inside of texts. */
async function* linesOf(file: string): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of createReadStream(file, "utf8")) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
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
