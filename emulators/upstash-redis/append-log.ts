import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";

/**
 * A file of checksummed records: `length (u32 LE) | crc32 (u32 LE) | payload (UTF-8)`.
 * It starts with a snapshot of what there was, followed by what happened since.
 */
interface AppendLogOptions {
  readonly path: string;
  /** Called on open for each record, in order. */
  readonly replay: (payload: string) => void;
  /** Payloads that stand for everything that was appended so far; read in one go, without a pause. */
  readonly snapshot: () => Iterable<string>;
  /** The file is rewritten once it is this large and twice as large as its snapshot was. */
  readonly compactBytesMin: number;
  /** Puts the file's bytes on the disk. Tests hand in one that counts or fails. */
  readonly sync: (file: FileHandle) => Promise<void>;
  readonly log: (message: string) => void;
}

const HEADER_BYTES = 8;

interface Gate {
  readonly opened: Promise<void>;
  readonly open: () => void;
  readonly fail: (error: Error) => void;
}

/** Appends in groups: one write and one sync for all that came in while the last group was on its way. */
export class AppendLog {
  readonly #options: AppendLogOptions;
  #file: FileHandle;
  #bytes = 0;
  #snapshotBytes = 0;
  #pending: Buffer[] = [];
  /** Opens when `#pending` is on the disk. */
  #gate: Gate | null = null;
  /** The gate of the group that is being written now. */
  #inFlight: Gate | null = null;
  #flushing: Promise<void> | null = null;
  #broken: Error | null = null;
  syncs = 0;
  compactions = 0;

  private constructor(options: AppendLogOptions, file: FileHandle) {
    this.#options = options;
    this.#file = file;
  }

  /**
   * Opens or creates the file, replays it, and rewrites it as a fresh snapshot. A last record that was cut short by
   * a crash was never acknowledged and is dropped.
   *
   * @throws Error when a record in the middle is damaged: acknowledged data is missing, and a person must look.
   */
  static async open(options: AppendLogOptions): Promise<AppendLog> {
    await rm(pathOfNew(options), { force: true });
    const dropped = replayAll(await readIfThere(options.path), options);
    if (dropped > 0) options.log(`${options.path}: dropped ${dropped} bytes of a torn last record`);
    const written = await writeSnapshot(options);
    const log = new AppendLog(options, written.file);
    log.#bytes = written.bytes;
    log.#snapshotBytes = written.bytes;
    return log;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(payload: string): void {
    if (this.#broken !== null) return; // everyone is refused by `settled`
    this.#pending.push(frame(payload));
    this.#gate ??= makeGate();
    this.#flushing ??= this.#flush();
  }

  /**
   * Resolves once everything appended before this call is on the disk.
   *
   * @throws Error once a write has failed; the log stays broken until it is opened anew, because memory is then
   * ahead of the disk and nothing read from it may be promised.
   */
  async settled(): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    await (this.#gate ?? this.#inFlight)?.opened;
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file.close();
  }

  /** Never rejects: a failure is kept in `#broken` and told to everyone who waits. */
  async #flush(): Promise<void> {
    while (this.#gate !== null) {
      const gate = this.#gate;
      const batch = this.#pending;
      this.#pending = [];
      this.#gate = null;
      this.#inFlight = gate;
      try {
        await this.#put(batch);
        gate.open();
      } catch (error) {
        this.#break(error, gate);
      }
    }
    this.#inFlight = null;
    this.#flushing = null;
  }

  #break(cause: unknown, gate: Gate): void {
    const { path, log } = this.#options;
    const error = new Error(`cannot write ${path}`, { cause });
    this.#broken = error;
    log(`${error.message}: ${cause instanceof Error ? cause.message : String(cause)}`);
    gate.fail(error);
    this.#gate?.fail(error);
    this.#gate = null;
    this.#pending = [];
  }

  async #put(batch: readonly Buffer[]): Promise<void> {
    const { compactBytesMin, sync } = this.#options;
    if (this.#bytes > Math.max(compactBytesMin, 2 * this.#snapshotBytes)) {
      await this.#compact(); // the snapshot has this batch in it
      return;
    }
    const bytes = Buffer.concat(batch);
    await this.#file.appendFile(bytes);
    await sync(this.#file);
    this.syncs += 1;
    this.#bytes += bytes.length;
  }

  async #compact(): Promise<void> {
    const written = await writeSnapshot(this.#options);
    const old = this.#file;
    this.#file = written.file;
    this.#bytes = written.bytes;
    this.#snapshotBytes = written.bytes;
    this.compactions += 1;
    this.syncs += 1;
    await old.close();
  }
}

const pathOfNew = (options: AppendLogOptions): string => `${options.path}.new`;

async function readIfThere(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return Buffer.alloc(0);
    }
    throw error;
  }
}

/** Writes beside the old file, syncs, and puts it in the old one's place in one step. */
async function writeSnapshot(
  options: AppendLogOptions,
): Promise<{ file: FileHandle; bytes: number }> {
  const frames = Array.from(options.snapshot(), frame);
  const file = await open(pathOfNew(options), "ax", 0o600);
  try {
    let bytes = 0;
    for (const part of frames) {
      await file.appendFile(part);
      bytes += part.length;
    }
    await options.sync(file);
    await rename(pathOfNew(options), options.path);
    await syncFolder(dirname(options.path));
    return { file, bytes };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A rename is only durable once its folder is synced; Windows cannot open a folder and needs no such thing. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function frame(payload: string): Buffer {
  const length = Buffer.byteLength(payload);
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + length);
  bytes.writeUInt32LE(length, 0);
  bytes.write(payload, HEADER_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(HEADER_BYTES)), 4);
  return bytes;
}

/** The payload at `offset`, or null when there is no whole and sound record. */
function recordAt(bytes: Buffer, offset: number): { payload: Buffer; end: number } | null {
  if (offset + HEADER_BYTES > bytes.length) return null;
  const end = offset + HEADER_BYTES + bytes.readUInt32LE(offset);
  if (end > bytes.length) return null;
  const payload = bytes.subarray(offset + HEADER_BYTES, end);
  return crc32(payload) === bytes.readUInt32LE(offset + 4) ? { payload, end } : null;
}

/** @returns how many bytes at the end were no whole record. */
function replayAll(bytes: Buffer, { path, replay }: AppendLogOptions): number {
  let offset = 0;
  for (let record = recordAt(bytes, 0); record !== null; record = recordAt(bytes, offset)) {
    replay(record.payload.toString());
    offset = record.end;
  }
  const rest = bytes.length - offset;
  if (rest >= HEADER_BYTES) {
    const next = offset + HEADER_BYTES + bytes.readUInt32LE(offset);
    if (next < bytes.length && recordAt(bytes, next) !== null) {
      throw new Error(
        `${path}: the record at byte ${offset} is damaged and sound records follow it. ` +
          "Restore the file, or delete it to start empty.",
      );
    }
  }
  return rest;
}

function makeGate(): Gate {
  let open: Gate["open"] = () => undefined;
  let fail: Gate["fail"] = () => undefined;
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  // Nobody may be waiting when a write fails; those who come later are told by `settled`.
  opened.catch(() => undefined);
  return { opened, open, fail };
}
