import type { FileHandle } from "node:fs/promises";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AppendLog } from "./append-log.js";
import { resolve, runCommand } from "./commands/index.js";
import { type FolderLock, lockFolder } from "./folder-lock.js";
import type { RestBackend } from "./protocol.js";
import { CommandError, type Outcome } from "./reply.js";
import { type Dumped, Store } from "./store.js";

const FORMAT = "signalbox-upstash-redis-1";

/** What the log holds: a header, then the snapshot's keys, then commands with the time they ran at. */
type LogRecord =
  | { readonly format: string; readonly clockOffsetMs: number }
  | { readonly key: Dumped }
  | { readonly at: number; readonly run: readonly (readonly string[])[] }
  | { readonly clockOffsetMs: number };

interface EngineOptions {
  readonly dataDir: string;
  readonly clock: { now(): number };
  readonly compactBytesMin: number;
  readonly sync: (file: FileHandle) => Promise<void>;
  readonly log: (message: string) => void;
}

export interface EngineStats {
  readonly commands: number;
  readonly writes: number;
  readonly keys: number;
  readonly syncs: number;
  readonly compactions: number;
  readonly logBytes: number;
}

/**
 * Runs commands one request after the other on the store, and answers once what they wrote, and all that they may
 * have read, is on the disk. A request's writes are one record: after a crash all of them are there, or none.
 */
export class Engine implements RestBackend {
  readonly #store = new Store();
  readonly #clock: EngineOptions["clock"];
  #clockOffsetMs = 0;
  #log: AppendLog;
  #lock: FolderLock;
  #commands = 0;
  #writes = 0;

  private constructor(options: EngineOptions, lock: FolderLock, log: AppendLog, store: Store) {
    this.#clock = options.clock;
    this.#lock = lock;
    this.#log = log;
    this.#store = store;
  }

  /** @throws Error when the folder is in use by another process, or its log is damaged in the middle. */
  static async open(options: EngineOptions): Promise<Engine> {
    await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
    const lock = await lockFolder(options.dataDir);
    try {
      const store = new Store();
      const state = { clockOffsetMs: 0 };
      // Until the engine stands, "now" is the last time that was replayed, so that nothing is dropped too early.
      let engine: Engine | null = null;
      const log = await AppendLog.open({
        path: join(options.dataDir, "redis.log"),
        replay: (payload) => replay(store, state, JSON.parse(payload) as LogRecord),
        snapshot: () => snapshot(store, engine?.clockOffsetMs ?? state.clockOffsetMs),
        compactBytesMin: options.compactBytesMin,
        sync: options.sync,
        log: options.log,
      });
      engine = new Engine(options, lock, log, store);
      engine.#clockOffsetMs = state.clockOffsetMs;
      return engine;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  now(): number {
    return this.#clock.now() + this.#clockOffsetMs;
  }

  async pipeline(commands: readonly (readonly string[])[]): Promise<Outcome[]> {
    const outcomes = this.#run(commands);
    await this.#log.settled();
    return outcomes;
  }

  /** An unknown command, or one with the wrong number of words, discards all; any other failure is only its own. */
  async transaction(
    commands: readonly (readonly string[])[],
  ): Promise<Outcome[] | { readonly error: string }> {
    for (const words of commands) {
      try {
        resolve(words);
      } catch (error) {
        if (error instanceof CommandError) return { error: error.message };
        throw error;
      }
    }
    return await this.pipeline(commands);
  }

  /** Moves the clock forward for good: it is kept, so that what expired stays expired after a restart. */
  async advanceClock(ms: number): Promise<void> {
    this.#clockOffsetMs += ms;
    this.#append({ clockOffsetMs: this.#clockOffsetMs });
    await this.#log.settled();
  }

  syncToken(): string {
    return `emulator-${this.#writes}`;
  }

  stats(): EngineStats {
    this.#store.now = this.now();
    return {
      commands: this.#commands,
      writes: this.#writes,
      keys: this.#store.size,
      syncs: this.#log.syncs,
      compactions: this.#log.compactions,
      logBytes: this.#log.bytes,
    };
  }

  async close(): Promise<void> {
    await this.#log.close();
    await this.#lock.release();
  }

  #run(commands: readonly (readonly string[])[]): Outcome[] {
    const at = this.now();
    this.#store.now = at;
    const written: (readonly string[])[] = [];
    const outcomes = commands.map((words) => {
      const { wrote, ...outcome } = runCommand(this.#store, words);
      if (wrote) written.push(words);
      return outcome;
    });
    this.#commands += commands.length;
    this.#writes += written.length;
    if (written.length > 0) this.#append({ at, run: written });
    return outcomes;
  }

  #append(record: LogRecord): void {
    this.#log.append(JSON.stringify(record));
  }
}

function replay(store: Store, state: { clockOffsetMs: number }, record: LogRecord): void {
  if ("format" in record && record.format !== FORMAT) {
    throw new Error(`the log's format is ${record.format}, this version reads ${FORMAT}`);
  }
  if ("clockOffsetMs" in record) state.clockOffsetMs = record.clockOffsetMs;
  else if ("key" in record) store.restore(record.key);
  else {
    store.now = record.at;
    for (const words of record.run) {
      const outcome = runCommand(store, words);
      if ("error" in outcome) throw new Error(`replay of ${words[0]} failed: ${outcome.error}`);
    }
  }
}

function* snapshot(store: Store, clockOffsetMs: number): Generator<string> {
  const records: Iterable<LogRecord> = [{ format: FORMAT, clockOffsetMs }];
  yield* Array.from(records, (record) => JSON.stringify(record));
  for (const key of store.dump()) yield JSON.stringify({ key } satisfies LogRecord);
}
