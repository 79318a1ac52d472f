import pg from "pg";
import { SCHEMA_SQL } from "./schema.js";

const INT8_OID = 20;
const LOCK_KEY = 7_106_512; // any number; one emulator per database
/** For taking a lost lock again; at the start the caller says how long. */
const RETAKE_WAIT_MS = 15_000;
const LOCK_RETRY_MS = 100;
const CONNECTIONS_MAX = 6;
const CONNECT_TIMEOUT_MS = 5_000;

const types = {
  // Milliseconds and counts fit in a double; pg gives int8 as text by default.
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === INT8_OID
      ? Number
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

export type Log = (message: string, detail?: unknown) => void;

export interface Database {
  readonly pool: pg.Pool;
  /** False while the lock's connection is gone: nothing may be delivered then. */
  holdsLock(): boolean;
  close(): Promise<void>;
}

/**
 * Opens the pool, takes the one-emulator-per-database lock and creates what is missing.
 * A predecessor that was killed may hold the lock for a moment longer, hence the bounded wait.
 * @throws when the database cannot be reached, or another emulator is at work on it.
 */
export async function openDatabase(
  databaseUrl: string,
  lockWaitMs: number,
  log: Log,
): Promise<Database> {
  const settings = {
    connectionString: databaseUrl,
    types,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // A 2xx of ours says that the row is on disk, whatever the cluster's default is.
    options: "-c synchronous_commit=on -c jit=off -c search_path=qstash_emulator",
    application_name: "qstash-emulator",
  };
  const lock = new DatabaseLock(settings, log);
  await lock.take(lockWaitMs);
  const pool = new pg.Pool({ ...settings, max: CONNECTIONS_MAX });
  pool.on("error", (error) => log("idle database connection lost", error));
  try {
    await pool.query(SCHEMA_SQL);
  } catch (error) {
    await lock.release();
    await pool.end();
    throw error;
  }
  return {
    pool,
    holdsLock: () => lock.held,
    close: async () => {
      await lock.release();
      await pool.end();
    },
  };
}

class DatabaseLock {
  held = false;
  #client: pg.Client | null = null;
  #released = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    readonly settings: pg.ClientConfig,
    readonly log: Log,
  ) {}

  async take(waitMs: number): Promise<void> {
    const deadline = performance.now() + waitMs;
    const client = new pg.Client(this.settings);
    client.on("error", (error) => this.#lost(client, error));
    await client.connect();
    try {
      for (;;) {
        const { rows } = await client.query("SELECT pg_try_advisory_lock($1) AS got", [LOCK_KEY]);
        if (rows[0]?.got === true) break;
        if (performance.now() > deadline) {
          throw new Error("another QStash emulator is running on this database");
        }
        await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
      }
    } catch (error) {
      await client.end();
      throw error;
    }
    if (this.#released) return client.end();
    this.#client = client; // only now: a loss before is told by the throw, and asks for one retake, not two
    this.held = true;
  }

  #lost(client: pg.Client, error: unknown): void {
    if (client !== this.#client) return;
    this.log("lost the connection that holds the lock", error);
    this.held = false;
    this.#client = null;
    this.#retake();
  }

  #retake(): void {
    if (this.#released) return;
    this.#timer = setTimeout(() => {
      this.take(RETAKE_WAIT_MS).catch((error: unknown) => {
        this.log("could not take the lock again yet", error);
        this.#retake();
      });
    }, LOCK_RETRY_MS * 5);
  }

  async release(): Promise<void> {
    this.#released = true;
    this.held = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    await client?.end();
  }
}

/** Postgres' class 22 and 23: the data is at fault, not the database. */
export function isDataError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^2[23]/.test(code) && code.length === 5;
}

/** Runs in one transaction; rolls back on any throw. */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // The pool listens to idle connections only: one that is lost between two statements would end the process.
  const lose = (error: Error): void => {
    broken = error;
  };
  client.on("error", lose);
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch((rollback: Error) => {
      broken = rollback;
    });
    throw error;
  } finally {
    client.off("error", lose);
    client.release(broken);
  }
}
