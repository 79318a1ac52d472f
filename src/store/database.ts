import { createHash } from "node:crypto";
import pg from "pg";
import { Transient } from "../domain/errors.js";

export interface DatabaseConfig {
  url: string;
  /** Connections of this instance; every instance has its own pool, so keep it small. */
  poolMax: number;
  /** Off for poolers that hand a session's next query to another backend. */
  preparedStatements: boolean;
  /**
   * How long to wait for a connection, and for an answer. Longer than the role's `statement_timeout`: what Postgres ends
   * is known not to be written, what we stop waiting for is not known.
   */
  connectTimeoutMs: number;
  queryTimeoutMs: number;
}

/** A row moved between load and apply: load and decide again. Not a failure of anything. */
export class Moved extends Error {}

/** The hot path's way to Postgres: one query, prepared by its text, errors classified. */
export interface Database {
  readonly pool: pg.Pool;
  query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/**
 * Classes and codes by which Postgres, or who stands before it, is not to be had for now: connections (08), a
 * standby that is not promoted yet (25006), a role or database being changed or restored (28, 3D000), a
 * shutdown, no room, its disk. Without 08P01, which needs a closer look.
 */
const UNAVAILABLE = /^(08(?!P01)|25006|28|3D000|57P0[1-4]|53|58)/;

/**
 * Postgres itself has ended the statement, so that nothing of it is written: a wait for one lock (55P03), or all of
 * its waits together (57014), took too long, or it could not be put in an order with others (40001).
 */
const BUSY = new Set(["55P03", "57014", "40001"]);

/** Node's own of a socket: ECONNREFUSED, EAI_AGAIN. ERR_… is a wrong argument of ours. */
const SYSTEM = /^E(AI_)?[A-Z]+$/;

/**
 * 08P01 is a wrong message of ours, which no waiting mends, but also PgBouncer's code for all it has to say.
 *
 * @see https://www.pgbouncer.org/config.html
 */
const POOLER =
  /pgbouncer|server (conn|closed|login|lifetime)|server_login_retry|cannot connect to server|query_wait_timeout|query_timeout|no such (database|user)|no more connections|shutting down|(database|client).* (disabled|paused)|login.timeout/i;

function isUnavailable(code: string, message: string, severity: unknown): boolean {
  if (code === "08P01") return severity === "FATAL" || POOLER.test(message);
  return UNAVAILABLE.test(code) || SYSTEM.test(code);
}

/**
 * Postgres errors in our taxonomy. What is not named is a defect and passes through as it is.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function classify(error: unknown): Error {
  const { code, message, severity } = error as {
    code?: unknown;
    message?: string;
    severity?: unknown;
  };
  if (typeof code !== "string") {
    // pg's own: "timeout exceeded when trying to connect", "Query read timeout", "Connection terminated…"
    return /timeout|terminated|connection/i.test(message ?? "")
      ? new Transient("database_unavailable", { cause: error })
      : (error as Error);
  }
  if (code === "SB001" || code === "40P01" || code === "23505") {
    return new Moved(message, { cause: error });
  }
  if (BUSY.has(code)) return new Transient("database_busy", { cause: error });
  if (isUnavailable(code, message ?? "", severity)) {
    return new Transient("database_unavailable", { cause: error });
  }
  return error as Error;
}

/** The time zone that the application's sessions are in; Prisma's adapter is right in UTC only. @throws Transient */
export async function sessionZone(database: Database): Promise<string> {
  const [row] = await database.query<{ zone: string }>(
    "SELECT current_setting('timezone') AS zone",
    [],
  );
  return row?.zone ?? "";
}

/** @param onError hears of idle connections that break; without a listener Node would end the process. */
export function openDatabase(config: DatabaseConfig, onError: (error: Error) => void): Database {
  const pool = new pg.Pool({
    connectionString: config.url,
    max: config.poolMax,
    connectionTimeoutMillis: config.connectTimeoutMs,
    query_timeout: config.queryTimeoutMs,
    idleTimeoutMillis: 10_000,
    keepAlive: true,
  });
  pool.on("error", onError);
  const names = new Map<string, string>();
  const nameOf = (text: string): string => {
    const known = names.get(text);
    if (known !== undefined) return known;
    const name = `sb_${createHash("sha256").update(text).digest("hex").slice(0, 24)}`;
    names.set(text, name);
    return name;
  };
  return {
    pool,
    async query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[]) {
      try {
        const named = config.preparedStatements ? { name: nameOf(text) } : {};
        const result = await pool.query<Row>({ text, values: [...values], ...named });
        return result.rows;
      } catch (error) {
        throw classify(error);
      }
    },
    close: () => pool.end(),
  };
}
