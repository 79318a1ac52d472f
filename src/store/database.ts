import { createHash } from "node:crypto";
import pg from "pg";
import { Transient } from "../domain/errors.js";

export interface DatabaseConfig {
  url: string;
  /** Connections of this instance; every instance has its own pool, so keep it small. */
  poolMax: number;
  /** Off for poolers that hand a session's next query to another backend. */
  preparedStatements: boolean;
  /** How long to wait for a connection, and for an answer. */
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

/** Without 08P01: a protocol violation is a wrong statement of ours, and no waiting mends it. */
const UNAVAILABLE = /^(08(?!P01)|57P0[1-4]|53|58)/;

/**
 * Postgres errors in our taxonomy. What is not named is a defect and passes through as it is.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function classify(error: unknown): Error {
  const { code, message } = error as { code?: unknown; message?: string };
  if (typeof code !== "string") {
    // pg's own: "timeout exceeded when trying to connect", "Query read timeout", "Connection terminated…"
    return /timeout|terminated|connection/i.test(message ?? "")
      ? new Transient("database_unavailable", { cause: error })
      : (error as Error);
  }
  if (code === "SB001" || code === "40P01" || code === "23505") {
    return new Moved(message, { cause: error });
  }
  if (code === "55P03" || code === "40001") return new Transient("database_busy", { cause: error });
  if (UNAVAILABLE.test(code) || code.startsWith("E")) {
    return new Transient("database_unavailable", { cause: error });
  }
  return error as Error;
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
        const result = await pool.query<Row>({ ...named, text, values: [...values] });
        return result.rows;
      } catch (error) {
        throw classify(error);
      }
    },
    close: () => pool.end(),
  };
}
