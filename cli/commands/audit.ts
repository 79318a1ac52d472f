import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { ask, type Page, type Row } from "../api.js";
import {
  ARCHIVE_NAME,
  type Archive,
  type ExportedSeal,
  readArchive,
  writeArchive,
} from "../archive-file.js";
import type { Target } from "../connection.js";
import { CALL, Failure, usage } from "../failure.js";
import { type CommonOptions, common, contextOf, type Outcome, wholeNumber } from "../options.js";
import { clean, type Screen, timeIn } from "../output.js";
import { renderTable } from "./render.js";
import type { Column } from "./resources.js";

interface Seal {
  number: number;
  hash: string;
  recordedAt: string;
}
interface Slice {
  through: number;
  seals: number;
  entries: number;
  archived: number;
  faults: Row[];
  isEnd: boolean;
  /** The last seal whose entries are in an archive. */
  archivedThrough: number;
  waiting: { count: number; oldestAt: string | null; waitsMs: number };
}
type Verified = Omit<Slice, "isEnd" | "through"> & { last: Seal | null };

interface VerifyOptions extends CommonOptions {
  expect?: string;
  archive?: string;
}
interface ArchiveOptions extends CommonOptions {
  dir: string;
  reason?: string;
  keep?: boolean;
  despiteFaults?: boolean;
}

const SEAL_COLUMNS: readonly Column[] = [
  { head: "Seal", of: "number" },
  { head: "Entries", of: "entries" },
  { head: "Sealed", of: "recordedAt", kind: "time" },
  { head: "Archived", of: "archivedAt", kind: "time" },
  { head: "By", of: "archivedBy" },
  { head: "Hash", of: "hash" },
];
const WORDS: Readonly<Record<string, string>> = {
  entry_changed: "changed after it was sealed",
  entry_missing: "deleted",
  entry_added: "put into the trail afterwards",
  seal_changed: "the seal was changed",
  seal_missing: "the seal was deleted",
  archived_by_nobody: "marked as archived, but nobody has archived it",
  other_hash: "the seal has another hash than expected",
};
const FAULT_COLUMNS: readonly Column[] = [
  { head: "Seal", of: "seal" },
  { head: "Entry", of: "entryId" },
  {
    head: "What",
    of: ({ kind, what }) => String(what ?? WORDS[String(kind)] ?? kind),
    charsMax: 200,
  },
];
/** A sweep seals each minute; what waits for so long waits for a sweep that does not come. */
const WAITS_TOO_LONG_MS = 15 * 60_000;

const numberOf = (n: number): string => new Intl.NumberFormat("en").format(n);
const counted = (n: number, one: string): string =>
  `${numberOf(n)} ${n === 1 ? one : one.replace(/y$/, "ie").concat("s")}`;

/** `audit seals`, `audit verify`, `audit archive`: what keeps the trail from being edited unseen. */
export function addAuditCommands(audit: Command, outcome: Outcome): void {
  common(audit.command("seals"))
    .description("list the trail's seals, newest first: each holds the hash of the one before")
    .option("--limit <n>", "how many (50 unless told)", wholeNumber(1, 500))
    .option("--cursor <cursor>", "the page that begins here")
    .action(async ({ limit, cursor, ...options }: CommonOptions & Record<string, unknown>) => {
      const { target, screen } = contextOf(options);
      const query = new URLSearchParams({ limit: String(limit ?? 50) });
      if (typeof cursor === "string") query.set("cursor", cursor);
      const page = await ask<Page>(target, `/audit-seals?${query}`);
      if (options.json === true) return screen.out(JSON.stringify(page));
      const none = "No seals yet: a sweep seals each minute.";
      screen.out(page.data.length === 0 ? none : renderTable(page.data, SEAL_COLUMNS, screen));
      if (page.nextCursor === null) return;
      screen.err(screen.colors.dim(`There are more: --cursor ${page.nextCursor}`));
    });
  common(audit.command("verify"))
    .description("hold the whole trail against its seals; ends with 1 when something was changed")
    .option("--expect <number:hash>", "a seal as it was noted elsewhere: is it still the same?")
    .option("--archive <folder>", "also the archives in this folder")
    .action((options: VerifyOptions) => verify(options, outcome));
  common(audit.command("archive"))
    .description("write entries older than the policy keeps them to a file, then delete them here")
    .requiredOption("--dir <folder>", "where the archives are")
    .option("--reason <text>", "why; it is kept in the audit trail")
    .option("--keep", "write all that is sealed, and delete nothing")
    .option("--despite-faults", "also what is not as it was sealed; each fault is told")
    .action((options: ArchiveOptions) => archive(options));
}

async function verify(options: VerifyOptions, outcome: Outcome): Promise<void> {
  const { target, screen } = contextOf(options);
  const expected = options.expect === undefined ? null : expectedOf(options.expect);
  const found = await verified(target, screen);
  if (expected !== null) found.faults.push(...(await otherThan(expected, target)));
  const archives = options.archive === undefined ? [] : await archivesIn(options.archive);
  for (const one of archives) found.faults.push(...(await faultsOf(one, target)));
  if (options.archive !== undefined) {
    found.faults.push(...gapsIn(archives, found.archivedThrough));
  }
  if (found.faults.length > 0 || waitsTooLong(found)) outcome.fail();
  if (options.json === true) return screen.out(JSON.stringify({ data: { ...found, archives } }));
  screen.out(renderVerified(found, archives, screen));
}

/** Piece by piece, so that no answer takes long. */
async function verified(target: Target, screen: Screen): Promise<Verified> {
  const sum = { seals: 0, entries: 0, archived: 0, faults: [] as Row[] };
  for (let after = 0; ; ) {
    const path = `/audit-seals/verify?after=${after}`;
    const { data } = await ask<{ data: Slice }>(target, path);
    sum.seals += data.seals;
    sum.entries += data.entries;
    sum.archived += data.archived;
    sum.faults.push(...data.faults);
    after = data.through;
    progress(`verified ${counted(sum.entries, "entry")} of ${counted(sum.seals, "seal")}`, screen);
    if (!data.isEnd) continue;
    progress("", screen);
    const { data: newest } = await ask<{ data: Seal[] }>(target, "/audit-seals?limit=1");
    const { waiting, archivedThrough } = data;
    return { ...sum, waiting, archivedThrough, last: newest[0] ?? null };
  }
}

function progress(text: string, { colors }: Screen): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${colors.dim(text)}`);
}

function expectedOf(text: string): { number: number; hash: string } {
  const [, number, hash] = /^(\d{1,9}):([0-9a-f]{12,64})$/.exec(text) ?? [];
  if (number !== undefined && hash !== undefined) return { number: Number(number), hash };
  throw usage(
    "--expect takes a seal's number and hash, as 12:9f86d081884c (12 characters of the hash at least).",
    `See \`${CALL} audit seals\`.`,
  );
}

async function sealOf(number: number, target: Target): Promise<Seal | null> {
  const call = { also: [404] };
  const found = await ask<{ data?: Seal }>(target, `/audit-seals/${number}`, call);
  return found.data ?? null;
}

async function otherThan(
  { number, hash }: { number: number; hash: string },
  target: Target,
): Promise<Row[]> {
  const seal = await sealOf(number, target);
  if (seal?.hash.startsWith(hash)) return [];
  return [{ kind: seal === null ? "seal_missing" : "other_hash", seal: number, entryId: null }];
}

async function archivesIn(folder: string): Promise<Archive[]> {
  const files = namesIn(folder).filter((name) => ARCHIVE_NAME.test(name));
  if (files.length === 0) {
    throw new Failure(`There is no archive in ${folder}.`, "Check --archive.");
  }
  const archives: Archive[] = [];
  for (const name of files.sort()) archives.push(await readArchive(join(folder, name)));
  return archives;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new Failure(`${folder} can't be read (${why}).`, "Check the folder.", { cause });
  }
}

/** The seals of an archive hang together, so that the last one stands for all of them. */
async function faultsOf({ file, faults, last }: Archive, target: Target): Promise<Row[]> {
  const told = faults.map((fault) => inArchive(`${file}: ${fault}`));
  return [...told, ...(await otherThan({ number: last.seal, hash: last.hash }, target))];
}

const inArchive = (what: string): Row => ({ kind: "archive", seal: null, entryId: null, what });

/** Copies may overlap. What is in no file of the folder, and not here any more, is lost. */
function gapsIn(archives: readonly Archive[], archivedThrough: number): Row[] {
  let through = 0;
  const gaps: Row[] = [];
  const missing = (from: number, to: number) =>
    gaps.push(inArchive(`the entries of seals ${from} to ${to} are in no archive of this folder`));
  for (const { first, last } of archives) {
    if (first.seal > through + 1 && through < archivedThrough) {
      missing(through + 1, Math.min(first.seal - 1, archivedThrough));
    }
    through = Math.max(through, last.seal);
  }
  if (through < archivedThrough) missing(through + 1, archivedThrough);
  return gaps;
}

const waitsTooLong = ({ waiting }: Verified): boolean => waiting.waitsMs > WAITS_TOO_LONG_MS;

function renderVerified(found: Verified, archives: readonly Archive[], screen: Screen): string {
  const { entries, seals, archived, faults, waiting, last } = found;
  const { green, red, yellow, dim } = screen.colors;
  const all = `${counted(entries, "entry")} under ${counted(seals, "seal")}`;
  const whole =
    seals === 0 ? "Nothing is sealed yet." : `The audit trail is as it was sealed: ${all}.`;
  const head =
    faults.length === 0
      ? green(whole)
      : `${red(`The audit trail was changed: ${counted(faults.length, "fault")} in ${all}.`)}\n${renderTable(faults, FAULT_COLUMNS, screen)}`;
  const lines = [head];
  if (archived > 0) {
    const unread = archives.length === 0 ? ", which were not read: --archive <folder>" : "";
    lines.push(`The entries of ${counted(archived, "seal")} are in archives${unread}.`);
  }
  for (const one of archives) {
    lines.push(
      `${clean(one.file)}: ${counted(one.entries, "entry")} of seals ${one.first.seal} to ${one.last.seal}.`,
    );
  }
  if (waiting.count > 0 && waiting.oldestAt !== null) {
    const since = `${timeIn(waiting.oldestAt, screen.zone)} (${screen.zone})`;
    const waits = `${counted(waiting.count, "entry")} since ${since} ${waiting.count === 1 ? "waits" : "wait"} for a seal; a sweep seals each minute.`;
    const late = `${waits} None has for long: see the cron jobs in \`${CALL} health\`.`;
    lines.push(waitsTooLong(found) ? yellow(late) : dim(waits));
  }
  if (last !== null) {
    const at = `${timeIn(last.recordedAt, screen.zone)} (${screen.zone})`;
    lines.push(
      `The last seal is ${last.number}, of ${at}. Noted elsewhere, it proves all that came before:\n${CALL} audit verify --expect ${last.number}:${last.hash}`,
    );
  }
  return lines.join("\n");
}

async function archive(options: ArchiveOptions): Promise<void> {
  const { target, screen } = contextOf(options);
  const { dir, keep = false, reason } = options;
  if (!keep && reason === undefined) {
    throw usage("Say why with --reason: entries are deleted here.", "Or only copy: --keep.");
  }
  const mayBeFaulty = keep || options.despiteFaults === true;
  const written = await writeArchive(dir, sealsToArchive(target, keep, screen), mayBeFaulty);
  progress("", screen);
  if (written === null) {
    if (options.json === true) return screen.out(JSON.stringify({ data: null }));
    return screen.out(
      keep ? "Nothing is sealed yet." : "Nothing is older than the policy keeps it.",
    );
  }
  const { faults } = written;
  if (faults.length > 0 && !mayBeFaulty) {
    throw new Failure(
      `${faults.join("; ")}. Nothing was written or deleted.`,
      `See \`${CALL} audit verify\`. For a copy as it is: --keep; to archive it all the same: --despite-faults.`,
    );
  }
  if (faults.length > 0) screen.err(screen.colors.red(`${faults.join("; ")}.`));
  const deleted = keep ? 0 : await drop(written, reason ?? "", target, screen);
  if (options.json === true) return screen.out(JSON.stringify({ data: { ...written, deleted } }));
  const what = `${counted(written.entries, "entry")} of seals ${written.first.seal} to ${written.last.seal}`;
  const then = keep ? "Nothing was deleted here." : `${counted(deleted, "entry")} deleted here.`;
  screen.out(
    `${what} are in ${clean(written.file)}, ${faults.length === 0 ? "read back and whole" : "as they are now"}. ${then}`,
  );
}

async function* sealsToArchive(
  target: Target,
  keep: boolean,
  screen: Screen,
): AsyncGenerator<ExportedSeal> {
  let after: number | null = null;
  let entries = 0;
  for (;;) {
    const query: string = after === null ? "" : `?after=${after}`;
    const path = `/audit-seals/export${query}`;
    const page = await ask<{ data: ExportedSeal[]; keptDays: number | null }>(target, path);
    if (!keep && page.keptDays === null) {
      throw new Failure(
        "The platform's policy keeps the audit trail for good (retention.auditDays is null).",
        "For a copy that deletes nothing: --keep.",
      );
    }
    for (const seal of page.data) {
      if (!keep && !seal.mayBeArchived) return;
      yield seal;
      after = seal.number;
      entries += seal.lines.length;
    }
    if (page.data.length === 0) return;
    progress(`written ${counted(entries, "entry")}`, screen);
  }
}

/** Deleting takes several calls; broken off, the next archive begins where it ended. */
async function drop(
  { last }: Archive,
  reason: string,
  target: Target,
  screen: Screen,
): Promise<number> {
  const body = { through: last.seal, hash: last.hash, reason };
  let deleted = 0;
  for (;;) {
    const { data } = await ask<{ data: { through: number; entries: number; isDone: boolean } }>(
      target,
      "/audit-seals/archive",
      { method: "POST", body },
    );
    deleted += data.entries;
    progress(`deleted ${counted(deleted, "entry")}, through seal ${data.through}`, screen);
    if (data.isDone) break;
  }
  progress("", screen);
  return deleted;
}
